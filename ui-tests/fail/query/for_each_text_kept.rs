#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() -> Result<(), Error> {
    let db = Music::in_memory()?;
    let mut names = Vec::new();
    Track::query().for_each(&db, |t| names.push(t.name()))
}
