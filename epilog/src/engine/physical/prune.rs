//! Removes what nobody reads once access paths are chosen: lookups and subqueries whose predicates a path implies, and
//! the reading of records of which only the rank counts.
//!
//! ```text
//! before                                           after, where nothing of an album is read
//! lookup Album by album                            index lookup Track by album
//!   index lookup Track by album                      index lookup Album by album.title = "x", keys only
//!     index lookup Album by album.title = "x"
//! ```
//!
//! Rows are references to records in any plan, and what they have is read when an operator needs it: here those go that nobody will.
//! Must not fire on a path that has its records at hand, which is asked whether they are there; on what is read further up, be it by a
//! link, a sieve or an order; nor on the lookup of a record that may be absent where that is told from one of which the rank is known.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Access, Answer, Join, Metered, Method, Operator, PhysicalNode, PhysicalPlan, Subquery};
#[cfg(not(feature = "small"))]
use super::{Ahead, Among, Sieve};
use crate::engine::logical::{Column, Computed, Expr, Slot, SlotDef, WindowTerm};
use crate::parts::Whole;

/// What is read of rows.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    /// The slots of which something is read.
    pub slots: Vec<Slot>,
    /// Of which slots more than the rank is read.
    pub records: Vec<Slot>,
    computed: Vec<Computed>,
}

impl Reads {
    fn expr(&mut self, expr: &Expr, slots: &[SlotDef]) {
        self.computed.extend(expr.computed_values());
        expr.visit(&mut |part| {
            if let Some((slot, position)) = part.as_field() {
                self.slots.push(slot);
                if slots[usize::from(slot.0)].collection.clustered != Some(position) {
                    self.records.push(slot);
                }
            }
        });
    }

    fn record(&mut self, slot: Slot) {
        self.slots.push(slot);
        self.records.push(slot);
    }

    fn node(&mut self, node: &PhysicalNode, slots: &[SlotDef]) {
        self.own(node, slots);
        // What a path's own source reads is the source's business: a lookup above may fill the same slot again.
        match &node.operator {
            Operator::Scan(_) => {}
            #[cfg(not(feature = "small"))]
            Operator::Among(among) => self.node(&among.input, slots),
            _ => node.children().into_iter().for_each(|child| self.node(child, slots)),
        }
    }

    /// What the operator itself reads, and not those beneath it.
    fn own(&mut self, node: &PhysicalNode, slots: &[SlotDef]) {
        match &node.operator {
            Operator::Pairs
            | Operator::Previous { .. }
            | Operator::Limit { .. }
            | Operator::CountRecords { .. }
            | Operator::Scan(_)
            | Operator::Metered(_) => {}
            Operator::Native { slot, .. } => self.record(*slot),
            Operator::Filter { predicates, .. } => predicates.iter().for_each(|expr| self.expr(expr, slots)),
            #[cfg(not(feature = "small"))]
            Operator::Lookup { by: Some(value), .. } | Operator::Among(Among { by: Some(value), .. }) => {
                self.computed.push(*value);
            }
            Operator::Lookup { from, .. } => self.record(*from),
            #[cfg(not(feature = "small"))]
            Operator::Among(among) => self.record(among.from),
            #[cfg(not(feature = "small"))]
            Operator::Sieve(Sieve { by, .. }) | Operator::Ahead(Ahead { by, .. }) => {
                by.iter().for_each(|expr| self.expr(expr, slots));
            }
            Operator::Subquery(Subquery { method, .. }) | Operator::Join(Join { method, .. }) => {
                if let Method::Probe { links, .. } | Method::Hash { links, .. } = method {
                    for link in links {
                        self.expr(&link.inner, slots);
                        self.expr(&link.outer, slots);
                    }
                }
                #[cfg(not(feature = "small"))]
                if let Method::Loop { band: Some(band), .. } = method {
                    band.expressions().for_each(|expr| self.expr(expr, slots));
                }
                #[cfg(not(feature = "small"))]
                if let Method::Probe { span: Some(span), .. } = method {
                    span.expressions().for_each(|expr| self.expr(expr, slots));
                }
                if let Operator::Subquery(subquery) = &node.operator {
                    subquery.asked.expressions().for_each(|expr| self.expr(expr, slots));
                    #[cfg(not(feature = "small"))]
                    subquery.same.iter().for_each(|expr| self.expr(expr, slots));
                }
                // A record that may be absent is told from one of which the rank alone is known.
                if let Operator::Join(join) = &node.operator {
                    self.record(join.slot);
                }
            }
            Operator::Sort { terms, .. } => terms.iter().for_each(|term| self.expr(&term.expr, slots)),
            Operator::Aggregate { keys, items, .. } => {
                let of_items = items.iter().flat_map(|item| item.argument.iter().chain(&item.filter));
                keys.iter().map(|key| &key.expr).chain(of_items).for_each(|expr| self.expr(expr, slots));
            }
            Operator::Shared { columns, .. } => {
                columns.iter().for_each(|column| self.expr(&column.expr, slots))
            }
            Operator::Set { columns, .. } | Operator::Recursive { columns, .. } => {
                let both = columns.iter().flat_map(|column| [&column.left, &column.right]);
                both.for_each(|expr| self.expr(expr, slots));
            }
            Operator::Window { items, .. } => {
                items.iter().flat_map(WindowTerm::expressions).for_each(|expr| self.expr(expr, slots));
            }
        }
    }

