//! Which part of some groups a predicate about an aggregate lets through: `having sum(quantity) > 300`.
//!
//! Groups are taken to have their rows by chance, so that how many a group has is distributed as Poisson has it, and to have
//! each row's value by chance, so that a sum is a compound of both: its mean is that of the rows times that of the values, its
//! variance the mean number of rows times the mean square of a value (W. Feller, "An Introduction to Probability Theory and Its
//! Applications", volume 1, XII.1). A mean of values has their mean, and their variance divided by the number of rows. What is
//! beyond a bound is then told by the normal distribution.
//!
//! Without this a filter on groups is a guess of a third, where as a rule few are asked for.

use super::{Amount, Estimator};
use crate::engine::logical::{AggregateTerm, Expr, ExprKind};
use crate::expr::{AggregateFunction, BinaryOp};
use crate::statistics::number;

/// Groups, of which something is asked.
#[derive(Clone, Copy)]
pub struct Groups<'e> {
    /// What is calculated of each.
    pub items: &'e [AggregateTerm],
    /// How many rows they are made of.
    pub rows: Amount,
    /// How many there are.
    pub count: Amount,
}

impl Estimator<'_> {
    /// The part of groups, 0..=1, for which all of these hold.
    pub fn selectivity_of_groups(&self, groups: Groups<'_>, predicates: &[Expr]) -> Amount {
        let (mut share, mut others) = (1.0, alloc::vec::Vec::new());
        for predicate in predicates {
            match self.share_of_groups(groups, predicate) {
                Some(of) => share *= of,
                None => others.push(predicate),
            }
        }
        share * self.selectivity_of_all(others)
    }

    /// The part of groups for which an aggregate compares with a value as asked; `None` where that is not known.
    fn share_of_groups(&self, groups: Groups<'_>, predicate: &Expr) -> Option<Amount> {
        let ExprKind::Binary(op, left, right) = &predicate.kind else { return None };
        let ExprKind::Computed(computed) = left.kind else { return None };
        let bound = number(right.peek_literal()?)?;
        let item = groups.items.iter().find(|item| item.output == computed)?;
        let let_through = item.filter.as_ref().map_or(1.0, |filter| self.selectivity(filter));
        let rows = groups.rows / groups.count.max(1.0) * let_through;
        // Rows without a value do not count, unless rows are counted.
        let of_values = || {
            let (slot, position) = item.argument.as_ref()?.as_field()?;
            self.moments(slot, position)
        };
        let (mean, variance) = match item.function {
            AggregateFunction::Count if item.argument.as_ref().is_none_or(|of| !of.nullable) => (rows, rows),
            AggregateFunction::Sum => {
                let moments = of_values()?;
                let rows = rows * moments.present;
                (rows * moments.mean, rows * (moments.variance + moments.mean * moments.mean))
            }
            AggregateFunction::Avg => {
                let moments = of_values()?;
                (moments.mean, moments.variance / (rows * moments.present).max(1.0))
            }
            _ => return None,
        };
        let is_above = match op {
            BinaryOp::Gt | BinaryOp::Ge => true,
            BinaryOp::Lt | BinaryOp::Le => false,
            _ => return None,
        };
        let above = share_above(bound, mean, variance);
        Some(if is_above { above } else { 1.0 - above })
    }
}

/// The part of a normal distribution that is greater than `bound`: a logistic function of a cubic, which is off by less than 0.0002
/// (S. Bowling et al., "A logistic approximation to the cumulative normal distribution", JIEM 2009).
fn share_above(bound: Amount, mean: Amount, variance: Amount) -> Amount {
    if variance <= 0.0 || !variance.is_finite() {
        return if mean > bound { 1.0 } else { 0.0 };
    }
    // Its square root by Newton's method, as `core` has none: each step halves what it is off by, and then squares it.
    let mut root = variance.max(1.0);
    for _ in 0..64 {
        root = (root + variance / root) / 2.0;
    }
    let z = ((bound - mean) / root).clamp(-8.0, 8.0);
    let x = 1.597_6 * z + 0.070_565_66 * z * z * z;
    let part = 1.0 / (1.0 + exponential(if x < 0.0 { -x } else { x }));
    if x < 0.0 { 1.0 - part } else { part }
}

/// e to the power of `x`, which is no less than zero: that of a small part of it, squared so many times.
fn exponential(x: Amount) -> Amount {
    let small = x / 1024.0;
    let mut power = 1.0 + small + small * small / 2.0 + small * small * small / 6.0;
    for _ in 0..10 {
        power *= power;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_a_bound_is_what_tables_have() {
        // Of the standard normal distribution.
        for (z, above) in
            [(-1.0, 0.8413), (0.0, 0.5), (0.5, 0.3085), (1.0, 0.1587), (2.0, 0.0228), (3.0, 0.0013)]
        {
            let found = share_above(z, 0.0, 1.0);
            assert!((found - above).abs() < 0.0002, "{found} beyond {z} instead of {above}");
            let shifted = share_above(100.0 + z * 30.0, 100.0, 900.0);
            assert!((found - shifted).abs() < 1e-9, "{shifted} instead of {found}");
        }
        assert!(share_above(1e9, 0.0, 1.0) < 1e-9 && share_above(-1e9, 0.0, 1.0) > 0.999_999);
        assert_eq!((share_above(5.0, 6.0, 0.0), share_above(6.0, 6.0, 0.0)), (1.0, 0.0));
    }
}
