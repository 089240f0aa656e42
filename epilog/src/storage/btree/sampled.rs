//! Some of a tree's leaves, evenly spread over all of them: for estimates.
//!
//! The tree is read level by level. Of a level no more pages are read than leaves are wanted, evenly spread among those that the
//! level above leads to, so that every leaf is as likely to be among them as any other, however full the branches are.

use alloc::vec::Vec;

use super::super::StorageError;
use super::super::page::{PageNumber, PageRead};
use super::Expected;
use super::entry_tree::EntryTree;
use super::record_tree::{Node, RecordTree};

/// So many of `all`, the first and the last among them, evenly spread; all where there are no more.
pub(crate) fn spread<T>(all: Vec<T>, most: usize) -> Vec<T> {
    if all.len() <= most {
        return all;
    }
    let (last, steps) = (all.len() - 1, most.saturating_sub(1).max(1));
    let mut next = 0;
    let is_taken = |(position, item): (usize, T)| {
        let taken = next < most && position == next * last / steps;
        next += usize::from(taken);
        taken.then_some(item)
    };
    all.into_iter().enumerate().filter_map(is_taken).collect()
}

impl RecordTree {
    /// The nodes below these, each with the least rank that belongs to it, and how high above the leaves these are: none where
    /// they are leaves.
    fn below<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        level: &[(PageNumber, u128)],
        expected: Expected,
    ) -> Result<(Vec<(PageNumber, u128)>, u8), StorageError> {
        let (mut below, mut height) = (Vec::new(), 0);
        for (number, low) in level {
            let Node::Branch(branch) = self.open(*number, pages.page(*number)?, expected)? else { continue };
            height = branch.level();
            below.extend((0..branch.count()).map(|position| match position {
                0 => (branch.child(0), *low),
                _ => (branch.child(position), branch.rank(position)),
            }));
        }
        Ok((below, height))
    }

    /// Ranks that lead to so many leaves, evenly spread, in their order; and whether there are no others.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn spread_leaves<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        most: usize,
    ) -> Result<(Vec<u128>, bool), StorageError> {
        let (mut level, mut expected) = (Vec::from([(self.root, 0)]), Expected::Root);
        let mut all = true;
        loop {
            let (below, height) = self.below(pages, &level, expected)?;
            if height == 0 {
                return Ok((level.into_iter().map(|(_, low)| low).collect(), all));
            }
            all &= below.len() <= most;
            level = spread(below, most);
            if height == 1 {
                return Ok((level.into_iter().map(|(_, low)| low).collect(), all));
            }
            expected = Expected::below(height);
        }
    }
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl RecordTree {
    /// Ranks at which up to `most` parts of the tree begin that have about as many leaves each, in their order; the first is 0.
    ///
    /// No level is read that is not needed to have so many parts, so that as a rule it is the root alone.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn parts<P: PageRead + ?Sized>(&self, pages: &P, most: usize) -> Result<Vec<u128>, StorageError> {
        let (mut level, mut expected) = (Vec::from([(self.root, 0)]), Expected::Root);
        loop {
            let (below, height) = self.below(pages, &level, expected)?;
            if height > 0 {
                level = below;
            }
            // Of a level with too few nodes the one below has more.
            if height <= 1 || level.len() >= most {
                let lows = level.into_iter().map(|(_, low)| low).collect();
                return Ok(spread_starts(lows, most));
            }
            expected = Expected::below(height);
        }
    }
}

/// Where up to `most` runs of about as many of `all` begin, the first of which is the first.
#[cfg(all(feature = "std", not(feature = "small")))]
fn spread_starts(all: Vec<u128>, most: usize) -> Vec<u128> {
    let (len, most) = (all.len(), most.max(1));
    if len <= most {
        return all;
    }
    (0..most).map(|part| all[part * len / most]).collect()
}

impl EntryTree {
    /// Gives the entries of so many leaves, evenly spread, in their order, to `each`, with whether the entry is known to follow
    /// the one before; returns whether there are no other leaves.
    ///
    /// Where not all are read, the first entry of the leaf behind follows those of each: a leaf is begun where neighbours differ
    /// soon, so that of leaves by themselves too few differences would be seen.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn each_of_spread<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        most: usize,
        each: &mut dyn FnMut(&[u8], bool),
    ) -> Result<bool, StorageError> {
        let (mut level, mut expected) = (Vec::from([self.root]), Expected::Root);
        let mut all = true;
        loop {
            let (mut below, mut height) = (Vec::new(), 0);
            for number in &level {
                let node = self.open(*number, pages.page(*number)?, expected)?;
                height = node.level();
                if height > 0 {
                    below.extend((0..=node.count()).map(|position| node.child(position)));
                }
            }
            if height == 0 {
                break;
            }
            all &= below.len() <= most;
            level = below;
            if height == 1 {
                break;
            }
            level = spread(level, most);
            expected = Expected::below(height);
        }
        let (mut key, mut follows) = (Vec::new(), false);
        let taken = Vec::from_iter(0..level.len());
        for at in if all { taken } else { spread(taken, (most / 2).max(1)) } {
            let leaf = self.leaf(pages, level[at])?;
            for position in 0..leaf.count() {
                key.clear();
                leaf.append_key(position, &mut key)?;
                each(&key, follows);
                follows = true;
            }
            if all {
                continue;
            }
            if let Some(next) = level.get(at + 1) {
                let leaf = self.leaf(pages, *next)?;
                if leaf.count() > 0 {
                    key.clear();
                    leaf.append_key(0, &mut key)?;
                    each(&key, true);
                }
            }
            follows = false;
        }
        Ok(all)
    }
}

