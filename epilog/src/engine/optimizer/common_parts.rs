//! Equal parts of a plan are carried out once.
//!
//! ```text
//! before                                     after
//! aggregate sum(price) by album              aggregate sum([price]) by [album]
//!   filter name starts_with "a"                shared 0: album, price
//!     scan Track                                 filter name starts_with "a"
//!                                                  scan Track
//! aggregate max(Track 2.price)               aggregate max([Track 2.price])
//!   filter Track 2.price > 2 &                 filter [Track 2.price] > 2
//!     Track 2.name starts_with "a"               shared 0: Track 2.album, Track 2.price
//!     scan Track                                   filter Track 2.name starts_with "a"
//!                                                    scan Track
//! ```
//!
//! Queries that are there twice in one are found where they are lowered, and what the program itself calls `common` too. Here
//! are those that differ in what is made of their rows: in groups, aggregates, or in what else is asked, which is asked
//! of the rows that are kept. Of parts within parts those are taken that spare most.
//!
//! It is the last of the rules. What is common is a fence, so that it must not be put up before filters have sunk and joins are in
//! order; and where that made two parts differ, each is better off by itself. Parts that are as they were written the same way go
//! the same way, as nothing decides about them but what is in them, and below them.
//!
//! Must not fire
//!
//! - where that costs more than it spares: a few records that an index finds are found again, and rows that no work was done for
//!   are scanned again;
//! - on what is searched through an index for each row, of which not all is read;
//! - where records come out or lead on to others, or their order is seen: rows that are kept are values;
//! - on what depends on a round of a recursion;
//! - on predicates that may have no result: a part of which not all was read would be read whole;
//! - on more than memory holds: a plan with rows that are kept is read in one operation;
//! - for less than it takes to make a plan several times: two values of a query that are equal now may differ the next time, so
//!   that the plan is kept for these only.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr;

use super::join_order::{Measure, is_free_below};
use super::propagate_constants::is_indexed;
use super::{Apply, Rule};
use crate::engine::estimate::Statistics;
use crate::engine::logical::{
    Asked, Column, Computed, ComputedDef, Expr, ExprKind, Filter, Inner, KeyTerm, Link, Literal, LogicalPlan,
    Names, Node, Shared, Slot, SlotDef,
};
use crate::engine::planted::{self, Bug};
use crate::parts::{Amount, Whole};
use crate::value::Scalar;

pub(super) const RULE: Rule = Rule { name: "common_parts", apply: Apply::Knowing(apply) };

/// The part of all work that has to be spared: estimates are no better.
const SPARED: Amount = 0.2;

/// What has to be spared, in nanoseconds: several times what it takes to make a plan, as parts that are equal for values of the query
/// make a plan for these values only. Plans of tests are about few records.
const SPARED_MIN: Amount = if cfg!(test) { 600.0 } else { 200_000.0 };

/// So many parts are looked for, one after the other.
const ROUNDS: usize = 8;

fn apply(mut plan: LogicalPlan, statistics: &dyn Statistics) -> LogicalPlan {
    let Some(whole) = Whole::build() else { return plan };
    if !repeats(&plan.slots) {
        return plan;
    }
    for _ in 0..ROUNDS {
        let Some(found) = find(&plan, statistics) else { return plan };
        plan = share(plan, found, whole);
    }
    plan
}

/// Whether records of one collection are read in two places.
fn repeats(slots: &[SlotDef]) -> bool {
    let mut rest = slots.iter();
    while let Some(slot) = rest.next() {
        if rest.as_slice().iter().any(|other| other.collection.id == slot.collection.id) {
            return true;
        }
    }
    false
}

/// A part of a plan that could be one of several.
struct Part<'n> {
    /// Its number on the way down.
    at: usize,
    /// What it is but for the filter at its top.
    core: &'n Node,
    /// What is asked by that.
    predicates: &'n [Expr],
    /// The slots and the values that are made in it, in the order in which they are met.
    names: Local,
    /// The same node with its slots and values numbered so, and with no values of the query.
    canonical: Node,
    /// What is read of it outside, so numbered.
    read: Vec<Expr>,
}

