use epilog::prelude::*;

struct Genre;

#[derive(Collection)]
struct Track {
    id: Id<Track>,
    genre: Id<Genre>,
}

fn main() {
    let _ = Track::query();
}
