//! The logical plan: what is asked, typed and checked.
//!
//! Above: `expr`, queries as built. Below: the optimizer, which turns logical plans into logical plans, and `physical`.
//!
//! A plan is a tree of [`Node`]s through which *rows* flow. A row holds records in *slots* and computed values; nodes add
//! slots ([`Lookup`]), add values ([`Subquery`], [`Aggregate`], [`Windowing`]), drop rows, or order them. Slots and values are numbered
//! through the whole plan, subqueries included, so that an expression means the same wherever it is moved to.
//!
//! Invariants, verified by `check` after every rewrite in debug builds:
//!
//! - an expression reads only slots and values that its node's input has;
//! - predicates are booleans;
//! - a plan's last node is the only [`Project`].

mod aggregate;
mod check;
mod expression;
mod filter;
mod inner;
mod join;
mod limit;
mod literal;
mod lookup;
mod lower;
mod native;
mod project;
mod recursive;
mod scan;
mod set;
mod shared;
mod sort;
mod subquery;
mod text;
#[cfg(not(feature = "small"))]
pub mod typed;
mod typing;
mod window;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::schema::CollectionDef;
use crate::value::Type;

pub use aggregate::{Aggregate, AggregateTerm, KeyTerm};
pub use check::check;
pub use expression::{Computed, Expr, ExprKind, Slot};
pub use filter::Filter;
pub use inner::Inner;
pub use join::Join;
pub use limit::{Limit, Window};
#[cfg(not(feature = "small"))]
pub use literal::{Compared, Parameters};
pub use literal::{Literal, Pins};
pub use lookup::Lookup;
#[cfg(not(feature = "small"))]
pub use lower::lower_with;
pub use lower::{Purpose, lower, lower_assignments, lower_selection};
pub use native::Native;
pub use project::{Column, Project};
pub use recursive::{Previous, Recursive};
pub use scan::Scan;
pub use set::{Set, SetColumn};
pub use shared::Shared;
pub use sort::{Sort, SortTerm};
pub use subquery::{Asked, Link, Subquery};
pub use text::Names;
pub(super) use text::set_name;
pub use window::{WindowTerm, Windowing};

/// A logical plan.
#[derive(Clone, Debug)]
pub struct LogicalPlan {
    /// What the slots hold.
    pub slots: Vec<SlotDef>,
    /// The computed values.
    pub computed: Vec<ComputedDef>,
    /// The last node, a [`Project`].
    pub root: Node,
}

/// What a slot holds.
#[derive(Clone, Debug)]
pub struct SlotDef {
    /// Records of this collection.
    pub collection: Arc<CollectionDef>,
    /// How plans' texts call it: nothing for the root, the path of a relation, the collection's name in a subquery.
    pub name: String,
    /// Whether the record may be absent.
    pub optional: bool,
}

/// A computed value.
#[derive(Clone, Debug)]
pub struct ComputedDef {
    /// Its type.
    pub ty: Type,
    /// Whether it may be absent.
    pub nullable: bool,
    /// How plans' texts call it.
    pub name: String,
}

/// One operation on rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// The records of a collection.
    Scan(Scan),
    /// In a subquery: the pairs of a row and a record.
    Pairs,
    /// Rows for which predicates hold.
    Filter(Filter),
    /// Rows with the record that a relation leads to.
    Lookup(Lookup),
    /// Rows with something about records of another collection.
    Subquery(Subquery),
    /// Rows paired with records of another collection.
    Join(Join),
    /// Ordered rows.
    Sort(Sort),
    /// A window of rows.
    Limit(Limit),
    /// Rows of whose record a test is true that is a program's own code.
    Native(Native),
    /// Groups of rows, a row each.
    Aggregate(Aggregate),
    /// The rows of two inputs as one.
    Set(Set),
    /// Rows that are calculated once.
    Shared(Shared),
    /// Rows, and those that they lead to.
    Recursive(Recursive),
    /// Those of which the others are to be found.
    Previous(Previous),
    /// Rows with values from the rows around them.
    Window(Windowing),
    /// What comes out.
    Project(Project),
}

impl Node {
    /// Whether there is a sort on the way down: those that nobody would see have been dropped.
    pub fn sorts(&self) -> bool {
        matches!(self, Node::Sort(_)) || self.input().is_some_and(Node::sorts)
    }

