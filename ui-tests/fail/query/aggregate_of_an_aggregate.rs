#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().group_by(|t| t.album).select(|g| g.max(|_| g.count()));
}
