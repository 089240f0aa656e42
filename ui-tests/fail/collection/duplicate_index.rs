use epilog::prelude::*;

#[derive(Collection)]
#[index(title)]
struct Album {
    id: Id<Album>,
    #[unique]
    title: String,
}

fn main() {
    let _ = Album::query();
}
