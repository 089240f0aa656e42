#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let extremes = Track::query().aggregate(|g| (g.min(|t| t.milliseconds), g.max(|t| t.milliseconds)));
    let _ = Track::query().filter(|t| t.milliseconds.eq(extremes.scalar()));
}
