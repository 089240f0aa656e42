#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    let tx = db.read().unwrap();
    let album: Id<Album> = Id::new(1);
    let _: Option<Artist> = tx.get(album).unwrap();
}
