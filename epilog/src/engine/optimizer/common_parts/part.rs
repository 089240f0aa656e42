//! [`Part`]: what a part of a plan is, however its slots and values are numbered, so that it can be told whether two are equal.

use alloc::vec::Vec;
use core::ptr;

use super::super::push_window_filters::is_sure_below;
use super::places::Place;
use crate::engine::logical::{
    Asked, Column, Computed, Expr, ExprKind, Literal, LogicalPlan, Node, Slot, SlotDef,
};
use crate::engine::planted::{self, Bug};
use crate::schema::CollectionId;
use crate::value::Scalar;

/// A part of a plan that could be one of several.
pub(super) struct Part<'n> {
    /// Its number on the way down.
    pub(super) at: usize,
    /// What it is but for what is asked at its top.
    pub(super) core: &'n Node,
    /// What is asked there.
    pub(super) predicates: &'n [Expr],
    /// The same, by the numbers within the part, without values of the query.
    pub(super) asked: Vec<Expr>,
    /// The slots and the values that are made in it.
    pub(super) names: Local,
    /// What is read of it outside, so numbered.
    pub(super) read: Vec<Expr>,
    /// The node so numbered.
    canonical: Node,
    /// What its slots hold.
    sources: Vec<Source>,
}

/// The records of a slot, and whether they may be absent.
type Source = (CollectionId, bool);

/// The slots and values of a part, in the order in which they are met: their places are their numbers within the part.
#[derive(Default)]
pub(super) struct Local {
    pub(super) slots: Vec<Slot>,
    pub(super) values: Vec<Computed>,
}

/// What a node reads, in the order in which it is met; `None` where it depends on what is around it, or on a round of a recursion.
pub(super) fn sources(node: &Node, slots: &[SlotDef]) -> Option<Vec<Source>> {
    let local = Local::of(node)?;
    Some(local.slots.iter().map(|slot| source(&slots[usize::from(slot.0)])).collect())
}

fn source(slot: &SlotDef) -> Source {
    (slot.collection.id, slot.optional)
}

impl<'n> Part<'n> {
    /// The part at a place, if it could be one of several.
    pub(super) fn of(plan: &'n LogicalPlan, place: Place<'n>, numbers: &[u16]) -> Option<Part<'n>> {
        let Place { at, predicates, core } = place;
        let names = Local::of(core)?;
        let is_sure = is_sure_below(core) && predicates.iter().all(|predicate| !predicate.may_fault());
        if !is_sure {
            return None;
        }
        let (mut read, mut leads) = (Vec::new(), false);
        outside(&plan.root, core, &mut |node| {
            let is_top = matches!(node, Node::Filter(filter) if ptr::eq(&*filter.input, core));
            if !is_top {
                node.expressions().into_iter().for_each(|expr| names.read(expr, &mut read));
            }
            leads |= match node {
                Node::Lookup(lookup) => names.slots.contains(&lookup.from),
                Node::Native(native) => names.slots.contains(&native.slot),
                Node::Project(project) => project.columns.iter().any(|column| {
                    matches!(column, Column::Record(slot) | Column::Rank(slot) if names.slots.contains(slot))
                }),
                _ => false,
            };
        });
        if leads {
            return None;
        }
        let asked = predicates.iter().map(|predicate| names.expr(predicate)).collect::<Option<_>>()?;
        let canonical = names.canonical(core.clone(), numbers)?;
        let sources = sources(core, &plan.slots)?;
        Some(Part { at, core, predicates, asked, names, read, canonical, sources })
    }

    /// Whether it is the same as another but for what is asked on top.
    pub(super) fn is_like(&self, other: &Part<'_>) -> bool {
        let same_sources = self.sources == other.sources || planted::is(Bug::PartsOfOtherCollections);
        same_sources && self.canonical == other.canonical
    }

    /// Which of its predicates the other asks as well, each of which stands for one of the other's.
    pub(super) fn asked_by(&self, other: &Part<'_>) -> Vec<usize> {
        let mut left: Vec<&Expr> = other.asked.iter().collect();
        let mut is_asked = |expr: &Expr| {
            let found = left.iter().position(|of| *of == expr);
            found.map(|at| left.swap_remove(at)).is_some()
        };
        (0..self.asked.len()).filter(|at| is_asked(&self.asked[*at])).collect()
    }

    /// Which of its predicates are these, one for each; `None` if it does not ask all.
    pub(super) fn asks_all(&self, these: &[&Expr]) -> Option<Vec<usize>> {
        let mut found = Vec::new();
        for expr in these {
            let at = (0..self.asked.len()).find(|at| self.asked[*at] == **expr && !found.contains(at))?;
            found.push(at);
        }
        Some(found)
    }

    /// Its literals and those of these predicates, in an order that is the same for equal parts.
    pub(super) fn literals(&self, within: &[usize]) -> Vec<&'n Literal> {
        let mut literals = Vec::new();
        let mut note = |expr: &'n Expr| expr.visit(&mut |part| literals.extend(part.literal_itself()));
        self.core.visit(&mut |node| node.expressions().into_iter().for_each(&mut note));
        within.iter().for_each(|at| note(&self.predicates[*at]));
        literals
    }
}

/// Calls `each` for the nodes of a plan but for those of one part.
fn outside<'n>(node: &'n Node, part: &Node, each: &mut dyn FnMut(&'n Node)) {
    if ptr::eq(node, part) {
        return;
    }
    each(node);
    match node {
        Node::Subquery(subquery) => {
            outside(&subquery.inner, part, each);
            outside(&subquery.pairs, part, each);
        }
        Node::Join(join) => {
            outside(&join.inner, part, each);
            outside(&join.pairs, part, each);
        }
        Node::Set(set) => outside(&set.right, part, each),
        Node::Recursive(recursive) => outside(&recursive.step, part, each),
        _ => {}
    }
    if let Some(input) = node.input() {
        outside(input, part, each);
    }
}

