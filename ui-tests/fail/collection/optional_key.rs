use epilog::prelude::*;

#[derive(Collection)]
struct Country {
    #[key]
    code: Option<String>,
}

fn main() {
    let _ = Country::query();
}