/// Slots and values by their numbers within a part.
#[derive(Default)]
struct Local {
    slots: Vec<Slot>,
    values: Vec<Computed>,
}

/// Parts that can be one.
struct Found {
    /// Where they are, with the names of what is in each.
    places: Vec<(usize, Local)>,
    /// What all of them ask, by the numbers within a part.
    asked: Vec<Expr>,
    /// The values that are read of any.
    columns: Vec<Expr>,
    number: u16,
}

fn find(plan: &LogicalPlan, statistics: &dyn Statistics) -> Option<Found> {
    let mut numbers: Vec<u16> = Vec::new();
    plan.root.visit(&mut |node| {
        if let Node::Shared(shared) = node {
            numbers.push(shared.number);
        }
    });
    let mut survey = Survey { plan, numbers, next: 0, places: Vec::new() };
    survey.walk(&plan.root, Way::default());
    // Most plans have none that reads the same collections as another.
    let sources: Vec<Vec<u32>> =
        survey.places.iter().map(|(_, _, core)| sources(core, &plan.slots)).collect();
    let has_like = |at: usize| {
        sources.iter().enumerate().any(|(other, of)| other != at && !of.is_empty() && *of == sources[at])
    };
    let likely: Vec<usize> = (0..sources.len()).filter(|at| has_like(*at)).collect();
    if likely.is_empty() {
        return None;
    }
    let measure = Measure::new(&plan.slots, statistics);
    let slots: Vec<Slot> = (0..plan.slots.len() as u16).map(Slot).collect();
    if !measure.fits(&slots) {
        return None;
    }
    let parts: Vec<Part<'_>> = likely.into_iter().filter_map(|at| survey.part(at)).collect();
    let mut best: Option<(Amount, Vec<usize>, Vec<Expr>)> = None;
    for (a, first) in parts.iter().enumerate() {
        let same: Vec<usize> =
            (a + 1..parts.len()).filter(|b| parts[*b].canonical == first.canonical).collect();
        for b in &same {
            let common = in_both(&first.asked(), &parts[*b].asked());
            if matches!(first.core, Node::Scan(_)) && common.is_empty() {
                continue;
            }
            let asks = |part: &Part<'_>| in_both(&common, &part.asked()).len() == common.len();
            let together: Vec<usize> =
                core::iter::once(a).chain(same.iter().copied().filter(|c| asks(&parts[*c]))).collect();
            let spared = spared(&parts, &together, &common, &measure);
            if spared > best.as_ref().map_or(0.0, |(of, ..)| *of) {
                best = Some((spared, together, common));
            }
        }
    }
    let (_, together, asked) = best?;
    differing(&parts, &together, &asked).into_iter().for_each(Literal::pin);
    let columns = columns(&parts, &together, &asked);
    let number =
        survey.numbers.iter().filter(|number| **number < 1 << 15).max().map_or(0, |number| number + 1);
    let mut parts: Vec<Option<Part<'_>>> = parts.into_iter().map(Some).collect();
    let places = together.into_iter().filter_map(|at| parts[at].take().map(|part| (part.at, part.names)));
    let mut places: Vec<(usize, Local)> = places.collect();
    // What is put in one place leaves those before it where they are.
    places.sort_by_key(|(at, _)| core::cmp::Reverse(*at));
    Some(Found { places, asked, columns, number })
}

/// The predicates that are in both lists.
fn in_both(a: &[Expr], b: &[Expr]) -> Vec<Expr> {
    a.iter().filter(|expr| b.contains(expr)).cloned().collect()
}

/// The collections that a node reads, in the order in which they are met; none where it depends on what is around it.
fn sources(node: &Node, slots: &[SlotDef]) -> Vec<u32> {
    let mut sources = Vec::new();
    let mut alone = true;
    node.visit(&mut |node| match node {
        Node::Scan(scan) => sources.push(slots[usize::from(scan.slot.0)].collection.id.0),
        Node::Lookup(lookup) => sources.push(slots[usize::from(lookup.into.0)].collection.id.0),
        Node::Previous(_) | Node::Recursive(_) => alone = false,
        _ => {}
    });
    if !alone {
        sources.clear();
    }
    sources
}

