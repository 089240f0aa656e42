#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().filter(|t| t.milliseconds.avg().gt(300_000));
}
