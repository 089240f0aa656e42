use epilog::prelude::*;

#[derive(Collection)]
struct Event {
    id: Id<Event>,
    #[index]
    data: Json,
}

fn main() {
    let _ = Event::query();
}
