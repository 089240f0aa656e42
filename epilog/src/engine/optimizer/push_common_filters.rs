//! What is asked of common rows is asked within: those that nobody wants are not calculated.
//!
//! ```text
//! before                                     after
//! union all [[album]]                        union all [[album]]
//!   right: filter [Track 2.price] > 5          right: filter [Track 2.price] > 5
//!     shared 0: Track 2.album, Track 2.price     shared 0: Track 2.album, Track 2.price
//!       scan Track                                 filter Track 2.price > 5 | Track 2.price > 2
//!                                                    scan Track
//!   filter [price] > 2                         filter [price] > 2
//!     shared 0: album, price                     shared 0: album, price
//!       scan Track                                 filter price > 5 | price > 2
//!                                                    scan Track
//! ```
//!
//! A condition that all of them have goes within, be it that one alone asks, as for the rows of a query that is joined; of others each
//! keeps its own, as above. Where one asks for nothing more than the former there are no alternatives. What is asked within is asked of
//! what is last there, in each of the places alike; [`push_group_filters`](super::push_group_filters),
//! [`push_window_filters`](super::push_window_filters) and [`push_filters`](super::push_filters) then take it on, as far as limits,
//! windows and groups let them. Conditions are compared with their values: a plan that is kept is then for these.
//!
//! Must not fire
//!
//! - on a condition that may have no result, or that reads what may have none: it would be a fault of rows of those who do not ask it;
//! - on what depends on a round of a recursion, whose rows are others in each;
//! - where one who asks does not say what it wants, and so wants all rows.
//!
//! It comes when joins have got their filters and before groups do, and lets filters sink first, to where they are seen.

use alloc::vec::Vec;

use super::push_filters::push;
use super::{Apply, Kinds, Rule, merge_alternatives};
use crate::engine::logical::{
    Computed, Expr, ExprKind, Filter, Inner, KeyTerm, LogicalPlan, Node, Shared, replace,
};
use crate::engine::planted::{self, Bug};
use crate::expr::BinaryOp;

pub(super) const RULE: Rule =
    Rule { name: "push_common_filters", of: Kinds::QUERY, apply: Apply::Alone(apply) };

/// With more alternatives than this all rows are calculated.
const ALTERNATIVES_MAX: usize = 16;

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    if !askers(&plan.root).iter().any(|asker| !asker.shared.narrowed) {
        return plan;
    }
    loop {
        // What is asked within may be asked of other common rows there.
        plan.root = push(plan.root, Vec::new());
        let Some(within) = find(&plan.root) else { return plan };
        plan.root = plan.root.map(&mut |node| match node {
            Node::Filter(Filter { input, predicates }) => match *input {
                Node::Shared(shared) if shared.number == within.number => within.put(shared, predicates),
                other => other.filtered(predicates),
            },
            other => other,
        });
    }
}

/// Who asks for common rows.
struct Asker<'n> {
    shared: &'n Shared,
    /// What it asks of them.
    predicates: &'n [Expr],
}

fn askers(root: &Node) -> Vec<Asker<'_>> {
    let mut askers: Vec<Asker<'_>> = Vec::new();
    root.visit(&mut |node| match node {
        Node::Filter(Filter { input, predicates }) => {
            if let Node::Shared(shared) = &**input {
                askers.push(Asker { shared, predicates });
            }
        }
        Node::Shared(shared) if !askers.iter().any(|asker| core::ptr::eq(asker.shared, shared)) => {
            askers.push(Asker { shared, predicates: &[] });
        }
        _ => {}
    });
    askers
}

impl Asker<'_> {
    fn number(&self) -> u16 {
        self.shared.number
    }

    /// What it asks that may be asked within, by the places of values.
    fn asks(&self) -> Vec<Expr> {
        let inner = Inner::of(&self.shared.input);
        self.predicates.iter().filter_map(|predicate| within(predicate, self.shared, &inner)).collect()
    }
}

/// A predicate over common rows that may be asked within, by the places of values.
fn within(predicate: &Expr, shared: &Shared, inner: &Inner) -> Option<Expr> {
    by_place(predicate, &shared.columns)
        .filter(|predicate| inner.is_sure(&of_columns(predicate, &shared.columns)))
}

