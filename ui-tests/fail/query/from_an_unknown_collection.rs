#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Artist::query().select(|a| a.from::<Single>().count());
}
