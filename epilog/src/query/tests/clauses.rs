//! Each clause appends itself to the draft, in the order written, and decides what comes out.

use alloc::string::String;
use alloc::vec::Vec;

use super::*;
use crate::collection::sample::*;
use crate::collection::{Collection, Expr};
use crate::expr::{AggregateFunction, AggregateItem, Assignment, Clause, OrderTerm, SelectItem};
use crate::query::Query;

fn term(expression: Node, descending: bool, nulls_first: Option<bool>) -> OrderTerm {
    OrderTerm { expression, descending, nulls_first }
}

fn values(nodes: impl IntoIterator<Item = Node>) -> Clause {
    Clause::Select(nodes.into_iter().map(SelectItem::Value).collect())
}

/// The query of the front page.
#[test]
fn clauses_come_in_the_order_written() {
    let query: Query<Track, (String, i64)> = Track::query()
        .filter(|t| t.album().artist().name.eq("Iron Maiden") & t.milliseconds.gt(300_000))
        .order_by(|t| (t.milliseconds.desc(), t.name.asc()))
        .select(|t| (t.name, t.milliseconds))
        .limit(10)
        .offset(20);
    assert_eq!((query.draft().root)().name, "Track");
    assert_eq!(
        query.draft().clauses,
        [
            Clause::Filter(and(
                eq(field_at(&[2, 2], 1), text("Iron Maiden")),
                two(BinaryOp::Gt, field(3), int(300_000, Type::I64))
            )),
            Clause::Order(vec![term(field(3), true, None), term(field(1), false, None)]),
            values([field(1), field(3)]),
            Clause::Limit(10),
            Clause::Offset(20),
        ]
    );
    assert_eq!(query.clone().draft().clauses, query.draft().clauses);
}

