//! Plans that are kept answer as new ones do, and go when they should.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::engine::fixture::{self as f, draft, exists, field, id, inner, int, null, text};
use crate::engine::{Rows, Vector, run};
use crate::expr::BinaryOp::{And, Contains, Eq, Ge, Gt, Like, Lt, Or};
use crate::expr::{
    AggregateFunction, AggregateItem, Arguments, BinaryOp, Clause, JoinKind, Postfix, Recursion,
};
use crate::schema::CollectionSchema;
use crate::storage::facade::Reading;
use crate::storage::pager::Durability;
use crate::storage::records::RecordDraft;
use crate::storage::store::Store;
use crate::value::{Scalar, Type};

/// Puts tracks with these ids into the database: of album 1 to 5, each longer than the one before.
fn insert(store: &Store, ids: core::ops::Range<i128>) {
    let mut writer = store.begin_write().expect("a database of our own");
    let mut put = |schema: fn() -> &'static CollectionSchema, values: &[Scalar]| {
        let collection = writer.view().catalog().bound(schema()).expect("of the schema").clone();
        let mut record = RecordDraft::default();
        record.reset(&collection.layout);
        for (ordinal, value) in values.iter().enumerate() {
            record.put_scalar(&collection.places[ordinal], value);
        }
        writer.insert(&collection, &mut record).expect("a sound record");
    };
    let word = |text: &str| Scalar::String(text.to_string());
    if ids.start == 1 {
        put(f::Artist, &[Scalar::Int(1), word("Saxon")]);
        for album in 1..=5 {
            put(f::Album, &[Scalar::Int(album), word("Killers"), Scalar::Int(1), Scalar::Int(1980)]);
        }
    }
    for number in ids {
        let values = [
            Scalar::Int(number),
            word(&format!("n{number}")),
            Scalar::Int(number % 5 + 1),
            Scalar::Int(number * 10),
            Scalar::Float(number as f64),
            Scalar::Bool(number % 2 == 0),
            if number % 3 == 0 { Scalar::Null } else { Scalar::Int(1) },
        ];
        put(f::Track, &values);
    }
    writer.commit(Durability::Immediate).expect("a commit");
}

fn store() -> Store {
    let store = Store::in_memory(&f::DATABASE).expect("a sound schema");
    insert(&store, 1..40);
    store
}

/// The keys of the records of a query, in their order.
fn ids(store: &Store, draft: &Draft) -> Vec<i128> {
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let mut rows: Rows<'_> = run(operation.view(), draft).expect("a plan");
    let mut out = Vec::new();
    while let Some(batch) = rows.next_batch().expect("rows") {
        match &batch.columns[0] {
            crate::engine::OutputColumn::Records { collection, rows } => {
                for row in rows {
                    let cell = row.as_ref().expect("a record").field(&collection.places[0]).expect("a field");
                    let Some(Scalar::Int(id)) = Scalar::from_cell(Type::Id, cell.as_cell()) else { panic!() };
                    out.push(id);
                }
            }
            crate::engine::OutputColumn::Values(values) => {
                out.extend((0..batch.rows).map(|row| number(values, row)))
            }
        }
    }
    out
}

fn number(values: &Vector<'_>, row: usize) -> i128 {
    let Some(Scalar::Int(value)) = Scalar::from_cell(values.ty(), values.cell(row)) else {
        panic!("a number")
    };
    value
}

fn counts(store: &Store) -> PlanCounts {
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    PlanCache::of(operation.view()).expect("a cache of plans").counts()
}

/// Runs queries that differ in a value, one after the other; how many of them had a plan, and what they gave.
fn check(store: &Store, drafts: &[Draft], hits: u64, expected: &[&[i128]]) {
    let before = counts(store);
    for (draft, expected) in drafts.iter().zip(expected) {
        assert_eq!(ids(store, draft), *expected, "{draft:?}");
    }
    let after = counts(store);
    assert_eq!(after.found - before.found, hits, "{drafts:?}");
    assert_eq!(after.made - before.made, drafts.len() as u64 - hits, "{drafts:?}");
}

