//! Where a subquery within a subquery reads the row two levels outside, the inner records are joined with those of the nested one, so
//! that what these have in common with the row finds them.
//!
//! ```text
//! before                                                after
//! subquery any Invoice                                  subquery any Invoice on Line.product = favourite
//!   pairs: filter [any Line]                              inner: join Line on Line.invoice = Invoice.id
//!     subquery any Line on Line.invoice = Invoice.id          scan Invoice
//!                      & Line.product = favourite         scan Customer
//!       pairs
//!   scan Customer
//! ```
//!
//! As they are, each row is paired with each inner record, and the nested subquery is asked of each pair. *There is one with one that* is
//! the same as *there are two that*, as often as there are any: so *any* asks of the pairs of a join. What counts inner records, or adds
//! them up, must have each once for a row. So nested records are first made groups by all that links them: of these no two have the same
//! of an inner record and of a row. What a nested subquery counts, or is the least, greatest or sum of, is that of a group:
//!
//! ```text
//! before                                                after
//! subquery any Invoice                                  subquery any Invoice on [Line.product] = favourite
//!   pairs: filter [count Line] > 3                        inner: join Line on [Line.invoice] = Invoice.id
//!     subquery count Line on Line.invoice = Invoice.id          inner: filter [count Line] > 3
//!                        & Line.product = favourite               aggregate count by Line.invoice, Line.product
//!       pairs                                                       scan Line
//!   scan Customer                                           scan Invoice
//!                                                         scan Customer
//! ```
//!
//! That is the join with the different values of the rows of Neumann and Kemper (*Unnesting Arbitrary Queries*, BTW 2015), but that these are
//! taken from the nested records: of a row of another value there is no nested record, and what is asked of none does not hold. Where it does
//! hold of none (*not any*, *fewer than three*), those it does not hold for are taken from all, of which no pair is made:
//!
//! ```text
//! before                                                after
//! filter [any Invoice]                                  filter [count Invoice] > [count other Invoice]
//!   subquery any Invoice                                  subquery count Invoice on Line.product = favourite
//!     pairs: filter ![any Line]                             inner: join Line on Line.invoice = Invoice.id
//!       subquery any Line on Line.invoice = Invoice.id          inner: aggregate by Line.invoice, Line.product
//!                        & Line.product = favourite             scan Invoice
//!         pairs                                             subquery count Invoice
//!     scan Customer                                           scan Customer
//! ```
//!
//! What compares nested records with the row, or with inner records, is asked of the least or the greatest of them ([`ends`]): of inner
//! records joined with that of theirs it is one of two values, by ranges of which the physical plan finds pairs; where the row alone links
//! nested records, each row has that end, and no pair looks for it.
//!
//! Three levels and more go the same way, from the innermost outwards: what has been joined is linked to two levels outside, as a subquery
//! of two is.
//!
//! Must not fire
//!
//! - on a nested subquery whose answer anything else reads, or that has nothing that is equal both to something of the inner records and to
//!   something of the row, but for one comparison in place of either;
//! - where it is not known whether what is asked holds of no record; where it does, on what is neither *any* nor a count of inner records:
//!   least and greatest values cannot be taken from others, and sums may be more than there is room for;
//! - on one that asks more than equalities of its pairs, when groups are made: they do not have it;
//! - where a value that links, or something beneath, may have no result: it would be one of records that no row is paired with;
//! - where an aggregate sees the order of inner records: a join has none;
//! - on what is more than memory holds, as a join keeps what it reads, where it makes many more pairs than that, which are kept too, or
//!   so many that each different row may as well be asked. Inner records of which nothing is read but what links them are made groups
//!   where that makes many pairs few: there are not more than nested records then.

mod ends;
mod question;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use self::ends::Compared;
use self::question::Question;
use super::became::Became;
use super::join_order::Measure;
use super::push_window_filters::is_sure_below;
use super::{Apply, Kinds, Rule};
use crate::engine::estimate::Statistics;
use crate::engine::logical::{
    Aggregate, AggregateTerm, Asked, Computed, ComputedDef, Expr, ExprKind, Inner, Join, KeyTerm, Link,
    LogicalPlan, Lookup, Names, Node, Scan, Slot, SlotDef, Subquery, replace,
};
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, BinaryOp, JoinKind, UnaryOp};
use crate::parts::{Amount, Whole};
use crate::value::Type;

