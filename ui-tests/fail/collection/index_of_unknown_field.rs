use epilog::prelude::*;

#[derive(Collection)]
#[index(artist, titel)]
struct Album {
    id: Id<Album>,
    artist: String,
    title: String,
}

fn main() {
    let _ = Album::query().filter(|a| a.title.eq("Powerslave"));
}
