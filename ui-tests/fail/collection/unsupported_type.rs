use epilog::prelude::*;

struct Colour(u8, u8, u8);

#[derive(Collection)]
struct Pen {
    id: Id<Pen>,
    colour: Colour,
}

fn main() {
    let _ = Pen::query();
}
