#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Artist::query().filter(|a| a.exists::<Album>(|(_, al)| al.artist.eq(a.id)));
}
