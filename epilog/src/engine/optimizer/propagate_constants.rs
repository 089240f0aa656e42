//! What equals a constant is replaced by it where fields are compared, and is asked of the other side of a join as well.
//!
//! ```text
//! before                                      after
//! join Album on Album.id = album              join Album
//!   inner: filter Album.id = 7                  inner: filter Album.id = 7
//!     scan Album                                  scan Album
//!   scan Track                                  filter album = 7
//!                                                 scan Track
//!
//! filter artist = 3 & released < artist       filter artist = 3 & released < 3
//! ```
//!
//! A join between two sides that both have the constant makes all pairs of what is left of them, so that no link is needed,
//! and counted twice by estimates; it stays where an index finds several records by it. A subquery keeps its links. The constant that is asked again is the same literal: of a
//! plan that is kept it becomes that of the next query, and no value is looked at.
//!
//! Must not fire on what comes from the inner side of a left join, whose rows stay without a pair; on the absent value, which
//! a link may not take for equal; nor replace a field anywhere but in a comparison: of equal floats and decimals not all
//! that is calculated is the same.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::push_filters::push;
use super::{Apply, Kinds, Rule, push_set_filters};
use crate::engine::logical::{
    Expr, ExprKind, Join, Link, Literal, LogicalPlan, Node, Slot, SlotDef, Subquery, replace,
};
use crate::engine::planted::{self, Bug};
use crate::expr::{BinaryOp, JoinKind};
use crate::schema::IndexDef;

pub(super) const RULE: Rule =
    Rule { name: "propagate_constants", of: Kinds::FILTER, apply: Apply::Alone(apply) };

/// A field, and the literal that it equals in all rows.
type Constant = ((Slot, u16), Literal);

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    let slots = core::mem::take(&mut plan.slots);
    loop {
        let mut changed = false;
        plan.root = plan.root.map(&mut |node| match node {
            Node::Filter(mut filter) => {
                changed |= compare_with(&mut filter.predicates);
                Node::Filter(filter)
            }
            Node::Join(join) => Node::Join(across(join, &slots, &mut changed)),
            Node::Subquery(subquery) => Node::Subquery(into_inner(subquery, &slots, &mut changed)),
            other => other,
        });
        // What one join learns another may have a link by.
        if !changed {
            plan.slots = slots;
            return plan;
        }
    }
}

/// The constant that a predicate makes of a field.
fn constant(predicate: &Expr) -> Option<Constant> {
    let ExprKind::Binary(BinaryOp::Eq, left, right) = &predicate.kind else { return None };
    let (field, literal) = match (left.as_field(), right.as_field()) {
        (Some(field), None) => (field, right.literal_itself()?),
        (None, Some(field)) => (field, left.literal_itself()?),
        _ => return None,
    };
    (!literal.is_null()).then(|| (field, literal.clone()))
}

/// What all rows of `node` have in common.
fn constants(node: &Node, out: &mut Vec<Constant>) {
    match node {
        Node::Filter(filter) => out.extend(filter.predicates.iter().filter_map(constant)),
        Node::Join(join) if join.kind == JoinKind::Inner => constants(&join.inner, out),
        Node::Lookup(_) | Node::Subquery(_) | Node::Join(_) | Node::Sort(_) | Node::Limit(_) => {}
        _ => return,
    }
    if let Some(input) = node.input() {
        constants(input, out);
    }
}

fn constants_of(node: &Node) -> Vec<Constant> {
    let mut out = Vec::new();
    constants(node, &mut out);
    out
}

fn find<'c>(known: &'c [Constant], expr: &Expr) -> Option<&'c Literal> {
    let field = expr.as_field()?;
    known.iter().find(|(of, _)| *of == field).map(|(_, literal)| literal)
}

/// Compares with the constant where fields are compared of which one has one. Whether that changed something.
fn compare_with(predicates: &mut Vec<Expr>) -> bool {
    let known: Vec<Constant> = predicates.iter().filter_map(constant).collect();
    if known.is_empty() {
        return false;
    }
    let mut more = Vec::new();
    for predicate in predicates.iter_mut() {
        let ExprKind::Binary(op, left, right) = &predicate.kind else { continue };
        let Some(mirrored) = op.mirrored() else { continue };
        let (Some((of_left, _)), Some((of_right, _))) = (left.as_field(), right.as_field()) else { continue };
        let (op, field, literal) = match (find(&known, left), find(&known, right)) {
            (None, Some(literal)) => (*op, left, literal),
            (Some(literal), None) => (mirrored, right, literal),
            // Both have one: which of them is greater is for the row to find out, or the plan would be one for these values.
            _ => continue,
        };
        let literal = Expr { kind: ExprKind::Literal(literal.clone()), ty: field.ty, nullable: false };
        let made = Expr::binary_test(op, Expr::clone(field), literal);
        if of_left == of_right {
            *predicate = made;
        } else if op == BinaryOp::Eq {
            // An equality between two records may become a link.
            more.push(made);
        }
    }
    // The same field may have been compared with several; one is enough, and then it is known to be constant.
    let mut seen: Vec<(Slot, u16)> = Vec::new();
    more.retain(|made| {
        let field = constant(made).map(|(field, _)| field);
        field.is_some_and(|field| {
            let is_new =
                !seen.contains(&field) && !predicates.iter().filter_map(constant).any(|(of, _)| of == field);
            seen.push(field);
            is_new
        })
    });
    let changed = predicates.iter().filter_map(constant).count() + more.len() > known.len();
    predicates.extend(more);
    changed
}

