#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().filter(|t| t.album.in_query(Album::query().select(|al| (al.id, al.title))));
}
