//! Subqueries within subqueries, planned once.
//!
//! There are several ways to answer a subquery, and each has to know what its records, and what is asked of pairs, cost. Both may have
//! subqueries within, for which the same is so: planned anew for each way, the innermost of ten would be planned some thousand times.
//! What they cost does not depend on how many rows ask, so it is found out once and remembered.

use alloc::vec::Vec;
use core::cell::RefCell;

use super::{Estimate, Planner};
use crate::engine::logical::Node;

/// What was planned, by what it was planned for, and what was noted of values meanwhile.
pub(super) struct Within<K, T>(RefCell<Vec<(K, T, Vec<Estimate>)>>);

impl<K, T> Default for Within<K, T> {
    fn default() -> Within<K, T> {
        Within(RefCell::default())
    }
}

#[cfg(test)]
std::thread_local! {
    /// How many subqueries were planned by this thread.
    pub(super) static PLANNED: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}

/// Whether something asks subqueries in `node`.
pub(super) fn asks(node: &Node) -> bool {
    let mut asks = false;
    node.visit(&mut |node| asks |= matches!(node, Node::Subquery(_)));
    asks
}

impl Planner<'_> {
    /// What `plan` makes for `key`, or has made before.
    pub(super) fn planned_once<K: PartialEq, T: Clone>(
        &self,
        within: &Within<K, T>,
        key: K,
        plan: impl FnOnce() -> T,
    ) -> T {
        let known = within
            .0
            .borrow()
            .iter()
            .find(|(known, ..)| *known == key)
            .map(|(_, made, noted)| (made.clone(), noted.clone()));
        let (made, noted) = known.unwrap_or_else(|| {
            // Estimates that are known are not noted again; these are those of this plan alone, whatever becomes of others.
            let outer = self.estimates.take();
            let made = plan();
            let noted = self.estimates.replace(outer);
            within.0.borrow_mut().push((key, made.clone(), noted.clone()));
            (made, noted)
        });
        self.note_again(noted);
        made
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan;
    use super::PLANNED;
    use crate::engine::PlanError;
    use crate::engine::fixture::{self as f, Made, draft, field, inner, int, text};
    use crate::engine::logical::{Purpose, lower};
    use crate::engine::optimizer::{RuleSet, optimize};
    use crate::expr::BinaryOp::{And, Eq, Gt};
    use crate::expr::op::{Each, Link};
    use crate::expr::{Draft, FieldPath, Postfix, Quantifier, RowPath, Subquery, UnaryOp};
    use crate::value::Value;
    use alloc::vec::Vec;

    /// Tracks that have others of their album, or an editor who has edited others, that have others, and so on, so many levels deep.
    fn chained(levels: u8, by_album: bool) -> Draft {
        let mut within = inner(levels, f::track::MILLISECONDS).binary(Gt, int(5));
        if !by_album && !levels.is_multiple_of(2) {
            within = inner(levels, f::artist::NAME).binary(Eq, text("x"));
        }
        for position in (1..=levels).rev() {
            let outer = |at| if position == 1 { field(at) } else { inner(position - 1, at) };
            let (collection, of, around) = match (by_album, position % 2) {
                (true, _) => (f::Track as fn() -> _, f::track::ALBUM, f::track::ALBUM),
                (false, 1) => (f::Artist as fn() -> _, f::artist::ID, f::track::EDITOR),
                (false, _) => (f::Track as fn() -> _, f::track::EDITOR, f::artist::ID),
            };
            let on = inner(position, of).binary(Eq, outer(around)).binary(And, within);
            let link = Link::Correlated { position };
            let (quantifier, predicate) = (Quantifier::Any, Some(on));
            within = Postfix::subquery(Subquery { collection, link, quantifier, predicate, equal: None });
        }
        draft(f::Track).filter(within).build()
    }

    #[test]
    fn levels_are_planned_once_and_not_for_each_way_of_those_around() {
        for by_album in [true, false] {
            let planned = |levels| {
                let logical = lower(&f::catalog(), &chained(levels, by_album), Purpose::Rows);
                let logical = optimize(logical.expect("a draft that can be planned"), RuleSet::ALL, &Made);
                PLANNED.set(0);
                plan(&logical, &Made);
                PLANNED.get()
            };
            // With all records at hand, and for those of a row.
            for levels in 1..=16 {
                assert!(planned(levels) <= 2 * usize::from(levels), "{levels}: {}", planned(levels));
            }
        }
    }

    #[test]
    fn queries_and_tests_of_elements_nest_so_deep_and_no_deeper() {
        let lowered = |draft: &Draft| lower(&f::catalog(), draft, Purpose::Rows).map(|_| ());
        for by_album in [true, false] {
            assert_eq!(lowered(&chained(16, by_album)), Ok(()));
            let error = PlanError::NestsTooDeep { what: "queries", limit: 16 };
            assert_eq!(lowered(&chained(17, by_album)), Err(error.clone()));
            assert_eq!(lowered(&chained(127, by_album)), Err(error));
        }

        let tested = |levels: usize, operations: usize| {
            let list = || Postfix::literal(Vec::from([1i64, 2]).to_scalar(), Vec::<i64>::TYPE);
            let element = Postfix::field(FieldPath { row: RowPath::ELEMENT, ordinal: 0 }).binary(Gt, int(1));
            let test = (0..levels).fold(element, |test, _| {
                let test = (0..operations).fold(test, |test, _| test.unary(UnaryOp::Not));
                list().each(Each::Any, test)
            });
            draft(f::Track).filter(test).build()
        };
        assert_eq!(lowered(&tested(16, 0)), Ok(()));
        let error = PlanError::NestsTooDeep { what: "tests of elements", limit: 16 };
        assert_eq!(lowered(&tested(17, 0)), Err(error.clone()));
        assert_eq!(lowered(&tested(126, 0)), Err(error));
        // The operations of all levels are within each other.
        assert_eq!(lowered(&tested(2, 60)), Ok(()));
        assert_eq!(lowered(&tested(3, 60)), Err(PlanError::TooDeep { limit: 128 }));
    }
}
