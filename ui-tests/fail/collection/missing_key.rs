use epilog::prelude::*;

#[derive(Collection)]
struct Artist {
    name: String,
}

fn main() {
    let _ = Artist::query();
}