fn tracks(predicate: Postfix) -> Draft {
    draft(f::Track).filter(predicate).build()
}

#[test]
fn other_values_are_bound() {
    let store = store();
    let longer = |than| tracks(field(f::track::MILLISECONDS).binary(Gt, int(than)));
    check(
        &store,
        &[longer(370), longer(380), longer(1000), longer(375)],
        3,
        &[&[38, 39], &[39], &[], &[38, 39]],
    );
    // Keys, a range of them, and one that is empty.
    let range = |low, high| {
        tracks(field(f::track::ID).binary(Ge, id(low)).binary(And, field(f::track::ID).binary(Lt, id(high))))
    };
    check(&store, &[range(3, 5), range(5, 3), range(38, 90)], 2, &[&[3, 4], &[], &[38, 39]]);
    // A prefix.
    let like = |pattern| tracks(field(f::track::NAME).binary(Like, text(pattern)));
    check(
        &store,
        &[like("n3"), like("n39"), like("%39"), like("n1_")],
        3,
        &[&[3], &[39], &[39], &[10, 11, 12, 13, 14, 15, 16, 17, 18, 19]],
    );
}

#[test]
fn values_that_contradict_each_other_are_bound_as_others_are() {
    let store = store();
    let price = |op, than: i64| {
        field(f::track::PRICE).binary(op, Postfix::literal(Scalar::Float(than as f64), Type::F64))
    };
    let between = |low, high| tracks(price(Gt, low).binary(And, price(Lt, high)));
    check(
        &store,
        &[between(5, 3), between(36, 39), between(9, 2), between(1, 3)],
        3,
        &[&[], &[37, 38], &[], &[2]],
    );
    // For other values it would read all: where an index is required it is for none.
    let mut control = Control::default();
    control.set_require_index();
    let snapshot = store.snapshot();
    assert!(plan_for(snapshot.operation().view(), &between(5, 3), Purpose::Rows, &control).is_err());
    let key = |least, list: [u64; 2]| {
        let list = field(f::track::ID).is_in(list.map(id));
        tracks(list.binary(And, field(f::track::ID).binary(Ge, id(least))))
    };
    check(&store, &[key(3, [1, 2]), key(2, [1, 2]), key(9, [4, 5])], 2, &[&[], &[2], &[]]);
    // What a join is told about one side is bound on the other as well.
    let joined = |album: u64| {
        let on = field(f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
        let join = crate::expr::Clause::Join { collection: f::Album, on, kind: crate::expr::JoinKind::Inner };
        let draft = draft(f::Track).clause(join).filter(inner(1, f::album::ID).binary(Eq, id(album)));
        draft
            .filter(field(f::track::ID).binary(Lt, id(9)))
            .select([field(f::track::ID), inner(1, f::album::TITLE)])
    };
    let drafts: Vec<Draft> = [2, 3, 9].map(|album| joined(album).build()).into();
    check(&store, &drafts, 2, &[&[1, 6], &[2, 7], &[]]);
}

#[test]
fn lists_of_another_length_are_of_another_shape() {
    let store = store();
    let list = |ids: &[u64]| tracks(field(f::track::ID).is_in(ids.iter().map(|number| id(*number))));
    check(&store, &[list(&[3, 2]), list(&[5, 9]), list(&[5])], 1, &[&[2, 3], &[5, 9], &[5]]);
    // Twice the same is as good as once, and the other way round.
    check(&store, &[list(&[7, 7]), list(&[8, 7])], 2, &[&[7], &[7, 8]]);
    let by_length = |ids: &[u64]| {
        let albums = ids.iter().map(|number| id(*number));
        let draft = draft(f::Track).filter(field(f::track::ALBUM).is_in(albums));
        draft.order_by(field(f::track::ID), true).limit(3).build()
    };
    check(
        &store,
        &[by_length(&[2, 2]), by_length(&[2, 3]), by_length(&[3, 2])],
        1,
        &[&[36, 31, 26], &[37, 36, 32], &[37, 36, 32]],
    );
}

#[test]
fn a_plan_is_for_the_values_that_were_looked_at() {
    let store = store();
    let active = |value| {
        let value = Postfix::literal(Scalar::Bool(value), Type::Bool);
        tracks(field(f::track::ACTIVE).binary(Eq, value).binary(And, field(f::track::ID).binary(Lt, id(5))))
    };
    // The plan tests the field itself, or its negation.
    check(
        &store,
        &[active(true), active(false), active(true), active(false)],
        2,
        &[&[2, 4], &[1, 3], &[2, 4], &[1, 3]],
    );
    // What is calculated once is calculated of these.
    let sum = |a, b| {
        tracks(field(f::track::MILLISECONDS).binary(Eq, int(a).binary(crate::expr::BinaryOp::Add, int(b))))
    };
    check(&store, &[sum(10, 20), sum(20, 20), sum(10, 20)], 1, &[&[3], &[4], &[3]]);
}

#[test]
fn limits_types_and_absence_are_the_shape() {
    let store = store();
    let some = |count| {
        draft(f::Track).filter(field(f::track::MILLISECONDS).binary(Gt, int(100))).limit(count).build()
    };
    check(&store, &[some(0), some(1), some(3), some(1)], 1, &[&[], &[11], &[11, 12, 13], &[11]]);
    let edited = |value: Postfix| {
        tracks(field(f::track::EDITOR).binary(Eq, value).binary(And, field(f::track::ID).binary(Lt, id(4))))
    };
    check(
        &store,
        &[edited(id(1)), edited(null(Type::Id)), edited(id(2)), edited(null(Type::Id))],
        2,
        &[&[1, 2], &[3], &[], &[3]],
    );
    // A value of another type is refused, whatever is kept.
    let of_type =
        |ty| tracks(field(f::track::MILLISECONDS).binary(Gt, Postfix::literal(Scalar::Int(380), ty)));
    assert_eq!(ids(&store, &of_type(Type::I64)), [39]);
    let snapshot = store.snapshot();
    assert!(run(snapshot.operation().view(), &of_type(Type::I32)).is_err());
    // As is one that does not fit its type.
    let small = |value| {
        tracks(
            field(f::track::ACTIVE).binary(
                And,
                Postfix::literal(Scalar::Int(value), Type::U8)
                    .binary(Eq, Postfix::literal(Scalar::Int(1), Type::U8)),
            ),
        )
    };
    assert_eq!(ids(&store, &small(1)).len(), 19);
    assert!(run(snapshot.operation().view(), &small(256)).is_err());
}

#[test]
fn aggregates_that_were_alike_may_differ() {
    let store = store();
    let count = |than| {
        Postfix::aggregate(AggregateItem {
            function: AggregateFunction::Count,
            argument: None,
            filter: Some(field(f::track::MILLISECONDS).binary(Gt, int(than))),
        })
    };
    let draft = |a, b| {
        let difference = count(a).binary(crate::expr::BinaryOp::Subtract, count(b));
        draft(f::Track).group_by([]).select([difference]).build()
    };
    // What is asked of two values that differ is asked of any two that do.
    check(&store, &[draft(370, 370), draft(370, 380), draft(100, 370)], 1, &[&[0], &[1], &[27]]);
}

#[test]
fn queries_within_queries_are_bound_as_well() {
    let store = store();
    let albums = |than: i64, least: u64| {
        let own = inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID));
        let long = inner(1, f::track::MILLISECONDS).binary(Gt, int(than));
        let predicate =
            exists(f::Track, 1, own.binary(And, long)).binary(And, field(f::album::ID).binary(Ge, id(least)));
        draft(f::Album).filter(predicate).build()
    };
    check(
        &store,
        &[albums(370, 1), albums(380, 1), albums(380, 5), albums(0, 4)],
        3,
        &[&[4, 5], &[5], &[5], &[4, 5]],
    );
    let either = |a, b| {
        tracks(field(f::track::ID).binary(Eq, id(a)).binary(Or, field(f::track::ID).binary(Eq, id(b))))
    };
    check(&store, &[either(3, 9), either(4, 4), either(9, 1)], 2, &[&[3, 9], &[4], &[1, 9]]);
}