    fn columns(&mut self, columns: &[Column], slots: &[SlotDef]) {
        for column in columns {
            match column {
                Column::Value(expr) => self.expr(expr, slots),
                Column::Record(slot) => self.record(*slot),
                Column::Rank(slot) => self.slots.push(*slot),
            }
        }
    }

    /// What is read above the undermost sort of a tree: of its rows, or those that it lets through.
    fn above_sorts(&mut self, node: &PhysicalNode, slots: &[SlotDef]) {
        let children = node.children();
        let Some((input, others)) = children.split_first().filter(|(input, _)| input.sorts()) else { return };
        self.own(node, slots);
        // What rows may point at is no part of them.
        #[cfg(not(feature = "small"))]
        let others = if matches!(node.operator, Operator::Among(_)) { &[] } else { others };
        others.iter().for_each(|child| self.node(child, slots));
        self.above_sorts(input, slots);
    }
}

impl PhysicalPlan {
    /// What is read of rows that a sort has let through, by whatever is above it; `None` when nothing is sorted.
    pub(crate) fn reads_of_sorted(&self) -> Option<(Box<Reads>, Whole)> {
        let whole = Whole::build().filter(|_| self.root.sorts())?;
        let mut reads = Box::<Reads>::default();
        reads.columns(&self.columns, &self.slots);
        reads.above_sorts(&self.root, &self.slots);
        Some((reads, whole))
    }
}

impl PhysicalNode {
    /// Whether this is a sort, or an input of it is.
    fn sorts(&self) -> bool {
        match &self.operator {
            Operator::Sort { .. } => true,
            Operator::Scan(_) | Operator::Pairs | Operator::CountRecords { .. } => false,
            Operator::Previous { .. } => false,
            _ => self.children()[0].sorts(),
        }
    }

    /// The operators that this one takes rows from: its input first.
    pub fn children(&self) -> Vec<&PhysicalNode> {
        match &self.operator {
            Operator::Pairs | Operator::Previous { .. } | Operator::CountRecords { .. } => Vec::new(),
            Operator::Scan(scan) => match &scan.access {
                Access::Pointing { source, .. } | Access::PointedAt { source, .. } => Vec::from([&**source]),
                _ => Vec::new(),
            },
            Operator::Filter { input, .. }
            | Operator::Lookup { input, .. }
            | Operator::Sort { input, .. }
            | Operator::Limit { input, .. }
            | Operator::Native { input, .. }
            | Operator::Aggregate { input, .. }
            | Operator::Window { input, .. }
            | Operator::Shared { input, .. }
            | Operator::Metered(Metered { input, .. }) => Vec::from([&**input]),
            Operator::Set { input, right, .. } | Operator::Recursive { input, step: right, .. } => {
                Vec::from([&**input, &**right])
            }
            #[cfg(not(feature = "small"))]
            Operator::Among(among) => Vec::from([&*among.input, &*among.source]),
            #[cfg(not(feature = "small"))]
            Operator::Sieve(Sieve { input, .. }) | Operator::Ahead(Ahead { input, .. }) => {
                Vec::from([&**input])
            }
            Operator::Subquery(Subquery { input, method, pairs, .. })
            | Operator::Join(Join { input, method, pairs, .. }) => {
                let mut children = Vec::from([&**input]);
                if let Method::Hash { inner, .. } | Method::Loop { inner, .. } = method {
                    children.push(&**inner);
                }
                children.push(&**pairs);
                children
            }
        }
    }

