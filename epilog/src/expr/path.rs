//! [`RowPath`] and [`FieldPath`]: how an expression names a field.

/// The most relations a path may follow.
pub const HOPS_MAX: usize = 6;

/// A row that an expression can speak of: a source of the query, or what a chain of to-one relations leads to.
///
/// Small and `Copy`: every typed field carries one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct RowPath {
    /// The position of the source in the query's scope: 0 for the root, then joins and enclosing subqueries in order.
    pub source: u8,
    len: u8,
    hops: [u16; HOPS_MAX],
}

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
        RowPath { source: position, len: 0, hops: [0; HOPS_MAX] }
    }

    /// The row that the relation field with this ordinal points at.
    ///
    /// # Panics
    ///
    /// When the path already follows six relations.
    #[must_use]
    pub fn hop(mut self, ordinal: u16) -> RowPath {
        let len = usize::from(self.len);
        assert!(len < HOPS_MAX, "a path follows at most {HOPS_MAX} relations");
        self.hops[len] = ordinal;
        self.len += 1;
        self
    }

    /// Whether it follows no relation.
    #[cfg(not(feature = "small"))]
    #[inline]
    pub(super) const fn is_source(&self) -> bool {
        self.len == 0
    }

    /// The relation fields followed, each an ordinal in the collection reached so far.
    #[inline]
    pub fn hops(&self) -> &[u16] {
        &self.hops[..usize::from(self.len)]
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
