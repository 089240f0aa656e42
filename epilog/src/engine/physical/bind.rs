//! Binding: a finished plan is given the values of another query of the same shape.
//!
//! Every literal that is a parameter takes the value of its number, and every access path that follows from values is made
//! again ([`Recipe`](super::Recipe)). Whatever has expressions is named here with all of its fields, so that a new one
//! cannot be forgotten.

use super::{
    Access, Ahead, Among, Band, Entries, Join, Metered, Method, Operator, PhysicalNode, PhysicalPlan, Scan,
    Sieve, Span, Subquery,
};
use crate::engine::logical::{
    AggregateTerm, Asked, Column, Expr, KeyTerm, Link, Literal, SetColumn, SlotDef, SortTerm, Window,
    WindowTerm,
};
use crate::engine::plans::Values;
use crate::expr::Tail;

impl PhysicalPlan {
    /// Ends what literals note of being looked at.
    pub(crate) fn seal(&mut self) {
        self.each(&mut |literal| literal.seal(), &mut |_| {}, false);
    }

    /// Whether there is a limit that is right for no other query, however alike.
    pub(crate) fn has_mixed_counts(&mut self) -> bool {
        let mut mixed = false;
        self.each(&mut |_| {}, &mut |window| mixed |= window.is_mixed(), false);
        mixed
    }

    /// Makes this the plan of a query with these values that ends so. False if it is a plan for others only: then it is for none until it
    /// is bound again.
    pub(crate) fn bind(&mut self, values: Values<'_>, tail: Tail) -> bool {
        self.each(&mut |literal| literal.bind(values), &mut |window| window.bind(tail), true)
    }

    fn each(
        &mut self,
        each: &mut dyn FnMut(&mut Literal),
        window: &mut dyn FnMut(&mut Window),
        paths: bool,
    ) -> bool {
        let PhysicalPlan { slots, computed: _, root, columns, estimates, residency: _, watched: _ } = self;
        for estimate in estimates {
            estimate.predicates_mut().iter_mut().for_each(|predicate| predicate.visit_literals(each));
        }
        for column in columns {
            match column {
                Column::Value(expr) => expr.visit_literals(each),
                Column::Record(_) | Column::Rank(_) => {}
            }
        }
        Walk { slots, each, window, paths }.node(root)
    }
}

struct Walk<'w> {
    slots: &'w [SlotDef],
    each: &'w mut dyn FnMut(&mut Literal),
    window: &'w mut dyn FnMut(&mut Window),
    /// Whether access paths are made again.
    paths: bool,
}

