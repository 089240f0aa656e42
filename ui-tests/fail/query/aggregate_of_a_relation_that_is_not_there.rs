#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Album::query().select(|al| al.tracks().total(|t| t.milliseconds));
}
