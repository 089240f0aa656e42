use epilog::prelude::*;

#[derive(Collection)]
#[has_many(albums: Album::title)]
struct Artist {
    id: Id<Artist>,
}

#[derive(Collection)]
struct Album {
    id: Id<Album>,
    title: String,
    artist: Id<Artist>,
}

fn main() {
    let _ = (Artist::query(), Album::query());
}
