#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().window(|_, w| w.row_number()).filter(|t| t.milliseconds.gt(3));
}
