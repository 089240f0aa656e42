//! Lookups, subqueries and windows whose results nobody reads are removed, and so are values of common rows that none of those who
//! ask for them reads.
//!
//! ```text
//! before                          after
//! aggregate count                 aggregate count
//!   lookup Album by album           scan Track
//!     scan Track
//! ```
//!
//! Both keep every row, so nothing is lost, and so do windows. Must not fire on a lookup that another one begins at, nor on a
//! window when it, or what is below it, may have no result for a row: all rows are part of a window, and an answer to it that
//! nobody reads is an error all the same.

use alloc::vec::Vec;

use super::push_window_filters::is_sure;
use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Column, Computed, LogicalPlan, Node, Slot};
use crate::engine::planted::{self, Bug};
use crate::parts;

pub(super) const RULE: Rule = Rule {
    name: "prune_unused",
    of: Kinds::LOOKUP.or(Kinds::SUBQUERY).or(Kinds::WINDOW).or(Kinds::QUERY),
    apply: Apply::Alone(apply),
};

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    loop {
        let (slots, computed) = reads(&plan.root);
        let mut removed = false;
        #[cfg(not(feature = "small"))]
        let read = read_of_shared(&plan.root, &computed);
        plan.root = plan.root.map(&mut |node| match node {
            #[cfg(not(feature = "small"))]
            Node::Shared(mut shared) => {
                let before = shared.columns.len();
                let mut places = 0..before;
                shared
                    .columns
                    .retain(|_| places.next().is_some_and(|at| read.contains(&(shared.number, at))));
                removed |= shared.columns.len() < before;
                Node::Shared(shared)
            }
            Node::Lookup(lookup) if !slots.contains(&lookup.into) => {
                removed = true;
                *lookup.input
            }
            Node::Subquery(subquery) if !computed.contains(&subquery.output) => {
                removed = true;
                *subquery.input
            }
            Node::Window(mut window)
                if parts::WINDOWS && (is_sure(&window) || planted::is(Bug::WindowFaultPruned)) =>
            {
                let before = window.items.len();
                window.items.retain(|item| computed.contains(&item.output));
                removed |= window.items.len() < before;
                if window.items.is_empty() { *window.input } else { Node::Window(window) }
            }
            other => other,
        });
        // What was removed may have been all that read something else.
        if !removed {
            return plan;
        }
    }
}

/// The places of the values that are read of common rows by any who asks for them, with their numbers: they are carried out once, and
/// all have the same.
#[cfg(not(feature = "small"))]
fn read_of_shared(root: &Node, computed: &[Computed]) -> Vec<(u16, usize)> {
    let mut read: Vec<(u16, usize)> = Vec::new();
    let mut numbers: Vec<u16> = Vec::new();
    root.visit(&mut |node| {
        let Node::Shared(shared) = node else { return };
        if planted::is(Bug::UnreadByFirst) && numbers.contains(&shared.number) {
            return;
        }
        numbers.push(shared.number);
        let columns = shared.columns.iter().enumerate();
        let of_this = columns.filter(|(_, column)| computed.contains(&column.output));
        read.extend(of_this.map(|(at, _)| (shared.number, at)));
    });
    read
}

fn reads(root: &Node) -> (Vec<Slot>, Vec<Computed>) {
    let (mut slots, mut computed) = (Vec::new(), Vec::new());
    root.visit(&mut |node| {
        for expr in node.expressions() {
            slots.extend(expr.slots());
            computed.extend(expr.computed_values());
        }
        match node {
            Node::Lookup(lookup) => slots.push(lookup.from),
            Node::Native(native) => slots.push(native.slot),
            Node::Project(project) => {
                slots.extend(project.columns.iter().filter_map(|column| match column {
                    Column::Record(slot) | Column::Rank(slot) => Some(*slot),
                    Column::Value(_) => None,
                }))
            }
            _ => {}
        }
    });
    (slots, computed)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use crate::engine::fixture::{self as f, draft, field, id, through, window};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{Eq, Multiply};
    #[cfg(not(feature = "small"))]
    use crate::expr::{Clause, Postfix, SetKind};
    use crate::expr::{Frame, WindowFunction, WindowItem};

    #[test]
    fn a_lookup_for_nobody_goes() {
        let predicate = through(&[f::track::ALBUM], f::album::ID).binary(Eq, id(7));
        let draft = draft(f::Track).filter(predicate).build();
        let (before, after) = before_and_after(&draft, "prune_unused", &["key_through_relation"]);
        assert_eq!(before, "project Track\n  filter album = 7\n    lookup Album by album\n      scan Track");
        assert_eq!(after, "project Track\n  filter album = 7\n    scan Track");
    }

    #[test]
    fn a_lookup_on_the_way_stays() {
        let name = through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME);
        let draft = draft(f::Track).select([field(f::track::NAME), name]).build();
        let (before, after) = before_and_after(&draft, "prune_unused", &[]);
        assert_eq!(before, after);
    }

    #[test]
    #[cfg(not(feature = "small"))]
    fn of_common_rows_stays_what_any_reads() {
        let title = through(&[f::track::ALBUM], f::album::TITLE);
        let values = [title, field(f::track::NAME), field(f::track::ACTIVE), field(f::track::NAME)];
        let common = || draft(f::Track).select(values.clone()).clause(Clause::common());
        let both = |one: u16, other: u16| {
            let side = |key| common().select([Postfix::key(key)]);
            let all = side(one).clause(Clause::set(side(other).build(), SetKind::UnionAll));
            before_and_after(&all.build(), "prune_unused", &[]).1
        };
        assert_eq!(
            both(1, 3),
            "project [[name]]\n  union all [name]\n    right: shared 0: Track 2.name, Track 2.name\n      \
             scan Track\n    shared 0: name, name\n      scan Track"
        );
        let after = both(0, 0);
        assert_eq!(after.matches("lookup Album").count(), 2, "{after}");
        assert!(after.contains("shared 0: album.title\n") && !after.contains("active"), "{after}");
    }

    #[test]
    fn of_a_window_stays_what_is_read() {
        let item = |function, argument| WindowItem {
            function,
            argument,
            partition: Vec::new(),
            order: Vec::new(),
            frame: Frame::DEFAULT,
        };
        let items =
            [item(WindowFunction::RowNumber, None), item(WindowFunction::First, Some(field(f::track::NAME)))];
        let query = draft(f::Track).window(items.clone());
        let (before, after) =
            before_and_after(&query.clone().select([window(1)]).build(), "prune_unused", &[]);
        assert!(before.contains("window row_number(); first_value(name)"), "{before}");
        assert_eq!(after, "project [first_value(name)]\n  window first_value(name)\n    scan Track");
        let (_, after) = before_and_after(&query.build(), "prune_unused", &[]);
        assert_eq!(after, "project Track\n  scan Track");
        // The sum of a product is an error if the product has no result.
        let product = field(f::track::MILLISECONDS).binary(Multiply, field(f::track::MILLISECONDS));
        let items = [item(WindowFunction::First, Some(product))];
        let (before, after) = before_and_after(&draft(f::Track).window(items).build(), "prune_unused", &[]);
        assert_eq!(before, after);
    }
}
