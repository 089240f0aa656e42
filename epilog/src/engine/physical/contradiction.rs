//! What no record can satisfy: tests of one field that contradict each other.
//!
//! ```text
//! a = 1 & a = 2       a > 5 & a < 3       a is none & a = 1       a in (1, 2) & a > 2       a != 1 & a = 1
//! ```
//!
//! ```text
//! before                              after
//! filter price > 5 & price < 3        nothing Track
//!   scan Track
//! ```
//!
//! Then no record is read. Must not fire on what is asked of different fields, of what is calculated, or of a record that may be absent by
//! something about another; nor may it make a plan one for its values. Whether tests contradict each other is for values to say, and a plan is kept for others: so planning
//! notes that several tests are about one field, which is the same for all queries of a shape, and their values are looked at
//! when a plan is made and whenever it is bound, without it becoming a plan for them (see [`recipe`](super::recipe)).
//!
//! Comparisons are those of queries: -0 equals 0 and `NaN` itself, texts are compared byte by byte, and an absent value is
//! equal to another and within no range. What several tests leave together is known to be nothing only where two of them say
//! so, or where none of the values that a list allows gets through all.

use alloc::vec::Vec;
use core::ops::Bound;

use super::sarg::{Sarg, Test};
use crate::engine::logical::{Expr, ExprKind, Slot};
use crate::engine::planted::{self, Bug};
use crate::expr::BinaryOp;
use crate::value::Scalar;

/// What is asked of one field.
enum Condition<'e> {
    Test(Test),
    /// It is not this.
    Not(&'e Scalar),
}

/// Whether several of these, which are all about records in `slot`, are about one field, so that they may contradict each
/// other, or one has two bounds itself.
pub(super) fn may_contradict(predicates: &[&Expr], slot: Slot) -> bool {
    let has_bounds = |predicate: &&Expr| matches!(predicate.kind, ExprKind::Between(_));
    if predicates.iter().any(has_bounds) {
        return true;
    }
    if predicates.len() < 2 {
        return false;
    }
    let positions: Vec<u16> =
        predicates.iter().filter_map(|predicate| Some(condition(predicate, slot)?.0)).collect();
    (1..positions.len()).any(|at| positions[..at].contains(&positions[at]))
}

