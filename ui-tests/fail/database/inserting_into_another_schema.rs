#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    db.write(|tx| tx.insert(&Playlist { id: Id::auto(), name: "Metal".into() })).unwrap();
}
