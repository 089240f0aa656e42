//! What all alternatives ask is asked beside them; what each of them asks of one record alone is asked of that record, too.
//!
//! ```text
//! before                                              after
//! filter (active & name = "x") | (active & name = "y")   filter active & (name = "x" | name = "y")
//!
//! filter (album.title = "x" & name = "a")             filter ((album.title = "x" & name = "a")
//!      | (album.title = "y" & name = "b")                       | (album.title = "y" & name = "b"))
//!   lookup Album by album                                    & (album.title = "x" | album.title = "y")
//!     scan Track                                             & (name = "a" | name = "b")
//!                                                       lookup Album by album
//!                                                         scan Track
//! ```
//!
//! The alternatives of the second plan stay as they are: what is added holds wherever they hold, and can be asked of an album
//! or of a track before they are put together. Must not fire on what may have no result: an alternative that
//! has none is a fault of the row, unless another one holds. Nor on alternatives about one record, which say all there is to say.

use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Expr, ExprKind, Filter, LogicalPlan, Node, Slot};
use crate::engine::planted::{self, Bug};
use crate::expr::BinaryOp;

pub(super) const RULE: Rule =
    Rule { name: "factor_alternatives", of: Kinds::FILTER, apply: Apply::Alone(apply) };

/// More conjuncts than this, in all alternatives together, are left as they are: they are compared with each other.
const CONJUNCTS_MAX: usize = 256;

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = plan.root.map(&mut |node| match node {
        Node::Filter(Filter { input, predicates }) => {
            let (mut all, mut more) = (Vec::with_capacity(predicates.len()), Vec::new());
            predicates.into_iter().for_each(|predicate| factor(predicate, &mut all, &mut more));
            for predicate in more {
                if !all.contains(&predicate) {
                    all.push(predicate);
                }
            }
            Node::Filter(Filter { input, predicates: all })
        }
        other => other,
    });
    plan
}

/// Appends `predicate`, as what its alternatives share and what is left of them, and to `more` what they imply.
fn factor(predicate: Expr, out: &mut Vec<Expr>, more: &mut Vec<Expr>) {
    let mut alternatives = Vec::new();
    split_alternatives(predicate.clone(), &mut alternatives);
    let count: usize = alternatives.iter().map(Vec::len).sum();
    if alternatives.len() < 2 || count == alternatives.len() || count > CONJUNCTS_MAX {
        return out.push(predicate);
    }
    let (first, others) = alternatives.split_first().expect("two at least");
    let is_shared = |conjunct: &&Expr| others.iter().all(|other| other.contains(*conjunct));
    let shared: Vec<Expr> = first.iter().filter(is_shared).cloned().collect();
    if shared.is_empty() {
        more.extend(implied(&alternatives));
        return out.push(predicate);
    }
    for alternative in &mut alternatives {
        alternative.retain(|conjunct| !shared.contains(conjunct));
    }
    out.extend(shared);
    // An alternative that asks no more than what is shared makes the others superfluous.
    if !alternatives.iter().any(Vec::is_empty) {
        let rest = alternatives.into_iter().map(all_of);
        factor(rest.reduce(any_of).expect("two at least"), out, more);
    }
}

/// What alternatives ask of single records: of each record that every one of them asks something about.
fn implied(alternatives: &[Vec<Expr>]) -> Vec<Expr> {
    let mut slots: Vec<Slot> = Vec::new();
    for slot in alternatives.iter().flatten().flat_map(Expr::slots) {
        if !slots.contains(&slot) {
            slots.push(slot);
        }
    }
    if slots.len() < 2 {
        return Vec::new();
    }
    let about = |slot: Slot| {
        let parts = alternatives.iter().map(|alternative| {
            let own = alternative.iter().filter(|conjunct| conjunct.slots() == [slot] && conjunct.is_sure());
            own.cloned().reduce(both_of)
        });
        if planted::is(Bug::AlternativeForgotten) {
            return parts.flatten().reduce(any_of);
        }
        parts.collect::<Option<Vec<Expr>>>()?.into_iter().reduce(any_of)
    };
    slots.into_iter().filter_map(about).collect()
}

