#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let track: Id<Track> = Id::new(1);
    let _ = Album { id: Id::auto(), title: "Killers".into(), artist: track };
}
