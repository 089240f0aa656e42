#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().aggregate(|g| g.average(|t| t.milliseconds));
}
