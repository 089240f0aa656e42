//! The parts of the library that the cargo feature `small` leaves out, by name.
//!
//! Where such a part would be used, its constant is asked: what needs the part is refused there, or done without it, and
//! the compiler drops what nothing leads to. All are of one kind, as there is one feature; each has a name, so that one
//! sees what would come back with it. The crate's front page says what they come to for users.

/// Whether this build has all parts.
const ALL: bool = !cfg!(feature = "small");

/// Archives of commits.
pub(crate) const ARCHIVES: bool = ALL;

/// Moving what lies at the end of the file to the front.
pub(crate) const COMPACTION: bool = ALL;

/// Write transactions beside each other.
pub(crate) const CONCURRENT: bool = ALL;

/// Operations of queries that make values: arithmetic, functions, casts, parts of dates, lengths and case of texts, `or_else`.
pub(crate) const CALCULATION: bool = ALL;

/// Fields that are lists, and what queries ask of them.
pub(crate) const LISTS: bool = ALL;

/// Groups of rows, and aggregates beyond count, sum, mean and extremes.
pub(crate) const GROUPS: bool = ALL;

/// Values of rows from the rows around them, and limits of rows for each key.
pub(crate) const WINDOWS: bool = ALL;

/// A look whether texts are of ASCII alone before it is looked whether they are UTF-8.
pub(crate) const ASCII: bool = ALL;

/// The patterns of `like` and `matches`.
pub(crate) const PATTERNS: bool = ALL;

/// Looking into an index for each row of which a subquery asks something. Without it all records of the subquery are read
/// once, and put into a table.
pub(crate) const PROBES: bool = ALL;

/// Ways to the records of a query through what they point at, or what points at them.
pub(crate) const DETOURS: bool = ALL;

/// Reading an index backwards where entries of one key have to come forwards. Without it such rows are sorted.
pub(crate) const TIES: bool = ALL;

/// Index scans and sorts that go on in another operation. Without it they keep all that they read in memory until they end.
pub(crate) const PAUSES: bool = ALL;

/// Sorts that put aside what is too much for memory.
pub(crate) const SPILL: bool = ALL;

/// Plans that are kept for queries with other values.
pub(crate) const PLANS: bool = ALL;

/// The rules of the optimizer, and the pruning of plans, that pay with large data only.
pub(crate) const REWRITES: bool = ALL;

/// Queries for one record by its key that go past the planner.
pub(crate) const SHORTCUTS: bool = ALL;

/// Tests of a query that look at a page's bytes as they are, before values are made of them.
pub(crate) const QUICK_TESTS: bool = ALL;

/// Loops of their own for widths of fields, types of numbers and ways to select rows, where one does for all.
pub(crate) const LOOPS: bool = ALL;

/// Entries of an index, gathered from many inserts or commits and put into it in its order.
pub(crate) const GATHERING: bool = ALL;

/// What only people read, of which a program needs nothing: plans and settings in words, what exactly is damaged or was
/// refused, dates and decimals in messages.
pub(crate) const EXPLAINED: bool = ALL;

/// Guessing where in a page a rank is. Without it the page is halved until it is found, which takes no arithmetic of floats.
pub(crate) const INTERPOLATION: bool = ALL;

/// A number of rows or of nanoseconds that is estimated.
#[cfg(not(feature = "small"))]
pub type Amount = f64;
/// A number of rows or of nanoseconds that is estimated: with half the digits of other builds, which are plenty.
#[cfg(feature = "small")]
pub type Amount = f32;

/// Proof of a build with all parts. Without them there is no value of it, and so no code for what holds one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    #[cfg(not(feature = "small"))]
    Build,
}

impl Whole {
    /// It, if this is such a build.
    #[inline]
    pub(crate) fn build() -> Option<Whole> {
        #[cfg(not(feature = "small"))]
        return Some(Whole::Build);
        #[cfg(feature = "small")]
        None
    }
}

/// Something in a build with all parts. Without them there is no value of it, whatever it would hold, and nothing to drop.
/// Where the proof is handed on as well, a [`Whole`] stands beside it: one that was asked of the value would make unreachable
/// code of all that follows, which rustc warns of.
pub struct InWhole<T> {
    #[cfg(not(feature = "small"))]
    value: T,
    #[cfg(feature = "small")]
    never: (Whole, core::marker::PhantomData<fn() -> T>),
}

impl<T> InWhole<T> {
    /// It, in such a build.
    #[inline]
    #[cfg_attr(feature = "small", allow(unused_variables))]
    pub(crate) fn new(value: T, whole: Whole) -> InWhole<T> {
        match whole {
            #[cfg(not(feature = "small"))]
            Whole::Build => InWhole { value },
        }
    }
}

impl<T: Clone> Clone for InWhole<T> {
    #[inline]
    fn clone(&self) -> Self {
        #[cfg(not(feature = "small"))]
        return InWhole { value: self.value.clone() };
        #[cfg(feature = "small")]
        match self.never.0 {}
    }
}

impl<T: PartialEq> PartialEq for InWhole<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: core::fmt::Debug> core::fmt::Debug for InWhole<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> core::ops::Deref for InWhole<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        #[cfg(not(feature = "small"))]
        return &self.value;
        #[cfg(feature = "small")]
        match self.never.0 {}
    }
}

impl<T> core::ops::DerefMut for InWhole<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        #[cfg(not(feature = "small"))]
        return &mut self.value;
        #[cfg(feature = "small")]
        match self.never.0 {}
    }
}
