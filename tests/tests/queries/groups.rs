//! Groups and joins where several clauses come together: orders before and after, windows, faults.

use epilog::ErrorKind;
use epilog::prelude::*;
use epilog::query::GroupOf;
use pretty_assertions::assert_eq;

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(parts: Part::whole)]
pub struct Whole {
    id: Id<Whole>,
    name: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Part {
    id: Id<Part>,
    whole: Id<Whole>,
    name: String,
    #[index]
    size: i64,
    weight: f64,
}

epilog::schema!(pub Parts { Whole, Part });

/// Three wholes, `count` parts: part `n` of whole `1 + n % 3`, of size `count - n`.
fn parts(count: u64) -> Database<Parts> {
    let db = Parts::in_memory().expect("a database");
    db.write(|tx| {
        tx.insert_all(["a", "bb", "c"].map(|name| Whole { id: Id::auto(), name: name.into() }))?;
        tx.insert_all((1..=count).map(|n| Part {
            id: Id::auto(),
            whole: Id::new(1 + n % 3),
            name: format!("p{n}"),
            size: (count - n) as i64,
            weight: n as f64,
        }))
    })
    .expect("records");
    db
}

#[test]
fn many_groups_are_skipped_and_the_rest_is_ordered() {
    let db = parts(5000);
    let query = Part::query().group_by(|p| p.name).offset(4500).order_by(|g| g.key().desc());
    let found = query.all(&db).expect("groups");
    assert_eq!(found.len(), 500);
    assert!(found.is_sorted_by(|a, b| a > b));
    assert_eq!(query.count(&db).expect("a count"), 500);
    let pairs =
        Part::query().join::<Part>(|(a, b)| a.id.eq(b.id)).offset(4900).order_by(|(a, _)| a.size.desc());
    assert_eq!(pairs.all(&db).expect("pairs").len(), 100);
}

#[test]
fn texts_are_joined_in_the_order_of_the_records() {
    let db = parts(9);
    let grouped = Part::query()
        .order_by(|p| p.id.desc())
        .group_by(|p| p.whole().name)
        .order_by(|g| g.key())
        .select(|g| (g.key(), g.string_agg(|p| p.name, " ")));
    let row = |name: &str, all: &str| (name.to_string(), Some(all.to_string()));
    let expected = [row("a", "p9 p6 p3"), row("bb", "p7 p4 p1"), row("c", "p8 p5 p2")];
    assert_eq!(grouped.all(&db).expect("groups"), expected);
    let having = Part::query()
        .order_by(|p| p.id.desc())
        .group_by(|p| p.whole)
        .having(|g| g.string_agg(|p| p.name, " ").eq("p9 p6 p3"));
    assert_eq!(having.count(&db).expect("a count"), 1);
    assert!(having.exists(&db).expect("an answer"));
    // Through the index of `size` the records would come in the opposite order.
    let few = Part::query().filter(|p| p.size.between(2, 4)).aggregate(|g| g.string_agg(|p| p.name, " "));
    assert_eq!(few.one(&db).expect("one"), Some("p5 p6 p7".into()));
}

#[test]
fn a_fault_of_a_group_counts_if_the_group_comes_out() {
    let db = parts(7);
    // Of whole 2 are parts 1, 4 and 7: one divides by zero.
    let groups = || Part::query().group_by(|p| p.whole).order_by(|g| g.key());
    let sums = |query: Query<GroupOf<Part, Id<Whole>>, Id<Whole>>| {
        query.select(|g| (g.key(), g.sum(|p| p.size / (p.size - 3)))).all(&db)
    };
    assert_eq!(sums(groups()).unwrap_err().kind(), ErrorKind::Arithmetic);
    let sound = sums(groups().having(|g| g.count().lt(3))).expect("the others");
    assert_eq!(sound, [(Id::new(1), 4), (Id::new(3), 0)]);
    assert_eq!(sums(groups().limit(1)).expect("the first").len(), 1);
    assert_eq!(groups().select(|g| g.sum(|p| p.size / (p.size - 3))).count(&db).expect("a count"), 3);
    // A sum that does not fit is such a fault too.
    let overflow = groups().select(|g| g.sum(|p| (p.size.ge(3)).then(i64::MAX).otherwise(1)));
    assert_eq!(overflow.all(&db).unwrap_err().kind(), ErrorKind::Arithmetic);
}

#[test]
fn what_a_subquery_runs_into_counts_where_a_pair_comes_out() {
    let db = parts(7);
    let joined = |name: &'static str| {
        Whole::query().join::<Whole>(move |(a, b)| {
            b.parts().filter(|p| (p.size / (p.size - 3)).gt(0)).count().lt(a.name.len() + 5) & b.name.eq(name)
        })
    };
    // The parts of whole `bb` have the fault.
    assert_eq!(joined("bb").all(&db).unwrap_err().kind(), ErrorKind::Arithmetic);
    assert_eq!(joined("c").all(&db).expect("pairs").len(), 3);
    let linked = Whole::query().join::<Whole>(|(a, b)| {
        b.parts().filter(|p| (p.size / (p.size - 3)).gt(0)).count().eq(a.name.len())
            & a.name.eq("c")
            & b.name.eq("c")
    });
    assert_eq!(linked.all(&db).expect("pairs").len(), 1);
}

#[test]
fn the_sign_of_a_literal_zero_counts() {
    let db = parts(3);
    let query = Part::query().aggregate(|g| (g.max(|p| p.weight / 0.0), g.max(|p| p.weight / -0.0)));
    assert_eq!(query.one(&db).expect("one"), (Some(f64::INFINITY), Some(f64::NEG_INFINITY)));
}
