use std::collections::HashMap;

use epilog::prelude::*;

#[derive(Collection)]
struct Album {
    id: Id<Album>,
    #[index]
    ratings: HashMap<String, u8>,
}

fn main() {
    let _ = Album::query();
}
