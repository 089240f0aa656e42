use epilog::prelude::*;

#[derive(Collection)]
struct Artist {
    id: Id<Artist>,
}

#[derive(Collection)]
struct Album {
    id: Id<Album>,
    #[on_delete(set_null)]
    artist: Id<Artist>,
}

fn main() {
    let _ = (Artist::query(), Album::query().filter(|a| a.artist().id.eq(a.artist)));
}