/// A predicate over common rows, with the places of values in place of their numbers, which are others for each who asks; `None` if it
/// reads anything else.
fn by_place(predicate: &Expr, columns: &[KeyTerm]) -> Option<Expr> {
    let mut is_of_them = true;
    let made = predicate.clone().map(&mut |mut part| {
        part.kind = match part.kind {
            ExprKind::Computed(value) => {
                let place = columns.iter().position(|column| column.output == value);
                is_of_them &= place.is_some();
                ExprKind::Computed(place.map_or(value, |place| Computed(place as u16)))
            }
            ExprKind::Field(..) => {
                is_of_them = false;
                part.kind
            }
            kind => kind,
        };
        part
    });
    is_of_them.then_some(made)
}

/// The same over the rows of which they are made.
fn of_columns(predicate: &Expr, columns: &[KeyTerm]) -> Expr {
    predicate.clone().map(&mut |part| match part.kind {
        ExprKind::Computed(place) => columns[usize::from(place.0)].expr.clone(),
        _ => part,
    })
}

/// What is asked within common rows.
struct Within {
    number: u16,
    /// Whether one alone asks for them: nothing of it is compared with anything, which the plan would depend on.
    alone: bool,
    /// What all ask.
    same: Vec<Expr>,
    /// What each asks something of.
    any: Option<Expr>,
}

/// What is to be asked within the first common rows of which it is not yet.
fn find(root: &Node) -> Option<Within> {
    let all = askers(root);
    let mut tried = Vec::new();
    for asker in &all {
        let number = asker.number();
        if asker.shared.narrowed || tried.contains(&number) {
            continue;
        }
        tried.push(number);
        let of: Vec<&Asker<'_>> = all.iter().filter(|other| other.number() == number).collect();
        if changes(&asker.shared.input) {
            continue;
        }
        let asked: Vec<Vec<Expr>> = of.iter().map(|asker| asker.asks()).collect();
        let (first, others) = asked.split_first().expect("one at least");
        if others.is_empty() {
            if first.is_empty() {
                continue;
            }
            return Some(Within { number, alone: true, same: first.clone(), any: None });
        }
        let all_ask = |predicate: &&Expr| {
            others.iter().all(|other| other.contains(predicate)) || planted::is(Bug::AskedByFirst)
        };
        let same: Vec<Expr> = first.iter().filter(all_ask).cloned().collect();
        let own = asked.iter().map(|of| {
            let own = of.iter().filter(|of| !same.contains(of));
            own.cloned().reduce(|all, of| Expr::binary_test(BinaryOp::And, all, of))
        });
        let own: Option<Vec<Expr>> = own.collect();
        let any = own.filter(|own| own.len() <= ALTERNATIVES_MAX).and_then(any_of);
        if any.is_some() || !same.is_empty() {
            return Some(Within { number, alone: false, same, any });
        }
    }
    None
}

/// Whether rows depend on the round of a recursion.
fn changes(node: &Node) -> bool {
    let mut changes = false;
    node.visit(&mut |node| changes |= matches!(node, Node::Previous(_)));
    changes
}

/// The alternatives of these, each once, as few as they can be.
fn any_of(own: Vec<Expr>) -> Option<Expr> {
    let mut alternatives: Vec<Expr> = Vec::new();
    for of in own {
        if !alternatives.contains(&of) {
            alternatives.push(of);
        }
    }
    if planted::is(Bug::AlternativeOfAskerLost) {
        alternatives.pop();
    }
    let any = alternatives.into_iter().reduce(|all, of| Expr::binary_test(BinaryOp::Or, all, of));
    any.map(|any| any.map(&mut merge_alternatives::merge))
}

impl Within {
    /// Common rows of which this is asked within, with what is asked of them as well.
    fn put(&self, mut shared: Shared, predicates: Vec<Expr>) -> Node {
        let inner = Inner::of(&shared.input);
        let is_within = |predicate: &Expr| {
            within(predicate, &shared, &inner)
                .is_some_and(|predicate| self.alone || self.same.contains(&predicate))
        };
        let above: Vec<Expr> = predicates.into_iter().filter(|predicate| !is_within(predicate)).collect();
        let within = self.same.iter().chain(&self.any);
        let within: Vec<Expr> = within.map(|predicate| of_columns(predicate, &shared.columns)).collect();
        replace(&mut shared.input, |input| input.filtered(within));
        shared.narrowed = true;
        Node::Shared(shared).filtered(above)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use crate::engine::fixture::{self as f, DraftBuilder, draft, field, int};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Divide, Eq, Gt, Lt, Ne};
    use crate::expr::{Clause, JoinKind, Postfix, SetKind};

