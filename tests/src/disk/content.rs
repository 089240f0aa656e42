//! [`Content`]: the bytes of one simulated file, on the platter and in the cache.
//!
//! * `current` is what reads see. `durable` is what is on the platter. Copies of a file share them until one changes.
//! * A sector written since the last sync is dirty and remembers every version it had: a crash leaves any of them, the
//!   one on the platter, or a mix of two.
//! * The length has its own versions: it reaches the platter independently of the bytes.
//! * After a failed sync the dirty sectors count as clean, as they do in operating systems: reads still see them, the
//!   platter never will.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Cut;
use crate::random::Random;

/// The unit that a disk writes, whole or torn.
pub const SECTOR_LEN: usize = 512;

/// The bytes of one simulated file.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    current: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    dirty: BTreeMap<usize, Vec<Sector>>,
    /// The lengths the file had since the last sync, the present one last.
    lengths: Vec<usize>,
}

type Sector = [u8; SECTOR_LEN];

impl Content {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.current
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        let current = Arc::make_mut(&mut self.current);
        if end > current.len() {
            current.resize(end, 0);
            self.lengths.push(end);
        }
        current[offset..end].copy_from_slice(bytes);
        self.touch(offset, end);
    }

    pub(super) fn set_len(&mut self, len: usize) {
        let before = self.current.len();
        Arc::make_mut(&mut self.current).resize(len, 0);
        self.lengths.push(len);
        // The bytes that were cut off may come back with the old length, or as zeros.
        self.touch(len.min(before), before.max(len));
    }

    /// Remembers the present version of the sectors from `start` to `end`.
    fn touch(&mut self, start: usize, end: usize) {
        for sector in start / SECTOR_LEN..end.div_ceil(SECTOR_LEN) {
            let version = sector_of(&self.current, sector);
            let versions = self.dirty.entry(sector).or_default();
            if versions.last() != Some(&version) {
                versions.push(version);
            }
        }
    }

    pub(super) fn sync(&mut self) {
        let durable = Arc::make_mut(&mut self.durable);
        if let Some(&len) = self.lengths.last() {
            durable.resize(len, 0);
        }
        for &sector in self.dirty.keys() {
            let version = sector_of(&self.current, sector);
            put_sector(durable, sector, &version);
        }
        self.clean();
    }

    /// Forgets what was to be written, as a failed sync does; some of it may have been.
    pub(super) fn fail_sync(&mut self, random: &mut Random) {
        let cache = self.current.clone();
        self.crash(&Cut::Torn { seed: random.draw() });
        self.current = cache;
    }

    fn clean(&mut self) {
        self.dirty.clear();
        self.lengths.clear();
    }

    /// Ends the power: what is left is what reached the platter.
    pub(super) fn crash(&mut self, cut: &Cut) {
        let mut random = match cut {
            Cut::Kept => {
                self.sync();
                None
            }
            Cut::Lost => None,
            Cut::Torn { seed } => Some(Random::new(*seed)),
        };
        if let Some(random) = &mut random {
            let durable = Arc::make_mut(&mut self.durable);
            let choice = random.below(self.lengths.len() as u64 + 1) as usize;
            if let Some(&len) = self.lengths.get(choice) {
                durable.resize(len, 0);
            }
            // A disk that loses nearly nothing, or nearly everything, is met as often as one in between.
            let kept = [1, 8, 15][random.below(3) as usize];
            for (&sector, versions) in &self.dirty {
                let old = sector_of(durable, sector);
                let new = if random.chance(3, 4) {
                    versions.len() - 1
                } else {
                    random.below(versions.len() as u64) as usize
                };
                let new = versions[new];
                let left = match random.below(16) {
                    0 => torn(random, &old, &new),
                    fate if fate <= kept => new,
                    _ => old,
                };
                put_sector(durable, sector, &left);
            }
        }
        self.clean();
        self.current.clone_from(&self.durable);
    }

    /// Changes a bit on the platter and in the cache.
    pub(super) fn flip_bit(&mut self, bit: usize) {
        for bytes in [&mut self.current, &mut self.durable] {
            if let Some(byte) = Arc::make_mut(bytes).get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    /// Gives the file other bytes, durably.
    pub(super) fn replace(&mut self, bytes: &[u8]) {
        self.current = Arc::new(bytes.to_vec());
        self.durable = Arc::clone(&self.current);
        self.clean();
    }
}

/// The bytes of a sector; zeros behind the end.
fn sector_of(bytes: &[u8], sector: usize) -> Sector {
    let mut version = [0; SECTOR_LEN];
    let start = (sector * SECTOR_LEN).min(bytes.len());
    let found = &bytes[start..(start + SECTOR_LEN).min(bytes.len())];
    version[..found.len()].copy_from_slice(found);
    version
}

/// Stores what of the sector lies within the file.
fn put_sector(bytes: &mut [u8], sector: usize, version: &Sector) {
    let start = (sector * SECTOR_LEN).min(bytes.len());
    let end = (start + SECTOR_LEN).min(bytes.len());
    bytes[start..end].copy_from_slice(&version[..end - start]);
}

/// A sector during whose writing the power went: its front is new, or its back, or bytes here and there, or rubbish.
fn torn(random: &mut Random, old: &Sector, new: &Sector) -> Sector {
    let mut left = *old;
    let cut = random.below(SECTOR_LEN as u64) as usize;
    match random.below(4) {
        0 => left[..cut].copy_from_slice(&new[..cut]),
        1 => left[cut..].copy_from_slice(&new[cut..]),
        2 => {
            for (byte, new) in left.iter_mut().zip(new) {
                if random.chance(1, 2) {
                    *byte = *new;
                }
            }
        }
        _ => random.fill(&mut left[..cut]),
    }
    left
}
