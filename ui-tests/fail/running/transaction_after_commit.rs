#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    let mut tx = db.begin().unwrap();
    tx.insert(&Artist { id: Id::auto(), name: "Iron Maiden".into(), mentor: None }).unwrap();
    tx.commit().unwrap();
    let _ = Artist::query().all(&tx);
}
