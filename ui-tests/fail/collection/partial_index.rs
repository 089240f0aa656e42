// mistakes: 8
use epilog::prelude::*;

#[derive(Collection)]
#[index(title, where())]
#[index(title, where(year != 1984))]
#[index(title, where(yaer > 1984))]
#[index(title, where(title.is_none()))]
#[index(title, where(tags == "metal"))]
#[index(tags, where(live))]
#[index(title, where(live, year > 1))]
#[index(title, where(live, year > 1))]
#[index(title, where(live && single))]
struct Album {
    id: Id<Album>,
    title: String,
    year: u16,
    live: bool,
    single: bool,
    tags: Vec<String>,
}

fn main() {
    let _ = Album::query();
}
