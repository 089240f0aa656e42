use epilog::prelude::*;

#[derive(View)]
struct Named<T> {
    name: T,
}

fn main() {
    let _ = Named { name: 1 };
}
