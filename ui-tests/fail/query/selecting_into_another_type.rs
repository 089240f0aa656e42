#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _: epilog::query::Query<Track, (String, String)> =
        Track::query().select(|t| (t.name, t.milliseconds));
}
