//! [`Tail`]: how a query ends.

use super::Clause;

/// How many rows a query skips and keeps at its very end: its last clauses. A plan that is kept serves queries which end
/// [`alike`](Tail::alike), so that who turns the pages of a list has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// How many are skipped.
    pub offset: Option<u64>,
    /// How many are then kept.
    pub limit: Option<u64>,
}

impl Tail {
    /// How a query of these clauses ends, and how many of them that are.
    pub fn of(clauses: &[Clause]) -> (Tail, usize) {
        match clauses {
            [.., Clause::Offset(offset), Clause::Limit(limit)] => {
                (Tail { offset: Some(*offset), limit: Some(*limit) }, 2)
            }
            [.., Clause::Limit(limit)] => (Tail { offset: None, limit: Some(*limit) }, 1),
            [.., Clause::Offset(offset)] => (Tail { offset: Some(*offset), limit: None }, 1),
            _ => (Tail::default(), 0),
        }
    }

    /// The same for queries that end alike: with about as many rows, at most eight times as many.
    #[inline]
    #[cfg(not(feature = "small"))]
    pub fn alike(self) -> u64 {
        let of = |number: Option<u64>| number.map_or(0, |number| 1 + class(number));
        of(self.offset) | of(self.limit) << 8
    }
}

/// 0, 1, up to 8, up to 64, and so on.
#[inline]
#[cfg(not(feature = "small"))]
fn class(number: u64) -> u64 {
    match number {
        0 | 1 => number,
        _ => 2 + u64::from((number - 1).ilog2() / 3),
    }
}

/// The least number that is about as many.
pub fn least_alike(number: u64) -> u64 {
    match number {
        0 | 1 => number,
        _ => (1 << ((number - 1).ilog2() / 3 * 3)) + 1,
    }
}

#[cfg(all(test, not(feature = "small")))]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_alike_are_at_most_eight_times_as_many() {
        let mut least = 0;
        for number in (0..5000).chain([1 << 40, u64::MAX]) {
            if class(number) != class(least) {
                least = number;
            }
            if number < 5000 {
                assert_eq!(least_alike(number), least, "{number}");
            }
            let least = least_alike(number);
            assert_eq!(class(least), class(number), "{number}");
            assert!(least == 0 || class(least - 1) < class(number), "{number}");
            assert!(number / 8 <= least, "{number}");
        }
    }

    #[test]
    fn an_end_is_what_comes_last() {
        let (limit, offset) = (Clause::Limit(5), Clause::Offset(7));
        let tail = |offset, limit| Tail { offset, limit };
        assert_eq!(Tail::of(&[]), (tail(None, None), 0));
        assert_eq!(Tail::of(&[limit.clone(), Clause::Distinct]), (tail(None, None), 0));
        assert_eq!(Tail::of(&[Clause::Distinct, limit.clone()]), (tail(None, Some(5)), 1));
        assert_eq!(Tail::of(&[offset.clone(), limit.clone()]), (tail(Some(7), Some(5)), 2));
        assert_eq!(Tail::of(&[limit.clone(), offset.clone()]), (tail(Some(7), None), 1));
        assert_eq!(Tail::of(&[offset, limit.clone(), limit]), (tail(None, Some(5)), 1));
    }
}
