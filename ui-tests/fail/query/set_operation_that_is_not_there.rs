#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Album::query().select(|al| al.title).minus(Track::query().select(|t| t.name));
}