#[test]
fn plans_go_when_collections_have_grown_or_are_outdated() {
    let store = store();
    let longer = |than| tracks(field(f::track::MILLISECONDS).binary(Gt, int(than)));
    check(&store, &[longer(370), longer(380)], 1, &[&[38, 39], &[39]]);
    insert(&store, 40..60);
    check(&store, &[longer(580)], 1, &[&[59]]);
    insert(&store, 60..200);
    check(&store, &[longer(1980), longer(1980)], 1, &[&[199], &[199]]);
    {
        let snapshot = store.snapshot();
        let operation = snapshot.operation();
        PlanCache::of(operation.view()).expect("a cache of plans").outdate();
    }
    check(&store, &[longer(1980), longer(1980)], 1, &[&[199], &[199]]);
}

#[test]
fn there_are_no_more_plans_than_may_be_and_none_if_so_told() {
    let store = store();
    for limit in 0..2000 {
        let draft =
            draft(f::Track).filter(field(f::track::MILLISECONDS).binary(Gt, int(limit))).limit(limit as u64);
        assert_eq!(ids(&store, &draft.build()).len() as i64, limit.min(39 - (limit / 10).min(39)), "{limit}");
    }
    let counts = counts(&store);
    assert!(counts.kept <= counts.kept_max && counts.kept_max == 256, "{counts:?}");

    let without = Store::in_memory(&f::DATABASE).expect("a sound schema");
    {
        let snapshot = without.snapshot();
        snapshot
            .operation()
            .view()
            .attached()
            .get_or_make(|| PlanCache::new(Settings { plans: 0, ..Settings::default() }))
            .expect("nothing else is there");
    }
    insert(&without, 1..40);
    let longer = |than| tracks(field(f::track::MILLISECONDS).binary(Gt, int(than)));
    assert_eq!(ids(&without, &longer(370)), [38, 39]);
    assert_eq!(ids(&without, &longer(380)), [39]);
    assert_eq!(self::counts(&without), PlanCounts::default());
}

