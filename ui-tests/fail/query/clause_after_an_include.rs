#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Album::query().with(|al| al.tracks()).limit(3);
}
