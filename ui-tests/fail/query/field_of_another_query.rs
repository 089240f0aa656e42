#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().filter(|t| {
        let _ = Album::query().filter(|a| a.title.eq(t.name));
        t.explicit
    });
}
