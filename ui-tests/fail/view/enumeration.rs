use epilog::prelude::*;

#[derive(View)]
enum Shape {
    Circle { radius: f64 },
}

fn main() {
    let _ = Shape::Circle { radius: 1.0 };
}
