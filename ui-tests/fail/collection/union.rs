use epilog::prelude::*;

#[derive(Collection)]
union Bits {
    float: f32,
    integer: u32,
}

fn main() {
    let _ = Bits::query();
}
