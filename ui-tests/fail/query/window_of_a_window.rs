#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().window(|t, w| w.max(w.sum(t.milliseconds)));
}