/// So many times as dear as a pair that is tried is a record that is read and joined.
const READ: Amount = 2.0;
/// So many pairs of a join at most are kept for each record that it reads.
const KEPT: Amount = 4.0;
/// Inner records are made groups where there are so many times fewer pairs then.
const FEWER: Amount = 2.0;

pub(super) const RULE: Rule = Rule { name: "join_nested", of: Kinds::SUBQUERY, apply: Apply::Knowing(apply) };

fn apply(mut plan: LogicalPlan, statistics: &dyn Statistics) -> LogicalPlan {
    let Some(whole) = Whole::build() else { return plan };
    let read = plan.root.values_read();
    let slots = core::mem::take(&mut plan.slots);
    let mut walk = Walk {
        slots: &slots,
        copies: Vec::new(),
        computed: core::mem::take(&mut plan.computed),
        measure: Measure::new(&slots, statistics),
        read,
        became: Became::default(),
        whole,
    };
    plan.root = walk.node(plan.root, 1.0);
    plan.computed = walk.computed;
    let copies = walk.copies;
    plan.slots = slots;
    plan.slots.extend(copies);
    plan
}

struct Walk<'p> {
    slots: &'p [SlotDef],
    /// The slots that come behind those: of records that are read twice.
    copies: Vec<SlotDef>,
    computed: Vec<ComputedDef>,
    measure: Measure<'p>,
    /// The values that anything reads, as often as it does.
    read: Vec<Computed>,
    became: Became,
    whole: Whole,
}

/// A subquery within another.
#[derive(Clone, Copy)]
struct Nesting<'n> {
    subquery: &'n Subquery,
    nested: &'n Subquery,
    /// The stages of the pairs of `subquery`, from them upwards.
    chain: &'n [Node],
    /// For so many rows.
    rows: Amount,
    /// Where `nested` is among the stages.
    at: usize,
    /// The values that anything reads, as often as it does.
    read: &'n [Computed],
    /// What an end of the nested records is compared with.
    compared: Option<&'n Expr>,
}

/// The links of a nested subquery by what their outer sides read.
#[derive(Clone)]
struct Split {
    /// Of the inner records.
    inner: Vec<Link>,
    /// Of the row.
    row: Vec<Link>,
    /// Of both.
    both: Vec<Link>,
}

/// What becomes of a subquery.
struct Found {
    /// Its inner side.
    inner: Node,
    /// What is asked of the pairs with it.
    asked: Asked,
    links: Vec<Link>,
    /// What else is asked of its pairs.
    rest: Vec<Expr>,
    /// What is counted that these are taken from.
    all: Option<Subquery>,
}

