//! The first few of an order that joins keep: no more of the rows that have it are read than it takes to find them.

use alloc::string::ToString;

use super::early::{self, order, read};
use super::fixture::{self as f, draft, field, join};
use super::*;
use crate::engine::estimate::Costs;
use crate::engine::measured::priced::Priced;
use crate::engine::physical::{Choice, Choices, Operator, PhysicalNode};
use crate::engine::planted::{Bug, Planted};
use crate::expr::{BinaryOp, JoinKind, Postfix};

const TRACKS: i128 = 3000;

fn inner(ordinal: u16) -> Postfix {
    f::inner(1, ordinal)
}

fn same(a: Postfix, b: Postfix) -> Postfix {
    a.binary(BinaryOp::Eq, b)
}

/// Makes the sorts of a plan read all rows; how many did not.
fn sort_all(node: &mut PhysicalNode) -> usize {
    let mut count = 0;
    if let Operator::Sort { given, .. } = &mut node.operator {
        count += usize::from(*given > 0);
        *given = 0;
    }
    count + node.children_mut().into_iter().map(sort_all).sum::<usize>()
}

/// Checks what no sort reads all rows for; the plan as it was carried out.
fn check(store: &Store, draft: &Draft) -> Plan {
    early::check(store, draft, sort_all)
}

/// Makes the sorts of a plan make keys of all rows; how many did not.
fn without_bars(node: &mut PhysicalNode) -> usize {
    let mut count = 0;
    if let Operator::Sort { bars, .. } = &mut node.operator {
        count += usize::from(core::mem::take(bars));
    }
    count + node.children_mut().into_iter().map(without_bars).sum::<usize>()
}

/// Of the first few rows the last bars the way by its first term: what compares equal by it is told apart by the others, what is absent
/// has its place, and a term without a width, of which nothing is kept, bars none.
#[test]
fn the_last_of_the_first_few_bars_the_way() {
    let mut records = with_tracks(TRACKS);
    for (at, track) in records[2].1.iter_mut().enumerate() {
        track[usize::from(f::track::PRICE)] = match at % 300 {
            7 => Scalar::Float(f64::NAN),
            8 => Scalar::Float(-0.0),
            at => Scalar::Float((at / 60) as f64),
        };
    }
    let store = store(&records);
    let by = |ordinal, descending: bool| {
        // Those with the greater key come first, so that what compares equal to the last may come in.
        let terms = [(field(ordinal), descending), (field(f::track::ID), true)];
        order(draft(f::Track), &terms).limit(40).select([field(f::track::ID)]).build()
    };
    for descending in [false, true] {
        for (ordinal, has_width) in
            [(f::track::PRICE, true), (f::track::ACTIVE, true), (f::track::NAME, false)]
        {
            let draft = by(ordinal, descending);
            early::check(&store, &draft, without_bars);
            // Whether a bar is there is told by one that lets too little through.
            let found =
                |draft: &Draft| rows(store.snapshot().operation().view(), draft, RuleSet::ALL).expect("rows");
            let whole = found(&draft);
            let _planted = Planted::new(Bug::BarTakesNoEqual);
            assert_eq!(found(&draft) != whole, has_width, "by {ordinal}, descending: {descending}");
            let choices = Choices::ALL.without(Choice::Bars);
            let less = Switches { rules: RuleSet::ALL, choices };
            assert_eq!(rows(store.snapshot().operation().view(), &draft, less).expect("rows"), whole);
        }
        // Absent ones come where the order has them.
        let nullable =
            order(draft(f::Track), &[(field(f::track::EDITOR), descending), (field(f::track::PRICE), true)]);
        let nullable = nullable.clone().limit(700).select([field(f::track::ID), field(f::track::EDITOR)]);
        let bars = |plan: &Plan| plan.to_string().contains("top ");
        let told = explain(store.snapshot().operation().view(), &nullable.clone().build()).expect("a plan");
        assert!(bars(&told), "{told}");
        early::check(&store, &nullable.build(), without_bars);
    }
}

