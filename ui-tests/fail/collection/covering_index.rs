// mistakes: 7
use epilog::prelude::*;

#[derive(Collection)]
#[index(title, include())]
#[index(title, include(yaer))]
#[index(title, include(year, year))]
#[index(title, include(tags))]
#[index(tags, include(year))]
#[index(year, include(title))]
#[index(year, include(live))]
#[index(live, include(title), include(year))]
struct Album {
    id: Id<Album>,
    title: String,
    year: u16,
    live: bool,
    tags: Vec<String>,
}

fn main() {
    let _ = Album::query();
}
