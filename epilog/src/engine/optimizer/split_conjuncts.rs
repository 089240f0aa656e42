//! Conjuncts become predicates of their own, neighbouring filters one filter.
//!
//! ```text
//! before                              after
//! filter name = "x"                   filter active & milliseconds > 10 & name = "x"
//!   filter active & milliseconds > 10   scan Track
//!     scan Track
//! ```
//!
//! Must not fire on `|`: a part of an alternative holds for no row by itself.

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Filter, LogicalPlan, Node};
use crate::engine::planted::{self, Bug};
use alloc::vec::Vec;

pub(super) const RULE: Rule = Rule { name: "split_conjuncts", of: Kinds::FILTER, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = plan.root.map(&mut |node| match node {
        Node::Filter(Filter { mut input, predicates }) => {
            let mut conjuncts = Vec::new();
            // What was asked first is tried first.
            if let Node::Filter(inner) = &mut *input {
                conjuncts.append(&mut inner.predicates);
                let below = core::mem::replace(&mut *inner.input, Node::Pairs);
                *input = below;
            }
            predicates.into_iter().for_each(|predicate| predicate.split_conjuncts(&mut conjuncts));
            if planted::is(Bug::ThirdConjunctLost) {
                conjuncts.truncate(2);
            }
            Node::Filter(Filter { input, predicates: conjuncts })
        }
        other => other,
    });
    plan
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, int, text};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Eq, Gt, Or};

    #[test]
    fn conjuncts_are_split_and_filters_joined() {
        let both = field(f::track::ACTIVE).binary(And, field(f::track::MILLISECONDS).binary(Gt, int(10)));
        let draft = draft(f::Track).filter(both).filter(field(f::track::NAME).binary(Eq, text("x")));
        let (before, after) = before_and_after(&draft.build(), "split_conjuncts", &[]);
        assert_eq!(
            before,
            "project Track\n  filter active & milliseconds > 10 & name = \"x\"\n    scan Track"
        );
        assert_eq!(
            after,
            "project Track\n  filter active & milliseconds > 10 & name = \"x\"\n    scan Track"
        );
    }

    #[test]
    fn alternatives_stay_together() {
        let either = field(f::track::ACTIVE).binary(Or, field(f::track::MILLISECONDS).binary(Gt, int(10)));
        let (before, after) =
            before_and_after(&draft(f::Track).filter(either).build(), "split_conjuncts", &[]);
        assert_eq!(before, after);
    }
}
