use epilog::prelude::*;

#[derive(Collection)]
struct Measure<T> {
    id: Id<Measure<T>>,
    value: T,
}

fn main() {}
