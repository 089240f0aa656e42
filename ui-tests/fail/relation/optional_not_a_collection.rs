use epilog::prelude::*;

#[derive(Collection)]
struct Track {
    id: Id<Track>,
    genre: Option<Id<String>>,
}

fn main() {
    let _ = Track::query();
}
