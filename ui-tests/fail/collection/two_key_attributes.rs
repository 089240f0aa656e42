use epilog::prelude::*;

#[derive(Collection)]
struct Country {
    #[key]
    alpha2: String,
    #[key]
    alpha3: String,
}

fn main() {
    let _ = Country::query();
}
