#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let longest = Track::query().select(|t| t.milliseconds);
    let _ = Track::query().filter(|t| longest.scalar().eq(t.milliseconds));
}
