use epilog::prelude::*;

type Code = Option<String>;

#[derive(Collection)]
struct Country {
    #[key]
    code: Code,
}

fn main() {
    let _ = Country::query();
}
