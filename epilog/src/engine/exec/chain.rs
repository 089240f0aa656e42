//! [`Chain`]: a plan carried out in several operations, one after the other.
//!
//! What is read stays in memory until the operation ends, so that reading a collection that is larger than memory takes
//! several. That can be done when a plan is a chain over one walk of leaves or of an index: filters, lookups, limits and
//! subqueries that probe an index keep nothing from one batch to the next but counts, and aggregates keep values. Between
//! two operations the walk is a rank, or the bytes of an index entry, and the plan is changed to go on behind it:
//!
//! ```text
//! limit 10 offset 5                          limit 8
//!   filter year > 1980                         filter year > 1980
//!     scan Album, ranks 1 to the last            scan Album, ranks 4097 to the last
//! ```
//!
//! What cannot be said in a plan is kept beside it ([`Kept`]): ranks that were found and not given, groups, the table of a set,
//! whose sides are two chains, one after the other, and the rows of a sort, which takes its input in one chain of operations
//! and is the start of another.
//!
//! An operation ends when its leaves are read or much of what it read has been evicted, and stays in memory only for it.
//! Records that are reached by their ranks may each lie on another page: of those no more are read between two looks at
//! the memory than an eighth of the cache holds, and a batch for which others are looked up has no more rows than that.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::operators::{Kept, Reach};
use super::rows::Planned;
use super::{OutputBatch, View};
use crate::engine::Lent;
use crate::engine::control::Run;
use crate::engine::error::ExecError;
#[cfg(not(feature = "small"))]
use crate::engine::estimate::Counts;
use crate::engine::logical::WindowTerm;
#[cfg(not(feature = "small"))]
use crate::engine::physical::IndexOrder;
use crate::engine::physical::{Access, Method, Operator, PhysicalNode, PhysicalPlan, Reads, Scan, Subquery};
use crate::parts::{self, Whole};
#[cfg(all(feature = "std", not(feature = "small")))]
use crate::storage::facade::Reading;

/// A plan carried out in several operations.
pub(in crate::engine) struct Chain {
    /// What is left to do.
    plan: Lent,
    /// What is read of sorted rows.
    reads: Option<(Box<Reads>, Whole)>,
    /// What operators have kept of the last operation.
    kept: Vec<Kept>,
    run: Run,
    /// How many rows operators have given that are watched.
    #[cfg(not(feature = "small"))]
    counts: Counts,
    ended: bool,
    /// How many threads begin it: one when that is done, or there is nothing for others.
    #[cfg(all(feature = "std", not(feature = "small")))]
    threads: usize,
}

impl Chain {
    /// Whether `plan` can be carried out in several operations.
    pub(in crate::engine) fn suits(plan: &PhysicalPlan) -> bool {
        is_chain(&plan.root)
    }

    /// Gets ready to carry out `plan`, which suits.
    pub(in crate::engine) fn new(plan: Lent, run: Run) -> Chain {
        debug_assert!(Chain::suits(&plan));
        let reads = plan.reads_of_sorted();
        #[cfg(not(feature = "small"))]
        let counts = Counts::new(plan.watched.clone());
        Chain {
            plan,
            reads,
            kept: Vec::new(),
            run,
            #[cfg(not(feature = "small"))]
            counts,
            ended: false,
            #[cfg(all(feature = "std", not(feature = "small")))]
            threads: 1,
        }
    }

    /// The same, begun by so many threads.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(in crate::engine) fn by_threads(self, threads: usize) -> Chain {
        let mut chain = Chain { threads, ..self };
        if threads > 1 {
            // What others do is not counted, and what is left says nothing.
            chain.counts = Counts::default();
        }
        chain
    }

    /// Carries out what several threads do before the rest is done. No operation may go on meanwhile. Does nothing the second
    /// time, or where one does all.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(in crate::engine) fn run_ahead(&mut self, reading: &dyn Reading) {
        let threads = core::mem::replace(&mut self.threads, 1);
        if threads > 1 {
            super::threads::run_ahead(reading, &mut self.plan, &self.run, threads, &mut self.kept);
        }
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
        let mut planned = Planned::new(view, PhysicalPlan::clone(&self.plan), self.run.clone());
        // What fails here is compared as far as it came.
        #[cfg(not(feature = "small"))]
        {
            planned.env.counts = core::mem::take(&mut self.counts);
            planned.env.counts.of_what_is_committed(view.commit().is_some());
        }
        planned.env.sorted.clone_from(&self.reads);
        let rows = if parts::PAUSES { rows_of_batch(view, &self.plan) } else { usize::MAX };
        planned.root.resume(Reach { leaves, rows }, &mut self.kept);
        self.kept.clear();
        while let Some(batch) = planned.next_batch()? {
            each(&batch)?;
        }
        #[cfg(not(feature = "small"))]
        {
            self.counts = core::mem::take(&mut planned.env.counts);
        }
        self.ended =
            !planned.root.is_paused() || !planned.root.remaining(&mut self.plan.root, &mut self.kept)?;
        Ok(!self.ended)
    }
}

