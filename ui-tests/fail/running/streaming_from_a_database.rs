#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    let _ = Track::query().stream(&db);
}
