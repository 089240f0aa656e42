#[path = "../events.rs"]
mod events;

use epilog::prelude::*;
use events::*;

fn main() {
    let _ = Event::query().aggregate(|g| {
        let _ = g.array_agg(|e| e.tags);
        g.count()
    });
}