/// Appends the alternatives that an expression has, each as its conjuncts.
fn split_alternatives(expr: Expr, out: &mut Vec<Vec<Expr>>) {
    match expr.kind {
        ExprKind::Binary(BinaryOp::Or, left, right) => {
            split_alternatives(*left, out);
            split_alternatives(*right, out);
        }
        _ => {
            let mut conjuncts = Vec::new();
            expr.split_conjuncts(&mut conjuncts);
            out.push(conjuncts);
        }
    }
}

fn all_of(conjuncts: Vec<Expr>) -> Expr {
    conjuncts.into_iter().reduce(both_of).expect("an alternative asks something")
}

fn both_of(left: Expr, right: Expr) -> Expr {
    Expr::binary_test(BinaryOp::And, left, right)
}

fn any_of(left: Expr, right: Expr) -> Expr {
    Expr::binary_test(BinaryOp::Or, left, right)
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, int, text, through};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Divide, Eq, Gt, Or};
    use crate::expr::Postfix;

    fn named(name: &str) -> Postfix {
        field(f::track::NAME).binary(Eq, text(name))
    }

    fn titled(title: &str) -> Postfix {
        through(&[f::track::ALBUM], f::album::TITLE).binary(Eq, text(title))
    }

    fn filtered(predicate: Postfix) -> (alloc::string::String, alloc::string::String) {
        let draft = draft(f::Track).filter(predicate).build();
        before_and_after(&draft, "factor_alternatives", &["split_conjuncts"])
    }

    #[test]
    fn what_all_alternatives_ask_is_asked_once() {
        let active = || field(f::track::ACTIVE);
        let either = active().binary(And, named("x")).binary(Or, named("y").binary(And, active()));
        let (_, after) = filtered(either);
        assert_eq!(after, "project Track\n  filter active & (name = \"x\" | name = \"y\")\n    scan Track");
        let either = active().binary(And, named("x")).binary(Or, active());
        let (_, after) = filtered(either);
        assert_eq!(after, "project Track\n  filter active\n    scan Track");
    }

    #[test]
    fn what_each_asks_of_one_record_is_asked_of_it() {
        let first = titled("x").binary(And, named("a"));
        let (_, after) = filtered(first.binary(Or, titled("y").binary(And, named("b"))));
        assert_eq!(
            after,
            "project Track\n  filter ((album.title = \"x\" & name = \"a\") | (album.title = \"y\" & name = \"b\")) \
             & (album.title = \"x\" | album.title = \"y\") & (name = \"a\" | name = \"b\")\n    \
             lookup Album by album\n      scan Track"
        );
    }

    #[test]
    fn a_record_that_one_alternative_is_silent_about_is_not_asked() {
        let first = titled("x").binary(And, named("a"));
        let (before, after) = filtered(first.binary(Or, titled("y")));
        assert_eq!(
            after.lines().nth(1).expect("a filter"),
            "  filter ((album.title = \"x\" & name = \"a\") | album.title = \"y\") & (album.title = \"x\" | album.title = \"y\")"
        );
        assert_ne!(before, after);
    }

    #[test]
    fn what_may_have_no_result_implies_nothing() {
        let inverse = |of: i64| int(of).binary(Divide, field(f::track::MILLISECONDS)).binary(Gt, int(0));
        let first = titled("x").binary(And, inverse(1));
        let (_, after) = filtered(first.binary(Or, titled("y").binary(And, inverse(2))));
        assert!(
            after.ends_with(
                "& (album.title = \"x\" | album.title = \"y\")\n    lookup Album by album\n      scan Track"
            ),
            "{after}"
        );
        // About one record there is nothing to add.
        let first = field(f::track::ACTIVE).binary(And, named("a"));
        let (before, after) = filtered(first.binary(Or, named("b")));
        assert_eq!(before, after);
    }
}
