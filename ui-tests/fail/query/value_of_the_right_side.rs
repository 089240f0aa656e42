#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let joined = Track::query().left_join::<Album>(|(t, al)| t.album.eq(al.id));
    let _: Query<_, String> = joined.select(|(_, al)| al.title);
}