    pub(in crate::engine) fn children_mut(&mut self) -> Vec<&mut PhysicalNode> {
        match &mut self.operator {
            Operator::Pairs | Operator::Previous { .. } | Operator::CountRecords { .. } => Vec::new(),
            Operator::Scan(scan) => match &mut scan.access {
                Access::Pointing { source, .. } | Access::PointedAt { source, .. } => {
                    Vec::from([&mut **source])
                }
                _ => Vec::new(),
            },
            Operator::Filter { input, .. }
            | Operator::Lookup { input, .. }
            | Operator::Sort { input, .. }
            | Operator::Limit { input, .. }
            | Operator::Native { input, .. }
            | Operator::Aggregate { input, .. }
            | Operator::Window { input, .. }
            | Operator::Shared { input, .. }
            | Operator::Metered(Metered { input, .. }) => Vec::from([&mut **input]),
            Operator::Set { input, right, .. } | Operator::Recursive { input, step: right, .. } => {
                Vec::from([&mut **input, &mut **right])
            }
            #[cfg(not(feature = "small"))]
            Operator::Among(among) => Vec::from([&mut *among.input, &mut *among.source]),
            #[cfg(not(feature = "small"))]
            Operator::Sieve(Sieve { input, .. }) | Operator::Ahead(Ahead { input, .. }) => {
                Vec::from([&mut **input])
            }
            Operator::Subquery(Subquery { input, method, pairs, .. })
            | Operator::Join(Join { input, method, pairs, .. }) => {
                let mut children = Vec::from([&mut **input]);
                if let Method::Hash { inner, .. } | Method::Loop { inner, .. } = method {
                    children.push(&mut **inner);
                }
                children.push(&mut **pairs);
                children
            }
        }
    }
}

pub(super) fn prune(plan: &mut PhysicalPlan) {
    let slots = &plan.slots;
    let columns = &plan.columns;
    prune_tree(&mut plan.root, slots, &|reads| reads.columns(columns, slots));
}

/// Prunes a tree of whose rows `above` is read.
fn prune_tree(node: &mut PhysicalNode, slots: &[SlotDef], above: &dyn Fn(&mut Reads)) {
    let reads = loop {
        let mut reads = Reads::default();
        above(&mut reads);
        reads.node(node, slots);
        if !remove(node, &reads) {
            break reads;
        }
    };
    leave_unread(node, &reads, slots);
}

/// Removes what is not read; whether there was something.
fn remove(node: &mut PhysicalNode, reads: &Reads) -> bool {
    let unread = match &node.operator {
        Operator::Lookup { into, .. } => !reads.slots.contains(into),
        Operator::Subquery(subquery) => {
            matches!(subquery.answer, Answer::Value(output) if !reads.computed.contains(&output))
        }
        _ => false,
    };
    if unread {
        let operator = core::mem::replace(&mut node.operator, Operator::Pairs);
        if let Operator::Lookup { input, .. } | Operator::Subquery(Subquery { input, .. }) = operator {
            *node = *input;
        }
        remove(node, reads);
        return true;
    }
    if matches!(node.operator, Operator::Scan(_)) {
        return false;
    }
    #[cfg(not(feature = "small"))]
    if let Operator::Among(among) = &mut node.operator {
        return remove(&mut among.input, reads);
    }
    let mut removed = false;
    for child in node.children_mut() {
        removed |= remove(child, reads);
    }
    removed
}

/// Marks the scans of which only ranks are read, and prunes the sources of access paths.
fn leave_unread(node: &mut PhysicalNode, reads: &Reads, slots: &[SlotDef]) {
    if let Operator::Scan(scan) = &mut node.operator {
        // Other paths have the records at hand, or have to look whether they exist.
        let has_ranks = match &scan.access {
            Access::Index { .. } | Access::Pointing { .. } => true,
            #[cfg(not(feature = "small"))]
            Access::Skip { .. } => true,
            Access::Combined { parts, .. } => parts.iter().all(|part| matches!(part, Access::Index { .. })),
            _ => false,
        };
        scan.fetch = !has_ranks || reads.records.contains(&scan.slot);
        return match &mut scan.access {
            Access::Pointing { source, from, .. } => {
                let from = *from;
                prune_tree(source, slots, &|reads| reads.slots.push(from));
            }
            Access::PointedAt { source, by } => prune_tree(source, slots, &|reads| reads.expr(by, slots)),
            _ => {}
        };
    }
    #[cfg(not(feature = "small"))]
    if let Operator::Among(among) = &mut node.operator {
        let slot = among.slot;
        prune_tree(&mut among.source, slots, &|reads| reads.slots.push(slot));
        return leave_unread(&mut among.input, reads, slots);
    }
    for child in node.children_mut() {
        leave_unread(child, reads, slots);
    }
}
