#[path = "../events.rs"]
mod events;

use epilog::prelude::*;
use events::*;

fn main() {
    let _ = Event::query().select(|e| e.at.days_since(e.at));
}
