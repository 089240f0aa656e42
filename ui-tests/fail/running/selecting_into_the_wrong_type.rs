#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    let _: Vec<TrackView> = Track::query().select(|t| (t.name, t.milliseconds)).all(&db).unwrap();
}