impl Walk<'_> {
    /// What becomes of a node whose pairs, if it has some at its beginning, are so many.
    fn node(&mut self, mut node: Node, pairs: Amount) -> Node {
        if let Some(input) = node.input_mut() {
            replace(input, |input| self.node(input, pairs));
        }
        match &mut node {
            Node::Subquery(Subquery { input, inner, links, pairs: side, .. })
            | Node::Join(Join { input, inner, links, pairs: side, .. }) => {
                replace(inner, |inner| self.node(inner, 1.0));
                if **side != Node::Pairs {
                    let rows = pairs * self.measure.rows_of(input);
                    let made = self.measure.pairs_of(rows, self.measure.rows_of(inner), links);
                    replace(side, |side| self.node(side, made));
                }
            }
            Node::Set(set) => replace(&mut set.right, |right| self.node(right, 1.0)),
            Node::Recursive(recursive) => replace(&mut recursive.step, |step| self.node(step, 1.0)),
            _ => {}
        }
        self.became.put_into(&mut node);
        match node {
            Node::Subquery(subquery) => {
                let rows = pairs * self.measure.rows_of(&subquery.input);
                Node::Subquery(self.subquery(subquery, rows))
            }
            other => other,
        }
    }

    /// What becomes of a subquery of so many rows.
    fn subquery(&mut self, mut subquery: Subquery, rows: Amount) -> Subquery {
        // From the pairs upwards.
        let (_, mut chain) = core::mem::replace(&mut *subquery.pairs, Node::Pairs).unstacked();
        let mut rest = Vec::new();
        while let Some((at, found)) = (0..chain.len()).find_map(|at| self.joined(&subquery, &chain, rows, at))
        {
            let Node::Subquery(Subquery { output: answer, .. }) = chain.remove(at) else {
                unreachable!("a subquery was found there")
            };
            for node in &mut chain {
                if let Node::Filter(filter) = node {
                    filter.predicates.retain(|asked| !asked.computed_values().contains(&answer));
                }
            }
            *subquery.inner = found.inner;
            subquery.links = found.links;
            rest.extend(found.rest);
            if let Some(all) = found.all {
                let some = self.count_of("other ", subquery.slot);
                self.take_from(&subquery, all.output, some);
                let input = core::mem::replace(&mut subquery.input, Box::new(Node::Pairs));
                *subquery.input = Node::Subquery(Subquery { input, ..all });
                subquery.output = some;
            }
            subquery.asked = match found.asked {
                Asked::Aggregate(mut term, whole) => {
                    term.output = subquery.output;
                    Asked::Aggregate(term, whole)
                }
                asked => asked,
            };
        }
        while let Some((of_row, stages)) =
            (0..chain.len()).find_map(|at| self.asked_of_row(&subquery, &chain, rows, at))
        {
            chain = stages;
            let input = core::mem::replace(&mut subquery.input, Box::new(Node::Pairs));
            *subquery.input = Node::Subquery(Subquery { input, ..of_row });
        }
        let pairs = chain.into_iter().fold(Node::Pairs, |below, mut node| match node {
            Node::Filter(filter) => below.filtered(filter.predicates),
            _ => {
                **node.input_mut().expect("a node of a chain has an input") = below;
                node
            }
        });
        *subquery.pairs = pairs.filtered(rest);
        subquery
    }

    /// Has the answer of a subquery read as what is left of `all` records without `some`.
    fn take_from(&mut self, subquery: &Subquery, all: Computed, some: Computed) {
        let count = |value| Expr::computed(value, Type::U64, false);
        let (all, some) = (count(all), count(some));
        let answer = match subquery.asked {
            Asked::Any => Expr::binary_test(BinaryOp::Gt, all, some),
            _ => {
                let kind = ExprKind::Binary(BinaryOp::Subtract, Box::new(all), Box::new(some));
                Expr { kind, ty: Type::U64, nullable: false }
            }
        };
        self.became.put(subquery.output, answer);
    }

    /// What becomes of a subquery of so many rows by the one at place `at` of its pairs' stages.
    fn joined(
        &mut self,
        subquery: &Subquery,
        chain: &[Node],
        rows: Amount,
        at: usize,
    ) -> Option<(usize, Found)> {
        let Node::Subquery(nested) = &chain[at] else { return None };
        let read = core::mem::take(&mut self.read);
        let nesting = Nesting { subquery, nested, chain, rows, at, read: &read, compared: None };
        let mut found = self.joined_as(&nesting);
        if let (None, Some(compared)) = (&found, Compared::of(subquery, nested)) {
            let known = self.computed.len();
            let chain = self.asked_of_end(&compared, chain, at);
            if let Node::Subquery(end) = &chain[at] {
                let of_end = |value: &Computed| if *value == nested.output { end.output } else { *value };
                let read: Vec<Computed> = read.iter().map(of_end).collect();
                let compared = Some(compared.with);
                found =
                    self.joined_as(&Nesting { nested: end, chain: &chain, read: &read, compared, ..nesting });
            }
            if found.is_none() {
                self.computed.truncate(known);
            }
        }
        self.read = read;
        Some((at, found?))
    }

    /// The stages of pairs with an end of the records of the nested subquery at place `at` in its place.
    fn asked_of_end(&mut self, compared: &Compared<'_>, chain: &[Node], at: usize) -> Vec<Node> {
        let name = Names { slots: self.slots, computed: &self.computed }.expr(compared.value);
        let end = self.value(compared.value.ty, true, compared.named(&name));
        compared.asked_of_end(chain, at, end, self.whole)
    }

    /// The nested subquery of which an end is asked of the row, for all its pairs, and the stages that are left of these.
    fn asked_of_row(
        &mut self,
        subquery: &Subquery,
        chain: &[Node],
        rows: Amount,
        at: usize,
    ) -> Option<(Subquery, Vec<Node>)> {
        let Node::Subquery(nested) = &chain[at] else { return None };
        let compared = Compared::of(subquery, nested)?;
        let split = split(subquery, nested, chain)?;
        let own = Inner::of(&nested.inner);
        let is_of_row = split.inner.is_empty() && split.both.is_empty() && !split.row.is_empty();
        // What it is compared with is calculated for each pair then, though there be no records.
        let (of_row, of_inner) = (Inner::of(&subquery.input), Inner::of(&subquery.inner));
        let values = compared.with.computed_values();
        let is_known = |value: &Computed| of_row.sure.contains(value) || of_inner.sure.contains(value);
        let is_sure = own.is_sure(compared.value)
            && is_sure_below(&nested.inner)
            && !compared.with.may_fault()
            && values.iter().all(is_known);
        if !is_of_row || !is_sure {
            return None;
        }
        let tried = self.measure.pairs_of(rows, self.measure.rows_of(&subquery.inner), &subquery.links);
        // Of all that belong to a row there is an end, and a single one is enough for each pair.
        let read = self.measure.pairs_of(rows, self.measure.rows_of(&nested.inner), &split.row);
        if (rows + read) * READ >= tried {
            return None;
        }
        let known = self.computed.len();
        let mut stages = self.asked_of_end(&compared, chain, at);
        let reads = |node: &Node| {
            let mut reads = 0;
            node.visit(&mut |node| {
                let values = node.expressions().into_iter().flat_map(Expr::computed_values);
                reads += values.filter(|value| *value == nested.output).count();
            });
            reads
        };
        // What is deeper within reads what was there.
        if stages.iter().map(reads).sum::<usize>() > 0 {
            self.computed.truncate(known);
            return None;
        }
        match stages.remove(at) {
            Node::Subquery(of_row) => Some((of_row, stages)),
            _ => None,
        }
    }

    /// What becomes of a subquery, if costs say so.
    fn joined_as(&mut self, nesting: &Nesting<'_>) -> Option<Found> {
        let Nesting { subquery, nested, chain, rows, at, compared, .. } = *nesting;
        let mut slots = Vec::new();
        subquery.inner.slots(&mut slots);
        nested.inner.slots(&mut slots);
        // Of copies of records nothing is known to measure them by.
        if slots.iter().any(|slot| usize::from(slot.0) >= self.slots.len()) {
            return None;
        }
        let (row, inner) = (Inner::of(&subquery.input), Inner::of(&subquery.inner));
        let sees_order = match &subquery.asked {
            Asked::Any | Asked::Count => false,
            Asked::Aggregate(term, _) => term.sees_order(),
        };
        let is_sure = |link: &Link| row.is_sure(&link.outer) && inner.is_sure(&link.inner);
        let is_sure = subquery.links.iter().all(is_sure)
            && is_sure_below(&subquery.inner)
            && is_sure_below(&nested.inner);
        if sees_order || !is_sure {
            return None;
        }
        let split = split(subquery, nested, chain)?;
        if split.inner.is_empty() || split.row.is_empty() && compared.is_none() {
            return None;
        }
        let read_of_rows = split.row.iter().chain(&subquery.links).map(|link| &link.outer).chain(compared);
        let rows = self.measure.different(rows, read_of_rows);
        let inner_rows = self.measure.rows_of(&subquery.inner);
        let tried = self.measure.pairs_of(rows, inner_rows, &subquery.links);
        let dear = inner_rows + self.measure.rows_of(&nested.inner);
        if dear * READ >= tried || !self.measure.fits(&slots) {
            return None;
        }

        let question = Question::of(nesting)?;
        let asked = if question.of_none { Asked::Count } else { subquery.asked.clone() };
        let is_grouped =
            nested.asked != Asked::Any || asked != Asked::Any && !planted::is(Bug::NestedCountsTwice);
        let more = match &*nested.pairs {
            Node::Pairs => Vec::new(),
            Node::Filter(filter) if !is_grouped && *filter.input == Node::Pairs => filter.predicates.clone(),
            _ => return None,
        };
        let all = match question.of_none {
            true => Some(self.all_of(subquery, chain, &question)?),
            false => None,
        };
        let known = self.computed.len();
        let join = Joining { subquery, nested, split: &split, test: question.test.as_ref(), asked: &asked };
        let mut found = self.join(&join, is_grouped);
        let mut pairs = self.measure.pairs_of(inner_rows, self.measure.rows_of(&nested.inner), &split.inner);
        if let Node::Join(Join { inner: groups, .. }) = &found.inner
            && is_grouped
        {
            pairs = pairs.min(inner_rows * self.measure.rows_of(groups));
        }
        let is_kept = |pairs: Amount| pairs <= dear * KEPT && (dear + pairs) * READ < tried;
        // Of groups of inner records there are not more pairs than nested records.
        let grouped = pairs.min(self.measure.rows_of(&nested.inner));
        let is_of_links = more.is_empty() && reads_links_alone(&join, chain, at, &question, &inner);
        if is_of_links && grouped * FEWER < pairs && is_kept(grouped) {
            self.computed.truncate(known);
            found = self.join_groups(&join);
        } else if !is_kept(pairs) {
            self.computed.truncate(known);
            return None;
        }
        found.rest.extend(more);
        found.all = all;
        Some(found)
    }

    /// The inner records joined with the nested ones, or with groups of them if each pair must be there once.
    fn join(&mut self, of: &Joining<'_>, is_grouped: bool) -> Found {
        let Joining { subquery, nested, asked, .. } = *of;
        let mut split = of.split.clone();
        let mut inner = (*nested.inner).clone();
        let (mut above, mut rest): (Vec<Expr>, Vec<Expr>) = (Vec::new(), Vec::new());
        if is_grouped {
            let links = split.inner.iter_mut().chain(&mut split.row).chain(&mut split.both);
            let items = of_groups(nested);
            inner = self.groups(inner, links.map(|link| &mut link.inner), items);
        }
        if let Some(test) = of.test.cloned() {
            let of_inner = Inner::of(&subquery.inner);
            let is_answer = |value: &Computed| *value == nested.output;
            let values = test.computed_values();
            if test.slots().is_empty() && values.iter().all(is_answer) {
                inner = inner.filtered(Vec::from([test]));
            } else if test.slots().iter().all(|slot| of_inner.slots.contains(slot))
                && values.iter().all(|value| is_answer(value) || of_inner.computed.contains(value))
            {
                above.push(test);
            } else {
                rest.push(test);
            }
        }
        rest.extend(split.both.into_iter().flat_map(as_predicates));
        let join = Join {
            input: subquery.inner.clone(),
            slot: nested.slot,
            inner: Box::new(inner),
            links: split.inner,
            pairs: Box::new(Node::Pairs),
            kind: JoinKind::Inner,
            whole: self.whole,
        };
        let links = subquery.links.iter().cloned().chain(split.row).collect();
        Found { inner: Node::Join(join).filtered(above), asked: asked.clone(), links, rest, all: None }
    }

    /// As [`join`](Walk::join), of groups of inner records that the same links: each has the number of these.
    fn join_groups(&mut self, of: &Joining<'_>) -> Found {
        let mut found = self.join(of, true);
        let Node::Join(join) = &mut found.inner else { unreachable!("nothing is asked above") };
        let known = of.subquery.links.len();
        let keys = join.links.iter_mut().map(|link| &mut link.outer);
        let keys = keys.chain(found.links[..known].iter_mut().map(|link| &mut link.inner));
        let records = core::mem::replace(&mut *join.input, Node::Pairs);
        let mut items = Vec::new();
        if found.asked == Asked::Count {
            let output = self.count_of("same ", of.subquery.slot);
            items.push(AggregateTerm {
                function: AggregateFunction::Count,
                argument: None,
                filter: None,
                output,
            });
            let argument = Some(Expr::computed(output, Type::U64, false));
            let function = if planted::is(Bug::AlikeCountedOnce) {
                AggregateFunction::Count
            } else {
                AggregateFunction::Sum
            };
            let term = AggregateTerm { function, argument, filter: None, output: of.subquery.output };
            found.asked = Asked::Aggregate(Box::new(term), self.whole);
        }
        *join.input = self.groups(records, keys, items);
        found
    }

    /// Groups of rows by these expressions, which are read as their keys from there on.
    fn groups<'e>(
        &mut self,
        input: Node,
        by: impl Iterator<Item = &'e mut Expr>,
        items: Vec<AggregateTerm>,
    ) -> Node {
        let mut keys: Vec<KeyTerm> = Vec::new();
        for expr in by {
            let known = keys.iter().find(|key| key.expr == *expr);
            let output = known.map_or_else(|| self.value_of(expr), |key| key.output);
            let value = Expr::computed(output, expr.ty, expr.nullable);
            let expr = core::mem::replace(expr, value);
            if keys.iter().all(|key| key.output != output) {
                keys.push(KeyTerm { expr, output, whole: self.whole });
            }
        }
        Node::Aggregate(Aggregate { input: Box::new(input), keys, items })
    }

    /// The records that a subquery would have without the nested one, counted; `None` where more is made of them than conditions.
    fn all_of(&mut self, subquery: &Subquery, chain: &[Node], question: &Question) -> Option<Subquery> {
        let row = Inner::of(&subquery.input);
        let inner = Inner::of(&subquery.inner);
        let is_sure = |expr: &Expr| {
            let values = expr.computed_values();
            !expr.may_fault()
                && values.iter().all(|value| inner.sure.contains(value) || row.sure.contains(value))
        };
        let mut predicates = Vec::new();
        for node in chain {
            match node {
                Node::Filter(filter) => {
                    let others = filter.predicates.iter().filter(|expr| !question.is_about(expr));
                    predicates.extend(others.cloned());
                }
                Node::Subquery(nested) if nested.output == question.answer => {}
                _ => return None,
            }
        }
        if !predicates.iter().all(is_sure) {
            return None;
        }
        let mut copied = Vec::new();
        let mut records = (*subquery.inner).clone();
        self.copy(&mut records, &mut copied)?;
        let mut links = subquery.links.clone();
        links.iter_mut().for_each(|link| in_copies(&mut link.inner, &copied));
        predicates.iter_mut().for_each(|predicate| in_copies(predicate, &copied));
        Some(Subquery {
            input: Box::new(Node::Pairs),
            slot: copied.iter().find(|(of, _)| *of == subquery.slot)?.1,
            inner: Box::new(records),
            links,
            pairs: Box::new(Node::Pairs.filtered(predicates)),
            asked: Asked::Count,
            output: self.count_of("", subquery.slot),
        })
    }

    /// Gives records that are filtered and looked up other slots.
    fn copy(&mut self, node: &mut Node, copied: &mut Vec<(Slot, Slot)>) -> Option<()> {
        if let Some(input) = node.input_mut() {
            self.copy(input, copied)?;
        }
        let mut into = |slot: &mut Slot| {
            let new = Slot((self.slots.len() + self.copies.len()) as u16);
            self.copies.push(self.slots.get(usize::from(slot.0))?.clone());
            copied.push((*slot, new));
            *slot = new;
            Some(())
        };
        match node {
            Node::Scan(Scan { slot }) => into(slot)?,
            Node::Lookup(Lookup { from, into: slot, .. }) => {
                into(slot)?;
                *from = copied.iter().find(|(of, _)| of == from)?.1;
            }
            Node::Filter(filter) => {
                if !filter.predicates.iter().all(|predicate| predicate.computed_values().is_empty()) {
                    return None;
                }
                filter.predicates.iter_mut().for_each(|predicate| in_copies(predicate, copied));
            }
            _ => return None,
        }
        Some(())
    }

    /// A new value, which is that of an expression.
    fn value_of(&mut self, expr: &Expr) -> Computed {
        let name = Names { slots: self.slots, computed: &self.computed }.expr(expr);
        self.value(expr.ty, expr.nullable, name)
    }

    /// A new value, which is a number of records.
    fn count_of(&mut self, which: &str, slot: Slot) -> Computed {
        let name = format!("count {which}{}", self.slots[usize::from(slot.0)].name);
        self.value(Type::U64, false, name)
    }

    fn value(&mut self, ty: Type, nullable: bool, name: String) -> Computed {
        self.computed.push(ComputedDef { ty, nullable, name });
        Computed(self.computed.len() as u16 - 1)
    }
}

