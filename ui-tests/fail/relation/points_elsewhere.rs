use epilog::prelude::*;

#[derive(Collection)]
#[has_many(albums: Album::label)]
struct Artist {
    id: Id<Artist>,
}

#[derive(Collection)]
struct Label {
    id: Id<Label>,
}

#[derive(Collection)]
struct Album {
    id: Id<Album>,
    label: Option<Id<Label>>,
}

fn main() {
    let _ = (Artist::query(), Label::query(), Album::query());
}
