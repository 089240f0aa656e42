use epilog::prelude::*;

#[derive(Collection)]
struct Country {
    #[key]
    code: String,
}

#[derive(Collection)]
struct City {
    id: Id<City>,
    country: Id<Country>,
}

fn main() {
    let _ = City::query();
}
