//! [`LeafCursor`]: a position among the leaves of a [`RecordTree`].

use super::super::StorageError;
use super::super::page::PageRead;
use super::record_leaf::{LeafView, RecordLeaf};
use super::record_tree::{Node, RecordTree};
use super::{Direction, Expected, Path, damage};

/// Walks the leaves that hold ranks of a range, in either direction.
///
/// The rows of a leaf are given at once, ascending whatever the direction.
#[derive(Debug)]
pub struct LeafCursor<'p, P: ?Sized> {
    tree: RecordTree,
    pages: &'p P,
    low: u128,
    high: u128,
    direction: Direction,
    path: Path,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Start,
    /// Behind a leaf; its rank that is farthest on the way.
    After(u128),
    End,
}

impl<'p, P: PageRead + ?Sized> LeafCursor<'p, P> {
    pub(super) fn new(tree: RecordTree, pages: &'p P, low: u128, high: u128, direction: Direction) -> Self {
        let state = if low <= high { State::Start } else { State::End };
        LeafCursor { tree, pages, low, high, direction, path: Path::new(), state }
    }

    /// The rows of the next leaf that lie in the range; `None` at the end.
    ///
    /// # Errors
    ///
    /// As [`PageRead::page`], and `StorageFault::Corruption` when a page cannot be what it should be or leaves are
    /// out of order. The cursor is then at its end.
    // An iterator would have to be fused by hand after an error; callers loop with `while let Some(..) = next()?`.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<LeafView<'p>>, StorageError> {
        let state = core::mem::replace(&mut self.state, State::End);
        let leaf = match (state, self.direction) {
            (State::End, _) => return Ok(None),
            (State::Start, Direction::Forward) => self.descend(self.low)?,
            (State::Start, Direction::Backward) => self.descend(self.high)?,
            (State::After(_), _) => match self.step()? {
                Some(leaf) => leaf,
                None => return Ok(None),
            },
        };
        self.enter(leaf, state)
    }

    /// The part of `leaf` that lies in the range. A leaf at the start of the way may have none; then the next has.
    fn enter(
        &mut self,
        leaf: RecordLeaf<'p>,
        mut state: State,
    ) -> Result<Option<LeafView<'p>>, StorageError> {
        let mut leaf = leaf;
        loop {
            let count = leaf.count();
            if count == 0 {
                if self.path.len > 0 {
                    return Err(damage(leaf.number(), "a leaf that is not the root has no rows"));
                }
                return Ok(None);
            }
            let (first, last) = (leaf.rank(0), leaf.rank(count - 1));
            self.check_order(&leaf, first, last, state)?;
            let start = if first >= self.low { 0 } else { leaf.lower_bound(self.low) };
            let end = match self.high.checked_add(1) {
                Some(above) if last >= above => leaf.lower_bound(above),
                _ => count,
            };
            let (goes_on, farthest) = match self.direction {
                Direction::Forward => (end == count, last),
                Direction::Backward => (start == 0, first),
            };
            if start < end {
                if goes_on {
                    self.state = State::After(farthest);
                }
                return Ok(Some(LeafView { leaf, rows: start..end }));
            }
            if !goes_on {
                return Ok(None);
            }
            state = State::After(farthest);
            match self.step()? {
                Some(next) => leaf = next,
                None => return Ok(None),
            }
        }
    }

    /// Leaves that do not come in order could lead around forever.
    fn check_order(
        &self,
        leaf: &RecordLeaf<'p>,
        first: u128,
        last: u128,
        state: State,
    ) -> Result<(), StorageError> {
        let follows = match (state, self.direction) {
            (State::After(rank), Direction::Forward) => first > rank,
            (State::After(rank), Direction::Backward) => last < rank,
            _ => true,
        };
        if !follows || first > last {
            return Err(damage(leaf.number(), "the ranks of the leaf are out of order"));
        }
        Ok(())
    }

    fn descend(&mut self, rank: u128) -> Result<RecordLeaf<'p>, StorageError> {
        let descent = self.tree.descend(self.pages, rank)?;
        self.path = descent.path;
        match self.tree.open(descent.leaf, self.pages.page(descent.leaf)?, Expected::Root)? {
            Node::Leaf(leaf) => Ok(leaf),
            Node::Branch(_) => Err(damage(descent.leaf, "a branch was found where a leaf was")),
        }
    }

    /// The next leaf in the cursor's direction.
    fn step(&mut self) -> Result<Option<RecordLeaf<'p>>, StorageError> {
        // Up to the first branch with a child further on.
        let (mut number, mut expected) = loop {
            let Some(last) = self.path.len.checked_sub(1) else { return Ok(None) };
            let step = self.path.steps[last];
            let branch = self.tree.branch(self.pages, step.number)?;
            if let Some(position) = self.direction.next(usize::from(step.position), branch.count()) {
                self.path.steps[last].position = position as u16;
                // The rows of a leaf take longer than the next one's way from the memory.
                #[cfg(not(feature = "small"))]
                if let Some(next) = self.direction.next(position, branch.count()) {
                    self.pages.bring_near(branch.child(next));
                }
                break (branch.child(position), Expected::below(branch.level()));
            }
            self.path.len = last;
        };
        // And down along the near edge.
        loop {
            match self.tree.open(number, self.pages.page(number)?, expected)? {
                Node::Leaf(leaf) => return Ok(Some(leaf)),
                Node::Branch(branch) => {
                    let position = match self.direction {
                        Direction::Forward => 0,
                        Direction::Backward => branch.count() - 1,
                    };
                    self.path.push(number, position);
                    number = branch.child(position);
                    expected = Expected::below(branch.level());
                }
            }
        }
    }
}
