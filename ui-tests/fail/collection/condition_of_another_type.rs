use epilog::prelude::*;

#[derive(Collection)]
#[index(title, where(year > "1984"))]
struct Album {
    id: Id<Album>,
    title: String,
    year: u16,
}

#[derive(Collection)]
#[index(title, where(year == Some(1984)))]
struct Single {
    id: Id<Single>,
    title: String,
    year: Option<u16>,
}

fn main() {
    let _ = (Album::query(), Single::query());
}