#[test]
fn compiled_queries_are_bound_and_keep_plans_of_their_own() {
    const OF: usize = 3;
    let store = store();
    let compiled = |low: u64, high: u64| {
        let part = |number| {
            field(f::track::ID)
                .binary(if number == 0 { Ge } else { Lt }, Postfix::parameter(OF, number, Type::Id))
        };
        let mut draft = tracks(part(0).binary(And, part(1)).binary(
            And,
            field(f::track::ALBUM).binary(crate::expr::BinaryOp::Ne, Postfix::parameter(OF, 0, Type::Id)),
        ));
        let mut arguments = Arguments::of(OF);
        arguments.push(Scalar::Int(low.into()));
        arguments.push(Scalar::Int(high.into()));
        draft.arguments = Some(Box::new(arguments));
        draft
    };
    check(&store, &[compiled(3, 6), compiled(5, 8), compiled(8, 5)], 2, &[&[3, 4, 5], &[5, 6, 7], &[]]);
    // The same query with three values apart is of another shape: the first and the last may differ.
    let plain = |low, high, album| {
        let of = |op, value| field(f::track::ID).binary(op, id(value));
        tracks(
            of(Ge, low)
                .binary(And, of(Lt, high))
                .binary(And, field(f::track::ALBUM).binary(crate::expr::BinaryOp::Ne, id(album))),
        )
    };
    check(&store, &[plain(3, 6, 5), plain(3, 6, 4)], 1, &[&[3, 5], &[4, 5]]);
    // By a key alone there is no plan.
    let mut point = tracks(field(f::track::ID).binary(Eq, Postfix::parameter(OF, 0, Type::Id)));
    let mut arguments = Arguments::of(OF);
    arguments.push(Scalar::Int(9));
    point.arguments = Some(Box::new(arguments));
    assert_eq!(ids(&store, &point), [9]);
    // A parameter without a value is refused.
    point.arguments = Some(Box::new(Arguments::of(OF + 1)));
    let snapshot = store.snapshot();
    let refused = run(snapshot.operation().view(), &point).expect_err("no value");
    assert!(refused.to_string().contains("parameter 0"), "{refused}");
}