impl Walk<'_> {
    /// Whether all paths could be made.
    fn node(&mut self, node: &mut PhysicalNode) -> bool {
        let PhysicalNode { operator, rows: _ } = node;
        match operator {
            Operator::Scan(scan) => self.scan(scan),
            Operator::Pairs | Operator::CountRecords { slot: _, outputs: _ } => true,
            Operator::Filter { input, predicates, counter: _ } => {
                predicates.iter_mut().for_each(|predicate| self.expr(predicate));
                self.node(input)
            }
            Operator::Lookup { input, from: _, position: _, by: _, into: _ } => self.node(input),
            Operator::Among(Among { input, from: _, position: _, by: _, source, slot: _, _whole: _ }) => {
                self.node(input) && self.node(source)
            }
            Operator::Sieve(Sieve { input, by, number: _, _whole: _ })
            | Operator::Ahead(Ahead { input, by, number: _, _whole: _ }) => {
                by.iter_mut().for_each(|expr| self.expr(expr));
                self.node(input)
            }
            Operator::Subquery(Subquery {
                input,
                slot: _,
                method,
                pairs,
                asked,
                once: _,
                #[cfg(not(feature = "small"))]
                    same: _,
                spills: _,
                #[cfg(not(feature = "small"))]
                    sieves: _,
                answer: _,
            }) => {
                match asked {
                    Asked::Any | Asked::Count => {}
                    Asked::Aggregate(term, _) => self.aggregate(term),
                }
                self.node(input) && self.method(method) && self.node(pairs)
            }
            Operator::Join(Join {
                input,
                slot: _,
                method,
                pairs,
                kind: _,
                reads_inner: _,
                spills: _,
                #[cfg(not(feature = "small"))]
                    merges: _,
                in_order: _,
                #[cfg(not(feature = "small"))]
                    sieves: _,
                #[cfg(not(feature = "small"))]
                    counter: _,
                _whole: _,
            }) => self.node(input) && self.method(method) && self.node(pairs),
            Operator::Sort {
                input,
                terms,
                window,
                #[cfg(not(feature = "small"))]
                    given: _,
                #[cfg(not(feature = "small"))]
                    settled: _,
                #[cfg(not(feature = "small"))]
                    bars: _,
            } => {
                terms.iter_mut().for_each(|term| self.sort(term));
                window.iter_mut().for_each(|window| (self.window)(window));
                self.node(input)
            }
            Operator::Limit { input, window } => {
                (self.window)(window);
                self.node(input)
            }
            Operator::Native { input, slot: _, test: _, _whole: _ } => self.node(input),
            Operator::Aggregate { input, keys, items, in_order: _, runs: _ } => {
                for KeyTerm { expr, output: _, whole: _ } in keys {
                    self.expr(expr);
                }
                items.iter_mut().for_each(|item| self.aggregate(item));
                self.node(input)
            }
            Operator::Set { input, right, kind: _, columns, whole: _ } => {
                for SetColumn { left, right, output: _ } in columns.iter_mut() {
                    self.expr(left);
                    self.expr(right);
                }
                self.node(input) && self.node(right)
            }
            Operator::Shared { input, number: _, found: _, columns, whole: _ } => {
                for KeyTerm { expr, output: _, whole: _ } in columns {
                    self.expr(expr);
                }
                self.node(input)
            }
            Operator::Recursive { input, step, number: _, columns, identity: _, rounds: _, whole: _ } => {
                for SetColumn { left, right, output: _ } in columns.iter_mut() {
                    self.expr(left);
                    self.expr(right);
                }
                self.node(input) && self.node(step)
            }
            Operator::Previous { number: _, columns: _, whole: _ } => true,
            Operator::Window { input, items, whole: _ } => {
                for item in items.iter_mut() {
                    let WindowTerm { function: _, argument, partition, order, frame: _, output: _ } = item;
                    argument.iter_mut().chain(partition).for_each(|expr| self.expr(expr));
                    order.iter_mut().for_each(|term| self.sort(term));
                }
                self.node(input)
            }
            Operator::Metered(Metered { input, meter: _, _whole: _ }) => self.node(input),
        }
    }

    fn scan(&mut self, scan: &mut Scan) -> bool {
        let Scan { slot, access, fetch: _, kind: _, text: _, alternatives: _, recipe, asked: _ } = scan;
        if let Some(recipe) = recipe {
            recipe.predicates_mut().iter_mut().for_each(|predicate| self.expr(predicate));
            if self.paths {
                let collection = &self.slots[usize::from(slot.0)].collection;
                let Some(mut made) = recipe.access(*slot, collection) else { return false };
                // What is done with the entries of an index stays the same.
                if let Access::Index { entries: old @ Some(_), .. } = &mut *access {
                    let Access::Index { entries: new, .. } = &mut made else { return false };
                    *new = old.take();
                }
                *access = made;
            }
            self.entries(access);
            return true;
        }
        self.entries(access);
        match access {
            Access::Nothing
            | Access::Range { low: _, high: _, backward: _, whole: _ }
            | Access::Keys(_)
            | Access::Index { index: _, ranges: _, order: _, entries: _ }
            | Access::Skip { index: _, ranges: _ }
            | Access::Combined { parts: _, how: _, whole: _ } => true,
            // Of such entries nothing is asked.
            Access::Pointing { source, from: _, index: _, key_order: _, entries: _ } => self.node(source),
            Access::PointedAt { source, by } => {
                self.expr(by);
                self.node(source)
            }
        }
    }

    /// What is asked of the entries of an index.
    fn entries(&mut self, access: &mut Access) {
        if let Access::Index { entries: Some(entries), .. } = access {
            let Entries { predicates, alone: _, loose: _, each: _, values: _ } = &mut **entries;
            predicates.iter_mut().for_each(|predicate| self.expr(predicate));
        }
    }

    fn method(&mut self, method: &mut Method) -> bool {
        match method {
            Method::Probe { index: _, links, span, entries: _ } => {
                links.iter_mut().for_each(|link| self.link(link));
                if let Some(span) = span {
                    let Span { field, low, high, start, taken: _ } = &mut **span;
                    self.expr(field);
                    low.iter_mut().chain(high).for_each(|(bound, _)| self.expr(bound));
                    start.iter_mut().for_each(|start| self.expr(start));
                }
                true
            }
            Method::Hash { inner, links } => {
                links.iter_mut().for_each(|link| self.link(link));
                self.node(inner)
            }
            Method::Loop { inner, band } => {
                if let Some(band) = band {
                    let Band { inner, low, high, taken: _ } = &mut **band;
                    self.expr(inner);
                    low.iter_mut().chain(high).for_each(|(bound, _)| self.expr(bound));
                }
                self.node(inner)
            }
        }
    }

    fn link(&mut self, link: &mut Link) {
        let Link { inner, outer, absent_matches: _ } = link;
        self.expr(inner);
        self.expr(outer);
    }

    fn aggregate(&mut self, term: &mut AggregateTerm) {
        let AggregateTerm { function: _, argument, filter, output: _ } = term;
        argument.iter_mut().chain(filter).for_each(|expr| self.expr(expr));
    }

    fn sort(&mut self, term: &mut SortTerm) {
        let SortTerm { expr, descending: _, nulls_first: _ } = term;
        self.expr(expr);
    }

    fn expr(&mut self, expr: &mut Expr) {
        expr.visit_literals(self.each);
    }
}
