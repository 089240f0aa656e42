use epilog::prelude::*;

#[derive(Collection)]
struct Album {
    id: Id<Album>,
    #[unique]
    tags: Vec<String>,
}

fn main() {
    let _ = Album::query();
}
