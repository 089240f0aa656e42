#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().window(|t, w| w.range_by(t.name, ..).count());
}
