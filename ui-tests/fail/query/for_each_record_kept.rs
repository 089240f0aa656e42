#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() -> Result<(), Error> {
    let db = Music::in_memory()?;
    let mut tracks = Vec::new();
    Track::query().for_each(&db, |t| tracks.push(t))
}