/// What is joined.
#[derive(Clone, Copy)]
struct Joining<'n> {
    subquery: &'n Subquery,
    nested: &'n Subquery,
    split: &'n Split,
    /// What is asked of the nested one's answer.
    test: Option<&'n Expr>,
    /// What is asked of the pairs with what is joined.
    asked: &'n Asked,
}

/// Whether nothing is read of the inner records but what links them to the nested ones and to the row.
fn reads_links_alone(
    of: &Joining<'_>,
    chain: &[Node],
    at: usize,
    question: &Question,
    inner: &Inner,
) -> bool {
    let is_of_row = |(place, node): (usize, &Node)| match node {
        _ if place == at => true,
        Node::Filter(filter) => {
            let mut others = filter.predicates.iter().filter(|expr| !question.is_about(expr));
            others.all(|expr| inner.has_none_of(expr))
        }
        _ => false,
    };
    let is_of_answer = |test: &&Expr| test.slots().is_empty() && test.computed_values() == [question.answer];
    of.split.both.is_empty()
        && !matches!(of.asked, Asked::Aggregate(..))
        && of.test.iter().all(is_of_answer)
        && chain.iter().enumerate().all(is_of_row)
}

/// What a nested subquery asks, of groups.
fn of_groups(nested: &Subquery) -> Vec<AggregateTerm> {
    let term = match &nested.asked {
        Asked::Any => None,
        Asked::Count => Some(AggregateTerm {
            function: AggregateFunction::Count,
            argument: None,
            filter: None,
            output: nested.output,
        }),
        Asked::Aggregate(term, _) => Some((**term).clone()),
    };
    term.into_iter().collect()
}

