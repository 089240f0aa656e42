#[path = "../events.rs"]
mod events;

use epilog::prelude::*;
use events::*;

fn main() {
    let _ = Event::query().aggregate(|g| g.sum(|e| e.data.get("size")));
}
