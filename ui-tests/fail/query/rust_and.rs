// mistakes: 2 (one for each side)
#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().filter(|t| t.explicit.eq(true) && t.name.eq("Aces High"));
}