    fn rewritten(draft: DraftBuilder) -> (String, String) {
        before_and_after(
            &draft.build(),
            "push_common_filters",
            &["split_conjuncts", "join_filters", "decorrelate"],
        )
    }

    /// The albums and lengths of tracks, calculated once.
    fn lengths() -> DraftBuilder {
        let values = [field(f::track::ALBUM), field(f::track::MILLISECONDS)];
        draft(f::Track).select(values).clause(Clause::common())
    }

    fn longer(than: i64) -> Postfix {
        Postfix::key(1).binary(Gt, int(than))
    }

    fn both(one: DraftBuilder, other: DraftBuilder) -> DraftBuilder {
        one.clause(Clause::set(other.build(), SetKind::UnionAll))
    }

    #[test]
    fn what_any_asks_is_asked_within() {
        let (before, after) =
            rewritten(both(lengths().filter(longer(2)), lengths().filter(longer(5).binary(And, longer(1)))));
        assert!(!before.contains('|'), "{before}");
        assert_eq!(
            after,
            "project [[album]], [[milliseconds]]\n  union all [album], [milliseconds]\n    \
             right: filter [Track 2.milliseconds] > 5 & [Track 2.milliseconds] > 1\n      \
             shared 0: Track 2.album, Track 2.milliseconds\n        \
             filter (Track 2.milliseconds > 5 & Track 2.milliseconds > 1) | Track 2.milliseconds > 2\n          \
             scan Track\n    filter [milliseconds] > 2\n      shared 0: album, milliseconds\n        \
             filter (milliseconds > 5 & milliseconds > 1) | milliseconds > 2\n          scan Track"
        );
    }

    #[test]
    fn what_all_ask_is_asked_within_alone() {
        let few = || Postfix::key(1).binary(Lt, int(9));
        let (_, after) = rewritten(both(lengths().filter(few()), lengths().filter(longer(5)).filter(few())));
        assert!(after.contains("right: filter [Track 2.milliseconds] > 5\n"), "{after}");
        assert_eq!(after.matches("[milliseconds] < 9").count(), 0, "{after}");
        assert_eq!(after.matches(".milliseconds < 9\n").count(), 1, "{after}");
        assert!(
            after.ends_with(
                "shared 0: album, milliseconds\n      filter milliseconds < 9\n        scan Track"
            ),
            "{after}"
        );
    }

    #[test]
    fn alternatives_of_one_value_are_a_list() {
        let of = |album| lengths().filter(Postfix::key(0).binary(Eq, f::id(album)));
        let (_, after) = rewritten(both(of(1), of(2)));
        assert!(after.contains("filter album in (2, 1)"), "{after}");
    }

    #[test]
    fn what_one_alone_asks_for_is_asked_within() {
        let on = f::window(0).binary(Eq, field(f::album::ID)).binary(And, f::window(1).binary(Gt, int(2)));
        let values = [field(f::track::ALBUM), field(f::track::MILLISECONDS)];
        let lengths = draft(f::Track).select(values).build();
        let draft = draft(f::Album).clause(Clause::join_query(lengths, on, JoinKind::Inner));
        let (before, after) = rewritten(draft.select([field(f::album::TITLE), f::window(1)]));
        assert!(before.contains("filter [Track.milliseconds] > 2\n"), "{before}");
        assert!(after.contains("shared 0: Track.album, Track.milliseconds\n"), "{after}");
        assert!(after.contains("filter Track.milliseconds > 2\n"), "{after}");
    }

    #[test]
    fn all_rows_are_there_for_who_asks_for_all() {
        let (before, after) = rewritten(both(lengths(), lengths().filter(longer(5))));
        assert_eq!(before, after);
    }

    #[test]
    fn what_may_have_no_result_is_asked_by_who_asks() {
        let inverse = || int(1).binary(Divide, field(f::track::MILLISECONDS));
        let inverses = || draft(f::Track).select([inverse()]).clause(Clause::common());
        let of = |value| inverses().filter(Postfix::key(0).binary(Ne, int(value)));
        let (before, after) = rewritten(both(of(1), of(2)));
        assert_eq!(before, after);
        let of = |value| lengths().filter(int(1).binary(Divide, Postfix::key(1)).binary(Ne, int(value)));
        let (before, after) = rewritten(both(of(1), of(2)));
        assert_eq!(before, after);
    }
}
