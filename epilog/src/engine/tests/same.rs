//! Subqueries that make an answer once for all rows with the same of what they read: it is that of each row by itself.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::fixture::{self as f, draft, field, inner};
use super::*;
use crate::engine::explain::PlanOperator;
use crate::engine::physical::{Operator, PhysicalNode};
use crate::expr::op::Link;
use crate::expr::{AggregateFunction, AggregateItem, BinaryOp, Postfix, Quantifier, Subquery, UnaryOp};
use crate::storage::pager::PagerOptions;
use crate::storage::vfs::MemoryVfs;
use crate::value::Type;

const TRACKS: i128 = 5000;

/// The records in a file, with a page cache of so many bytes.
fn filed(cache_bytes: usize) -> Store {
    let options = PagerOptions { cache_bytes, ..PagerOptions::default() };
    let store = Store::open(Arc::new(MemoryVfs::new()), "music", options, (None, None), &f::DATABASE);
    let store = store.expect("a new file");
    insert(&store, &with_tracks(TRACKS));
    store
}

/// What is asked about the albums for which something holds.
fn albums(quantifier: Quantifier, predicate: Postfix) -> Postfix {
    let link = Link::Correlated { position: 1 };
    let predicate = Some(predicate);
    Postfix::subquery(Subquery { collection: f::Album, link, quantifier, predicate, equal: None })
}

/// How many subqueries of a plan make answers once.
fn made_once(node: &PhysicalNode) -> usize {
    let here = matches!(&node.operator, Operator::Subquery(subquery) if !subquery.same.is_empty());
    usize::from(here) + node.children().into_iter().map(made_once).sum::<usize>()
}

/// What those of a plan make answers once for, as programs are told.
fn told(plan: &Plan) -> Vec<Vec<String>> {
    let kinds = plan.operators().into_iter().map(|node| node.kind.clone());
    let once = kinds.filter_map(|kind| match kind {
        PlanOperator::Subquery { once_for_each, .. } => Some(once_for_each),
        _ => None,
    });
    once.collect()
}

/// Makes them answer row by row.
fn row_by_row(node: &mut PhysicalNode) {
    if let Operator::Subquery(subquery) = &mut node.operator {
        subquery.same.clear();
    }
    node.children_mut().into_iter().for_each(row_by_row);
}

/// The rows of a draft are those that it has row by row, with little memory as well, in several operations and by four threads.
fn check(store: &Store, draft: &Draft) {
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let view = operation.view();
    let mut plain = plan(view, draft, Purpose::Rows, RuleSet::ALL).expect("a plan");
    assert_eq!(made_once(&plain.root), 1, "{}", explain(view, draft).expect("a plan"));
    row_by_row(&mut plain.root);
    let expected = scalars(Rows::planned(view, plain, Run::default())).expect("rows");
    assert!(!expected.is_empty() && expected.iter().any(|row| row[1] != expected[0][1]), "{expected:?}");
    assert!(rows(view, draft, RuleSet::ALL).expect("rows") == expected, "{draft:?}");
    assert!(streamed(&snapshot, draft).expect("rows") == expected, "{draft:?}");
    let mut controls = Vec::from([Control::default()]);
    controls[0].set_memory(24 << 10);
    #[cfg(feature = "std")]
    {
        controls.push(Control::default());
        controls[1].set_threads(4);
    }
    for control in controls {
        assert!(controlled(&snapshot, draft, &control).expect("rows") == expected, "{draft:?}");
    }
}

/// Whether an album is not of the editor of a track.
fn others() -> Postfix {
    inner(1, f::album::ARTIST).binary(BinaryOp::Ne, field(f::track::EDITOR))
}

#[test]
fn rows_that_have_the_same_have_one_answer() {
    let store = filed(PagerOptions::default().cache_bytes);
    let count = albums(Quantifier::Count, others());
    let of_editor = draft(f::Track).select([field(f::track::ID), count]).build();
    check(&store, &of_editor);
    let snapshot = store.snapshot();
    let plan = explain(snapshot.operation().view(), &of_editor).expect("a plan");
    assert!(plan.to_string().contains("once for each editor"), "{plan}");
    assert_eq!(told(&plan), [["editor"]]);
    // Five editors have 32 albums each that are not theirs, and who has none has forty.
    let plan = analyze(&snapshot, &of_editor, &Control::default()).expect("a plan");
    let operators = plan.operators();
    let filter = operators.iter().find(|node| node.operator == "filter").expect("pairs are asked");
    assert_eq!(filter.actual.expect("it was measured").rows, 200, "{plan}");
    // Of two values each combination is one; and what is made of the row as well is made of these.
    let loud =
        field(f::track::ACTIVE).binary(BinaryOp::Eq, inner(1, f::album::RELEASED).unary(UnaryOp::IsSome));
    let title = Some(inner(1, f::album::TITLE));
    let item = AggregateItem { function: AggregateFunction::ArrayAgg, argument: title, filter: None };
    let list =
        albums(Quantifier::aggregate(item).expect("a whole build"), others().binary(BinaryOp::And, loud));
    let of_both = draft(f::Track).select([field(f::track::ID), list]).build();
    check(&store, &of_both);
    let plan = explain(snapshot.operation().view(), &of_both).expect("a plan");
    assert_eq!(told(&plan), [["active", "editor"]], "{plan}");
    // Each track is answered by itself where all differ.
    let other = inner(1, f::album::ID).binary(BinaryOp::Ne, field(f::track::ID));
    let by_itself = draft(f::Track).select([albums(Quantifier::Count, other)]).build();
    let plan = explain(snapshot.operation().view(), &by_itself).expect("a plan");
    assert_eq!(told(&plan), [[""; 0]], "{plan}");
}

#[test]
fn what_has_no_result_is_that_of_each_row_that_has_it() {
    // Six is divided by nothing where the artist of an album is the editor of a track.
    let store = filed(PagerOptions::default().cache_bytes);
    let number = |value: i64| Postfix::literal(Scalar::Int(value.into()), Type::U64);
    let is_editor = others().choose(number(1), number(0));
    let faulty = number(6).binary(BinaryOp::Divide, is_editor).binary(BinaryOp::Eq, number(6));
    let count = albums(Quantifier::Count, faulty.clone());
    let view = store.snapshot();
    let all = draft(f::Track).select([field(f::track::ID), count.clone()]).build();
    assert!(matches!(
        rows(view.operation().view(), &all, RuleSet::ALL),
        Err(EngineError::Exec(ExecError::Arithmetic(_)))
    ));
    // Of a track without an editor it is known.
    let without = field(f::track::EDITOR).unary(UnaryOp::IsNone);
    let forty = count.binary(BinaryOp::Eq, number(40));
    let known = draft(f::Track).filter(forty.binary(BinaryOp::And, without)).build();
    assert_eq!(rows(view.operation().view(), &known, RuleSet::ALL).expect("rows").len(), 833);
}

#[test]
fn where_most_rows_differ_each_is_asked_about() {
    // Too little memory for statistics: a text is taken for one of a few hundred, and each is another.
    let store = filed(1 << 20);
    let earlier = inner(1, f::album::TITLE).binary(BinaryOp::Ne, field(f::track::NAME));
    check(&store, &draft(f::Track).select([field(f::track::ID), albums(Quantifier::Count, earlier)]).build());
}
