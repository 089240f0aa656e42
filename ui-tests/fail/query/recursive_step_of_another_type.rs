#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().select(|t| t.remix_of).recursive_with(|_| Track::query().select(|t| t.name));
}