#[test]
fn a_bare_field_orders_ascending() {
    let orders = |query: Query<Track, Track>| match query.draft().clauses.as_slice() {
        [Clause::Order(terms)] => terms.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(orders(Track::query().order_by(|t| t.name)), [term(field(1), false, None)]);
    assert_eq!(
        orders(Track::query().order_by(|t| (
            t.name.len(),
            t.bytes.desc().nulls_first(),
            t.bytes.asc().nulls_last()
        ))),
        [
            term(field(1).unary(UnaryOp::Length), false, None),
            term(field(5), true, Some(true)),
            term(field(5), false, Some(false)),
        ]
    );
}

#[test]
fn filter_if_filters_only_when_there_is_a_value() {
    let search = |name: Option<&str>, longest: Option<i64>| {
        Track::query()
            .filter_if(name, |t, name| t.name.contains(name))
            .filter_if(longest, |t, longest| t.milliseconds.le(longest))
    };
    assert_eq!(search(None, None).draft().clauses, []);
    assert_eq!(
        search(Some("x"), None).draft().clauses,
        [Clause::Filter(two(BinaryOp::Contains, field(1), text("x")))]
    );
    assert_eq!(search(Some("x"), Some(3)).draft().clauses.len(), 2);
}

#[test]
fn fragments_are_functions() {
    fn long<S>(t: TrackFields<S>) -> Expr<S, bool> {
        t.milliseconds.gt(1000)
    }
    let expected = two(BinaryOp::Gt, field(3), int(1000, Type::I64));
    assert_eq!(Track::query().filter(long).draft().clauses, [Clause::Filter(expected.clone())]);
    let query = Track::query().filter(|t| long(t) & t.active & long(t));
    let both = and(and(expected.clone(), field(7)), expected);
    assert_eq!(query.draft().clauses, [Clause::Filter(both)]);

    let words = ["a", "b"];
    let query = Track::query().filter(|t| {
        let each: Vec<Expr<Track, bool>> = words.iter().map(|word| t.name.contains(*word)).collect();
        each.into_iter().reduce(|all, one| all & one).expect("two words")
    });
    let contains = |word| two(BinaryOp::Contains, field(1), text(word));
    assert_eq!(query.draft().clauses, [Clause::Filter(and(contains("a"), contains("b")))]);
}

#[test]
fn selections_are_fields_expressions_rows_tuples_and_views() {
    let one: Query<Album, String> = Album::query().select(|a| a.title);
    assert_eq!(one.draft().clauses, [values([field(1)])]);
    type Ten = (i32, String, Id<Album>, bool, bool, bool, bool, bool, bool, bool);
    let ten: Query<Album, Ten> = Album::query().select(|a| {
        (a.released.unwrap_or(0), a.title, a.id, a.live, a.live, a.live, a.live, a.live, a.live, a.live)
    });
    assert!(matches!(ten.draft().clauses.as_slice(), [Clause::Select(items)] if items.len() == 10));

    let rows: Query<Album, (Album, Artist, Option<Artist>, Option<String>)> =
        Album::query().select(|a| (a, a.artist(), a.producer(), a.producer().name));
    let row = |hop: u16| SelectItem::Record(RowPath::source(0).hop(hop));
    assert_eq!(
        rows.draft().clauses,
        [Clause::Select(vec![
            SelectItem::Record(RowPath::source(0)),
            row(2),
            row(3),
            SelectItem::Value(field_at(&[3], 1)),
        ])]
    );

    let views: Query<Album, AlbumView> =
        Album::query().select(|a| AlbumViewFields { title: a.title.upper(), producer: a.producer().name });
    assert_eq!(views.draft().clauses, [values([field(1).unary(UnaryOp::Upper), field_at(&[3], 1)])]);
    let nested: Query<Album, (AlbumView, (bool, bool))> = Album::query()
        .select(|a| (AlbumViewFields { title: a.title, producer: a.producer().name }, (a.live, a.live)));
    assert_eq!(nested.draft().clauses, [values([field(1), field_at(&[3], 1), field(5), field(5)])]);
}

#[test]
fn aggregates_have_the_types_of_their_arguments() {
    type All = (u64, i64, u64, f64, i64, Option<f64>, Option<String>, Option<i64>);
    let query: Query<_, All> = Track::query().aggregate(|g| {
        (
            g.count(),
            g.sum(|t| t.milliseconds),
            g.sum(|t| t.plays),
            g.sum(|t| t.unit_price * 2.0),
            g.sum(|t| t.bytes),
            g.avg(|t| t.milliseconds),
            g.min(|t| t.name),
            g.max(|t| t.bytes),
        )
    });
    let item = |function, argument| aggregate(function, Some(argument));
    use AggregateFunction::{Avg, Count, Max, Min, Sum};
    let all = [
        aggregate(Count, None),
        item(Sum, field(3)),
        item(Sum, field(9)),
        item(Sum, two(BinaryOp::Multiply, field(4), float(2.0))),
        item(Sum, field(5)),
        item(Avg, field(3)),
        item(Min, field(1)),
        item(Max, field(5)),
    ];
    assert_eq!(
        query.draft().clauses,
        [Clause::Grouping(vec![]), Clause::Select(all.map(SelectItem::Value).into())]
    );
    let one: Query<_, Option<f64>> = Track::query().limit(3).aggregate(|g| g.avg(|t| t.album().released));
    let average = SelectItem::Value(item(Avg, field_at(&[2], 4)));
    assert_eq!(one.draft().clauses[1..], [Clause::Grouping(vec![]), Clause::Select(vec![average])]);
}

fn aggregate(function: AggregateFunction, argument: Option<Node>) -> Node {
    Node::aggregate(AggregateItem { function, argument, filter: None })
}

#[test]
fn groups_have_keys_and_aggregates() {
    let query: Query<_, (String, Option<i64>, u64)> = Track::query()
        .group_by(|t| (t.name, t.bytes))
        .having(|g| g.filter(|t| t.milliseconds.gt(5)).count().gt(1))
        .order_by(|g| g.key().1.desc())
        .select(|g| {
            let (name, bytes) = g.key();
            (name, bytes, g.count())
        });
    let long = two(BinaryOp::Gt, field(3), int(5, Type::I64));
    let count = AggregateItem { function: AggregateFunction::Count, argument: None, filter: Some(long) };
    let order = OrderTerm { expression: Node::key(1), descending: true, nulls_first: None };
    let columns = [Node::key(0), Node::key(1), aggregate(AggregateFunction::Count, None)];
    assert_eq!(
        query.draft().clauses,
        [
            Clause::Grouping(vec![field(1), field(5)]),
            Clause::Filter(two(BinaryOp::Gt, Node::aggregate(count), int(1, Type::U64))),
            Clause::Order(vec![order]),
            Clause::Select(columns.map(SelectItem::Value).into()),
        ]
    );
}

#[test]
fn updates_assign_over_old_values() {
    let update = Track::query().filter(|t| t.album().title.eq("Rock")).update(|t| {
        (t.unit_price.set(t.unit_price * 1.1), t.name.set("x"), t.bytes.set(5), t.composer.set(None))
    });
    assert_eq!((update.draft().root)().name, "Track");
    assert_eq!(update.draft().clauses, [Clause::Filter(eq(field_at(&[2], 1), text("Rock")))]);
    let assign = |ordinal, expression| Assignment { ordinal, expression };
    assert_eq!(
        update.assignments(),
        [
            assign(4, two(BinaryOp::Multiply, field(4), float(1.1))),
            assign(1, text("x")),
            assign(5, int(5, Type::I64)),
            assign(6, Node::literal(Scalar::Null, Type::String)),
        ]
    );

    // Other fields, relation paths and predicates of the row can be read, whatever their mode.
    let update =
        Album::query().update(|a| (a.title.set(a.artist().name), a.live.set(!a.live & a.released.is_some())));
    let live = and(not(field(5)), field(4).unary(UnaryOp::IsSome));
    assert_eq!(update.assignments(), [assign(1, field_at(&[2], 1)), assign(5, live)]);
    // A number may stand on the left, as it may of what is read.
    let update = Track::query().update(|t| t.unit_price.set(2.5 - t.unit_price));
    assert_eq!(update.assignments(), [assign(4, two(BinaryOp::Subtract, float(2.5), field(4)))]);
    let update = Album::query().update(|a| a.producer.set(a.artist));
    assert_eq!(update.assignments(), [assign(3, field(2))]);
}

#[test]
fn deletions_keep_the_query() {
    let delete = Track::query().filter(|t| t.active).order_by(|t| t.id).limit(1).delete();
    assert_eq!(delete.draft().clauses.len(), 3);
    assert_eq!(delete.clone().draft().clauses, delete.draft().clauses);
}

#[test]
fn compound_keys_are_tuples() {
    let taste = Taste { customer: Id::new(1), artist: Id::new(2), stars: 5 };
    assert_eq!(taste.key(), (Id::new(1), Id::new(2)));
    let query = Taste::query().filter(|t| t.artist().name.eq("x")).update(|t| t.stars.set(t.stars + 1));
    assert_eq!(query.assignments()[0].ordinal, 2);
}