    /// Where this node's rows come from.
    pub fn input(&self) -> Option<&Node> {
        Some(match self {
            Node::Scan(_) | Node::Pairs | Node::Previous(_) => return None,
            Node::Filter(Filter { input, .. })
            | Node::Lookup(Lookup { input, .. })
            | Node::Subquery(Subquery { input, .. })
            | Node::Join(Join { input, .. })
            | Node::Sort(Sort { input, .. })
            | Node::Limit(Limit { input, .. })
            | Node::Native(Native { input, .. })
            | Node::Aggregate(Aggregate { input, .. })
            | Node::Set(Set { input, .. })
            | Node::Shared(Shared { input, .. })
            | Node::Recursive(Recursive { input, .. })
            | Node::Window(Windowing { input, .. })
            | Node::Project(Project { input, .. }) => input,
        })
    }

    /// As [`input`](Node::input), to be changed.
    pub fn input_mut(&mut self) -> Option<&mut Box<Node>> {
        Some(match self {
            Node::Scan(_) | Node::Pairs | Node::Previous(_) => return None,
            Node::Filter(Filter { input, .. })
            | Node::Lookup(Lookup { input, .. })
            | Node::Subquery(Subquery { input, .. })
            | Node::Join(Join { input, .. })
            | Node::Sort(Sort { input, .. })
            | Node::Limit(Limit { input, .. })
            | Node::Native(Native { input, .. })
            | Node::Aggregate(Aggregate { input, .. })
            | Node::Set(Set { input, .. })
            | Node::Shared(Shared { input, .. })
            | Node::Recursive(Recursive { input, .. })
            | Node::Window(Windowing { input, .. })
            | Node::Project(Project { input, .. }) => input,
        })
    }

    /// The values that expressions of it and of nodes below read, each as often as it is read.
    pub fn values_read(&self) -> Vec<Computed> {
        let mut read = Vec::new();
        self.visit(&mut |node| {
            node.expressions().into_iter().for_each(|expr| read.extend(expr.computed_values()));
        });
        read
    }

    /// Takes it apart: what has no input, and the nodes on it, the lowest first, without their inputs.
    pub fn unstacked(self) -> (Node, Vec<Node>) {
        let (mut stack, mut node) = (Vec::new(), self);
        while let Some(input) = node.input_mut() {
            let below = core::mem::replace(&mut **input, Node::Pairs);
            stack.push(node);
            node = below;
        }
        stack.reverse();
        (node, stack)
    }

    /// Replaces every node, those below first, by what `each` makes of it. Subqueries' nodes are nodes below; what is asked of pairs comes
    /// behind the rows that it is asked of, so that who changes these knows it by then.
    #[must_use]
    pub fn map(mut self, each: &mut dyn FnMut(Node) -> Node) -> Node {
        if let Some(input) = self.input_mut() {
            replace(input, |node| node.map(each));
        }
        if let Node::Subquery(Subquery { inner, pairs, .. }) | Node::Join(Join { inner, pairs, .. }) =
            &mut self
        {
            replace(inner, |node| node.map(each));
            replace(pairs, |node| node.map(each));
        }
        if let Node::Set(Set { right, .. }) | Node::Recursive(Recursive { step: right, .. }) = &mut self {
            replace(right, |node| node.map(each));
        }
        each(self)
    }

    /// Calls `each` for this node and all below, subqueries' included.
    pub fn visit<'n>(&'n self, each: &mut dyn FnMut(&'n Node)) {
        each(self);
        if let Node::Subquery(Subquery { inner, pairs, .. }) | Node::Join(Join { inner, pairs, .. }) = self {
            inner.visit(each);
            pairs.visit(each);
        }
        if let Node::Set(Set { right, .. }) | Node::Recursive(Recursive { step: right, .. }) = self {
            right.visit(each);
        }
        if let Some(input) = self.input() {
            input.visit(each);
        }
    }

    /// The expressions of this node itself.
    pub fn expressions(&self) -> Vec<&Expr> {
        match self {
            Node::Scan(_)
            | Node::Pairs
            | Node::Lookup(_)
            | Node::Limit(_)
            | Node::Native(_)
            | Node::Previous(_) => Vec::new(),
            Node::Filter(filter) => filter.predicates.iter().collect(),
            Node::Subquery(subquery) => {
                let links = subquery.links.iter().flat_map(|link| [&link.inner, &link.outer]);
                links.chain(subquery.asked.expressions()).collect()
            }
            Node::Join(join) => join.links.iter().flat_map(|link| [&link.inner, &link.outer]).collect(),
            Node::Sort(sort) => sort.terms.iter().map(|term| &term.expr).collect(),
            Node::Aggregate(aggregate) => {
                let keys = aggregate.keys().iter().map(|key| &key.expr);
                keys.chain(aggregate.items.iter().flat_map(|item| item.argument.iter().chain(&item.filter)))
                    .collect()
            }
            Node::Set(Set { columns, .. }) | Node::Recursive(Recursive { columns, .. }) => {
                columns.iter().flat_map(|column| [&column.left, &column.right]).collect()
            }
            Node::Shared(shared) => shared.columns.iter().map(|column| &column.expr).collect(),
            Node::Window(window) => window.items.iter().flat_map(WindowTerm::expressions).collect(),
            Node::Project(project) => {
                let value = |column: &'_ Column| matches!(column, Column::Value(_));
                project
                    .columns
                    .iter()
                    .filter(|column| value(column))
                    .map(|column| match column {
                        Column::Value(expr) => expr,
                        Column::Record(_) | Column::Rank(_) => unreachable!("filtered"),
                    })
                    .collect()
            }
        }
    }