/// What is known on the way down a plan.
#[derive(Clone, Copy, Default)]
struct Way {
    /// Whether rows may come in any order.
    free: bool,
    /// Whether records may be searched through an index, by what is linked.
    searched: bool,
    /// Whether there is a filter above.
    filtered: bool,
    /// Whether it is a part of rows that are kept already.
    kept: bool,
}

/// The places of a plan.
struct Survey<'n> {
    plan: &'n LogicalPlan,
    /// Of rows that are kept, as often as they are asked for.
    numbers: Vec<u16>,
    next: usize,
    /// Each with its number, and what is below the filter at its top, if there is one.
    places: Vec<(usize, &'n [Expr], &'n Node)>,
}

impl<'n> Survey<'n> {
    fn walk(&mut self, node: &'n Node, way: Way) {
        let at = self.next;
        self.next += 1;
        if way.free && !(way.searched || way.filtered || way.kept) {
            match node {
                Node::Filter(filter) if !matches!(*filter.input, Node::Shared(_)) => {
                    self.places.push((at, &filter.predicates, &filter.input));
                }
                Node::Filter(_)
                | Node::Scan(_)
                | Node::Pairs
                | Node::Previous(_)
                | Node::Shared(_)
                | Node::Recursive(_)
                | Node::Project(_) => {}
                _ => self.places.push((at, &[], node)),
            }
        }
        let is_kept = |shared: &Shared| self.numbers.iter().filter(|of| **of == shared.number).count() > 1;
        let kept = way.kept || matches!(node, Node::Shared(shared) if is_kept(shared));
        let same_rows = matches!(node, Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_));
        let below = Way {
            free: is_free_below(node, way.free),
            searched: same_rows && way.searched,
            filtered: matches!(node, Node::Filter(_)),
            kept,
        };
        let beside = Way { free: true, kept, ..Way::default() };
        let slots = &self.plan.slots;
        let by =
            |links: &[Link], side: fn(&Link) -> &Expr| links.iter().any(|link| is_indexed(side(link), slots));
        match node {
            Node::Subquery(subquery) => {
                let free = match &subquery.asked {
                    Asked::Aggregate(term, _) => !term.function.depends_on_order(),
                    Asked::Any | Asked::Count => true,
                };
                let searched = by(&subquery.links, |link| &link.inner);
                self.walk(&subquery.inner, Way { free, searched, ..beside });
                self.walk(&subquery.input, below);
            }
            Node::Join(join) => {
                let searched = by(&join.links, |link| &link.inner);
                self.walk(&join.inner, Way { searched, ..beside });
                let searched = by(&join.links, |link| &link.outer);
                self.walk(&join.input, Way { searched, ..below });
            }
            Node::Set(set) => {
                self.walk(&set.right, beside);
                self.walk(&set.input, below);
            }
            other => {
                if let Some(input) = other.input() {
                    self.walk(input, below);
                }
            }
        }
    }

    /// The part at a place, if it could be one of several.
    fn part(&self, place: usize) -> Option<Part<'n>> {
        let (at, predicates, core) = self.places[place];
        let names = Local::of(core)?;
        if !is_sure(core) || !predicates.iter().all(|predicate| Inner::of(core).is_sure(predicate)) {
            return None;
        }
        let (mut read, mut leads) = (Vec::new(), false);
        outside(&self.plan.root, core, &mut |node| {
            let is_top = matches!(node, Node::Filter(filter) if ptr::eq(&*filter.input, core));
            if !is_top {
                node.expressions().into_iter().for_each(|expr| names.read(expr, &mut read));
            }
            leads |= match node {
                Node::Lookup(lookup) => names.slots.contains(&lookup.from),
                Node::Project(project) => project.columns.iter().any(|column| {
                    matches!(column, Column::Record(slot) | Column::Rank(slot) if names.slots.contains(slot))
                }),
                _ => false,
            };
        });
        if leads {
            return None;
        }
        let canonical = names.canonical(core.clone(), &self.numbers)?;
        Some(Part { at, core, predicates, names, canonical, read })
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

