use epilog::prelude::*;

#[derive(Collection)]
struct Artist {
    id: Id<Artist>,
}

#[derive(Collection)]
struct Album {
    id: Id<Album>,
    artist: Id<Artist>,
}

epilog::schema!(Music { Album });

fn main() {}
