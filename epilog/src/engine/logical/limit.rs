//! [`Limit`]: a window of rows.

use alloc::boxed::Box;

use super::Node;
#[cfg(not(feature = "small"))]
use crate::engine::planted::{self, Bug};
#[cfg(not(feature = "small"))]
use crate::expr::Tail;
use crate::expr::least_alike;

/// Some consecutive rows of its input.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Where rows come from.
    pub input: Box<Node>,
    /// Which of them.
    pub window: Window,
}

/// Some consecutive rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many are skipped first.
    pub skip: u64,
    /// How many are then kept; all of them when `None`.
    pub take: Option<u64>,
    /// Which of these are what the query asks for at its end.
    pub asked: Asked,
}

/// Which numbers of a window are the [`Tail`] of its query, of which a plan that is kept gets others the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    skip: Of,
    take: Of,
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// The plan's own.
    Plan,
    /// How many rows are skipped.
    Offset,
    /// How many are kept.
    Limit,
    /// Made of these and others: right for the query at hand only.
    Mixed,
}

impl Of {
    /// What the sum of two numbers is.
    fn sum((a, of_a): (u64, Of), (b, of_b): (u64, Of)) -> Of {
        match (of_a, of_b) {
            (Of::Plan, Of::Plan) => Of::Plan,
            (of, Of::Plan) if b == 0 => of,
            (Of::Plan, of) if a == 0 => of,
            _ => Of::Mixed,
        }
    }

    /// What the lesser of two numbers is.
    fn least((a, of_a): (u64, Of), (b, of_b): (u64, Of)) -> Of {
        let is_always_least = |own: u64, asked: u64| own <= least_alike(asked);
        match (of_a, of_b) {
            (Of::Plan, Of::Plan) => Of::Plan,
            (Of::Plan, Of::Limit) if is_always_least(a, b) => Of::Plan,
            (Of::Limit, Of::Plan) if is_always_least(b, a) => Of::Plan,
            _ => Of::Mixed,
        }
    }
}

impl Asked {
    /// None.
    pub const NOTHING: Asked = Asked { skip: Of::Plan, take: Of::Plan };
}

impl Window {
    /// All rows but the first so many, of a plan's own.
    pub fn behind(skip: u64) -> Window {
        Window { skip, take: None, asked: Asked::NOTHING }
    }

    /// The first so many rows, of a plan's own.
    pub fn first(take: u64) -> Window {
        Window { skip: 0, take: Some(take), asked: Asked::NOTHING }
    }

    /// That this is what the query asks for at its end.
    #[must_use]
    pub fn as_asked(self) -> Window {
        // What is like no other number is as good as the plan's own.
        let of = |number: u64, of: Of| if number > 1 { of } else { Of::Plan };
        let take = self.take.map_or(Of::Plan, |take| of(take, Of::Limit));
        Window { asked: Asked { skip: of(self.skip, Of::Offset), take }, ..self }
    }

    /// Whether it is right for no other query than that which it was made for.
    #[cfg(not(feature = "small"))]
    pub fn is_mixed(self) -> bool {
        self.asked.skip == Of::Mixed || self.asked.take == Of::Mixed
    }

    /// Makes it that of a query which ends so.
    #[cfg(not(feature = "small"))]
    pub fn bind(&mut self, tail: Tail) {
        if self.asked.skip == Of::Offset && !planted::is(Bug::OffsetKeptInPlan) {
            self.skip = tail.offset.unwrap_or_default();
        }
        if self.asked.take == Of::Limit {
            self.take = tail.limit;
        }
    }

    /// The window that `next` opens onto the rows of this one.
    #[must_use]
    pub fn then(self, next: Window) -> Window {
        let left = self.take.map(|take| take.saturating_sub(next.skip));
        let take = match (left, next.take) {
            (Some(left), Some(take)) => Some(left.min(take)),
            (left, take) => left.or(take),
        };
        let skip = Of::sum((self.skip, self.asked.skip), (next.skip, next.asked.skip));
        let of_left = Of::sum((self.take.unwrap_or_default(), self.asked.take), (next.skip, next.asked.skip));
        let of_take = match (self.take, next.take) {
            (None, _) => next.asked.take,
            (Some(_), None) => of_left,
            (Some(_), Some(take)) => Of::least((left.unwrap_or_default(), of_left), (take, next.asked.take)),
        };
        Window { skip: self.skip.saturating_add(next.skip), take, asked: Asked { skip, take: of_take } }
    }

    /// How many rows of the input it reaches into.
    pub fn end(self) -> Option<u64> {
        self.take.map(|take| self.skip.saturating_add(take))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_onto_windows_agree_with_slices() {
        let rows: alloc::vec::Vec<u64> = (0..12).collect();
        let cut = |rows: &[u64], window: Window| -> alloc::vec::Vec<u64> {
            let take = window.take.unwrap_or(u64::MAX);
            rows.iter().copied().skip(window.skip as usize).take(take.min(100) as usize).collect()
        };
        let takes = [None, Some(0), Some(3), Some(9)];
        for (a, b) in takes.iter().flat_map(|a| takes.iter().map(move |b| (*a, *b))) {
            for (i, j) in (0..5).flat_map(|i| (0..5).map(move |j| (i, j))) {
                let window = |skip, take| Window { take, ..Window::behind(skip) };
                let (first, second) = (window(i, a), window(j, b));
                assert_eq!(
                    cut(&cut(&rows, first), second),
                    cut(&rows, first.then(second)),
                    "{first:?} {second:?}"
                );
            }
        }
    }
}
