//! [`Limit`]: a window of rows.

use alloc::boxed::Box;

use super::Node;

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
}

impl Window {
    /// The window that `next` opens onto the rows of this one.
    #[must_use]
    pub fn then(self, next: Window) -> Window {
        let left = self.take.map(|take| take.saturating_sub(next.skip));
        let take = match (left, next.take) {
            (Some(left), Some(take)) => Some(left.min(take)),
            (left, take) => left.or(take),
        };
        Window { skip: self.skip.saturating_add(next.skip), take }
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
                let (first, second) = (Window { skip: i, take: a }, Window { skip: j, take: b });
                assert_eq!(
                    cut(&cut(&rows, first), second),
                    cut(&rows, first.then(second)),
                    "{first:?} {second:?}"
                );
            }
        }
    }
}
