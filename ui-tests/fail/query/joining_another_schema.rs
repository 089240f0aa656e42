#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

#[derive(Collection)]
struct Stranger {
    id: Id<Stranger>,
}

fn main() {
    let db = Music::in_memory().unwrap();
    let _ = Track::query().join::<Stranger>(|(_, s)| s.id.eq(Id::new(7))).count(&db);
}
