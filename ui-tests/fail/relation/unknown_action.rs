use epilog::prelude::*;

#[derive(Collection)]
struct Artist {
    id: Id<Artist>,
    #[on_delete(casade)]
    mentor: Option<Id<Artist>>,
}

fn main() {
    let _ = Artist::query();
}