/// Whether no record in `slot` satisfies all of these, with the values that they have.
pub(super) fn contradict<'e>(predicates: impl IntoIterator<Item = &'e Expr>, slot: Slot) -> bool {
    let mut of_fields: Vec<(u16, Vec<Condition<'e>>)> = Vec::new();
    for (position, condition) in predicates.into_iter().filter_map(|predicate| condition(predicate, slot)) {
        match of_fields.iter_mut().find(|(of, _)| *of == position) {
            Some((_, conditions)) => conditions.push(condition),
            None => of_fields.push((position, Vec::from([condition]))),
        }
    }
    of_fields.iter().any(|(_, conditions)| is_empty(conditions))
}

/// What a predicate asks of one field.
fn condition(predicate: &Expr, slot: Slot) -> Option<(u16, Condition<'_>)> {
    if let ExprKind::Binary(BinaryOp::Ne, left, right) = &predicate.kind {
        let (of, position) = left.as_field()?;
        return (of == slot).then_some((position, Condition::Not(right.peek_literal()?)));
    }
    let sarg = Sarg::of(predicate, slot)?;
    Some((sarg.position, Condition::Test(sarg.test)))
}

/// Whether nothing satisfies all conditions.
fn is_empty(conditions: &[Condition<'_>]) -> bool {
    let listed = conditions.iter().find_map(|condition| match condition {
        Condition::Test(Test::OneOf(values)) => Some(values),
        _ => None,
    });
    if let Some(values) = listed {
        return !values.iter().any(|value| conditions.iter().all(|condition| admits(condition, value)));
    }
    let tests = conditions.iter().filter_map(|condition| match condition {
        Condition::Test(test) => Some(test),
        Condition::Not(_) => None,
    });
    let (mut low, mut high) = (Bound::Unbounded, Bound::Unbounded);
    let mut prefixes: Vec<&[u8]> = Vec::new();
    for test in tests {
        match test {
            Test::Range(of_low, of_high) => {
                low = tighter(low, inward(of_low, 1), true);
                high = tighter(high, inward(of_high, -1), false);
            }
            Test::Prefix(bytes) => prefixes.push(bytes),
            Test::OneOf(_) | Test::Element(_) => {}
        }
    }
    let disjoint = |a: &[u8], b: &[u8]| !a.starts_with(b) && !b.starts_with(a);
    prefixes.windows(2).any(|pair| disjoint(pair[0], pair[1])) || is_nothing(&low, &high)
}

/// Whether a value satisfies a condition; if in doubt, it does.
fn admits(condition: &Condition<'_>, value: &Scalar) -> bool {
    match condition {
        Condition::Not(other) => !value.compare(other).is_eq(),
        Condition::Test(Test::OneOf(values)) => values.iter().any(|of| of.compare(value).is_eq()),
        Condition::Test(Test::Range(low, high)) => {
            let above = match low {
                Bound::Unbounded => true,
                Bound::Included(low) => value.compare(low).is_ge(),
                Bound::Excluded(low) => value.compare(low).is_gt(),
            };
            let below = match high {
                Bound::Unbounded => true,
                Bound::Included(high) => value.compare(high).is_le(),
                Bound::Excluded(high) => value.compare(high).is_lt(),
            };
            !value.is_null() && above && below
        }
        Condition::Test(Test::Prefix(prefix)) => match value {
            Scalar::String(text) => text.as_bytes().starts_with(prefix),
            Scalar::Bytes(bytes) => bytes.starts_with(prefix),
            _ => false,
        },
        Condition::Test(Test::Element(_)) => true,
    }
}

/// A bound, included if it is an integer's: none lies between one and the next.
fn inward(bound: &Bound<Scalar>, step: i128) -> Bound<Scalar> {
    match bound {
        Bound::Excluded(Scalar::Int(value)) => match value.checked_add(step) {
            Some(next) => Bound::Included(Scalar::Int(next)),
            None => bound.clone(),
        },
        _ => bound.clone(),
    }
}

/// The tighter of two lower bounds, or of two upper ones.
fn tighter(a: Bound<Scalar>, b: Bound<Scalar>, lower: bool) -> Bound<Scalar> {
    let (Bound::Included(of_a) | Bound::Excluded(of_a)) = &a else { return b };
    let (Bound::Included(of_b) | Bound::Excluded(of_b)) = &b else { return a };
    let order = if lower { of_b.compare(of_a) } else { of_a.compare(of_b) };
    let b_is = order.is_gt() || (order.is_eq() && matches!(b, Bound::Excluded(_)));
    if b_is { b } else { a }
}

/// Whether nothing lies between two bounds.
fn is_nothing(low: &Bound<Scalar>, high: &Bound<Scalar>) -> bool {
    match (low, high) {
        (Bound::Included(low), Bound::Included(high)) if planted::is(Bug::SameBoundsContradict) => {
            low.compare(high).is_ge()
        }
        (Bound::Included(low), Bound::Included(high)) => low.compare(high).is_gt(),
        (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => {
            low.compare(high).is_ge()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;

    use super::*;
    use crate::expr::UnaryOp;
    use crate::value::Type;

    fn check(predicates: &[Expr], expected: bool) {
        assert_eq!(contradict(predicates, Slot(0)), expected, "{predicates:?}");
        let turned: Vec<&Expr> = predicates.iter().rev().collect();
        assert_eq!(contradict(turned.iter().copied(), Slot(0)), expected, "{turned:?}");
        assert_eq!(may_contradict(&turned, Slot(0)), predicates.len() > 1);
    }

    fn field(ty: Type) -> Expr {
        Expr::field(Slot(0), 1, ty, true)
    }

    fn is(op: BinaryOp, value: Scalar, ty: Type) -> Expr {
        Expr::binary_test(op, field(ty), Expr::literal(value, ty))
    }

    fn int(op: BinaryOp, value: i128) -> Expr {
        is(op, Scalar::Int(value), Type::I64)
    }

    fn one_of(values: &[i128]) -> Expr {
        let values = values.iter().map(|value| Expr::literal(Scalar::Int(*value), Type::I64));
        Expr::test(ExprKind::In(Box::new(field(Type::I64)), values.collect()))
    }

    #[test]
    fn integers() {
        use BinaryOp::{Eq, Ge, Gt, Le, Lt, Ne};
        check(&[int(Eq, 1), int(Eq, 2)], true);
        check(&[int(Eq, 1), int(Eq, 1)], false);
        check(&[int(Gt, 5), int(Lt, 3)], true);
        check(&[int(Gt, 5), int(Lt, 7)], false);
        check(&[int(Gt, 5), int(Lt, 6)], true);
        check(&[int(Ge, 5), int(Le, 5)], false);
        check(&[int(Ge, 5), int(Lt, 5)], true);
        check(&[int(Gt, i128::MAX), int(Lt, i128::MAX)], true);
        check(&[int(Ne, 1), int(Eq, 1)], true);
        check(&[int(Ne, 1), int(Eq, 2)], false);
        check(&[int(Ne, 1), int(Ne, 2)], false);
        check(&[one_of(&[1, 2, 3]), int(Gt, 3)], true);
        check(&[one_of(&[1, 2, 3]), int(Gt, 2)], false);
        check(&[one_of(&[1, 2, 3]), int(Gt, 1), int(Ne, 2), int(Lt, 3)], true);
        check(&[one_of(&[1, 2]), one_of(&[3, 4])], true);
        check(&[one_of(&[1, 2]), one_of(&[2, 4])], false);
        let between = |low, high| {
            let bounds = [low, high].map(|value| Expr::literal(Scalar::Int(value), Type::I64));
            let [low, high] = bounds;
            Expr::test(ExprKind::Between(Box::new([field(Type::I64), low, high])))
        };
        check(&[between(5, 7), int(Lt, 5)], true);
        check(&[between(5, 7), int(Lt, 6)], false);
        assert!(contradict(&[between(7, 5)], Slot(0)) && may_contradict(&[&between(5, 7)], Slot(0)));
    }

    #[test]
    fn absent_values() {
        use BinaryOp::{Eq, Lt, Ne};
        let none = || Expr::test(ExprKind::Unary(UnaryOp::IsNone, Box::new(field(Type::I64))));
        let some = || Expr::test(ExprKind::Unary(UnaryOp::IsSome, Box::new(field(Type::I64))));
        check(&[none(), some()], true);
        check(&[none(), int(Eq, 1)], true);
        check(&[none(), int(Lt, 1)], true);
        check(&[none(), int(Ne, 1)], false);
        check(&[some(), int(Ne, 1)], false);
        check(&[none(), none()], false);
    }

    #[test]
    fn floats_and_texts() {
        use BinaryOp::{Eq, Ge, Gt, Lt, StartsWith};
        let float = |op, value| is(op, Scalar::Float(value), Type::F64);
        check(&[float(Eq, 0.0), float(Eq, -0.0)], false);
        check(&[float(Eq, f64::NAN), float(Eq, f64::NAN)], false);
        check(&[float(Eq, f64::NAN), float(Lt, 1.0)], true);
        check(&[float(Eq, f64::NAN), float(Gt, f64::INFINITY)], false);
        check(&[float(Ge, f64::NAN), float(Lt, f64::INFINITY)], true);
        check(&[float(Gt, 1.0), float(Lt, 2.0)], false);
        let text = |op, value: &str| is(op, Scalar::String(value.into()), Type::String);
        check(&[text(StartsWith, "ab"), text(StartsWith, "a")], false);
        check(&[text(StartsWith, "ab"), text(StartsWith, "ac")], true);
        check(&[text(StartsWith, "ab"), text(Eq, "a")], true);
        check(&[text(StartsWith, "a"), text(Eq, "ab")], false);
        check(&[text(Gt, "ä"), text(Lt, "b")], true);
    }

    #[test]
    fn different_fields_have_nothing_to_do_with_each_other() {
        let other = Expr::binary_test(
            BinaryOp::Eq,
            Expr::field(Slot(0), 2, Type::I64, true),
            Expr::literal(Scalar::Int(2), Type::I64),
        );
        let one = int(BinaryOp::Eq, 1);
        assert!(!contradict([&one, &other], Slot(0)) && !may_contradict(&[&one, &other], Slot(0)));
    }
}
