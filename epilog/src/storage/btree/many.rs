//! Many records by their ranks.
//!
//! A record that lies anywhere in a large tree is in no cache of the processor, nor are the leaf's header and what leads to the
//! page: each costs a way to the memory, one after the other. So some are searched for at once, step by step: their leaves' numbers
//! by the branches, which are few and stay in caches, then the pages, the headers, and the rows. Within a step nothing depends on
//! what comes before, so that the processor waits for several at a time. That takes no instruction of its own to read ahead.

use super::super::StorageError;
use super::super::page::{PageNumber, PageRead};
use super::record_branch::RecordBranch;
use super::record_leaf::{RecordLeaf, RecordSlot};
use super::record_tree::{Node, RecordTree};
use super::{Expected, unexpected_child};
use crate::parts;

/// Ranks of so many leaves are searched for at once.
const AT_ONCE: usize = 16;

/// And no more ranks than these: neighbours share leaves.
const RANKS: usize = if cfg!(feature = "small") { AT_ONCE } else { 64 };

/// A branch above leaves, and the ranks that belong beneath it.
#[derive(Clone, Copy)]
struct Above<'p> {
    branch: RecordBranch<'p>,
    low: u128,
    high: u128,
}

/// A leaf, by its number, and the ranks that belong to it.
#[derive(Clone, Copy)]
struct Place {
    number: PageNumber,
    expected: Expected,
    low: u128,
    high: u128,
}

impl RecordTree {
    /// The records with `ranks`, given to `found` in their order. Neighbouring ranks that share a leaf are found with
    /// one descent, and those whose leaves share a branch by going down from there, so ascending ranks are quickest.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_many<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        ranks: &[u128],
        mut found: impl FnMut(Option<RecordSlot<'p>>),
    ) -> Result<(), StorageError> {
        let mut above = None;
        let mut left = ranks;
        while !left.is_empty() {
            let mut places =
                [Place { number: self.root, expected: Expected::Root, low: 0, high: 0 }; AT_ONCE];
            let (mut of, mut count, mut taken) = ([0u8; RANKS], 0, 0);
            for rank in left.iter().take(RANKS) {
                let is_there = |place: &Place| (place.low..=place.high).contains(rank);
                if !places[..count].last().is_some_and(is_there) {
                    if count == AT_ONCE {
                        break;
                    }
                    places[count] = self.place(pages, *rank, &mut above)?;
                    count += 1;
                }
                of[taken] = count as u8 - 1;
                taken += 1;
            }
            let ranks;
            (ranks, left) = left.split_at(taken);
            let mut bytes: [&'p [u8]; AT_ONCE] = [&[]; AT_ONCE];
            for (bytes, place) in bytes.iter_mut().zip(&places[..count]) {
                *bytes = pages.page(place.number)?;
            }
            let mut leaves: [Option<RecordLeaf<'p>>; AT_ONCE] = [None; AT_ONCE];
            for ((leaf, bytes), Place { number, expected, .. }) in
                leaves.iter_mut().zip(bytes).zip(&places[..count])
            {
                match self.open(*number, bytes, *expected)? {
                    Node::Leaf(of) => *leaf = Some(of),
                    Node::Branch(_) => return Err(unexpected_child(*number, bytes, *expected)),
                }
            }
            let mut slots: [Option<RecordSlot<'p>>; RANKS] = [None; RANKS];
            let mut last = None;
            for ((slot, of), rank) in slots.iter_mut().zip(of).zip(ranks) {
                let leaf = leaves[usize::from(of)].expect("each place has been opened");
                // What belongs together was often put in together, and lies side by side.
                let next =
                    last.filter(|(leaf, _)| parts::LOOPS && *leaf == of).map(|(_, position)| position + 1);
                let next = next.filter(|position| *position < leaf.count() && leaf.rank(*position) == *rank);
                let position = next.or_else(|| {
                    let Place { low, high, .. } = places[usize::from(of)];
                    leaf.search_between(*rank, low, high)
                });
                last = position.map(|position| (of, position));
                *slot = position.map(|position| leaf.slot(position));
            }
            slots.into_iter().take(ranks.len()).for_each(&mut found);
        }
        Ok(())
    }

    /// Where the leaf is to which `rank` belongs. The way down begins at `above`, the branch that led to the leaf before, if the
    /// rank belongs beneath it.
    fn place<'p, P: PageRead + ?Sized>(
        &self,
        pages: &'p P,
        rank: u128,
        above: &mut Option<Above<'p>>,
    ) -> Result<Place, StorageError> {
        let mut near = match above.filter(|above| (above.low..=above.high).contains(&rank)) {
            Some(near) => near,
            None => match self.open(self.root, pages.page(self.root)?, Expected::Root)? {
                Node::Leaf(_) => {
                    return Ok(Place {
                        number: self.root,
                        expected: Expected::Root,
                        low: 0,
                        high: u128::MAX,
                    });
                }
                Node::Branch(branch) => Above { branch, low: 0, high: u128::MAX },
            },
        };
        loop {
            let Above { branch, mut low, mut high } = near;
            let position = branch.position(rank);
            if position > 0 {
                low = branch.rank(position);
            }
            if position + 1 < branch.count() {
                high = branch.rank(position + 1).saturating_sub(1);
            }
            let (number, expected) = (branch.child(position), Expected::below(branch.level()));
            if branch.level() == 1 {
                *above = Some(near);
                return Ok(Place { number, expected, low, high });
            }
            near = match self.open(number, pages.page(number)?, expected)? {
                Node::Branch(branch) => Above { branch, low, high },
                // Its level is not what is expected, which `open` has refused.
                Node::Leaf(leaf) => return Err(unexpected_child(leaf.number(), &[], expected)),
            };
        }
    }
}