    /// Replaces the expressions of this node itself.
    pub fn map_expressions(&mut self, each: &mut dyn FnMut(Expr) -> Expr) {
        let mut change = |expr: &mut Expr| {
            let taken = core::mem::replace(expr, Expr::bool(false));
            *expr = each(taken);
        };
        match self {
            Node::Scan(_)
            | Node::Pairs
            | Node::Lookup(_)
            | Node::Limit(_)
            | Node::Native(_)
            | Node::Previous(_) => {}
            Node::Filter(filter) => filter.predicates.iter_mut().for_each(change),
            Node::Subquery(subquery) => {
                let links = subquery.links.iter_mut().flat_map(|link| [&mut link.inner, &mut link.outer]);
                links.chain(subquery.asked.expressions_mut()).for_each(change);
            }
            Node::Join(join) => {
                join.links.iter_mut().flat_map(|link| [&mut link.inner, &mut link.outer]).for_each(change);
            }
            Node::Sort(sort) => sort.terms.iter_mut().for_each(|term| change(&mut term.expr)),
            Node::Aggregate(aggregate) => {
                aggregate.keys.iter_mut().for_each(|key| change(&mut key.expr));
                let items = aggregate.items.iter_mut();
                items.flat_map(|item| item.argument.iter_mut().chain(&mut item.filter)).for_each(change);
            }
            Node::Set(Set { columns, .. }) | Node::Recursive(Recursive { columns, .. }) => {
                columns.iter_mut().flat_map(|column| [&mut column.left, &mut column.right]).for_each(change);
            }
            Node::Shared(shared) => shared.columns.iter_mut().for_each(|column| change(&mut column.expr)),
            Node::Window(window) => {
                window.items.iter_mut().flat_map(WindowTerm::expressions_mut).for_each(change);
            }
            Node::Project(project) => {
                for column in &mut project.columns {
                    if let Column::Value(expr) = column {
                        change(expr);
                    }
                }
            }
        }
    }

    /// The values that this node's rows have, beside those of [`slots`](Node::slots).
    pub fn computed(&self, out: &mut Vec<Computed>) {
        match self {
            Node::Subquery(subquery) => out.push(subquery.output),
            Node::Join(join) => join.inner.computed(out),
            Node::Aggregate(aggregate) => return out.extend(aggregate.outputs()),
            Node::Set(Set { columns, .. }) | Node::Recursive(Recursive { columns, .. }) => {
                return out.extend(columns.iter().map(|column| column.output));
            }
            Node::Shared(shared) => return out.extend(shared.columns.iter().map(|column| column.output)),
            Node::Previous(previous) => out.extend(previous.columns.iter().copied()),
            Node::Window(window) => out.extend(window.items.iter().map(|item| item.output)),
            _ => {}
        }
        if let Some(input) = self.input() {
            input.computed(out);
        }
    }

    /// The slots that this node's rows have. The rows of [`Node::Pairs`] have those of both sides, which only the
    /// subquery around it knows.
    pub fn slots(&self, out: &mut Vec<Slot>) {
        match self {
            Node::Scan(scan) => out.push(scan.slot),
            Node::Lookup(lookup) => out.push(lookup.into),
            Node::Join(join) => join.inner.slots(out),
            Node::Aggregate(_) | Node::Set(_) | Node::Shared(_) | Node::Recursive(_) => return,
            _ => {}
        }
        if let Some(input) = self.input() {
            input.slots(out);
        }
    }

    /// This node with `predicates` to get through, if there are any; those of a filter are joined.
    #[must_use]
    pub fn filtered(self, predicates: Vec<Expr>) -> Node {
        match self {
            node if predicates.is_empty() => node,
            Node::Filter(Filter { input, predicates: mut all }) => {
                all.extend(predicates);
                Node::Filter(Filter { input, predicates: all })
            }
            node => Node::Filter(Filter { input: Box::new(node), predicates }),
        }
    }
}

/// Replaces a boxed node by what `with` makes of it.
pub fn replace(node: &mut Box<Node>, with: impl FnOnce(Node) -> Node) {
    let taken = core::mem::replace(&mut **node, Node::Pairs);
    **node = with(taken);
}
