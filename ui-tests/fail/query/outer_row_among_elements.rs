#[path = "../events.rs"]
mod events;

use epilog::prelude::*;
use events::*;

fn main() {
    let _ = Event::query().filter(|e| e.tags.any(|x| x.eq(e.name)));
}
