#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().join::<Album>(|(t, al)| t.album.eq(al.id)).filter(|t| t.explicit);
}
