//! [`RowPath`] and [`FieldPath`]: how an expression names a field.

use alloc::vec::Vec;
use core::fmt;

/// The most relations a path may follow.
pub const HOPS_MAX: usize = 6;

/// A row that an expression can speak of: a source of the query, or what a chain of to-one relations leads to.
///
/// Small and `Copy`: every typed field carries one. In two words, which are copied as they were written:
///
/// ```text
/// near    source 8 bits | how many hops 8 | nothing 16 | first hop 16 | second 16
/// far     the others, 16 each
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RowPath {
    near: u64,
    far: u64,
}

/// The bits of `near` that a row has nothing in, where a field's ordinal can be.
const ORDINAL: u32 = 16;

impl RowPath {
    /// No row of records: the keys of a group, whose numbers are ordinals.
    pub const KEYS: RowPath = RowPath::source(u8::MAX);

    /// No row of records either: the values that windows have calculated, whose numbers are ordinals.
    pub const WINDOWS: RowPath = RowPath::source(u8::MAX - 1);

    /// No row of records: in a test of the elements of a list, the element, whatever the ordinal.
    #[cfg(not(feature = "small"))]
    pub const ELEMENT: RowPath = RowPath::source(u8::MAX - 2);

    /// The source at `position` itself.
    pub const fn source(position: u8) -> RowPath {
        RowPath { near: position as u64, far: 0 }
    }

    /// The position of the source in the query's scope: 0 for the root, then joins and enclosing subqueries in order.
    #[inline]
    pub const fn position(&self) -> u8 {
        self.near as u8
    }

    /// The same path from another source.
    #[cfg(test)]
    pub(crate) fn at(self, position: u8) -> RowPath {
        RowPath { near: self.near & !0xFF | u64::from(position), ..self }
    }

    /// How many relations it follows.
    #[inline]
    pub const fn hops_count(&self) -> usize {
        (self.near >> 8) as u8 as usize
    }

    /// The row that the relation field with this ordinal points at.
    ///
    /// # Panics
    ///
    /// When the path already follows six relations.
    #[must_use]
    pub fn hop(mut self, ordinal: u16) -> RowPath {
        let count = self.hops_count();
        assert!(count < HOPS_MAX, "a path follows at most {HOPS_MAX} relations");
        match count.checked_sub(2) {
            None => self.near |= u64::from(ordinal) << (32 + 16 * count),
            Some(at) => self.far |= u64::from(ordinal) << (16 * at),
        }
        self.near += 1 << 8;
        self
    }

    /// Whether it follows no relation.
    #[cfg(not(feature = "small"))]
    #[inline]
    pub(super) const fn is_source(&self) -> bool {
        self.hops_count() == 0
    }

    /// The relation fields followed, each an ordinal in the collection reached so far.
    #[inline]
    pub fn hops(&self) -> impl Iterator<Item = u16> + use<> {
        let RowPath { near, far } = *self;
        (0..self.hops_count()).map(move |at| match at.checked_sub(2) {
            None => (near >> (32 + 16 * at)) as u16,
            Some(at) => (far >> (16 * at)) as u16,
        })
    }
}

impl fmt::Debug for RowPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hops: Vec<u16> = self.hops().collect();
        f.debug_struct("RowPath").field("source", &self.position()).field("hops", &hops).finish()
    }
}

/// A [`FieldPath`] in two words, as typed fields have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NarrowPath {
    near: u64,
    far: u64,
}

impl NarrowPath {
    #[inline]
    pub(crate) const fn of(path: FieldPath) -> NarrowPath {
        let FieldPath { row: RowPath { near, far }, ordinal } = path;
        NarrowPath { near: near | (ordinal as u64) << ORDINAL, far }
    }

    #[inline]
    pub(crate) const fn path(self) -> FieldPath {
        let NarrowPath { near, far } = self;
        let row = RowPath { near: near & !(0xFFFF << ORDINAL), far };
        FieldPath { row, ordinal: (near >> ORDINAL) as u16 }
    }
}

/// A field of a row: its declared ordinal in the row's collection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FieldPath {
    /// The row.
    pub row: RowPath,
    /// The ordinal of the field.
    pub ordinal: u16,
}
