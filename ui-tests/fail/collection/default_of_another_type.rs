use epilog::prelude::*;

#[derive(Collection)]
struct Genre {
    id: Id<Genre>,
    #[default("many")]
    listeners: u64,
}

fn main() {
    let _ = Genre::query();
}
