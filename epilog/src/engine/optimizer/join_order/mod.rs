//! Joins, and the lookups of to-one relations, go in the order that is expected to cost least.
//!
//! ```text
//! before                                  after
//! aggregate sum(milliseconds)             aggregate sum(milliseconds)
//!   filter album.artist.name = "Saxon"      join Track on Track.album = album.id
//!     lookup Artist by album.artist           join Album on Album.artist = artist.id
//!       lookup Album by album                   filter artist.name = "Saxon"
//!         scan Track                              scan Artist
//! ```
//!
//! A *region*, inner joins with the lookups and filters among them, is taken apart into *relations* (collections, and what is
//! no join of such) and what is asked of them ([`region`]). The orders in which these can be put together are gone through by
//! dynamic programming over connected sets of relations, up to ten; of more, the two with the smallest result are
//! put together until one is left, and of `(a b) c` then `(a c) b` and `(b c) a` are tried, wherever such are, in up to four passes
//! ([`search`]). Then the region is built again ([`build`]): a relation that is pointed at by a
//! required field, or by one without which the row is dropped, can be looked up for each row, as it was, or be where the
//! rows come from, or one of the sides of a hash join. Several of which one leads to the next can be looked up together: what is asked of
//! them all is then found out first, and rows that lead to nothing it leaves are dropped ([`among`](crate::engine::physical::Among)).
//!
//! What is asked of two sides together is a filter of their pairs; or it is asked where pairs are made, where nothing links these, and where
//! it makes a range of an index for each row, behind what is linked, which costs less than all that is linked does.
//!
//! A left join adds a relation, its inner side, to rows which have all that its condition reads ([`region::Left`]), and is on no other side of
//! anything: inner joins that do not read what it adds, and other left joins, come before it or after, whichever is cheaper, and what
//! reads that comes after. So `(a left b) join c` is `(a join c) left b`, `(a left b) left c` is `(a left c) left b`, and `a join (b left c)`
//! is `(a join b) left c`, where the second condition reads nothing of what the first adds. No other order of left joins is made: the inner
//! side of one is whole, a region of its own, so that `a left (b left c)` and `(a left b) left c` stay what they are. A predicate above that
//! drops rows without a pair has made an inner join of it ([`strengthen_joins`](super::strengthen_joins)).
//!
//! ```text
//! before                                       after
//! join Track on Track.editor = id              left join Album on Album.artist = id
//!   inner: filter Track.id = 7                   join Artist on id = Track.editor
//!     scan Track                                   filter Track.id = 7
//!   left join Album on Album.artist = id             scan Track
//!     scan Artist
//! ```
//!
//! A subquery of each row is asked of the fewest rows on the way found ([`build`]). Which part of them it leaves, where it is asked whether
//! anything belongs to a record of one relation, and what it takes to ask that, counts when ways are compared.
//!
//! What is known of the data decides, in estimates: a wrong one makes a plan slow, and none wrong. Values that are equal
//! through others are: where `a = b` and `b = c`, `a` and `c` can be joined first.
//!
//! Must not fire
//!
//! - on joins none of whose links makes a value of one relation equal to one of another, for each has what may have no result,
//!   or reads a record that may be absent: taken apart they would pair everything with everything. They are relations, whole;
//! - on left joins of whose condition or inner side something may have no result, which would be asked of other rows, and on those that read a
//!   calculated value of their rows, or a record that may be absent through a relation: they are relations, whole, and what is below
//!   them is a region of its own;
//! - where rows have an order that somebody sees. The pairs of a join have none; rows that look something up have that of
//!   the keys of their root, unless groups, a set, a subquery or a sort by something else are made of them; groups of sorted rows come
//!   in the order of these;
//! - on what is more than memory holds. Rows that look something up are read in several operations, of which each keeps little in
//!   memory; a join keeps what it reads;
//! - below a subquery that is asked for each row: an index finds its records, which a join does not use.
//!
//! Where rows are wanted in an order, a relation that an index, or its key, gives in that order is kept on the outer side of what
//! it is joined with: of each set that has it the cheapest way is sought that does so, and reads no more rows than make those wanted, the
//! first few or all ([`search::First`]); of more than ten relations, one way that adds to it whichever leaves the fewest pairs. What is equal to a value that rows are ordered by comes in its order as well. In the end that is
//! weighed against the cheapest way to all, whose rows are sorted. Orders of other engines are bits beside each plan, of which one may have
//! several; here each belongs to the relation that rows begin at, and has plans of its own.
//!
//! What may have no result is asked of the pairs that everything else leaves, so that it is an error where it was one.
//!
//! The enumeration is DPccp of G. Moerkotte and T. Neumann, "Analysis of Two Existing and One New Dynamic Programming
//! Algorithm for the Generation of Optimal Bushy Join Trees without Cross Products" (VLDB 2006). We differ in what is done
//! where nothing connects relations: the parts are put together by their numbers of rows, the smallest first.

mod build;
mod measure;
mod region;
mod search;
mod work;

use alloc::vec::Vec;

use super::drop_distinct::only_source;
use super::{Apply, Kinds, Rule};
use crate::engine::estimate::Statistics;
use crate::engine::logical::{Asked, Limit, LogicalPlan, Node, Project, Slot, SlotDef, Sort, replace};
use crate::parts::Whole;
pub(super) use measure::Measure;
use region::{Region, is_added, is_taken_apart};
use search::First;

/// More relations than this stay in the order written.
const RELATIONS_MAX: usize = 64;