/// Whether it is known of all rows in a node whether they are there.
fn is_sure(node: &Node) -> bool {
    let mut sure = true;
    node.visit(&mut |node| {
        if let Node::Filter(filter) = node {
            let inner = Inner::of(&filter.input);
            sure &= filter.predicates.iter().all(|predicate| inner.is_sure(predicate));
        }
    });
    sure
}

impl Local {
    /// What is made in a node; `None` if it is about pairs of which a side is elsewhere.
    fn of(node: &Node) -> Option<Local> {
        let mut base = node;
        while let Some(input) = base.input() {
            base = input;
        }
        if matches!(base, Node::Pairs) {
            return None;
        }
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
                _ => {}
            }
        });
        Some(local)
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

fn add(expr: Expr, to: &mut Vec<Expr>) {
    // The same value may be said to be absent in one place, where a join leaves rows without it.
    if !to.iter().any(|known| known.kind == expr.kind) {
        to.push(expr);
    }
}

impl Part<'_> {
    /// What is asked at its top, by the numbers within it.
    fn asked(&self) -> Vec<Expr> {
        self.predicates.iter().filter_map(|predicate| self.names.expr(predicate)).collect()
    }
}

/// The values that are read of any of these parts where `asked` is asked within.
fn columns(parts: &[Part<'_>], together: &[usize], asked: &[Expr]) -> Vec<Expr> {
    let mut columns = Vec::new();
    for part in together.iter().map(|at| &parts[*at]) {
        part.read.iter().for_each(|expr| add(expr.clone(), &mut columns));
        for predicate in part.asked().iter().filter(|predicate| !asked.contains(predicate)) {
            predicate.visit(&mut |read| {
                if matches!(read.kind, ExprKind::Field(..) | ExprKind::Computed(_)) {
                    add(read.clone(), &mut columns);
                }
            });
        }
    }
    columns
}

/// What is spared when these parts are one; nothing where that is too little.
fn spared(parts: &[Part<'_>], together: &[usize], asked: &[Expr], measure: &Measure<'_>) -> Amount {
    let first = &parts[together[0]];
    let is_common =
        |predicate: &&Expr| first.names.expr(predicate).is_some_and(|predicate| asked.contains(&predicate));
    let once = first.core.clone().filtered(first.predicates.iter().filter(is_common).cloned().collect());
    let each: Amount = together
        .iter()
        .map(|at| measure.work(&parts[*at].core.clone().filtered(parts[*at].predicates.to_vec())))
        .sum();
    let columns = columns(parts, together, asked);
    let kept = measure.keeping(measure.rows_of(&once), &columns, together.len());
    let spared = each - measure.work(&once) - kept;
    if spared < SPARED_MIN.max(SPARED * each) { 0.0 } else { spared }
}

/// The literals of a part, in the order in which they are met.
fn literals<'n>(part: &Part<'n>) -> Vec<&'n Literal> {
    let mut literals = Vec::new();
    let mut note = |expr: &'n Expr| expr.visit(&mut |part| literals.extend(part.literal_itself()));
    part.core.visit(&mut |node| node.expressions().into_iter().for_each(&mut note));
    literals
}

/// The literals by which these parts are equal for the values only that the query has now.
fn differing<'n>(parts: &'n [Part<'_>], together: &[usize], asked: &[Expr]) -> Vec<&'n Literal> {
    let all = |part: &'n Part<'_>| {
        let mut all = literals(part);
        asked.iter().for_each(|predicate| all.extend(of_predicate(part, predicate)));
        all
    };
    let first = all(&parts[together[0]]);
    let mut differing = Vec::new();
    for at in &together[1..] {
        let pairs = first.iter().zip(all(&parts[*at])).filter(|(a, b)| a.depends_with(b));
        differing.extend(pairs.flat_map(|(a, b)| [*a, b]));
    }
    differing
}

/// The literals of a predicate at the top of a part.
fn of_predicate<'n>(part: &Part<'n>, predicate: &Expr) -> Vec<&'n Literal> {
    let mut literals = Vec::new();
    let found = part.predicates.iter().find(|of| part.names.expr(of).as_ref() == Some(predicate));
    if let Some(found) = found {
        found.visit(&mut |part| literals.extend(part.literal_itself()));
    }
    literals
}

