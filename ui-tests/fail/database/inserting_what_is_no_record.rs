#[path = "../models.rs"]
mod models;

use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    db.write(|tx| tx.insert_all(["Killers"])).unwrap();
}