#[test]
fn threads_share_plans() {
    let store = store();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for turn in 0..200_i64 {
                    let than = (turn * 7 + thread) % 39;
                    let draft = tracks(field(f::track::MILLISECONDS).binary(Gt, int(than * 10)));
                    let first = ids(store, &draft).first().copied();
                    assert_eq!(first, Some(i128::from(than) + 1));
                }
            });
        }
    });
    let counts = counts(&store);
    assert!(counts.found >= 796 && counts.found + counts.made == 800, "{counts:?}");
}

#[test]
fn a_plan_for_few_records_is_not_run_for_many() {
    let store = store();
    insert(&store, 40..20_000);
    let longer = |than| tracks(field(f::track::MILLISECONDS).binary(Gt, int(than)));
    let kinds = |draft: &Draft| {
        let snapshot = store.snapshot();
        let operation = snapshot.operation();
        let plan = plan_for(operation.view(), draft, Purpose::Rows, &Control::default()).expect("a plan");
        match &plan.root.operator {
            crate::engine::physical::Operator::Scan(scan) => scan.kind,
            _ => "filter",
        }
    };
    let before = counts(&store);
    // Through the index, then all, and then both are known.
    assert_eq!(kinds(&longer(199_990 - 30)), "index range");
    assert_eq!(kinds(&longer(100)), "filter");
    assert_eq!(kinds(&longer(199_990 - 20)), "index range");
    assert_eq!(kinds(&longer(200)), "filter");
    assert_eq!(kinds(&longer(199_990)), "index range");
    let after = counts(&store);
    assert_eq!((after.made - before.made, after.found - before.found), (2, 3));
    assert_eq!(ids(&store, &longer(199_980)), [19_999]);
}

#[test]
fn parts_that_are_equal_for_two_values_only_are_made_one_for_these() {
    let store = store();
    let named = |word: &str| field(f::track::NAME).binary(Contains, text(word));
    let longest = || AggregateFunction::Max;
    let milliseconds = || Some(field(f::track::MILLISECONDS));
    // The albums in which one of the tracks called `a` and `b` is as long as the longest of those called `c`.
    let albums = |a: &str, b: &str, c: &str| {
        let all = draft(f::Track).filter(named(c)).aggregate([(longest(), milliseconds())]).build();
        let own = f::aggregate(longest(), milliseconds());
        let groups = draft(f::Track).filter(named(a)).filter(named(b)).group_by([field(f::track::ALBUM)]);
        groups.filter(own.binary(Eq, Postfix::scalar(all))).select([Postfix::key(0)]).build()
    };
    // Of 1 to 39, the last with a 1 is 31, and the last with a 2 is 32, each in the album of what is left by 5, and one.
    let asked: [(&str, &str, &str, &[i128]); 7] = [
        ("n", "n", "n", &[5]),
        ("n", "1", "n", &[]),
        ("1", "n", "1", &[2]),
        ("1", "1", "1", &[2]),
        ("n", "2", "1", &[]),
        ("2", "n", "2", &[3]),
        ("n", "n", "2", &[]),
    ];
    for (a, b, c, expected) in asked.into_iter().chain(asked) {
        assert_eq!(ids(&store, &albums(a, b, c)), expected, "{a} {b} {c}");
    }
    // Whether values are identical is noted, not which they are.
    check(&store, &[albums("3", "3", "3"), albums("1", "1", "1")], 2, &[&[5], &[2]]);
}

