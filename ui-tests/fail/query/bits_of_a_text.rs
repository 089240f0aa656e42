#[path = "../events.rs"]
mod events;

use epilog::prelude::*;
use events::*;

fn main() {
    let _ = Event::query().filter(|e| e.name.bit_and(e.name).eq(e.name));
}
