use epilog::prelude::*;

#[derive(Collection)]
struct Artist {
    id: Id<Artist>,
}

struct Album;

epilog::schema!(Music { Artist, Album });

fn main() {}
