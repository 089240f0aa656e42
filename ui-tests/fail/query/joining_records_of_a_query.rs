// mistakes: 2 (records are no values to be joined, and there is nothing to say of them)
#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Album::query().join_query(Track::query(), |(al, t)| al.id.eq(t.album));
}
