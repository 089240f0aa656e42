#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Artist::query().filter(|a| a.albums().any(|al| al.title.eq(a.name)));
}