/// Puts rows that are kept in the places found.
fn share(mut plan: LogicalPlan, found: Found, whole: Whole) -> LogicalPlan {
    let Found { places, asked, columns, number } = found;
    for (at, names) in places {
        let node = nth(&mut plan.root, &mut at.clone()).expect("the place was found");
        let taken = core::mem::replace(node, Node::Pairs);
        let (core, predicates) = match taken {
            Node::Filter(Filter { input, predicates }) => (*input, predicates),
            other => (other, Vec::new()),
        };
        let is_common = |predicate: &Expr| names.expr(predicate).is_some_and(|of| asked.contains(&of));
        let (within, mut rest): (Vec<Expr>, Vec<Expr>) = predicates.into_iter().partition(is_common);
        if planted::is(Bug::RestOfPartLost) {
            rest.pop();
        }
        let terms: Vec<KeyTerm> =
            columns.iter().map(|column| term(column, &names, &mut plan, whole)).collect();
        let mut kept = |part: Expr| {
            let term = terms.iter().find(|term| term.expr.kind == part.kind);
            term.map_or(part.clone(), |term| Expr::computed(term.output, part.ty, part.nullable))
        };
        plan.root = plan.root.map(&mut |mut node| {
            node.map_expressions(&mut |expr| expr.map(&mut kept));
            node
        });
        let rest = rest.into_iter().map(|predicate| predicate.map(&mut kept)).collect();
        let input = Box::new(core.filtered(within));
        let shared = Node::Shared(Shared { input, number, columns: terms, whole });
        let node = nth(&mut plan.root, &mut at.clone()).expect("the place is there");
        *node = shared.filtered(rest);
    }
    plan
}

/// A value of rows that are kept, of the part that has these names.
fn term(column: &Expr, names: &Local, plan: &mut LogicalPlan, whole: Whole) -> KeyTerm {
    let (kind, nullable) = match column.kind {
        ExprKind::Field(slot, position) => {
            let slot = names.slots[usize::from(slot.0)];
            let def = &plan.slots[usize::from(slot.0)];
            let optional = def.collection.fields[usize::from(position)].optional;
            (ExprKind::Field(slot, position), def.optional || optional)
        }
        ExprKind::Computed(value) => {
            let value = names.values[usize::from(value.0)];
            (ExprKind::Computed(value), plan.computed[usize::from(value.0)].nullable)
        }
        _ => unreachable!("only fields and values are read"),
    };
    let expr = Expr { kind, ty: column.ty, nullable };
    let name = Names { slots: &plan.slots, computed: &plan.computed }.expr(&expr);
    let output = Computed(plan.computed.len() as u16);
    plan.computed.push(ComputedDef { ty: column.ty, nullable, name });
    KeyTerm { expr, output, whole }
}

