#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    Track::query().window(|t, w| {
        let _ = Artist::query().window(|_, _| w.partition_by(t.album).count());
        w.count()
    });
}