pub(super) const RULE: Rule = Rule {
    name: "join_order",
    of: Kinds::JOIN.or(Kinds::LOOKUP).or(Kinds::SUBQUERY),
    apply: Apply::Knowing(apply),
};

fn apply(mut plan: LogicalPlan, statistics: &dyn Statistics) -> LogicalPlan {
    let Some(whole) = Whole::build() else { return plan };
    let slots = core::mem::take(&mut plan.slots);
    let walk = Walk { slots: &slots, measure: Measure::new(&slots, statistics), whole };
    plan.root = walk.node(plan.root, false, None);
    plan.slots = slots;
    plan
}

/// The way down a plan.
struct Walk<'p> {
    slots: &'p [SlotDef],
    measure: Measure<'p>,
    whole: Whole,
}

impl Walk<'_> {
    /// `node` with its joins in order; `free` is whether its rows may come in any, `first` what is wanted of them if that is the first
    /// few of an order.
    fn node(&self, mut node: Node, free: bool, first: Option<&First>) -> Node {
        let survey = Survey::of(&node, self.slots);
        let is_free = free || survey.lefts > 0;
        let may_be_ordered = survey.joins > 0 || (is_free && self.measure.fits(&survey.slots));
        if (2..=RELATIONS_MAX).contains(&survey.relations)
            && may_be_ordered
            && let Some(ordered) = self.region(node.clone(), survey.unlinked, first)
        {
            return ordered;
        }
        if matches!(node, Node::Scan(_) | Node::Pairs | Node::Previous(_)) {
            return node;
        }
        let below = is_free_below(&node, free);
        let first = First::below(&node, first, &self.measure);
        match &mut node {
            Node::Set(set) => replace(&mut set.right, |right| self.node(right, true, None)),
            Node::Subquery(subquery) => {
                // Where links lead into an index, the records are best left as they are.
                let any = subquery.links.is_empty() && matches!(subquery.asked, Asked::Any | Asked::Count);
                replace(&mut subquery.inner, |inner| self.node(inner, any, None));
            }
            Node::Join(join) => replace(&mut join.inner, |inner| self.node(inner, false, None)),
            Node::Recursive(recursive) => replace(&mut recursive.step, |step| self.node(step, true, None)),
            _ => {}
        }
        if let Some(input) = node.input_mut() {
            replace(input, |input| self.node(input, below, first.as_ref()));
        }
        node
    }

    /// A region, put together again; `None` if that pairs everything with everything more often than so many times.
    fn region(&self, node: Node, unlinked: usize, first: Option<&First>) -> Option<Node> {
        let mut region = Region::new(self.slots);
        region.take(node, &|node, free| self.node(node, free, None));
        if !region.settle() {
            return None;
        }
        let found = search::search(&region, &self.measure, first);
        (found.unlinked(&region) <= unlinked).then(|| build::build(region, &found, self.whole))
    }
}

/// Whether the rows of a node's input may come in any order, where its own may if they are `free` to.
pub(super) fn is_free_below(node: &Node, free: bool) -> bool {
    match node {
        Node::Aggregate(aggregate) => {
            // Groups of rows that were sorted come as the first rows of each do.
            let shows_order = !aggregate.keys().is_empty() && aggregate.input.sorts();
            !shows_order && !aggregate.items.iter().any(|item| item.function.depends_on_order())
        }
        Node::Sort(sort) => sorts_by_another(sort),
        Node::Project(Project { columns, .. }) => columns.is_empty(),
        Node::Limit(Limit { .. }) | Node::Window(_) => false,
        Node::Filter(_) | Node::Native(_) | Node::Lookup(_) | Node::Subquery(_) => free,
        Node::Set(_) | Node::Join(_) | Node::Shared(_) | Node::Recursive(_) => true,
        Node::Scan(_) | Node::Pairs | Node::Previous(_) => free,
    }
}

/// Whether a sort orders the records of the query, each once, by something of another one first: then no order that they could
/// come in is of use, and those that compare equal are put in that of their keys by the sort.
fn sorts_by_another(sort: &Sort) -> bool {
    only_source(&sort.input) == Some(Slot(0))
        && sort.terms.first().is_some_and(|term| term.expr.slots().iter().any(|slot| *slot != Slot(0)))
}

/// What there is to put together.
#[derive(Default)]
struct Survey {
    relations: usize,
    joins: usize,
    /// The left joins that add a relation.
    lefts: usize,
    /// Of the joins, those that pair everything with everything.
    unlinked: usize,
    slots: Vec<Slot>,
}

impl Survey {
    fn of(node: &Node, slots: &[SlotDef]) -> Survey {
        let mut survey = Survey::default();
        survey.add(node, slots);
        survey
    }

    fn add(&mut self, node: &Node, slots: &[SlotDef]) {
        match node {
            Node::Filter(_) | Node::Subquery(_) => {}
            Node::Lookup(lookup) => {
                self.relations += 1;
                self.slots.push(lookup.into);
            }
            Node::Join(join) if is_taken_apart(join, slots) => {
                self.joins += 1;
                self.unlinked += usize::from(join.links.is_empty());
                self.add(&join.inner, slots);
            }
            Node::Join(join) if is_added(join, slots) => {
                self.lefts += 1;
                self.relations += 1;
                join.inner.slots(&mut self.slots);
            }
            Node::Scan(scan) => {
                self.relations += 1;
                return self.slots.push(scan.slot);
            }
            // A left join that adds none, or something that has no rows of several relations.
            _ => return self.relations += 1,
        }
        if let Some(input) = node.input() {
            self.add(input, slots);
        }
    }
}

#[cfg(test)]
mod tests;