/// The node with a number on the way down, in the order of [`Survey::walk`].
fn nth<'n>(node: &'n mut Node, at: &mut usize) -> Option<&'n mut Node> {
    if *at == 0 {
        return Some(node);
    }
    *at -= 1;
    let below: Vec<&mut Node> = match node {
        Node::Subquery(subquery) => Vec::from([&mut *subquery.inner, &mut *subquery.input]),
        Node::Join(join) => Vec::from([&mut *join.inner, &mut *join.input]),
        Node::Set(set) => Vec::from([&mut *set.right, &mut *set.input]),
        other => other.input_mut().map(|input| &mut **input).into_iter().collect(),
    };
    below.into_iter().find_map(|node| nth(node, at))
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use crate::engine::fixture::{
        self as f, DraftBuilder, aggregate, draft, exists, field, id, inner, int, text,
    };
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Divide, Eq, Gt, StartsWith};
    use crate::expr::{AggregateFunction, Clause, Postfix, SetKind};

    const BEFORE: &[&str] = &["split_conjuncts", "decorrelate", "push_filters"];

    fn rewritten(draft: DraftBuilder) -> (String, String) {
        before_and_after(&draft.build(), "common_parts", BEFORE)
    }

    fn named() -> DraftBuilder {
        draft(f::Track).filter(field(f::track::NAME).binary(StartsWith, text("a")))
    }

    fn longest(of: DraftBuilder) -> Postfix {
        let longest = of.aggregate([(AggregateFunction::Max, Some(field(f::track::MILLISECONDS)))]);
        Postfix::scalar(longest.build())
    }

    /// The albums in which a track of these is as long as the longest of others.
    fn albums(of: DraftBuilder, others: DraftBuilder) -> DraftBuilder {
        let own = aggregate(AggregateFunction::Max, Some(field(f::track::MILLISECONDS)));
        let groups = of.group_by([field(f::track::ALBUM)]).filter(own.binary(Eq, longest(others)));
        groups.select([Postfix::key(0)])
    }

    fn stays(draft: DraftBuilder) {
        let (before, after) = rewritten(draft);
        assert_eq!(before, after);
    }

    #[test]
    fn rows_that_groups_and_an_aggregate_are_made_of_are_kept() {
        let (before, after) = rewritten(albums(named(), named()));
        assert!(!before.contains("shared"), "{before}");
        assert_eq!(
            after,
            "project [album]\n  filter [max(milliseconds)] = [[max(Track 2.milliseconds)]]\n    \
             subquery aggregate Track\n      \
             inner: aggregate max([Track 2.milliseconds])\n        \
             shared 0: Track 2.milliseconds, Track 2.album\n          \
             filter Track 2.name starts_with \"a\"\n            scan Track\n      \
             aggregate max([milliseconds]) by [album]\n        shared 0: milliseconds, album\n          \
             filter name starts_with \"a\"\n            scan Track"
        );
    }

    #[test]
    fn what_one_of_them_asks_as_well_is_asked_of_rows_that_are_kept() {
        let long = || field(f::track::MILLISECONDS).binary(Gt, int(9));
        let (_, after) = rewritten(albums(named(), named().filter(long())));
        let expected = "filter [Track 2.milliseconds] > 9\n          shared 0: Track 2.milliseconds, Track 2.album\n            \
                        filter Track 2.name starts_with \"a\"";
        assert!(after.contains(expected), "{after}");
        assert!(after.contains("by [album]\n        shared 0: milliseconds, album\n"), "{after}");
    }

    #[test]
    fn sides_of_a_set_are_one_but_for_what_differs() {
        let side = |at| {
            named().filter(field(f::track::MILLISECONDS).binary(Gt, int(at))).select([field(f::track::ALBUM)])
        };
        let (_, after) = rewritten(side(1).clause(Clause::set(side(2).build(), SetKind::Union)));
        assert_eq!(after.matches("shared 0: album, milliseconds").count(), 1, "{after}");
        assert_eq!(after.matches("shared 0: ").count(), 2, "{after}");
    }

    #[test]
    fn what_differs_stays() {
        let loud = draft(f::Track).filter(field(f::track::NAME).binary(StartsWith, text("b")));
        stays(albums(named(), loud));
        // Nothing is done but to read them.
        stays(albums(draft(f::Track), draft(f::Track)));
        // Not every test has a result.
        let inverse = || int(1).binary(Divide, field(f::track::MILLISECONDS)).binary(Gt, int(0));
        stays(albums(named().filter(inverse()).clause(Clause::Limit(9)), named().filter(inverse())));
    }

    #[test]
    fn few_records_are_found_again() {
        let few = || draft(f::Track).filter(field(f::track::ID).binary(Eq, id(7)));
        stays(albums(few(), few()));
    }

    #[test]
    fn records_that_come_out_are_found_for_themselves() {
        // An order is seen, and records come out.
        let longest = longest(named());
        stays(named().filter(field(f::track::MILLISECONDS).binary(Eq, longest)));
    }

    #[test]
    fn what_an_index_finds_for_each_row_stays() {
        let of_album = || {
            let named = inner(1, f::track::NAME).binary(StartsWith, text("a"));
            named.binary(And, inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID)))
        };
        let pair = exists(f::Track, 1, of_album());
        let rows = draft(f::Album).filter(pair).group_by([field(f::album::ARTIST)]);
        let many = aggregate(AggregateFunction::Count, None)
            .binary(Gt, Postfix::scalar(named().aggregate([(AggregateFunction::Count, None)]).build()));
        stays(rows.filter(many).select([Postfix::key(0)]));
    }
}
