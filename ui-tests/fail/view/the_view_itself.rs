#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().select(|t| TrackView { name: t.name, milliseconds: t.milliseconds });
}
