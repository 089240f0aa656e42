use epilog::prelude::*;

#[derive(Collection)]
#[has_many(albums)]
struct Artist {
    id: Id<Artist>,
}

fn main() {
    let _ = Artist::query();
}
