#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    db.write(|tx| tx.insert(&Album { id: Id::auto(), title: "Killers".into() })).unwrap();
}