/// Has an expression read copies of records.
fn in_copies(expr: &mut Expr, copied: &[(Slot, Slot)]) {
    let taken = core::mem::replace(expr, Expr::bool(false));
    *expr = taken.map(&mut |part| match part.kind {
        ExprKind::Field(slot, position) => {
            let copy = copied.iter().find(|(of, _)| *of == slot).map_or(slot, |(_, copy)| *copy);
            Expr { kind: ExprKind::Field(copy, position), ..part }
        }
        _ => part,
    });
}

/// The links of a nested subquery, if all have a value, or none, for every row.
fn split(subquery: &Subquery, nested: &Subquery, chain: &[Node]) -> Option<Split> {
    let row = Inner::of(&subquery.input);
    let inner = Inner::of(&subquery.inner);
    let own = Inner::of(&nested.inner);
    // What stages over pairs make is there when pairs are made, and not before.
    let (mut slots, mut computed) = (Vec::new(), Vec::new());
    for node in chain {
        match node {
            Node::Lookup(lookup) => slots.push(lookup.into),
            Node::Subquery(other) => computed.push(other.output),
            _ => {}
        }
    }
    let made = Inner { slots, computed, sure: Vec::new() };
    let mut split = Split { inner: Vec::new(), row: Vec::new(), both: Vec::new() };
    for link in nested.links.iter().cloned() {
        let values = link.outer.computed_values();
        let sure = !link.outer.may_fault()
            && values.iter().all(|value| inner.sure.contains(value) || row.sure.contains(value));
        if !sure || !own.is_sure(&link.inner) || !made.has_none_of(&link.outer) {
            return None;
        }
        match (inner.has_all_of(&link.outer), inner.has_none_of(&link.outer)) {
            (true, false) => split.inner.push(link),
            (false, true) => split.row.push(link),
            _ => split.both.push(link),
        }
    }
    Some(split)
}

/// A link as predicates.
fn as_predicates(link: Link) -> impl Iterator<Item = Expr> {
    let needs_value = !link.absent_matches && link.inner.nullable && link.outer.nullable;
    let present = || Expr::test(ExprKind::Unary(UnaryOp::IsSome, Box::new(link.inner.clone())));
    let present = needs_value.then(present);
    present.into_iter().chain([Expr::binary_test(BinaryOp::Eq, link.inner, link.outer)])
}
