//! Verification of logical plans: what lowering guarantees and every rule must keep.

use alloc::string::String;
use alloc::vec::Vec;

use super::{
    Column, Computed, Expr, ExprKind, Join, LogicalPlan, Names, Node, Recursive, Set, Slot, Subquery,
};
use crate::value::Type;

/// Checks the invariants of a plan (see the [module](super)).
///
/// # Errors
///
/// A sentence that names the first thing wrong: always a bug of ours.
pub fn check(plan: &LogicalPlan) -> Result<(), String> {
    let Node::Project(project) = &plan.root else { return Err("the last node is not a projection".into()) };
    let checker = Checker { plan };
    let pairs = Rows { slots: Vec::from([Slot(0)]), computed: Vec::new() };
    let rows = checker.node(&project.input, &pairs)?;
    for column in &project.columns {
        match column {
            Column::Value(expr) => checker.expr(expr, &rows)?,
            Column::Record(slot) | Column::Rank(slot) => checker.slot(*slot, &rows)?,
        }
    }
    Ok(())
}

/// What rows have.
#[derive(Clone, Default)]
struct Rows {
    slots: Vec<Slot>,
    computed: Vec<Computed>,
}

struct Checker<'p> {
    plan: &'p LogicalPlan,
}

impl Checker<'_> {
    /// Checks `node`, whose [`Node::Pairs`] have `pairs`; gives what its rows have.
    fn node(&self, node: &Node, pairs: &Rows) -> Result<Rows, String> {
        let mut rows = match node.input() {
            Some(input) => self.node(input, pairs)?,
            None => Rows::default(),
        };
        match node {
            Node::Pairs => return Ok(pairs.clone()),
            Node::Scan(scan) => rows.slots.push(scan.slot),
            Node::Previous(previous) => rows.computed.extend(previous.columns.iter().copied()),
            Node::Project(_) => return Err("a projection is not the last node".into()),
            Node::Lookup(lookup) => {
                self.slot(lookup.from, &rows)?;
                rows.slots.push(lookup.into);
            }
            Node::Native(native) => self.slot(native.slot, &rows)?,
            Node::Subquery(Subquery { inner, links, pairs, .. })
            | Node::Join(Join { inner, links, pairs, .. }) => {
                let inner = self.node(inner, &Rows::default())?;
                for link in links {
                    self.expr(&link.inner, &inner)?;
                    self.expr(&link.outer, &rows)?;
                    if link.inner.ty != link.outer.ty {
                        return Err(format!("a link of {} and {}", link.inner.ty, link.outer.ty));
                    }
                }
                let mut both = rows.clone();
                both.slots.extend(inner.slots);
                both.computed.extend(inner.computed);
                let paired = self.node(pairs, &both)?;
                match node {
                    Node::Subquery(subquery) => {
                        for expr in subquery.asked.expressions() {
                            self.expr(expr, &paired)?;
                        }
                        rows.computed.push(subquery.output);
                    }
                    _ => rows = both,
                }
            }
            Node::Set(Set { right, columns, .. })
            | Node::Recursive(Recursive { step: right, columns, .. }) => {
                let right = self.node(right, &Rows::default())?;
                for column in columns.iter() {
                    self.expr(&column.left, &rows)?;
                    self.expr(&column.right, &right)?;
                    if column.left.ty != column.right.ty {
                        return Err(format!("rows with {} and {}", column.left.ty, column.right.ty));
                    }
                }
                rows = Rows {
                    slots: Vec::new(),
                    computed: columns.iter().map(|column| column.output).collect(),
                };
            }
            _ => {
                for expr in node.expressions() {
                    self.expr(expr, &rows)?;
                }
            }
        }
        let mut predicates = match node {
            Node::Filter(filter) => filter.predicates.iter().collect(),
            Node::Aggregate(aggregate) => {
                aggregate.items.iter().filter_map(|item| item.filter.as_ref()).collect()
            }
            _ => Vec::new(),
        };
        predicates.retain(|predicate| predicate.ty != Type::Bool);
        if let Some(odd) = predicates.first() {
            return Err(format!("a predicate of type {}", odd.ty));
        }
        if let Node::Aggregate(aggregate) = node {
            rows = Rows { slots: Vec::new(), computed: aggregate.outputs().collect() };
        }
        if let Node::Shared(shared) = node {
            let outputs = shared.columns.iter().map(|column| column.output);
            rows = Rows { slots: Vec::new(), computed: outputs.collect() };
        }
        if let Node::Window(window) = node {
            rows.computed.extend(window.items.iter().map(|item| item.output));
        }
        Ok(rows)
    }

    fn slot(&self, slot: Slot, rows: &Rows) -> Result<(), String> {
        if rows.slots.contains(&slot) { Ok(()) } else { Err(format!("slot {} is not there", slot.0)) }
    }

    fn expr(&self, expr: &Expr, rows: &Rows) -> Result<(), String> {
        let mut result = Ok(());
        expr.visit(&mut |part| {
            let here = match &part.kind {
                ExprKind::Field(slot, position) => self.slot(*slot, rows).and_then(|()| {
                    let def = &self.plan.slots[usize::from(slot.0)];
                    let field = &def.collection.fields[usize::from(*position)];
                    if field.ty == part.ty {
                        Ok(())
                    } else {
                        Err(format!("`{}` read as {}", field.name, part.ty))
                    }
                }),
                ExprKind::Computed(computed) if !rows.computed.contains(computed) => {
                    Err(format!("value {} is not there", computed.0))
                }
                _ => Ok(()),
            };
            if result.is_ok() {
                result = here.map_err(|problem| {
                    let names = Names { slots: &self.plan.slots, computed: &self.plan.computed };
                    format!("{problem} in `{}`", names.expr(expr))
                });
            }
        });
        result
    }
}
