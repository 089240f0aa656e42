//! What can be asked of other records: over the reverse side of a relation, and correlated.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::*;
use crate::collection::Collection;
use crate::collection::sample::*;
use crate::expr::op::Link;
use crate::expr::{Clause, Op, Quantifier, Subquery};
use crate::query::{Correlate, Inner, Query, Scope};
use crate::schema::CollectionSchema;

fn filter_of<C: Collection>(query: &Query<C, C>) -> Node {
    let [Clause::Filter(node)] = query.draft().clauses.as_slice() else { panic!("one filter") };
    node.clone()
}

fn reverse<C: Collection>(
    hops: &[u16],
    ordinal: u16,
    quantifier: Quantifier,
    predicate: Option<Node>,
) -> Node {
    let row = hops.iter().fold(RowPath::source(0), |row, hop| row.hop(*hop));
    let link = Link::Reverse { row, ordinal };
    Node::subquery(Subquery { collection: C::schema, link, quantifier, predicate, equal: None })
}

fn correlated(collection: fn() -> &'static CollectionSchema, position: u8, predicate: Node) -> Node {
    let link = Link::Correlated { position };
    let (quantifier, predicate) = (Quantifier::Any, Some(predicate));
    Node::subquery(Subquery { collection, link, quantifier, predicate, equal: None })
}

#[test]
fn the_reverse_side_is_asked_with_quantifiers() {
    let query =
        Artist::query().filter(|a| a.albums().any(|al| al.title.contains("Live")) & a.albums().count().ge(5));
    let live = two(BinaryOp::Contains, field(1), text("Live"));
    let any = reverse::<Album>(&[], 2, Quantifier::Any, Some(live.clone()));
    let count = reverse::<Album>(&[], 2, Quantifier::Count, None);
    assert_eq!(filter_of(&query), and(any.clone(), two(BinaryOp::Ge, count, int(5, Type::U64))));

    let query = Artist::query().filter(|a| a.albums().none(|al| al.title.contains("Live")));
    assert_eq!(filter_of(&query), not(any));
    let query = Artist::query().filter(|a| a.albums().all(|al| al.live));
    assert_eq!(filter_of(&query), reverse::<Album>(&[], 2, Quantifier::All, Some(field(5))));
    let query = Artist::query().filter(|a| a.albums().is_empty());
    assert_eq!(filter_of(&query), not(reverse::<Album>(&[], 2, Quantifier::Any, None)));
}

#[test]
fn a_filter_narrows_what_is_asked() {
    let query = Artist::query().filter(|a| a.albums().filter(|al| al.live).count().gt(2));
    let count = reverse::<Album>(&[], 2, Quantifier::Count, Some(field(5)));
    assert_eq!(filter_of(&query), two(BinaryOp::Gt, count, int(2, Type::U64)));
    let query = Artist::query().filter(|a| a.albums().filter(|al| al.live).any(|al| al.title.eq("x")));
    let both = and(field(5), eq(field(1), text("x")));
    assert_eq!(filter_of(&query), reverse::<Album>(&[], 2, Quantifier::Any, Some(both)));
    let query = Artist::query().filter(|a| a.albums().filter(|al| al.live).all(|al| al.title.eq("x")));
    let either = two(BinaryOp::Or, not(field(5)), eq(field(1), text("x")));
    assert_eq!(filter_of(&query), reverse::<Album>(&[], 2, Quantifier::All, Some(either)));
}

#[test]
fn reverse_sides_nest_and_start_anywhere() {
    let query = Artist::query()
        .filter(|a| a.albums().any(|al| al.tracks().any(|t| t.name.eq("x")) & al.artist().name.eq("y")));
    let tracks = reverse::<Track>(&[], 2, Quantifier::Any, Some(eq(field(1), text("x"))));
    let inner = and(tracks, eq(field_at(&[2], 1), text("y")));
    assert_eq!(filter_of(&query), reverse::<Album>(&[], 2, Quantifier::Any, Some(inner)));

    let query = Track::query().filter(|t| t.album().artist().albums().count().gt(1));
    let count = reverse::<Album>(&[2, 2], 2, Quantifier::Count, None);
    assert_eq!(filter_of(&query), two(BinaryOp::Gt, count, int(1, Type::U64)));
}

#[test]
fn over_a_relation_to_itself_the_closure_sees_the_inner_record() {
    // A field captured from outside has another scope: the closure's own has the type that proves it.
    fn check(
        c: <Inner<Customer, Customer> as Scope>::Rows,
    ) -> crate::collection::Expr<Inner<Customer, Customer>, bool> {
        c.name.eq("x")
    }
    let query = Customer::query().filter(|c| c.referred().any(check));
    let inner = Some(eq(field(1), text("x")));
    assert_eq!(filter_of(&query), reverse::<Customer>(&[], 2, Quantifier::Any, inner));
}