/// Whether an operator and those beneath it keep nothing that is borrowed from a page.
fn is_chain(node: &PhysicalNode) -> bool {
    match &node.operator {
        Operator::Scan(Scan { access: Access::Range { .. } | Access::Nothing, .. }) => true,
        // Entries in another order than theirs are all kept.
        #[cfg(not(feature = "small"))]
        Operator::Scan(Scan {
            access:
                Access::Index { order: IndexOrder::Key | IndexOrder::KeyBackward, entries: Some(entries), .. },
            ..
        }) if entries.alone => false,
        Operator::Scan(Scan { access: Access::Index { .. } | Access::Keys(_), .. }) => parts::PAUSES,
        // These are read within the first operation, and the ranks are kept.
        #[cfg(not(feature = "small"))]
        Operator::Scan(Scan { access: Access::Skip { .. }, .. }) => true,
        Operator::Scan(Scan { access: Access::Combined { .. }, .. }) => parts::PAUSES,
        // What they point with is read within the first operation, and the ranks are kept.
        Operator::Scan(Scan { access: Access::Pointing { key_order: true, .. }, .. })
        | Operator::Scan(Scan { access: Access::PointedAt { .. }, .. }) => parts::PAUSES,
        Operator::Filter { input, .. }
        | Operator::Native { input, .. }
        | Operator::Lookup { input, .. }
        | Operator::Limit { input, .. } => is_chain(input),
        Operator::Sort { input, .. } => parts::PAUSES && is_chain(input),
        // What rows may point at is read within the first operation, and marks of it are kept.
        #[cfg(not(feature = "small"))]
        Operator::Among(among) => is_chain(&among.input),
        Operator::Aggregate { input, .. } => is_chain(input),
        Operator::Metered(metered) => is_chain(&metered.input),
        // One side after the other. What is read of sorted rows is known of one sort alone, above them.
        #[cfg(not(feature = "small"))]
        Operator::Set { input, right, .. } => {
            [input, right].into_iter().all(|side| is_chain(side) && !sorts(side))
        }
        // Others keep their rows.
        Operator::Window { input, items, .. } => {
            items.iter().all(WindowTerm::numbers_as_they_come) && is_chain(input)
        }
        Operator::Subquery(subquery) => parts::PROBES && probes(node) && is_chain(&subquery.input),
        _ => false,
    }
}

/// Whether there is a sort anywhere beneath.
#[cfg(not(feature = "small"))]
fn sorts(node: &PhysicalNode) -> bool {
    matches!(node.operator, Operator::Sort { .. }) || node.children().into_iter().any(sorts)
}

/// How many rows a batch may have so that what is looked up for all of them, wherever it lies, takes no more than a part of
/// the page cache.
pub(super) fn rows_of_batch(view: View<'_>, plan: &PhysicalPlan) -> usize {
    let (mut rows, mut lookups) = (usize::MAX, 0);
    // The sides of sets, after the first.
    let mut others = Vec::new();
    let mut node = &plan.root;
    loop {
        node = match &node.operator {
            Operator::Lookup { input, into: slot, .. } | Operator::Subquery(Subquery { input, slot, .. }) => {
                rows = rows.min(view.records_at_once(&plan.slots[usize::from(slot.0)].collection));
                lookups += 1;
                input
            }
            Operator::Filter { input, .. }
            | Operator::Native { input, .. }
            | Operator::Limit { input, .. }
            | Operator::Sort { input, .. }
            | Operator::Aggregate { input, .. }
            | Operator::Window { input, .. } => input,
            Operator::Metered(metered) => &metered.input,
            #[cfg(not(feature = "small"))]
            Operator::Among(among) => &among.input,
            Operator::Set { input, right, .. } => {
                others.push(&**right);
                input
            }
            other => {
                #[cfg(not(feature = "small"))]
                if let Operator::Scan(Scan {
                    slot, access: Access::Index { entries: Some(entries), .. }, ..
                }) = other
                    && entries.loose > 0
                {
                    // Each entry is somewhere else.
                    rows = rows.min(view.records_at_once(&plan.slots[usize::from(slot.0)].collection));
                    lookups += 1;
                }
                #[cfg(feature = "small")]
                let _ = other;
                match others.pop() {
                    Some(other) => other,
                    None => break,
                }
            }
        };
    }
    (rows / lookups.max(1)).max(1)
}

/// Whether a subquery, and those asked of its pairs, probe an index.
pub(super) fn probes(node: &PhysicalNode) -> bool {
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
            Operator::Metered(metered) => pairs_probe(&metered.input),
            Operator::Pairs => true,
            _ => false,
        }
}
