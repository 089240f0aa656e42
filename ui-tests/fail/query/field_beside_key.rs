#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().filter(|t| {
        let _ = Track::query().group_by(|t| t.milliseconds).select(|g| (g.key(), t.name));
        t.name.eq("x")
    });
}