#[test]
fn correlated_subqueries_see_the_outer_row_from_inside() {
    let cutoff = 20_260_101;
    let query =
        Customer::query().filter(|c| !c.exists::<Invoice>(|(c, i)| i.customer.eq(c.id) & i.date.gt(cutoff)));
    let predicate = and(
        eq(field_of(1, 1), field_of(0, 0)),
        two(BinaryOp::Gt, field_of(1, 2), int(cutoff.into(), Type::I64)),
    );
    assert_eq!(filter_of(&query), not(correlated(Invoice::schema, 1, predicate)));
}

#[test]
fn correlated_subqueries_nest() {
    let query = Artist::query().filter(|a| {
        !a.exists::<Album>(|(a, al)| {
            al.artist.eq(a.id)
                & al.title.gt("m")
                & al.exists::<Track>(|(a, al, t)| t.name.eq(a.name) & t.album().title.eq(al.title))
        })
    });
    let hop = Node::field(FieldPath { row: RowPath::source(2).hop(2), ordinal: 1 });
    let tracks = and(eq(field_of(2, 1), field_of(0, 1)), eq(hop, field_of(1, 1)));
    let albums = and(
        and(eq(field_of(1, 2), field_of(0, 0)), two(BinaryOp::Gt, field_of(1, 1), text("m"))),
        correlated(Track::schema, 2, tracks),
    );
    assert_eq!(filter_of(&query), not(correlated(Album::schema, 1, albums)));
}

#[test]
fn correlated_subqueries_start_inside_a_reverse_side_and_the_other_way_round() {
    let query =
        Artist::query().filter(|a| a.albums().any(|al| al.exists::<Track>(|(al, t)| t.name.eq(al.title))));
    let inner = correlated(Track::schema, 1, eq(field_of(1, 1), field_of(0, 1)));
    assert_eq!(filter_of(&query), reverse::<Album>(&[], 2, Quantifier::Any, Some(inner)));

    let query = Customer::query().filter(|c| c.exists::<Artist>(|(_, a)| a.albums().any(|al| al.live)));
    let Some(Op::Subquery(outer)) = filter_of(&query).ops.pop() else { panic!("a subquery") };
    let Some(Op::Subquery(inner)) = outer.predicate.expect("a predicate").ops.pop() else {
        panic!("another")
    };
    assert_eq!(inner.link, Link::Reverse { row: RowPath::source(1), ordinal: 2 });
}

#[test]
fn a_boolean_field_is_a_condition() {
    let query = Customer::query().filter(|c| c.exists::<Invoice>(|(_, i)| i.paid));
    assert_eq!(filter_of(&query), correlated(Invoice::schema, 1, field_of(1, 3)));
}

#[test]
fn ten_sources_fit_one_query() {
    // Each level doubles the time that rustfmt takes.
    #[rustfmt::skip]
    let query = Artist::query().filter(|a| {
        a.exists::<Artist>(|(_, a)| {
            a.exists::<Artist>(|(.., a)| {
                a.exists::<Artist>(|(.., a)| {
                    a.exists::<Artist>(|(.., a)| {
                        a.exists::<Artist>(|(.., a)| {
                            a.exists::<Artist>(|(.., a)| {
                                a.exists::<Artist>(|(.., a)| {
                                    a.exists::<Artist>(|(.., a)| {
                                        a.exists::<Artist>(|(first, .., last)| first.id.eq(last.id))
                                    })
                                })
                            })
                        })
                    })
                })
            })
        })
    });
    let mut node = filter_of(&query);
    let mut positions = Vec::new();
    while let [Op::Subquery(subquery)] = node.ops.as_slice() {
        let Link::Correlated { position } = subquery.link else { panic!("correlated") };
        positions.push(position);
        node = Box::new(subquery.predicate.clone().expect("a predicate")).as_ref().clone();
    }
    assert_eq!(positions, Vec::from_iter(1..=9));
    assert_eq!(node, eq(field_of(0, 0), field_of(9, 0)));
}

#[test]
fn a_collection_may_have_a_field_and_a_relation_called_exists() {
    let query = Odd::query().filter(|o| {
        o.exists.eq(id_of(3))
            & o.exists().id.eq(id_of(4))
            & Correlate::exists::<Odd>(&o, |(a, b)| a.id.eq(b.id))
    });
    let relation = eq(field_at(&[1], 0), id(4));
    let subquery = correlated(Odd::schema, 1, eq(field_of(0, 0), field_of(1, 0)));
    assert_eq!(filter_of(&query), and(and(eq(field(1), id(3)), relation), subquery));
}
