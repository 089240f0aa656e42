//! Which operators of a plan are watched: filters and inner joins, those beneath first.
//!
//! What is over pairs is asked by the operator that makes them, and what a recursion goes through is so in each round: neither is
//! watched. Nor is what an index's entries are asked, which has no operator.

use alloc::sync::Arc;

use super::{Join, Method, Operator, PhysicalNode, PhysicalPlan};
use crate::engine::estimate::{About, Counter, Lessons, Watch, Watched};
use crate::expr::JoinKind;

impl PhysicalPlan {
    /// Has what is expected of the plan's rows compared with those that come. It was made with these lessons.
    pub(crate) fn watch(&mut self, lessons: Lessons<'_>) {
        let mut watch = Watch::made_with(lessons);
        number(&mut self.root, &mut watch);
        self.watched = (!watch.is_empty()).then(|| Watched { watch: Arc::new(watch), exact: true });
    }
}

/// Numbers what is watched of an operator and those beneath it.
fn number(node: &mut PhysicalNode, watch: &mut Watch) -> Counter {
    if node.is_over_pairs() || matches!(node.operator, Operator::Recursive { .. }) {
        return Counter::NONE;
    }
    if let Operator::Join(join) = &mut node.operator {
        let Join { input, method, kind, counter, .. } = join;
        number(input, watch);
        let (inner, links) = match method {
            Method::Hash { inner, links } => (number(inner, watch), links),
            Method::Probe { links, .. } => (Counter::NONE, links),
            Method::Loop { inner, .. } => return number(inner, watch),
        };
        if *kind == JoinKind::Inner {
            let inner = (inner != Counter::NONE).then_some(inner);
            *counter = watch.add(About::pairs(links), links.len(), (input.rows, node.rows), inner);
            return *counter;
        }
        return Counter::NONE;
    }
    for child in node.children_mut() {
        number(child, watch);
    }
    match &mut node.operator {
        Operator::Filter { input, predicates, counter } => {
            let rows = (input.rows, node.rows);
            *counter = watch.add(About::filter(&*predicates), predicates.len(), rows, None);
            *counter
        }
        _ => Counter::NONE,
    }
}
