//! Rows that a subquery has the same answer for: those that have the same of all that it reads of them.
//!
//! ```text
//! before                                          after
//! any Invoice: every pair                         any Invoice: every pair, once for each Customer.favourite
//!   scan Customer                                   scan Customer
//!   scan Invoice                                    scan Invoice
//!   filter ![any Line]                              filter ![any Line]
//! ```
//!
//! What is negated, counted or compared by less and more within a subquery is asked of each pair. A row with the same values as one
//! before it need not make pairs of its own: it has the same answer. That is a join with the different values of the rows (Neumann and
//! Kemper, *Unnesting Arbitrary Queries*, BTW 2015), but that these are found while rows are read, which are read once so, keep their
//! order, and go on row by row where there are more different values than was expected, or than memory holds.
//!
//! Must not be so where the answers are made for all rows of a key at once anyhow, nor by floats and decimals: of these there are equal ones
//! of which other things are made.

use alloc::vec::Vec;

use super::subquery::Planned;
use super::{Method, Operator, Planner};
use crate::engine::estimate::Amount;
use crate::engine::logical::{Computed, Expr, ExprKind, Node, Slot, Subquery};
use crate::value::Type;

/// Where it is not known how many values a field has, it has so many times fewer than records: whether it is so is seen when rows come.
const VALUES_SHARE: Amount = 10.0;

/// A row makes so many pairs at least, or it is answered as soon as another row would be found.
const PAIRS_MIN: Amount = 8.0;

impl Planner<'_> {
    /// The values of which each combination is answered once, for so many rows, and by how much that is quicker; none where it is not.
    pub(super) fn same(&self, subquery: &Subquery, planned: &Planned, rows: Amount) -> (Vec<Expr>, Amount) {
        let is_asked =
            !matches!(planned.pairs.operator, Operator::Pairs) || subquery.asked.expressions().count() > 0;
        let each = match &planned.method {
            _ if !is_asked => return (Vec::new(), 0.0),
            Method::Probe { .. } => return (Vec::new(), 0.0),
            Method::Hash { inner, links } => self.pairs_expected(1.0, inner.rows, links),
            Method::Loop { inner, .. } => inner.rows * planned.share,
        };
        let by = read_of_rows(subquery);
        let exact = |ty: Type| !matches!(ty, Type::F32 | Type::F64 | Type::Decimal);
        let is_exact =
            |expr: &Expr| exact(expr.ty) && expr.ty.element().is_none_or(exact) && !expr.ty.is_json();
        if each < PAIRS_MIN || by.is_empty() || !by.iter().all(is_exact) {
            return (Vec::new(), 0.0);
        }
        let values = by.iter().map(|expr| match expr.ty {
            Type::Bool => 2.0,
            // Nothing is known of what was calculated.
            _ => match (self.distinct(expr), expr.as_field()) {
                (Some(known), _) => known,
                (None, Some((slot, _))) => self.rows(slot) / VALUES_SHARE,
                (None, None) => rows,
            },
        });
        let different = values.product::<Amount>().min(rows);
        let spared =
            (rows - different) * each * self.costs.pair - rows * self.costs.probe * by.len() as Amount;
        if different * 2.0 > rows || spared <= 0.0 {
            return (Vec::new(), 0.0);
        }
        (by, spared)
    }
}

/// The fields and values of the row that a subquery reads, each once; none where it reads what is not known.
fn read_of_rows(subquery: &Subquery) -> Vec<Expr> {
    let (mut slots, mut computed): (Vec<Slot>, Vec<Computed>) = (Vec::new(), Vec::new());
    let mut exprs: Vec<&Expr> = subquery.links.iter().map(|link| &link.outer).collect();
    exprs.extend(subquery.asked.expressions());
    let mut pointed_from: Vec<Slot> = Vec::new();
    for side in [&subquery.inner, &subquery.pairs] {
        side.visit(&mut |node| {
            exprs.extend(node.expressions());
            match node {
                Node::Scan(scan) => slots.push(scan.slot),
                Node::Lookup(lookup) => {
                    slots.push(lookup.into);
                    pointed_from.push(lookup.from);
                }
                Node::Subquery(nested) => computed.push(nested.output),
                node => node.computed(&mut computed),
            }
        });
    }
    let mut read: Vec<Expr> = Vec::new();
    for expr in exprs {
        expr.visit(&mut |part| {
            let is_of_row = match &part.kind {
                ExprKind::Field(slot, _) => !slots.contains(slot),
                ExprKind::Computed(value) => !computed.contains(value),
                _ => false,
            };
            if is_of_row && read.iter().all(|known| known.kind != part.kind) {
                read.push(part.clone());
            }
        });
    }
    // What rows point at is looked up for the rows themselves, so that it is not what pairs do.
    if pointed_from.iter().any(|slot| !slots.contains(slot)) {
        read.clear();
    }
    read
}
