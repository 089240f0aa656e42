use epilog::prelude::*;

#[derive(Collection)]
struct Artist {
    id: Id<Artist>,
    #[on_delete(cascade)]
    name: String,
}

fn main() {
    let _ = Artist::query();
}
