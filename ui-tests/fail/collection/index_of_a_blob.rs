// mistakes: 3
use epilog::prelude::*;

#[derive(Collection)]
#[index(title, cover)]
struct Album {
    id: Id<Album>,
    title: String,
    cover: Blob,
    #[unique]
    booklet: Option<Blob>,
}

#[derive(Collection)]
struct Picture {
    #[key]
    bytes: Blob,
}

fn main() {
    let _ = (Album::query(), Picture::query());
}
