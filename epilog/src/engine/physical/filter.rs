//! Filters: the order in which predicates are tried; and those by whether a subquery has a row, which are joins.
//!
//! ```text
//! before                              after
//! filter [any Invoice]                semi join Invoice by Invoice.customer = id
//!   any Invoice by ..                   scan Customer
//!     scan Customer
//! ```
//!
//! Rows are dropped where the answer is found, and what drops them may be asked of them before, by a [sieve](super::sieve). Its negation
//! is an anti join. Must not fire unless the filter is right above the subquery and asks just this: beside something else in an `|`, or
//! where the answer comes out, it is a value of the row.

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(not(feature = "small"))]
use super::Method;
use super::access::Chosen;
use super::choices::Choice;
use super::{Answer, Operator, PhysicalNode, Planner};
use crate::engine::estimate::Amount;
#[cfg(not(feature = "small"))]
use crate::engine::estimate::{About, Counter, Groups, met};
use crate::engine::logical::{Asked, Expr, ExprKind, Filter};
use crate::expr::UnaryOp;
use crate::parts;

impl Planner<'_> {
    /// A filter over what is planned, without the predicates that the access path implies.
    ///
    /// A predicate that is the answer of the subquery right below, or its negation, turns that into a semi or anti join.
    pub(super) fn filter(&self, mut input: Chosen, filter: &Filter) -> Chosen {
        let mut predicates = Vec::new();
        for predicate in &filter.predicates {
            if input.implied.contains(predicate) {
                continue;
            }
            if let Operator::Subquery(subquery) = &mut input.node.operator
                && self.chooses(Choice::SemiJoins)
                && let Some(answer) = as_join(subquery, predicate)
            {
                subquery.answer = answer;
                #[cfg(not(feature = "small"))]
                let matched = self.matched(subquery).unwrap_or(0.5);
                #[cfg(feature = "small")]
                let matched = 0.5;
                input.node.rows *= if answer == Answer::Semi { matched } else { 1.0 - matched };
                continue;
            }
            predicates.push((self.rank(predicate), predicates.len(), predicate.clone()));
        }
        if predicates.is_empty() {
            return input;
        }
        let (mut rows, mut cost) = (input.node.rows, input.cost);
        if parts::REWRITES {
            predicates.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        }
        let predicates = Vec::from_iter(predicates.into_iter().map(|(_, _, predicate)| predicate));
        for predicate in &predicates {
            cost += rows * self.test_cost(predicate);
            rows *= self.estimator.selectivity(predicate);
        }
        if parts::REWRITES {
            rows = input.node.rows * self.estimator.selectivity_of_all(&predicates);
        }
        #[cfg(not(feature = "small"))]
        {
            let about = || About::filter(&predicates);
            let implied = about().map_or(0, |about| {
                input.implied.iter().filter(|implied| About::filter([*implied]) == Some(about)).count()
            });
            let learnt = self.learnt().of_filter(about(), predicates.len(), implied);
            rows = (rows * learnt).min(input.node.rows);
        }
        #[cfg(not(feature = "small"))]
        if let Operator::Aggregate { input: below, keys, items, .. } = &input.node.operator
            && !keys.is_empty()
        {
            let groups = Groups { items, rows: below.rows, count: input.node.rows };
            rows = input.node.rows * self.estimator.selectivity_of_groups(groups, &predicates);
        }
        let operator = Operator::Filter {
            input: Box::new(input.node),
            predicates,
            #[cfg(not(feature = "small"))]
            counter: Counter::NONE,
        };
        Chosen { node: PhysicalNode { operator, rows }, cost, ..input }
    }

    /// The part of the rows of a subquery that has an inner row; `None` when that is not known.
    #[cfg(not(feature = "small"))]
    fn matched(&self, subquery: &super::Subquery) -> Option<Amount> {
        let (Method::Hash { links, .. } | Method::Probe { links, .. }) = &subquery.method else {
            return None;
        };
        let [link] = links.as_slice() else { return None };
        let values = |expr: &Expr| {
            expr.as_field().and_then(|(slot, position)| self.estimator.distinct(slot, position))
        };
        let (outer, inner) = (values(&link.outer)?, values(&link.inner)?);
        let inner_rows = match &subquery.method {
            Method::Hash { inner, .. } => inner.rows,
            _ => subquery.pairs.rows * outer,
        };
        Some((met(inner, inner_rows) / outer.max(inner)).clamp(0.0, 1.0))
    }

    /// What a test costs for each row it drops: cheap and sharp ones come first.
    fn rank(&self, predicate: &Expr) -> Amount {
        self.test_cost(predicate) / (1.0 - self.estimator.selectivity(predicate)).max(0.01)
    }

    pub(super) fn test_cost(&self, predicate: &Expr) -> Amount {
        self.costs.test(predicate, &self.plan.slots)
    }
}

/// The join that `predicate` makes of a subquery right below it.
fn as_join(subquery: &super::Subquery, predicate: &Expr) -> Option<Answer> {
    let Answer::Value(output) = subquery.answer else { return None };
    if subquery.asked != Asked::Any {
        return None;
    }
    match &predicate.kind {
        ExprKind::Computed(computed) if *computed == output => Some(Answer::Semi),
        ExprKind::Unary(UnaryOp::Not, operand) if operand.kind == ExprKind::Computed(output) => {
            Some(Answer::Anti)
        }
        _ => None,
    }
}
