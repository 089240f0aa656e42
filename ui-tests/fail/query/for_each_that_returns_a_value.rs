#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() -> Result<(), Error> {
    let db = Music::in_memory()?;
    Track::query().for_each(&db, |t| t.milliseconds())
}
