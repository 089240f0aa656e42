#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    db.write(|tx| {
        for artist in Artist::query().stream(tx)? {
            tx.delete(&artist?)?;
        }
        Ok(())
    })
    .unwrap();
}