/// Asks of one side of an inner join what is known of the other one; of a left join, of the inner side. Links by what is known
/// of both are none.
fn across(mut join: Join, slots: &[SlotDef], changed: &mut bool) -> Join {
    let (mut outer, mut inner) = (constants_of(&join.input), constants_of(&join.inner));
    let mut to_inner = missing(&join.links, |link| (&link.inner, &link.outer), &mut inner, &outer);
    let to_outer = match join.kind {
        JoinKind::Inner => missing(&join.links, |link| (&link.outer, &link.inner), &mut outer, &inner),
        JoinKind::Left if planted::is(Bug::ConstantLeavesLeftJoin) => {
            missing(&join.links, |link| (&link.outer, &link.inner), &mut outer, &inner)
        }
        JoinKind::Left => Vec::new(),
    };
    to_inner.retain(|(number, _)| !finds_many(&join.links[*number].inner, slots));
    let mut at = 0;
    join.links.retain(|link| {
        at += 1;
        finds_many(&link.inner, slots)
            || !to_inner.iter().chain(&to_outer).any(|(number, _)| *number == at - 1)
    });
    ask(&mut join.inner, to_inner, changed);
    ask(&mut join.input, to_outer, changed);
    join
}

/// Asks of the inner side of a subquery what is known of rows, but for what an index finds by the row: it would be asked of
/// each record that was found.
fn into_inner(mut subquery: Subquery, slots: &[SlotDef], changed: &mut bool) -> Subquery {
    let (outer, mut inner) = (constants_of(&subquery.input), constants_of(&subquery.inner));
    let mut to_inner = missing(&subquery.links, |link| (&link.inner, &link.outer), &mut inner, &outer);
    to_inner.retain(|(number, _)| !is_indexed(&subquery.links[*number].inner, slots));
    ask(&mut subquery.inner, to_inner, changed);
    subquery
}

/// Whether records are found by a field through an index.
pub(super) fn is_indexed(expr: &Expr, slots: &[SlotDef]) -> bool {
    expr.as_field().is_some_and(|(slot, position)| {
        let collection = &slots[usize::from(slot.0)].collection;
        let mut indexes = collection.indexes.iter();
        collection.clustered == Some(position)
            || indexes.any(|index| !index.is_partial() && index.fields.first() == Some(&position))
    })
}

/// Whether an index finds records by a field, several for one value: they are read as they are wanted through a link, and all before
/// the first is given without one.
fn finds_many(expr: &Expr, slots: &[SlotDef]) -> bool {
    expr.as_field().is_some_and(|(slot, position)| {
        let collection = &slots[usize::from(slot.0)].collection;
        let tells_apart = |index: &IndexDef| index.unique && index.fields.len() == 1;
        collection.clustered != Some(position)
            && is_indexed(expr, slots)
            && !collection
                .indexes
                .iter()
                .any(|index| index.fields.first() == Some(&position) && tells_apart(index))
    })
}

fn ask(side: &mut Box<Node>, made: Vec<(usize, Expr)>, changed: &mut bool) {
    if !made.is_empty() {
        *changed = true;
        let made = made.into_iter().map(|(_, predicate)| predicate).collect();
        replace(side, |node| push_set_filters::within(push(node, made)));
    }
}

