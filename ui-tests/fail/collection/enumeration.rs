use epilog::prelude::*;

#[derive(Collection)]
enum Shape {
    Circle { radius: f64 },
    Square { side: f64 },
}

fn main() {
    let _ = Shape::query();
    let _ = (Shape::Circle { radius: 1.0 }, Shape::Square { side: 1.0 });
}
