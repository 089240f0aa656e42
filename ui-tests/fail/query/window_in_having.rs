#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().group_by(|t| t.album).having(|g| g.count().rank().le(3));
}