/// The predicates that links, by their numbers, make of what is known of their `from` sides, about those of their `to` sides
/// that nothing is known of; it is `known` from then on.
fn missing<'l>(
    links: &'l [Link],
    sides: impl Fn(&'l Link) -> (&'l Expr, &'l Expr),
    known: &mut Vec<Constant>,
    from: &[Constant],
) -> Vec<(usize, Expr)> {
    let mut made = Vec::new();
    for (number, (to, of)) in links.iter().map(sides).enumerate() {
        let (Some(field), Some(literal)) = (to.as_field(), find(from, of)) else { continue };
        if find(known, to).is_none() {
            known.push((field, literal.clone()));
            let literal = Expr { kind: ExprKind::Literal(literal.clone()), ty: to.ty, nullable: false };
            made.push((number, Expr::binary_test(BinaryOp::Eq, to.clone(), literal)));
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use crate::engine::fixture::{self as f, draft, exists, field, id, inner, int, text};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Eq, Lt};
    use crate::expr::{Clause, JoinKind, Postfix};

    const BEFORE: [&str; 4] = ["split_conjuncts", "join_filters", "decorrelate", "push_filters"];

    fn tracks_of_albums(kind: JoinKind, predicate: Postfix) -> (String, String) {
        let on = field(f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
        let join = Clause::Join { collection: f::Album, on, kind };
        let draft = draft(f::Track).clause(join).filter(predicate).build();
        before_and_after(&draft, "propagate_constants", &BEFORE)
    }

    #[test]
    fn the_other_side_of_a_join_has_the_constant_as_well() {
        let expected = "project Track, Album\n  join Album\n    inner: filter Album.id = 7\n      scan Album\n    \
                        filter album = 7\n      scan Track";
        let of_inner = inner(1, f::album::ID).binary(Eq, id(7));
        let (before, after) = tracks_of_albums(JoinKind::Inner, of_inner);
        assert!(before.contains("on Album.id = album"), "{before}");
        assert_eq!(after, expected);
        let of_outer = field(f::track::ALBUM).binary(Eq, id(7));
        let (_, after) = tracks_of_albums(JoinKind::Inner, of_outer.clone());
        assert_eq!(after, expected);
        let (_, after) = tracks_of_albums(JoinKind::Left, of_outer);
        assert_eq!(after, expected.replace("join", "left join"));
    }

    #[test]
    fn what_an_index_finds_many_by_stays_linked() {
        for kind in [JoinKind::Inner, JoinKind::Left] {
            let on = inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID));
            let join = Clause::Join { collection: f::Track, on, kind };
            let draft = draft(f::Album).clause(join).filter(field(f::album::ID).binary(Eq, id(7))).build();
            let (before, after) = before_and_after(&draft, "propagate_constants", &BEFORE);
            assert_eq!(before, after);
        }
    }

    #[test]
    fn rows_without_a_pair_keep_theirs() {
        let of_inner = inner(1, f::album::ID).binary(Eq, id(7));
        let (before, after) = tracks_of_albums(JoinKind::Left, of_inner);
        assert_eq!(before, after);
    }

    #[test]
    fn sides_with_different_constants_stay_linked() {
        let both = inner(1, f::album::ID).binary(Eq, id(7));
        let both = both.binary(And, field(f::track::ALBUM).binary(Eq, id(8)));
        let (before, after) = tracks_of_albums(JoinKind::Inner, both);
        assert_eq!(before, after);
    }

    #[test]
    fn a_subquery_is_asked_about_the_constant_only() {
        let titled = || field(f::album::TITLE).binary(Eq, text("x"));
        let own = inner(1, f::track::NAME).binary(Eq, field(f::album::TITLE));
        let predicate = exists(f::Track, 1, own).binary(And, titled());
        let draft = draft(f::Album).filter(predicate).build();
        let (_, after) = before_and_after(&draft, "propagate_constants", &BEFORE);
        assert_eq!(
            after,
            "project Album\n  filter [any Track]\n    subquery any Track on Track.name = title\n      \
             inner: filter Track.name = \"x\"\n        scan Track\n      filter title = \"x\"\n        scan Album"
        );
    }

    #[test]
    fn what_an_index_finds_for_a_row_is_not_asked_again() {
        let own = inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID));
        let predicate = exists(f::Track, 1, own).binary(And, field(f::album::ID).binary(Eq, id(7)));
        let draft = draft(f::Album).filter(predicate).build();
        let (before, after) = before_and_after(&draft, "propagate_constants", &BEFORE);
        assert_eq!(before, after);
    }

    #[test]
    fn fields_of_one_record_are_compared_with_the_constant() {
        let compared = |op| {
            let known = field(f::track::ALBUM).binary(Eq, id(3));
            let draft = draft(f::Track)
                .filter(known.binary(And, field(f::track::EDITOR).binary(op, field(f::track::ALBUM))));
            before_and_after(&draft.build(), "propagate_constants", &["split_conjuncts"]).1
        };
        assert_eq!(compared(Eq), "project Track\n  filter album = 3 & editor = 3\n    scan Track");
        assert_eq!(compared(Lt), "project Track\n  filter album = 3 & editor < 3\n    scan Track");
    }

    #[test]
    fn what_is_calculated_stays() {
        // -0 equals 0, and 1 divided by them does not.
        let known = field(f::track::MILLISECONDS).binary(Eq, int(3));
        let product = field(f::track::MILLISECONDS).binary(crate::expr::BinaryOp::Multiply, int(2));
        let draft = draft(f::Track).filter(known.binary(And, product.binary(Lt, int(5)))).build();
        let (before, after) = before_and_after(&draft, "propagate_constants", &["split_conjuncts"]);
        assert_eq!(before, after);
    }
}