#[test]
fn what_is_common_is_one_for_equal_values() {
    let store = store();
    // The tracks of one name's albums that are in another name's as well.
    let albums = |word: &str| {
        let named = draft(f::Track).filter(field(f::track::NAME).binary(Contains, text(word)));
        let mut draft = named.select([field(f::track::ALBUM)]).build();
        draft.clauses.push(crate::expr::Clause::common());
        draft
    };
    let both = |a: &str, b: &str, most: u64| {
        let within = |word| field(f::track::ALBUM).is_in_query(albums(word));
        let all = draft(f::Track).filter(within(a)).filter(within(b));
        all.filter(field(f::track::ID).binary(Lt, id(most))).build()
    };
    // Twice the same, two others, and again twice another one: what is one for the first is not for the second.
    let asked = [both("12", "12", 9), both("12", "13", 9), both("13", "13", 9), both("14", "11", 9)];
    check(&store, &asked, 2, &[&[2, 7], &[], &[3, 8], &[]]);
}

#[test]
fn queries_that_end_alike_have_one_plan() {
    let store = store();
    let sorted = || {
        draft(f::Track).filter(field(f::track::ID).binary(Gt, id(2))).order_by(field(f::track::NAME), true)
    };
    let page = |offset: u64, limit: u64| sorted().clause(Clause::Offset(offset)).limit(limit).build();
    // n9, n8, n7, n6, n5, n4, n39, n38, ..
    let asked =
        [page(2, 3), page(3, 2), page(5, 4), page(8, 4), page(9, 4), page(2, 1), page(0, 4), page(1, 4)];
    let expected: [&[i128]; 8] = [
        &[7, 6, 5],
        &[6, 5],
        &[4, 39, 38, 37],
        &[37, 36, 35, 34],
        &[36, 35, 34, 33],
        &[7],
        &[9, 8, 7, 6],
        &[8, 7, 6, 5],
    ];
    check(&store, &asked, 3, &expected);
    // A limit behind another, and one before an offset, are right for themselves alone.
    let twice = |first: u64, second: u64| sorted().limit(first).limit(second).build();
    check(
        &store,
        &[twice(3, 2), twice(3, 2), twice(2, 3), twice(3, 4)],
        1,
        &[&[9, 8], &[9, 8], &[9, 8], &[9, 8, 7]],
    );
    let behind = |first: u64, skipped: u64| sorted().limit(first).clause(Clause::Offset(skipped)).build();
    check(&store, &[behind(4, 2), behind(4, 3), behind(4, 3)], 1, &[&[7, 6], &[6], &[6]]);
    // So is one of a query within another.
    let within = |limit: u64| {
        let ids = sorted().limit(limit).select([field(f::track::ID)]).build();
        tracks(field(f::track::ID).is_in_query(ids))
    };
    check(&store, &[within(2), within(3), within(3)], 1, &[&[8, 9], &[7, 8, 9], &[7, 8, 9]]);
    // More clauses than are small, and whole ones.
    let whole = |offset: u64, limit: u64| {
        let either = |number| field(f::track::ID).binary(Gt, id(number));
        let many = sorted().filter(either(3).binary(Or, either(4)).binary(Or, either(5)));
        many.order_by(field(f::track::ID), false).clause(Clause::Offset(offset)).limit(limit).build()
    };
    check(&store, &[whole(2, 3), whole(4, 2), whole(9, 2)], 1, &[&[6, 7, 8], &[8, 9], &[13, 14]]);
}

/// Of so many rows that all are sorted none bars the way, and of fewer, which the same plan is for, the last one does.
#[test]
fn the_last_of_the_first_few_bars_the_way_whatever_the_plan_was_made_for() {
    use crate::engine::physical::{Operator, TOP_MAX};
    let (store, control) = (store(), Control::default());
    let page = |offset: u64, limit: u64| {
        let sorted = draft(f::Track).order_by(field(f::track::PRICE), true);
        sorted.clause(Clause::Offset(offset)).limit(limit).build()
    };
    let before = counts(&store).made;
    for draft in [page(TOP_MAX + 1, 10), page(TOP_MAX / 2 + 1, 10)] {
        let snapshot = store.snapshot();
        let operation = snapshot.operation();
        let plan = plan_for(operation.view(), &draft, Purpose::Rows, &control).expect("a plan");
        assert!(matches!(plan.root.operator, Operator::Sort { bars: true, .. }), "{draft:?}");
    }
    assert_eq!(counts(&store).made, before + 1, "one plan is for both");
}