#[test]
fn no_more_rows_are_read_than_make_the_first_pairs() {
    let store = store(&with_tracks(TRACKS));
    let on = || same(inner(f::album::ID), field(f::track::ALBUM));
    for kind in [JoinKind::Inner, JoinKind::Left] {
        let joined = || join(draft(f::Track), f::Album, on(), kind);
        let columns = || [field(f::track::ID), field(f::track::MILLISECONDS), inner(f::album::TITLE)];
        for descending in [false, true] {
            let by_length = order(joined(), &[(field(f::track::MILLISECONDS), descending)]);
            let plan = check(&store, &by_length.clone().offset(3).limit(7).select(columns()).build());
            assert!(read(&plan, "index scan Track by milliseconds") <= 60, "{plan}");
            // What compares equal is sorted by what follows.
            let more = [(field(f::track::MILLISECONDS), descending), (inner(f::album::TITLE), !descending)];
            let plan = check(&store, &order(joined(), &more).limit(10).select(columns()).build());
            assert!(read(&plan, "index scan Track by milliseconds") <= 60, "{plan}");
            // The order of the key, and pairs of which some are dropped.
            let few = same(inner(f::album::TITLE), f::text("3"));
            let by_key = order(joined().filter(few), &[(field(f::track::ID), descending)]);
            let plan = check(&store, &by_key.limit(10).select(columns()).build());
            assert!(read(&plan, "scan Track") <= 600, "{plan}");
        }
        // Where nearly all are wanted, all are read and sorted.
        let most = order(joined(), &[(field(f::track::MILLISECONDS), false)]).limit(2900).select(columns());
        let plan = explain(store.snapshot().operation().view(), &most.build()).expect("a plan").to_string();
        assert!(!plan.contains("they come by"), "{plan}");
    }
}

/// What comes in the order is where rows begin, whatever side of a join it was written on.
#[test]
fn a_join_begins_at_what_comes_in_the_order() {
    let store = store(&with_tracks(TRACKS));
    let on = || same(inner(f::track::ALBUM), field(f::album::ID));
    let columns = || [field(f::album::ID), inner(f::track::ID)];
    for descending in [false, true] {
        let joined = || join(draft(f::Album), f::Track, on(), JoinKind::Inner);
        let by_length = |of| order(of, &[(inner(f::track::MILLISECONDS), descending)]);
        let plan = check(&store, &by_length(joined()).limit(8).select(columns()).build());
        assert!(read(&plan, "index scan Track by milliseconds") <= 60, "{plan}");
        // Also below a left join.
        let further = same(f::inner(2, f::artist::ID), field(f::album::ARTIST));
        let of_artist = join(joined(), f::Artist, further, JoinKind::Left);
        let plan = check(&store, &by_length(of_artist).limit(8).select(columns()).build());
        assert!(read(&plan, "index scan Track by milliseconds") <= 60, "{plan}");
    }
}

#[test]
fn rows_of_a_left_join_without_a_pair_keep_their_places() {
    // Of most rows no pair is one that counts, and of some many are: batches of pairs end within the pairs of a row.
    let store = store(&with_tracks(TRACKS));
    let columns = || [field(f::album::ID), field(f::album::TITLE), inner(f::track::ID)];
    for limit in [1, 2, 70, 200] {
        for descending in [false, true] {
            let long = inner(f::track::MILLISECONDS).binary(BinaryOp::Gt, f::int(1_650));
            let on = same(inner(f::track::ALBUM), field(f::album::ID)).binary(BinaryOp::And, long);
            let joined = join(draft(f::Album), f::Track, on, JoinKind::Left);
            let terms = [(field(f::album::TITLE), descending), (inner(f::track::ID), false)];
            check(&store, &order(joined, &terms).limit(limit).select(columns()).build());
            let even = inner(f::track::ACTIVE);
            let on = same(inner(f::track::EDITOR), field(f::album::ID)).binary(BinaryOp::And, even);
            let joined = join(draft(f::Album), f::Track, on, JoinKind::Left);
            let terms = [(field(f::album::TITLE), descending), (inner(f::track::ID), true)];
            check(&store, &order(joined, &terms).limit(limit).select(columns()).build());
        }
    }
}

