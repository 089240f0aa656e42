//! Groups that are made before what is joined to them, and what is asked of both.

use epilog::prelude::*;
use pretty_assertions::assert_eq;

#[derive(Collection, Clone, Debug, PartialEq)]
struct Owner {
    id: Id<Owner>,
    name: String,
    note: String,
    year: u32,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Thing {
    id: Id<Thing>,
    owner: Id<Owner>,
    size: u32,
    big: i64,
    zero: i64,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Bound {
    id: Id<Bound>,
    most: u64,
}

epilog::schema!(Rows { Owner, Thing, Bound });

const OWNERS: u32 = 2_000;
/// Half of the owners have ten things each.
const THINGS: u32 = 10_000;

fn rows() -> Database<Rows> {
    let db = Rows::in_memory().expect("a database");
    let owner = |n: u32| Owner {
        id: Id::auto(),
        name: format!("owner {n}"),
        note: format!("a long note about owner {n}"),
        year: n % 10,
    };
    let thing = |n: u32| {
        let owner = n % (OWNERS / 2);
        // What belongs to owners of year 9 has no quotient.
        let zero = i64::from(owner % 10 != 9);
        Thing { id: Id::auto(), owner: Id::new(u64::from(owner) + 1), size: n, big: 1, zero }
    };
    db.write(|tx| {
        tx.insert_all((0..OWNERS).map(owner))?;
        tx.insert_all((0..THINGS).map(thing))?;
        tx.insert_all((0..3u64).map(|n| Bound { id: Id::auto(), most: n * 5 }))
    })
    .expect("records");
    db.statistics::<Thing>().expect("statistics");
    db
}

/// Goal: what is asked of pairs sees what rows without others have. Method: owners with ten things or none, and bounds 0, 5 and 10.
#[test]
fn what_is_asked_of_pairs_sees_the_groups_made_before() {
    let db = rows();
    let owners = || {
        let things = Owner::query().left_join::<Thing>(|(o, t)| t.owner.eq(o.id)).group_by(|(o, _)| o.id);
        things.select(|g| (g.key(), g.count_distinct(|(_, t)| t.size)))
    };
    let plan = owners().explain(&db).expect("a plan").to_string();
    assert!(plan.contains("by Thing.owner"), "groups are made of things: {plan}");
    let bounds = || Bound::query().select(|b| b.most);
    // Owners of none are below 5 and 10, and the others below no bound: these stay in a left join.
    let pairs = owners().join_query(bounds(), |(g, most)| g.count_distinct(|(_, t)| t.size).lt(most));
    assert_eq!(pairs.count(&db).expect("a count"), 2 * u64::from(OWNERS / 2));
    let pairs = owners().left_join_query(bounds(), |(g, most)| g.count_distinct(|(_, t)| t.size).lt(most));
    assert_eq!(pairs.count(&db).expect("a count"), 3 * u64::from(OWNERS / 2));
    assert_eq!(pairs.all(&db).expect("rows").len() as u32, 3 * OWNERS / 2);
}

/// Groups and distinct rows of what a relation leads to, and pairs of these by less and greater.
#[test]
fn what_is_asked_of_pairs_sees_what_is_found_late() {
    let db = rows();
    let first = || Owner::query().filter(|o| o.id.le(Id::new(3))).select(|o| o.name);
    let distinct = Thing::query().select(|t| (t.owner, t.owner().name, t.owner().note)).distinct();
    let pairs = distinct.join_query(first(), |((_, name, _), other)| name.lt(other));
    let names: Vec<String> = (0..OWNERS / 2).map(|n| format!("owner {n}")).collect();
    let less = |other: &str| names.iter().filter(|name| name.as_str() < other).count() as u64;
    let expected = less("owner 0") + less("owner 1") + less("owner 2");
    assert_eq!(pairs.count(&db).expect("a count"), expected);
    let groups = Thing::query().group_by(|t| t.owner);
    let groups =
        groups.select(|g| (g.key(), g.min(|t| t.owner().name), g.max(|t| t.owner().note), g.count()));
    let pairs = groups.join_query(first(), |(g, other)| g.min(|t| t.owner().name).lt(other));
    assert_eq!(pairs.count(&db).expect("a count"), expected);
    let distinct = Owner::query().select(|o| (o.id, o.name)).distinct();
    let pairs = distinct.left_join_query(first(), |((_, name), other)| name.lt(other));
    let each = (0..OWNERS).map(|n| {
        let found = (0..3).filter(|other| format!("owner {n}") < format!("owner {other}")).count() as u64;
        found.max(1)
    });
    assert_eq!(pairs.count(&db).expect("a count"), each.sum::<u64>());
}

/// What has no result in rows that a join drops is no error, whether it is a key or something else.
#[test]
fn what_dropped_rows_run_into_is_no_error() {
    let db = rows();
    let kept = || Thing::query().join::<Owner>(|(t, o)| o.id.eq(t.owner) & o.year.lt(9));
    let expected = (0..OWNERS / 2).filter(|n| n % 10 < 9).count();
    let by_quotient = kept().group_by(|(t, _)| (t.owner, t.big / t.zero));
    let by_quotient =
        by_quotient.select(|g| (g.key(), g.min(|(_, o)| o.name), g.max(|(_, o)| o.note), g.count()));
    assert_eq!(by_quotient.all(&db).expect("rows").len(), expected);
    let sums = kept().group_by(|(t, _)| t.owner);
    let sums = sums.select(|g| (g.key(), g.min(|(_, o)| o.name), g.sum(|(t, _)| t.big / t.zero)));
    assert_eq!(sums.all(&db).expect("rows").len(), expected);
}
