//! [`Chain`]: a plan carried out in several operations, one after the other.
//!
//! What is read stays in memory until the operation ends, so that reading a collection that is larger than memory takes
//! several. That can be done when a plan is a chain over one walk of leaves: filters, lookups, limits and subqueries
//! that probe an index keep nothing from one batch to the next but counts, and aggregates keep values. Between two
//! operations the walk is a rank, and the plan is changed to go on behind it:
//!
//! ```text
//! limit 10 offset 5                          limit 8
//!   filter year > 1980                         filter year > 1980
//!     scan Album, ranks 1 to the last            scan Album, ranks 4097 to the last
//! ```
//!
//! An operation ends when its leaves are read or much of what it read has been evicted, and stays in memory only for it.

use super::operators::Groups;
use super::rows::Planned;
use super::{OutputBatch, View};
use crate::engine::error::ExecError;
use crate::engine::physical::{Access, Method, Operator, PhysicalNode, PhysicalPlan, Scan};
use crate::parts;

/// A plan carried out in several operations.
pub(in crate::engine) struct Chain {
    /// What is left to do.
    plan: PhysicalPlan,
    /// The groups that the rows of `plan` go into.
    groups: Option<Groups>,
    ended: bool,
}

impl Chain {
    /// Whether `plan` can be carried out in several operations.
    pub(in crate::engine) fn suits(plan: &PhysicalPlan) -> bool {
        match &plan.root.operator {
            Operator::Aggregate { input, .. } => is_chain(input),
            _ => is_chain(&plan.root),
        }
    }

    /// Gets ready to carry out `plan`, which suits.
    pub(in crate::engine) fn new(mut plan: PhysicalPlan) -> Chain {
        debug_assert!(Chain::suits(&plan));
        let mut groups = None;
        if let Operator::Aggregate { input, keys, items } = plan.root.operator {
            plan.root = *input;
            groups = Some(Groups::new(keys, items));
        }
        Chain { plan, groups, ended: false }
    }

    /// Carries out a part of the plan within the operation of `view`: up to `leaves` leaves. Gives what comes out to
    /// `each`. False when nothing is left.
    pub(in crate::engine) fn go_on<E: From<ExecError>>(
        &mut self,
        view: View<'_>,
        leaves: usize,
        each: &mut dyn FnMut(&OutputBatch<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        if self.ended {
            return Ok(false);
        }
        // What fails is not tried again.
        self.ended = true;
        let mut planned = Planned::new(view, self.plan.clone());
        planned.root.pause_after(leaves);
        match &mut self.groups {
            Some(groups) => groups.add(&mut *planned.root, &planned.env, &mut planned.batch)?,
            None => {
                while let Some(batch) = planned.next_batch()? {
                    each(&batch)?;
                }
            }
        }
        self.ended = !planned.root.remaining(&mut self.plan.root);
        if self.ended
            && let Some(mut groups) = self.groups.take()
        {
            while groups.give(&mut planned.batch)? {
                each(&planned.output()?)?;
            }
        }
        Ok(!self.ended)
    }
}

/// Whether an operator and those beneath it keep nothing that is borrowed from a page.
fn is_chain(node: &PhysicalNode) -> bool {
    match &node.operator {
        Operator::Scan(Scan { access: Access::Range { .. }, .. }) => true,
        Operator::Filter { input, .. } | Operator::Lookup { input, .. } | Operator::Limit { input, .. } => {
            is_chain(input)
        }
        Operator::Subquery(subquery) => parts::PROBES && probes(node) && is_chain(&subquery.input),
        _ => false,
    }
}

/// Whether a subquery, and those asked of its pairs, probe an index.
fn probes(node: &PhysicalNode) -> bool {
    match &node.operator {
        Operator::Subquery(subquery) => {
            matches!(subquery.method, Method::Probe { .. }) && pairs_probe(&subquery.pairs)
        }
        _ => true,
    }
}

/// [`probes`] for all operators over the pairs of a subquery.
fn pairs_probe(node: &PhysicalNode) -> bool {
    probes(node)
        && match &node.operator {
            Operator::Filter { input, .. } | Operator::Lookup { input, .. } => pairs_probe(input),
            Operator::Subquery(subquery) => pairs_probe(&subquery.input),
            Operator::Pairs => true,
            _ => false,
        }
}
