#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    let tx = db.read().unwrap();
    let artist = Artist { id: Id::auto(), name: "Iron Maiden".into(), mentor: None };
    tx.insert(&artist).unwrap();
}
