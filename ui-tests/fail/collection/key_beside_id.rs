use epilog::prelude::*;

#[derive(Collection)]
#[key(name, born)]
struct Person {
    id: Id<Person>,
    name: String,
    born: i32,
}

fn main() {
    let _ = Person::query();
}
