//! Partial indexes: whether a query asks for nothing but records that such an index has.
//!
//! A condition of the index is met when what the query asks of its field allows no value that the condition does not. What the
//! query asks that the condition says already is then implied by reading the index.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Bound;

use super::Planner;
use super::access::{Search, is_tighter};
use super::recipe::pin;
use super::sarg::{Sarg, Test};
use crate::engine::logical::{Expr, Slot};
use crate::engine::planted::{self, Bug};
use crate::schema::IndexDef;
use crate::schema::condition::{Comparison, Condition, ConditionTest};
use crate::value::Scalar;

impl<'s, 'p> Search<'s, 'p> {
    /// The search arguments that the conditions of an index say already; `None` when the index lacks records that are looked
    /// for.
    ///
    /// Whether a value lets the index be read is not asked again of the next one: the plan becomes one for this value.
    pub(super) fn conditions_of(&self, index: &IndexDef) -> Option<Vec<&'s Sarg<'p>>> {
        if self.unmet(index).is_some() {
            return None;
        }
        let mut said = Vec::new();
        for condition in &index.condition {
            let test = as_test(&condition.test);
            said.extend(self.on(condition.position).filter(|sarg| sarg.exact && includes(&sarg.test, &test)));
        }
        Some(said)
    }

    /// A condition of the index that records which are looked for may not meet.
    pub(super) fn unmet<'i>(&self, index: &'i IndexDef) -> Option<&'i Condition> {
        index.condition.iter().find(|condition| {
            let test = as_test(&condition.test);
            let mut about = self.on(condition.position);
            if let ConditionTest::Compared(..) = condition.test {
                about.clone().for_each(|sarg| pin(sarg.predicate));
            }
            let ((low, high), ranges) = self.range_on(condition.position);
            let is_met_together = !ranges.is_empty() && includes(&test, &Test::Range(low, high));
            if planted::is(Bug::PartialIndexNotImplied) {
                return about.next().is_none();
            }
            !is_met_together && !about.any(|sarg| includes(&test, &sarg.test))
        })
    }
}

impl Planner<'_> {
    /// What is searched for in a partial index, as text.
    pub(super) fn of_partial(&self, slot: Slot, index: &IndexDef, used: &[Expr]) -> String {
        let collection = self.collection(slot);
        let condition = collection.condition_of(index);
        match used {
            [] => {
                let name = |position: &u16| collection.fields[usize::from(*position)].name.as_str();
                let fields: Vec<&str> = index.fields.iter().map(name).collect();
                format!("{}{condition}", fields.join(", "))
            }
            used => format!("{}{condition}", self.names().predicates(used)),
        }
    }
}

fn as_test(condition: &ConditionTest) -> Test {
    use Bound::{Excluded, Included, Unbounded};
    match condition {
        ConditionTest::Absent => Test::OneOf(Vec::from([Scalar::Null])),
        ConditionTest::Present => Test::Range(Unbounded, Unbounded),
        ConditionTest::Compared(comparison, value) => {
            let value = value.clone();
            match comparison {
                Comparison::Eq => Test::OneOf(Vec::from([value])),
                Comparison::Lt => Test::Range(Unbounded, Excluded(value)),
                Comparison::Le => Test::Range(Unbounded, Included(value)),
                Comparison::Gt => Test::Range(Excluded(value), Unbounded),
                Comparison::Ge => Test::Range(Included(value), Unbounded),
            }
        }
    }
}

/// Whether every value that passes `inner` passes `outer`; a value may do so and not be told.
fn includes(outer: &Test, inner: &Test) -> bool {
    let equal = |a: &Scalar, b: &Scalar| a.is_null() == b.is_null() && a.compare(b).is_eq();
    match (outer, inner) {
        (_, Test::OneOf(values)) => values.iter().all(|value| match outer {
            Test::OneOf(others) => others.iter().any(|other| equal(value, other)),
            Test::Range(low, high) => {
                let value = Bound::Included(value.clone());
                !matches!(value, Bound::Included(Scalar::Null))
                    && !is_tighter(low, &value, Ordering::Greater)
                    && !is_tighter(high, &value, Ordering::Less)
            }
            Test::Prefix(_) | Test::Element(_) => false,
        }),
        // Elements are of a list, about which there are no conditions but of its absence.
        (Test::Range(Bound::Unbounded, Bound::Unbounded), Test::Element(_)) => true,
        (Test::OneOf(_) | Test::Element(_), _) | (_, Test::Element(_)) => false,
        // The outer bounds leave out nothing that the inner ones let in.
        (Test::Range(low, high), Test::Range(inner_low, inner_high)) => {
            !is_tighter(low, inner_low, Ordering::Greater) && !is_tighter(high, inner_high, Ordering::Less)
        }
        (Test::Range(low, high), Test::Prefix(_)) => (low, high) == (&Bound::Unbounded, &Bound::Unbounded),
        (Test::Prefix(outer), Test::Prefix(inner)) => inner.starts_with(outer),
        (Test::Prefix(_), Test::Range(..)) => false,
    }
}

#[cfg(test)]
mod tests {
    use Bound::{Excluded, Included, Unbounded};

    use super::*;

    #[test]
    fn a_condition_is_met_by_what_allows_no_other_value() {
        let int = |value: i128| Scalar::Int(value);
        let one_of = |values: &[i128]| Test::OneOf(values.iter().map(|value| int(*value)).collect());
        let above = |value| Test::Range(Excluded(int(value)), Unbounded);
        let from = |value| Test::Range(Included(int(value)), Unbounded);
        let absent = || Test::OneOf(Vec::from([Scalar::Null]));
        let present = || Test::Range(Unbounded, Unbounded);
        let yes = [
            (one_of(&[3]), one_of(&[3])),
            (one_of(&[3, 4]), one_of(&[4])),
            (above(3), one_of(&[4, 9])),
            (above(3), above(3)),
            (above(3), from(4)),
            (from(3), above(3)),
            (from(3), from(3)),
            (from(3), Test::Range(Included(int(3)), Included(int(9)))),
            (present(), one_of(&[1])),
            (present(), above(0)),
            (present(), Test::Prefix(b"a".to_vec())),
            (absent(), absent()),
            (Test::Prefix(b"a".to_vec()), Test::Prefix(b"ab".to_vec())),
        ];
        for (outer, inner) in &yes {
            assert!(includes(outer, inner), "{outer:?} includes {inner:?}");
        }
        let no = [
            (one_of(&[3]), one_of(&[3, 4])),
            (above(3), one_of(&[3, 4])),
            (above(3), from(3)),
            (above(3), Test::Range(Unbounded, Excluded(int(9)))),
            (present(), absent()),
            (above(3), absent()),
            (absent(), present()),
            (one_of(&[3]), above(3)),
            (Test::Prefix(b"ab".to_vec()), Test::Prefix(b"a".to_vec())),
        ];
        for (outer, inner) in &no {
            assert!(!includes(outer, inner), "{outer:?} does not include {inner:?}");
        }
    }
}
