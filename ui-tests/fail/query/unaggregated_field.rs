#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().filter(|t| {
        let _ = Track::query().aggregate(|g| (g.count(), t.name));
        t.explicit
    });
}
