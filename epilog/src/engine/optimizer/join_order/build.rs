//! [`build`]: a region as nodes, in the order found.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::measure::How;
use super::region::{Attached, Pointer, Region, Set, join};
use super::search::Found;
use crate::engine::estimate::Amount;
use crate::engine::logical::{Expr, Join, Link, Lookup, Node};
use crate::engine::planted::{self, Bug};
use crate::expr::BinaryOp;
use crate::parts::Whole;

/// Puts a region together as found.
pub(super) fn build(mut region: Region<'_>, found: &Found, whole: Whole) -> Node {
    let attached = core::mem::take(&mut region.attached);
    let placed = attached.into_iter().map(|attached| (place(found, attached.about), attached)).collect();
    let steps = core::mem::take(&mut region.steps);
    let last = core::mem::take(&mut region.last);
    let mut builder = Builder { region, found, placed, whole };
    let mut node = builder.set(found.all);
    for mut step in steps {
        **step.input_mut().expect("a step has an input") = node;
        node = step;
    }
    node.filtered(last)
}

struct Builder<'r> {
    region: Region<'r>,
    found: &'r Found,
    /// Subqueries, each with the set whose rows it is asked of.
    placed: Vec<(Set, Attached)>,
    whole: Whole,
}

impl Builder<'_> {
    /// The rows of a set, with all that is asked of them.
    fn set(&mut self, set: Set) -> Node {
        let Some((left, right, how)) = self.found.best(set).of else {
            let relation = &mut self.region.relations[set.trailing_zeros() as usize];
            let node = core::mem::replace(&mut relation.node, Node::Pairs);
            let own = core::mem::take(&mut relation.own);
            return self.attach(set, node.filtered(own));
        };
        let mut node = self.set(left);
        node = match how {
            How::Lookup(pointer) => self.look_up_together(node, (left, right), pointer),
            How::Join | How::Within => {
                let link = |(outer, inner): (&Expr, &Expr)| Link {
                    inner: inner.clone(),
                    outer: outer.clone(),
                    absent_matches: true,
                };
                let links = self.region.links(left, right).map(link).collect();
                join(node, self.set(right), links, self.whole)
            }
            How::Left => self.left_join(node, (left, right)),
        };
        let mut asked: Vec<Expr> = self.region.asked_of(left, right).cloned().collect();
        if planted::is(Bug::TestOfPairsLost) {
            asked.pop();
        }
        match &mut node {
            // Pairs that nothing links are asked where they are made: they may be ranges. So may those of an index, behind what is linked.
            Node::Join(of_pairs)
                if (of_pairs.links.is_empty() || how == How::Within) && *of_pairs.pairs == Node::Pairs =>
            {
                *of_pairs.pairs = Node::Pairs.filtered(asked);
            }
            _ => node = node.filtered(asked),
        }
        self.attach(set, node)
    }

    /// Adds what a left join finds; what is equal of both sides besides is asked of the rows that this makes.
    fn left_join(&mut self, input: Node, (left, right): (Set, Set)) -> Node {
        let inner = self.set(right);
        let of = self.region.left_of(right).expect("what a left join adds");
        let (input, inner) = (Box::new(input), Box::new(inner));
        let joined = Node::Join(Join { input, inner, ..of.join.clone() });
        let equal =
            |(outer, inner): (&Expr, &Expr)| Expr::binary_test(BinaryOp::Eq, inner.clone(), outer.clone());
        let links = self.region.links(left, right).map(equal);
        joined.filtered(links.filter(|_| !planted::is(Bug::LinkOfLeftJoinLost)).collect())
    }

    /// Looks up the record of `right` for each row.
    fn look_up(&mut self, input: Node, pointer: usize, right: Set, links: Vec<(Expr, Expr)>) -> Node {
        let pointer = self.region.pointers[pointer];
        let into = Node::Lookup(Lookup {
            input: Box::new(input),
            from: pointer.from,
            position: pointer.position,
            into: pointer.into,
        });
        // What the lookup makes equal need not be asked.
        let key = self.region.slots[usize::from(pointer.into.0)].collection.clustered;
        let is_pointer = |(left, right): &(Expr, Expr)| {
            left.as_field() == Some((pointer.from, pointer.position))
                && right
                    .as_field()
                    .is_some_and(|(slot, position)| slot == pointer.into && key == Some(position))
        };
        let others = links.into_iter().filter(|link| !is_pointer(link));
        let others = others.map(|(left, right)| Expr::binary_test(BinaryOp::Eq, left, right));
        let mut predicates: Vec<Expr> = others.collect();
        let relation = &mut self.region.relations[right.trailing_zeros() as usize];
        predicates.append(&mut relation.own);
        self.attach(right, into.filtered(predicates))
    }

    /// Looks up, for each row of `left`, the record of `right` that a pointer leads to, and all others of `right` behind it.
    fn look_up_together(&mut self, mut node: Node, (left, right): (Set, Set), pointer: usize) -> Node {
        let mut known = left;
        for number in self.region.behind(self.region.pointers[pointer].ends.1, right) {
            let next = 1 << number;
            let leads = |pointer: &Pointer| pointer.ends.1 == number && known >> pointer.ends.0 & 1 == 1;
            let pointer =
                self.region.pointers.iter().position(leads).expect("one that leads behind what is known");
            let links =
                self.region.links(known, next).map(|(left, right)| (left.clone(), right.clone())).collect();
            node = self.look_up(node, pointer, next, links);
            known |= next;
            // What is asked of both sides is asked when all of it is there.
            let asked = self.region.asked.iter().filter(|(about, _)| {
                about & !right == 0 && about & !known == 0 && about & next != 0 && about.count_ones() > 1
            });
            node = node.filtered(asked.map(|(_, predicate)| predicate.clone()).collect());
        }
        node
    }

    /// Asks of the rows of a set the subqueries that are placed there.
    fn attach(&mut self, set: Set, mut node: Node) -> Node {
        let (here, elsewhere) = core::mem::take(&mut self.placed).into_iter().partition(|(at, _)| *at == set);
        self.placed = elsewhere;
        let here: Vec<(Set, Attached)> = here;
        for (_, Attached { node: mut step, filters, .. }) in here {
            **step.input_mut().expect("a subquery has an input") = node;
            node = step.filtered(filters);
        }
        node
    }
}

/// So many times the fewest rows are as few: what drops rows is best done early.
const AS_FEW: Amount = 1.1;

/// The set, of those that are put together and have all of `about`, that has the fewest rows; the first of several.
fn place(found: &Found, about: Set) -> Set {
    let mut place = found.all;
    let mut set = found.all;
    while let Some((left, right, how)) = found.best(set).of {
        set = match (about & !left, about & !right) {
            (0, _) => left,
            // What is looked up together is no set of its own.
            (_, 0) if matches!(how, How::Join | How::Within) || right.count_ones() == 1 => right,
            _ => return place,
        };
        if found.best(set).rows <= found.best(place).rows * AS_FEW {
            place = set;
        }
    }
    place
}
