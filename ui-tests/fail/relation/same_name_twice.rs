use epilog::prelude::*;

#[derive(Collection)]
#[has_many(mentor: Artist::mentor)]
struct Artist {
    id: Id<Artist>,
    mentor: Option<Id<Artist>>,
}

fn main() {
    let _ = Artist::query();
}
