// mistakes: 2
use epilog::prelude::*;

#[derive(Collection)]
#[unique(artist, title)]
struct Album {
    id: Id<Album>,
    artist: String,
    #[index(artist)]
    title: String,
}

fn main() {
    let _ = Album::query();
}
