#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let db = Music::in_memory().unwrap();
    let tracks = {
        let tx = db.read().unwrap();
        Track::query().stream(&tx).unwrap()
    };
    for _ in tracks {}
}