impl Local {
    /// What is made in a node; `None` if that depends on what is around it.
    fn of(node: &Node) -> Option<Local> {
        let mut base = node;
        while let Some(input) = base.input() {
            base = input;
        }
        let mut alone = !matches!(base, Node::Pairs);
        let mut local = Local::default();
        node.visit(&mut |node| {
            let values = &mut local.values;
            match node {
                Node::Scan(scan) => local.slots.push(scan.slot),
                Node::Lookup(lookup) => local.slots.push(lookup.into),
                Node::Subquery(subquery) => values.push(subquery.output),
                Node::Aggregate(aggregate) => values.extend(aggregate.outputs()),
                Node::Set(set) => values.extend(set.columns.iter().map(|column| column.output)),
                Node::Shared(shared) => values.extend(shared.columns.iter().map(|column| column.output)),
                Node::Window(window) => values.extend(window.items.iter().map(|item| item.output)),
                // What a program's own code does may be another thing each time.
                Node::Previous(_) | Node::Recursive(_) | Node::Native(_) => alone = false,
                Node::Pairs
                | Node::Filter(_)
                | Node::Join(_)
                | Node::Sort(_)
                | Node::Limit(_)
                | Node::Project(_) => {}
            }
        });
        alone.then_some(local)
    }

    fn slot(&self, slot: Slot) -> Option<Slot> {
        self.slots.iter().position(|of| *of == slot).map(|at| Slot(at as u16))
    }

    fn value(&self, value: Computed) -> Option<Computed> {
        self.values.iter().position(|of| *of == value).map(|at| Computed(at as u16))
    }

    /// An expression by the numbers within the part, without values of the query; `None` if it reads something else.
    fn expr(&self, expr: &Expr) -> Option<Expr> {
        let mut inside = true;
        let made = expr.clone().map(&mut |mut part| {
            part.kind = match part.kind {
                ExprKind::Field(slot, position) => {
                    inside &= self.slot(slot).is_some();
                    ExprKind::Field(self.slot(slot).unwrap_or(slot), position)
                }
                ExprKind::Computed(value) => {
                    inside &= self.value(value).is_some();
                    ExprKind::Computed(self.value(value).unwrap_or(value))
                }
                ExprKind::Literal(_) if planted::is(Bug::PartsDifferInValue) => {
                    ExprKind::Literal(Literal::constant(Scalar::Null))
                }
                ExprKind::Literal(literal) => ExprKind::Literal(Literal::constant(literal.peek().clone())),
                kind => kind,
            };
            part
        });
        inside.then_some(made)
    }

    /// Appends what an expression reads of the part.
    fn read(&self, expr: &Expr, out: &mut Vec<Expr>) {
        expr.visit(&mut |part| {
            let reads = match part.kind {
                ExprKind::Field(slot, _) => self.slot(slot).is_some(),
                ExprKind::Computed(value) => self.value(value).is_some(),
                _ => false,
            };
            if reads && let Some(of_part) = self.expr(part) {
                add(of_part, out);
            }
        });
    }

    /// The part by these numbers; `None` if it reads something else.
    fn canonical(&self, node: Node, numbers: &[u16]) -> Option<Node> {
        let mut inside = true;
        let mut slot = |slot: &mut Slot| match self.slot(*slot) {
            Some(of_part) => *slot = of_part,
            None => inside = false,
        };
        let value = |value: &mut Computed| *value = self.value(*value).unwrap_or(*value);
        let mut exprs = true;
        let made = node.map(&mut |mut node| {
            match &mut node {
                Node::Scan(scan) => slot(&mut scan.slot),
                Node::Lookup(lookup) => {
                    slot(&mut lookup.from);
                    slot(&mut lookup.into);
                }
                Node::Subquery(subquery) => {
                    slot(&mut subquery.slot);
                    value(&mut subquery.output);
                    if let Asked::Aggregate(term, _) = &mut subquery.asked {
                        term.output = subquery.output;
                    }
                }
                Node::Join(join) => slot(&mut join.slot),
                Node::Aggregate(aggregate) => {
                    aggregate.keys.iter_mut().for_each(|key| value(&mut key.output));
                    aggregate.items.iter_mut().for_each(|item| value(&mut item.output));
                }
                Node::Set(set) => set.columns.iter_mut().for_each(|column| value(&mut column.output)),
                Node::Shared(shared) => {
                    // What is asked for once has a number for itself.
                    if numbers.iter().filter(|number| **number == shared.number).count() == 1 {
                        shared.number = u16::MAX;
                    }
                    shared.columns.iter_mut().for_each(|column| value(&mut column.output));
                }
                Node::Window(window) => window.items.iter_mut().for_each(|item| value(&mut item.output)),
                _ => {}
            }
            node.map_expressions(&mut |expr| {
                self.expr(&expr).unwrap_or_else(|| {
                    exprs = false;
                    expr
                })
            });
            node
        });
        (inside && exprs).then_some(made)
    }
}

/// Appends a field or a value if it is not there yet.
pub(super) fn add(expr: Expr, to: &mut Vec<Expr>) {
    // The same value may be said to be absent in one place, where a join leaves rows without it.
    if !to.iter().any(|known| known.kind == expr.kind) {
        to.push(expr);
    }
}
