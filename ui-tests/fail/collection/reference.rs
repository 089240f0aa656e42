use epilog::prelude::*;

#[derive(Collection)]
struct User {
    id: Id<User>,
    name: &'static str,
}

fn main() {
    let _ = User::query();
}