/// No two records have the same key, but several pairs do.
#[test]
fn what_follows_a_key_orders_the_pairs_of_a_record() {
    let store = store(&with_tracks(TRACKS));
    let on = || same(inner(f::track::ALBUM), field(f::album::ID));
    let columns = || [field(f::album::ID), inner(f::track::MILLISECONDS), inner(f::track::ID)];
    for limit in [2, 30, 120] {
        for descending in [false, true] {
            let joined = join(draft(f::Album), f::Track, on(), JoinKind::Left);
            let terms = [(field(f::album::ID), descending), (inner(f::track::MILLISECONDS), !descending)];
            check(&store, &order(joined, &terms).limit(limit).select(columns()).build());
        }
    }
    // Nor are pairs in the order of a key and another field, by which they could be merged.
    let others = || join(draft(f::Album), f::Track, on(), JoinKind::Inner);
    let both = same(f::inner(2, f::track::ALBUM), field(f::album::ID))
        .binary(BinaryOp::And, same(f::inner(2, f::track::MILLISECONDS), inner(f::track::MILLISECONDS)));
    let counted = join(others(), f::Track, both, JoinKind::Inner)
        .aggregate([(crate::expr::AggregateFunction::Count, None)])
        .build();
    let snapshot = store.snapshot();
    let all = rows(snapshot.operation().view(), &counted, RuleSet::ALL).expect("rows");
    assert_eq!(rows(snapshot.operation().view(), &counted, RuleSet::NONE).expect("rows"), all);
}

/// Of joins of joins, with lookups and questions between, the rows that all begin at come in the order.
#[test]
fn an_order_goes_through_several_joins_and_what_is_between() {
    let store = store(&with_tracks(TRACKS));
    let on = same(inner(f::album::ID), field(f::track::ALBUM));
    let further = same(f::inner(2, f::artist::ID), inner(f::album::ARTIST));
    let joined = join(draft(f::Track), f::Album, on, JoinKind::Left);
    let joined = join(joined, f::Artist, further, JoinKind::Left);
    let named = f::inner(2, f::artist::NAME).binary(BinaryOp::Ne, f::text("artist 2"));
    let of = order(joined.filter(named), &[(field(f::track::MILLISECONDS), false)]);
    let plan = check(
        &store,
        &of.limit(9).select([field(f::track::ID), f::inner(2, f::artist::NAME), inner(f::album::ID)]).build(),
    );
    assert!(read(&plan, "index scan Track by milliseconds") <= 60, "{plan}");
}

#[test]
fn faults_of_rows_behind_the_first_are_no_errors() {
    let store = store(&with_tracks(TRACKS));
    // Behind the first few a length is 0, by which nothing is divided.
    let divided = inner(f::track::MILLISECONDS).binary(BinaryOp::Divide, field(f::track::MILLISECONDS));
    let on = same(inner(f::track::ID), field(f::track::ID));
    let on = on.binary(BinaryOp::And, divided.binary(BinaryOp::Lt, f::int(2)));
    for kind in [JoinKind::Inner, JoinKind::Left] {
        let first = |limit, descending| {
            let joined = join(draft(f::Track), f::Track, on.clone(), kind);
            order(joined, &[(field(f::track::MILLISECONDS), descending)])
                .limit(limit)
                .select([field(f::track::ID)])
                .build()
        };
        check(&store, &first(20, false));
        check(&store, &first(20, true));
        let snapshot = store.snapshot();
        let failed = rows(snapshot.operation().view(), &first(150, false), RuleSet::ALL);
        assert!(matches!(failed, Err(EngineError::Exec(ExecError::Arithmetic(_)))), "{failed:?}");
    }
}

