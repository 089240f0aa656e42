#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().filter(|t| {
        let _ = t.explicit.then(t.album());
        t.explicit
    });
}
