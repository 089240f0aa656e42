use epilog::prelude::*;

#[derive(Clone, Copy)]
enum Size {
    Small,
    Large,
}

#[derive(Collection)]
struct Shirt {
    id: Id<Shirt>,
    size: Option<Size>,
    price: i64,
}

fn main() {
    let _ = Shirt::query();
    let _ = (Size::Small, Size::Large);
}
