//! Queries that programs make in loops: long chains, long lists, deep nesting.

use epilog::collection::Expr;
use epilog::prelude::*;

#[derive(Collection, Clone, Debug, PartialEq)]
struct Point {
    id: Id<Point>,
    x: i64,
    #[index]
    y: i64,
}

epilog::schema!(Plane { Point });

fn plane() -> Database<Plane> {
    let db = Plane::in_memory().expect("a sound schema");
    db.write(|tx| tx.insert_all((0..500).map(|n| Point { id: Id::auto(), x: n, y: n % 50 })))
        .expect("points");
    db
}

#[test]
fn predicates_fold_to_any_length() {
    let db = plane();
    let fold = |n: i64, or: bool| {
        Point::query().filter(move |p| {
            let first: Expr<Point, bool> = if or { p.x.eq(-1) } else { p.x.ne(-1) };
            (0..n).fold(first, |all, k| if or { all | p.y.gt(100 + k) } else { all & p.x.ne(1000 + k) })
        })
    };
    assert_eq!(fold(10_000, false).count(&db).expect("a long `&`"), 500);
    assert_eq!(fold(10_000, true).count(&db).expect("a long `|`"), 0);
    let mut query = Point::query();
    for k in 0..5000 {
        query = query.filter(move |p| p.x.ne(1000 + k));
    }
    assert_eq!(query.count(&db).expect("many filters"), 500);
}

#[test]
fn alternatives_of_one_field_are_a_list_however_many() {
    let db = plane();
    let any = Point::query().filter(|p| (1..3000).fold(p.x.eq(0), |any, k| any | p.x.eq(k * 3)));
    assert_eq!(any.count(&db).expect("a long list"), 167);
}

#[test]
fn what_nests_too_deeply_is_an_error_and_no_overflow() {
    let db = plane();
    let sum =
        |n: i64| Point::query().filter(move |p| (0..n).fold(p.x + 0, |sum, k| sum + k).gt(0)).count(&db);
    assert!(sum(100).is_ok());
    let error = sum(20_000).expect_err("too deep");
    assert_eq!(error.kind(), ErrorKind::Plan);
    assert!(error.to_string().contains("nests more than"), "{error}");
}
