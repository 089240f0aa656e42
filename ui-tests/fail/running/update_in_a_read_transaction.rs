#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    let mut tx = db.read().unwrap();
    Artist::query().update(|a| a.name.set("Iron Maiden")).run(&mut tx).unwrap();
}
