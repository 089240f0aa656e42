// mistakes: 2 (a window as an operand, and an expression in place of a window)
#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let _ = Track::query().window(|t, w| t.milliseconds.gt(w.avg(t.milliseconds)));
}
