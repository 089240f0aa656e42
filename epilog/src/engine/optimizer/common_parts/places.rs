//! The places of a plan whose rows could be kept as values.

use alloc::vec::Vec;

use super::super::join_order::is_free_below;
use super::super::propagate_constants::is_indexed;
use crate::engine::logical::{Asked, Expr, Link, LogicalPlan, Node};
use crate::engine::planted::{self, Bug};
use crate::expr::SetKind;

/// A place.
pub(super) struct Place<'n> {
    /// Its number on the way down.
    pub(super) at: usize,
    /// What is asked at its top.
    pub(super) predicates: &'n [Expr],
    /// What is below that.
    pub(super) core: &'n Node,
}

/// The numbers of rows that are kept already, as often as they are asked for.
pub(super) fn numbers(root: &Node) -> Vec<u16> {
    let mut numbers = Vec::new();
    root.visit(&mut |node| {
        if let Node::Shared(shared) = node {
            numbers.push(shared.number);
        }
    });
    numbers
}

/// The places of a plan.
pub(super) fn of<'n>(plan: &'n LogicalPlan, numbers: &[u16]) -> Vec<Place<'n>> {
    let mut survey = Survey { plan, numbers, next: 0, places: Vec::new() };
    // Whether there is a row is known by the first.
    let whole = !matches!(&plan.root, Node::Project(project) if project.columns.is_empty());
    survey.walk(&plan.root, Way { whole, ..Way::default() });
    survey.places
}

/// The node with a number on the way down.
pub(super) fn nth<'n>(node: &'n mut Node, at: &mut usize) -> Option<&'n mut Node> {
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

/// What is known on the way down a plan.
#[derive(Clone, Copy, Default)]
struct Way {
    /// Whether rows may come in any order, and be no records.
    free: bool,
    /// Whether all of them are taken in.
    whole: bool,
    /// Whether records may be searched through an index, by what is linked.
    searched: bool,
    /// Whether there is a filter above.
    filtered: bool,
    /// Whether it is a part of rows that are kept already.
    kept: bool,
}

struct Survey<'n, 'a> {
    plan: &'n LogicalPlan,
    numbers: &'a [u16],
    next: usize,
    places: Vec<Place<'n>>,
}

impl<'n> Survey<'n, '_> {
    /// Notes what is at and below `node`, in the order of [`nth`]. Steps of recursions and pairs are other rows each time.
    fn walk(&mut self, node: &'n Node, way: Way) {
        let at = self.next;
        self.next += 1;
        if way.free && way.whole && !(way.searched || way.filtered || way.kept) {
            let (predicates, core): (&[Expr], &Node) = match node {
                Node::Filter(filter) => (&filter.predicates, &filter.input),
                other => (&[], other),
            };
            let is_work = match core {
                Node::Scan(_) => !predicates.is_empty(),
                Node::Pairs | Node::Previous(_) | Node::Shared(_) | Node::Recursive(_) => false,
                _ => true,
            };
            if is_work && !matches!(node, Node::Project(_)) {
                self.places.push(Place { at, predicates, core });
            }
        }
        let asked = |number: u16| self.numbers.iter().filter(|of| **of == number).count();
        let kept = way.kept || matches!(node, Node::Shared(shared) if asked(shared.number) > 1);
        let same_rows = matches!(node, Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_));
        let below = Way {
            free: is_unseen_below(node, way.free),
            whole: match node {
                Node::Limit(_) => false,
                Node::Aggregate(_) | Node::Window(_) | Node::Sort(_) => true,
                _ => way.whole || kept,
            },
            searched: same_rows && way.searched,
            filtered: matches!(node, Node::Filter(_)),
            kept,
        };
        let beside = Way { free: true, whole: true, kept, ..Way::default() };
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
                self.walk(&join.inner, Way { free: below.free, searched, ..beside });
                let searched = by(&join.links, |link| &link.outer);
                self.walk(&join.input, Way { searched, ..below });
            }
            Node::Set(set) => {
                let whole = way.whole || matches!(set.kind, SetKind::Intersect | SetKind::Except);
                self.walk(&set.right, Way { free: below.free, whole, ..beside });
                self.walk(&set.input, below);
            }
            other => {
                if let Some(input) = other.input() {
                    self.walk(input, below);
                }
            }
        }
    }
}

/// Whether nobody sees the order of a node's input, nor whether its rows are records, where it is `free` of the node's own. A sort
/// tells those that compare equal apart by the key of their record, also where a join is between.
fn is_unseen_below(node: &Node, free: bool) -> bool {
    match node {
        Node::Sort(_) => planted::is(Bug::KeptRowsSorted),
        Node::Join(_) | Node::Shared(_) => free,
        // The rows of one side, and then those of the other.
        Node::Set(set) => free || set.kind != SetKind::UnionAll,
        Node::Recursive(_) => false,
        other => is_free_below(other, free),
    }
}
