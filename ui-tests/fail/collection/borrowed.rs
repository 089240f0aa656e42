use epilog::prelude::*;

#[derive(Collection)]
struct User<'a> {
    id: Id<User<'static>>,
    name: &'a str,
}

fn main() {}