/// All rows, where what they begin at comes in the order of the first terms: those that compare equal by these are sorted alone.
#[test]
fn all_rows_that_come_in_the_order_of_some_terms_are_sorted_a_few_at_a_time() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    // As where there are many.
    let _priced = Priced::new(Costs { sort: 600.0, ..Costs::default() }, &[&snapshot]);
    let columns = || [field(f::album::ID), inner(f::track::ID), inner(f::track::MILLISECONDS)];
    let of_album = || same(inner(f::track::ALBUM), field(f::album::ID));
    for kind in [JoinKind::Inner, JoinKind::Left] {
        for descending in [false, true] {
            let joined = || join(draft(f::Album), f::Track, of_album(), kind);
            let terms = [(field(f::album::ID), descending), (inner(f::track::MILLISECONDS), !descending)];
            let plan = check(&store, &order(joined(), &terms).select(columns()).build());
            assert!(plan.to_string().contains("; they come by id"), "{plan}");
            // Nothing is left to be done where these are all, and no two of the query's records have the same.
            let plan = check(&store, &order(joined(), &terms[..1]).select(columns()).build());
            assert!(plan.to_string().contains("; they come so"), "{plan}");
            // Records with one key are one, whatever else of it is asked for behind that.
            let title = (field(f::album::TITLE), !descending);
            let more = [terms[0].clone(), title.clone()];
            let plan = check(&store, &order(joined(), &more).select(columns()).build());
            assert!(
                plan.to_string().contains("sort id") && plan.to_string().contains("; they come so"),
                "{plan}"
            );
            let more = [terms[0].clone(), title, terms[1].clone()];
            let plan = check(&store, &order(joined(), &more).select(columns()).build());
            assert!(plan.to_string().contains("; they come by id"), "{plan}");
            // Pairs without a filter in their way, and some that are asked for something.
            let few = inner(f::track::MILLISECONDS).binary(BinaryOp::Gt, f::int(1_500));
            check(&store, &order(joined().filter(few), &terms).select(columns()).build());
        }
    }
    // What is equal to the key of what rows begin at, whichever of them that is.
    let joined =
        join(draft(f::Track), f::Album, same(inner(f::album::ID), field(f::track::ALBUM)), JoinKind::Inner);
    let terms = [(field(f::track::ALBUM), false), (field(f::track::NAME), true)];
    let plan =
        check(&store, &order(joined, &terms).select([field(f::track::ID), inner(f::album::TITLE)]).build());
    assert!(plan.to_string().contains("; they come by album"), "{plan}");
    // What no way gives is sorted as ever, and so are records of one collection.
    for (of, term) in [
        (join(draft(f::Album), f::Track, of_album(), JoinKind::Inner), inner(f::track::NAME)),
        (draft(f::Track), field(f::track::MILLISECONDS)),
    ] {
        let sorted = order(of, &[(term, false), (field(0), false)]).build();
        let plan = explain(store.snapshot().operation().view(), &sorted).expect("a plan").to_string();
        assert!(!plan.contains("they come by"), "{plan}");
    }
}

/// Of left joins the inner side's value is absent where nothing is paired: those rows come first, and not where the row's key is.
#[test]
fn what_a_left_join_links_is_not_in_the_order_of_its_rows() {
    let store = store(&with_tracks(TRACKS));
    let on = same(inner(f::track::EDITOR), field(f::album::ID));
    let joined = join(draft(f::Album), f::Track, on, JoinKind::Left);
    let sorted = order(joined, &[(inner(f::track::EDITOR), false), (inner(f::track::ID), false)]);
    let sorted = sorted.select([field(f::album::ID), inner(f::track::ID)]).build();
    let plan = explain(store.snapshot().operation().view(), &sorted).expect("a plan").to_string();
    assert!(!plan.contains("they come by"), "{plan}");
}

/// One record that is found by its key is in any order, but not what is joined to it.
#[test]
fn what_is_joined_to_one_record_is_in_no_order() {
    let store = store(&with_tracks(TRACKS));
    let on = same(inner(f::track::ALBUM), field(f::album::ID));
    let one = same(field(f::album::ID), f::id(3));
    for kind in [JoinKind::Inner, JoinKind::Left] {
        for descending in [false, true] {
            let joined = join(draft(f::Album), f::Track, on.clone(), kind).filter(one.clone());
            let terms = [(field(f::album::RELEASED), false), (inner(f::track::NAME), descending)];
            let sorted = order(joined, &[terms[0].clone(), terms[1].clone(), (inner(f::track::ID), false)]);
            for limit in [2, 3000] {
                let draft = sorted.clone().limit(limit).select([inner(f::track::ID)]).build();
                let snapshot = store.snapshot();
                let got = rows(snapshot.operation().view(), &draft, RuleSet::ALL).expect("rows");
                assert!(!got.is_empty());
                assert_eq!(rows(snapshot.operation().view(), &draft, RuleSet::NONE).expect("rows"), got);
            }
        }
    }
}
