#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    db.write(|tx| {
        let artists = Artist::query().stream(tx)?;
        for artist in artists {
            tx.delete(&artist?)?;
        }
        Ok(())
    })
    .unwrap();
}
