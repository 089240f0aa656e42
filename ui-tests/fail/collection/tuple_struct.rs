use epilog::prelude::*;

#[derive(Collection)]
struct Point(f64, f64);

fn main() {
    let _ = Point::query();
}
