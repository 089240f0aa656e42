#[path = "../models.rs"]
mod models;

use epilog::prelude::*;
use models::*;

fn main() {
    static LONGER: epilog::query::Compiled<(i64,), Track> =
        epilog::query::Compiled::new(|(least,)| Track::query().filter(|t| t.milliseconds.gt(least)));
    let _ = LONGER.with(("long",));
}