#[test]
fn recursions_are_bound_as_well() {
    let store = store();
    // From a track's length to the next one's, up to one.
    let reached = |from: u64, most: u64, rounds: u64| {
        let number = || field(f::track::MILLISECONDS);
        let previous = Draft::new(f::Track, Vec::from([Clause::previous()]));
        let next = f::window(0).binary(BinaryOp::Add, int(10));
        let on = number().binary(Eq, next).binary(And, field(f::track::ID).binary(Lt, id(most)));
        let step = draft(f::Track).clause(Clause::join_query(previous, on, JoinKind::Inner));
        let step = step.select([number()]).build();
        let recursion = Recursion { step, identity: None, rounds: Some(rounds) };
        let begin = draft(f::Track).filter(field(f::track::ID).binary(Eq, id(from))).select([number()]);
        begin.clause(Clause::recursive(recursion)).build()
    };
    let asked = [reached(3, 6, 9), reached(7, 9, 9), reached(7, 30, 9), reached(3, 30, 2)];
    let rounds = [70, 80, 90, 100, 110, 120, 130, 140, 150, 160];
    check(&store, &asked, 2, &[&[30, 40, 50], &[70, 80], &rounds, &[30, 40, 50]]);
}

#[cfg(feature = "std")]
#[test]
fn what_one_thread_has_at_hand_is_the_sets_when_others_commit_or_end_it() {
    let store = store();
    let longer = |than| tracks(field(f::track::MILLISECONDS).binary(Gt, int(than)));
    let before = counts(&store);
    let expected: [&[i128]; 2] = [&[38, 39], &[39]];
    for (than, expected) in [370, 380, 370].into_iter().zip([expected[0], expected[1], expected[0]]) {
        assert_eq!(ids(&store, &longer(than)), expected);
    }
    // A query within another of its shape has a copy of its own, and both go back.
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let outer = plan_for(operation.view(), &longer(370), Purpose::Rows, &Control::default()).expect("a plan");
    let inner = plan_for(operation.view(), &longer(380), Purpose::Rows, &Control::default()).expect("a plan");
    drop((outer, inner));
    // Another thread finds what this one has given to the set, or makes a copy.
    std::thread::scope(|scope| {
        let there = scope.spawn(|| assert_eq!(ids(&store, &longer(380)), [39]));
        there.join().expect("it ends");
    });
    let found = counts(&store).found - before.found;
    assert_eq!((found, counts(&store).made - before.made), (5, 1));
    // What was committed since is seen, and where that is much the plan goes.
    insert(&store, 40..41);
    assert_eq!(ids(&store, &longer(370)), [38, 39, 40]);
    assert_eq!(counts(&store).made - before.made, 1);
    insert(&store, 41..20_000);
    assert_eq!(ids(&store, &longer(199_980)), [19_999]);
    assert_eq!(counts(&store).made - before.made, 2);
    // Plans that were made until now are no one's.
    PlanCache::of(operation.view()).expect("a cache of plans").outdate();
    assert_eq!(ids(&store, &longer(199_980)), [19_999]);
    assert_eq!(counts(&store).made - before.made, 3);
}

#[cfg(feature = "std")]
#[test]
fn plans_of_a_closed_database_are_not_those_of_the_next() {
    let longer = || tracks(field(f::track::MILLISECONDS).binary(Gt, int(380)));
    for _ in 0..3 {
        let store = store();
        assert_eq!(ids(&store, &longer()), [39]);
        assert_eq!(ids(&store, &longer()), [39]);
        assert_eq!((counts(&store).made, counts(&store).found), (1, 1));
    }
}