/// How much of a tree is in memory.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cached {
    /// About how many leaves it has.
    pub leaves: u64,
    /// Of how many of them it was looked up.
    pub asked: u32,
    /// How many of these are in memory.
    pub cached: u32,
}

/// Looks for some leaves of a tree in memory, evenly spread over it. Nothing is read but its root: what a branch leads to that is not in
/// memory is taken for as little in memory. `below` gives the nodes below one, and how high it is above the leaves.
fn cached<P: PageRead + ?Sized>(
    pages: &P,
    root: PageNumber,
    below: &dyn Fn(PageNumber, Expected) -> Result<(Vec<PageNumber>, u8), StorageError>,
) -> Result<Cached, StorageError> {
    /// So many branches are looked into on each level, and so many leaves of each looked for.
    const BRANCHES: usize = 8;
    const LEAVES: usize = 4;
    /// What is taken for the children of branches that are not in memory.
    const CHILDREN: f64 = 128.0;
    let (mut level, mut expected, mut leaves) = (Vec::from([root]), Expected::Root, 1.0);
    // The branches that were not in memory on the way.
    let mut lost = 0;
    loop {
        let (mut next, mut height, mut opened, mut children) = (Vec::new(), 0, 0, 0);
        for node in &level {
            if *node != root && !pages.is_cached(*node) {
                lost += 1;
                continue;
            }
            let (of_node, above) = below(*node, expected)?;
            (height, opened, children) = (above, opened + 1, children + of_node.len());
            let most = if above == 1 && *node != root { LEAVES } else { BRANCHES * LEAVES };
            next.extend(spread(of_node, most));
        }
        if opened == 0 {
            return Ok(Cached { leaves: (leaves * CHILDREN) as u64, asked: 1, cached: 0 });
        }
        if height == 0 {
            return Ok(Cached { leaves: 1, asked: 1, cached: 1 });
        }
        leaves *= children as f64 / f64::from(opened);
        if height == 1 {
            let cached = next.iter().filter(|leaf| pages.is_cached(**leaf)).count() as u32;
            let asked = next.len() as u32 + lost * LEAVES as u32;
            return Ok(Cached { leaves: leaves as u64, asked, cached });
        }
        level = spread(next, BRANCHES);
        expected = Expected::below(height);
    }
}

/// How many leaves the tree at `root` has: exactly, where `most` branches or fewer lead to all of them. Of each level no more are read,
/// evenly spread, and the others taken to be as full. `below` is as in [`cached`].
fn leaves(
    root: PageNumber,
    most: usize,
    below: &dyn Fn(PageNumber, Expected) -> Result<(Vec<PageNumber>, u8), StorageError>,
) -> Result<u64, StorageError> {
    let (mut level, mut expected, mut share) = (Vec::from([root]), Expected::Root, 1.0);
    loop {
        let (mut next, mut children, mut height) = (Vec::new(), 0, 0);
        for node in &level {
            let (of_node, above) = below(*node, expected)?;
            height = above;
            children += of_node.len();
            if above > 1 {
                next.extend(of_node);
            }
        }
        match height {
            0 => return Ok(1),
            1 => return Ok((children as f64 * share + 0.5) as u64),
            _ => level = spread(next, most),
        }
        share *= children as f64 / level.len() as f64;
        expected = Expected::below(height);
    }
}

impl RecordTree {
    /// The nodes below one, and how high it is above the leaves.
    fn children<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        number: PageNumber,
        expected: Expected,
    ) -> Result<(Vec<PageNumber>, u8), StorageError> {
        let (below, height) = self.below(pages, &[(number, 0)], expected)?;
        Ok((below.into_iter().map(|(number, _)| number).collect(), height))
    }

    /// How much of the tree is in memory, by some of its leaves. Nothing is read but the root.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn cached<P: PageRead + ?Sized>(&self, pages: &P) -> Result<Cached, StorageError> {
        cached(pages, self.root, &|number, expected| self.children(pages, number, expected))
    }

    /// How many leaves there are: exactly, where `most` branches or fewer lead to all of them.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn leaves_count<P: PageRead + ?Sized>(&self, pages: &P, most: usize) -> Result<u64, StorageError> {
        leaves(self.root, most, &|number, expected| self.children(pages, number, expected))
    }
}

impl EntryTree {
    /// As [`RecordTree::children`].
    fn children<P: PageRead + ?Sized>(
        &self,
        pages: &P,
        number: PageNumber,
        expected: Expected,
    ) -> Result<(Vec<PageNumber>, u8), StorageError> {
        let node = self.open(number, pages.page(number)?, expected)?;
        let children = (0..=node.count()).map(|position| node.child(position));
        Ok(if node.level() == 0 { (Vec::new(), 0) } else { (children.collect(), node.level()) })
    }

    /// How much of the tree is in memory, by some of its leaves. Nothing is read but the root.
    ///
    /// # Errors
    ///
    /// When the root, or a branch that is in memory, is damaged.
    pub fn cached<P: PageRead + ?Sized>(&self, pages: &P) -> Result<Cached, StorageError> {
        cached(pages, self.root, &|number, expected| self.children(pages, number, expected))
    }

    /// As [`RecordTree::leaves_count`].
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn leaves_count<P: PageRead + ?Sized>(&self, pages: &P, most: usize) -> Result<u64, StorageError> {
        leaves(self.root, most, &|number, expected| self.children(pages, number, expected))
    }
}
