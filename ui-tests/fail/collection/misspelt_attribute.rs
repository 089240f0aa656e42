use epilog::prelude::*;

#[derive(Collection)]
struct Artist {
    id: Id<Artist>,
    #[uniqe]
    name: String,
}

fn main() {
    let _ = Artist::query();
}
