use epilog::prelude::*;

#[derive(Collection)]
#[index(artist, title, uniqe)]
struct Album {
    id: Id<Album>,
    artist: String,
    title: String,
}

fn main() {
    let _ = Album::query();
}
