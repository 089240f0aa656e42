use epilog::prelude::*;

#[derive(Collection)]
#[collection(nmae = "artists")]
struct Artist {
    id: Id<Artist>,
}

fn main() {
    let _ = Artist::query();
}
