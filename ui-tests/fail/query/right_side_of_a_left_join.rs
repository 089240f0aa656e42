#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    let _: Vec<(Track, Album)> = Track::query().left_join::<Album>(|(t, a)| t.album.eq(a.id)).all(&db).unwrap();
}
