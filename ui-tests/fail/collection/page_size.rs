use epilog::prelude::*;

#[derive(Collection)]
#[collection(page_size = 3000)]
struct Artist {
    id: Id<Artist>,
    name: String,
}

fn main() {}
