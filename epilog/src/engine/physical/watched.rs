//! Which operators of a plan are watched: filters and inner joins, those beneath first.
//!
//! What is over pairs is asked by the operator that makes them, and what a recursion goes through is so in each round: neither is
//! watched. Nor is what an index's entries are asked, which has no operator, nor a filter of rows that marks or sieves have narrowed.

use alloc::sync::Arc;

use super::{Join, Method, Operator, PhysicalNode, PhysicalPlan, Sifted, has_words};
use crate::engine::estimate::{About, Amount, Counter, Lessons, Watch, Watched};
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
        let Join { input, method, kind, sieves, counter, .. } = join;
        number(input, watch);
        let (inner, links) = match method {
            Method::Hash { inner, links } => (number(inner, watch), links),
            Method::Probe { links, .. } => (Counter::NONE, links),
            Method::Loop { inner, .. } => return number(inner, watch),
        };
        // One that sieves rows takes those alone that have a partner, and knows of others where nothing else is asked of them.
        if *kind == JoinKind::Inner
            && let Some(rows) = before_sieves(input, sieves)
        {
            let inner = (inner != Counter::NONE).then_some(inner);
            *counter = watch.add(About::pairs(links), links.len(), (rows, node.rows), inner);
            return *counter;
        }
        return Counter::NONE;
    }
    // What sieves and tests beside them drop is not told apart.
    if is_narrowed(node) && !matches!(node.operator, Operator::Among(_)) {
        return number_narrowed(node, watch);
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

/// How many rows are expected where these sieves are given them; `None` where they are not beside each other, alone. Nor where one
/// is by a number: such a join costs little more where it makes other pairs than expected, and has no plan made anew for that.
fn before_sieves(mut node: &PhysicalNode, sieves: &[Sifted]) -> Option<Amount> {
    for _ in sieves {
        let Operator::Sieve(sieve) = &node.operator else { return None };
        let is_by_number = matches!(&*sieve.by, [one] if has_words(one.ty));
        if is_by_number || sieves.iter().all(|of| of.number != sieve.number) {
            return None;
        }
        node = &sieve.input;
    }
    (sieves.is_empty() || !is_narrowed(node) && !matches!(node.operator, Operator::Filter { .. }))
        .then_some(node.rows)
}

/// Whether rows are those of which marks or sieves know that something else holds: of all rows a filter may let another part through.
fn is_narrowed(node: &PhysicalNode) -> bool {
    match &node.operator {
        Operator::Among(_) | Operator::Sieve(_) => true,
        Operator::Filter { input, .. } => is_narrowed(input),
        _ => false,
    }
}

/// Numbers what is beneath filters and sieves that are not watched.
fn number_narrowed(node: &mut PhysicalNode, watch: &mut Watch) -> Counter {
    match &mut node.operator {
        Operator::Filter { input, .. } => number_narrowed(input, watch),
        Operator::Sieve(sieve) => number_narrowed(&mut sieve.input, watch),
        _ => {
            number(node, watch);
            Counter::NONE
        }
    }
}
