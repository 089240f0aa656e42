//! [`Measured`]: statistics taken from a view.

#[cfg(not(feature = "small"))]
use alloc::sync::Arc;
#[cfg(not(feature = "small"))]
use alloc::vec::Vec;
#[cfg(not(feature = "small"))]
use core::cell::RefCell;
#[cfg(not(feature = "small"))]
use core::ops::Bound;

#[cfg(all(feature = "std", not(feature = "small")))]
use crate::engine::estimate::{Calibration, PlanCosts};
#[cfg(not(feature = "small"))]
use crate::engine::estimate::{Costs, Lesson, Lessons, Residency};
use crate::engine::estimate::{KeyRange, Statistics};
#[cfg(not(feature = "small"))]
use crate::engine::logical::SlotDef;
#[cfg(not(feature = "small"))]
use crate::engine::plans::PlanCache;
use crate::schema::{CollectionDef, CollectionId, IndexDef};
#[cfg(not(feature = "small"))]
use crate::statistics::CollectionStatistics;
#[cfg(not(feature = "small"))]
use crate::storage::facade::Direction;
use crate::storage::facade::View;
#[cfg(not(feature = "small"))]
use crate::value::key;

/// So many entries are not those of a page or two, of which it is known exactly how many they are.
#[cfg(not(feature = "small"))]
const ENTRIES_MANY: u64 = 2000;

/// Of fewer records nothing is learned beyond their number: [as many](crate::engine::estimate::Costs::rows_min) are planned for.
#[cfg(not(feature = "small"))]
const KNOWN_MIN: u64 = 1000;

/// For fewer records it does not matter what work costs here: measuring it takes longer than a wrong choice.
#[cfg(all(feature = "std", not(feature = "small")))]
const MEASURED_MIN: u64 = 100_000;

/// Statistics of what a view sees: counts as the catalog keeps them, ranges of indexes
/// by the pages at their ends.
pub(super) struct Measured<'s> {
    view: View<'s>,
    /// How many records there are of the collections that were asked about: planning asks often.
    #[cfg(not(feature = "small"))]
    rows: RefCell<Vec<(CollectionId, u64)>>,
    /// What is known of them.
    #[cfg(not(feature = "small"))]
    known: RefCell<Vec<(CollectionId, Option<Arc<CollectionStatistics>>)>>,
}

impl<'s> Measured<'s> {
    /// Those of what a view sees now.
    pub(super) fn new(view: View<'s>) -> Measured<'s> {
        Measured {
            view,
            #[cfg(not(feature = "small"))]
            rows: RefCell::default(),
            #[cfg(not(feature = "small"))]
            known: RefCell::default(),
        }
    }

    fn count(&self, collection: CollectionId) -> u64 {
        // What cannot be read is found out when the plan is run; until then it is as good as empty.
        self.view.for_estimates().count(collection).unwrap_or(0)
    }

    #[cfg(not(feature = "small"))]
    fn find_known(&self, collection: &CollectionDef) -> Option<Arc<CollectionStatistics>> {
        if self.rows(collection) < KNOWN_MIN {
            return None;
        }
        let before = self.view.known_count();
        let known = self.view.known(collection.id);
        if self.view.known_count() != before
            && let Some(plans) = PlanCache::of(self.view)
        {
            plans.outdate();
        }
        known
    }
}

/// What is in a list of what was found, or what `find` finds, which goes there.
#[cfg(not(feature = "small"))]
fn found<T: Clone>(
    list: &RefCell<Vec<(CollectionId, T)>>,
    collection: CollectionId,
    find: impl FnOnce() -> T,
) -> T {
    if let Some((_, value)) = list.borrow().iter().find(|(of, _)| *of == collection) {
        return value.clone();
    }
    let value = find();
    list.borrow_mut().push((collection, value.clone()));
    value
}

impl Statistics for Measured<'_> {
    #[cfg(not(feature = "small"))]
    fn rows(&self, collection: &CollectionDef) -> u64 {
        found(&self.rows, collection.id, || self.count(collection.id))
    }

    #[cfg(feature = "small")]
    fn rows(&self, collection: &CollectionDef) -> u64 {
        self.count(collection.id)
    }

    #[cfg(not(feature = "small"))]
    #[cfg_attr(not(feature = "std"), expect(unused_variables, reason = "there is no clock to measure by"))]
    fn costs(&self, slots: &[SlotDef]) -> Costs {
        #[cfg(test)]
        if let Some(costs) = priced::given() {
            return costs;
        }
        #[cfg(feature = "std")]
        if PlanCache::of(self.view).is_some_and(|cache| cache.costs == PlanCosts::Measured)
            && slots.iter().any(|slot| self.rows(&slot.collection) >= MEASURED_MIN)
        {
            return Calibration::measured(&|| self.view.now_ns()).costs();
        }
        Costs::default()
    }

    #[cfg(not(feature = "small"))]
    fn residency(&self, collection: &CollectionDef, index: Option<&IndexDef>) -> Residency {
        #[cfg(test)]
        if let Some(residency) = priced::residency(collection, index) {
            return residency;
        }
        let view = self.view.for_estimates();
        let stored = view.catalog().collection(collection.id);
        let cached = stored.and_then(|stored| view.cached(stored, index).ok().flatten());
        cached.map_or(Residency::ALL, |known| Residency::of(known.leaves, known.cached, known.asked))
    }

    #[cfg(not(feature = "small"))]
    fn rows_kept(&self, collection: &CollectionDef) -> Option<u64> {
        self.view.records_kept(collection)
    }

    fn entries(&self, collection: &CollectionDef, index: &IndexDef, range: &KeyRange) -> Option<u64> {
        let (low, high) = range.bounds();
        let stored = self.view.catalog().collection(collection.id)?;
        let found = self.view.estimate_entries(stored, index.id, low, high).ok()?;
        #[cfg(not(feature = "small"))]
        if found >= ENTRIES_MANY && !index.is_partial() && stored.listed(index).is_none() {
            // How many there are in all is known: by as much as that is off this is as well, the pages at the edges being no others.
            let all = self.view.for_estimates().count(collection.id).ok()?;
            let told =
                self.view.estimate_entries(stored, index.id, Bound::Unbounded, Bound::Unbounded).ok()?;
            return Some((u128::from(found) * u128::from(all) / u128::from(told.max(found))) as u64);
        }
        Some(found)
    }

    #[cfg(not(feature = "small"))]
    fn leading(&self, collection: &CollectionDef, index: &IndexDef, max: usize) -> Option<Vec<Vec<u8>>> {
        let view = self.view.for_estimates();
        let stored = view.catalog().collection(collection.id)?;
        let field = &stored.fields[usize::from(*index.fields.first()?)];
        let (mut found, mut key) = (Vec::new(), Vec::<u8>::new());
        loop {
            let low = if key.is_empty() { Bound::Unbounded } else { Bound::Excluded(&key[..]) };
            let mut cursor =
                view.entries(stored, index.id, low, Bound::Unbounded, Direction::Forward).ok()?;
            let (mut next, mut ends, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
            if cursor.next_entries(1, &mut next, &mut ends, &mut ranks).ok()? == 0 {
                return Some(found);
            }
            if found.len() == max {
                return None;
            }
            let rest = key::split_first(field.ty, field.optional, &next)?.1.len();
            next.truncate(next.len() - rest);
            found.push(next.clone());
            key = next;
        }
    }

    #[cfg(not(feature = "small"))]
    fn known(&self, collection: &CollectionDef) -> Option<Arc<CollectionStatistics>> {
        found(&self.known, collection.id, || self.find_known(collection))
    }
}

/// The same, with what was learnt of queries of the shape that is planned, and whether a budget of memory was asked for.
#[cfg(not(feature = "small"))]
pub(super) struct Learnt<'s> {
    pub(super) measured: Measured<'s>,
    pub(super) lessons: &'s [Lesson],
    pub(super) limits_memory: bool,
}

#[cfg(not(feature = "small"))]
impl Statistics for Learnt<'_> {
    fn rows(&self, collection: &CollectionDef) -> u64 {
        self.measured.rows(collection)
    }

    fn rows_kept(&self, collection: &CollectionDef) -> Option<u64> {
        self.measured.rows_kept(collection)
    }

    fn costs(&self, slots: &[SlotDef]) -> Costs {
        self.measured.costs(slots)
    }

    fn residency(&self, collection: &CollectionDef, index: Option<&IndexDef>) -> Residency {
        self.measured.residency(collection, index)
    }

    fn entries(&self, collection: &CollectionDef, index: &IndexDef, range: &KeyRange) -> Option<u64> {
        self.measured.entries(collection, index, range)
    }

    fn leading(&self, collection: &CollectionDef, index: &IndexDef, max: usize) -> Option<Vec<Vec<u8>>> {
        self.measured.leading(collection, index, max)
    }

    fn limits_memory(&self) -> bool {
        self.limits_memory
    }

    fn lessons(&self) -> Lessons<'_> {
        Lessons(self.lessons)
    }

    fn known(&self, collection: &CollectionDef) -> Option<Arc<CollectionStatistics>> {
        self.measured.known(collection)
    }
}

/// Other costs than those of the database, for tests.
#[cfg(all(test, not(feature = "small")))]
pub(super) mod priced {
    use core::cell::Cell;

    use crate::engine::estimate::{Costs, Residency};
    use crate::engine::plans::PlanCache;
    use crate::schema::{CollectionDef, IndexDef};
    use crate::storage::facade::Reading;

    std::thread_local! {
        static GIVEN: Cell<Option<Costs>> = const { Cell::new(None) };
        static ALL_CACHED: Cell<bool> = const { Cell::new(false) };
    }

    /// What work is said to cost in this thread.
    pub(super) fn given() -> Option<Costs> {
        GIVEN.get()
    }

    /// How much of a tree is said to be in memory in this thread, where costs are given: some of them more, others less, by what they
    /// are multiplied with.
    pub(super) fn residency(collection: &CollectionDef, index: Option<&IndexDef>) -> Option<Residency> {
        if ALL_CACHED.get() {
            return Some(Residency::ALL);
        }
        let costs = GIVEN.get()?;
        let tree = u64::from(collection.id.0) * 31 + index.map_or(0, |index| 1 + u64::from(index.id.0));
        let mixed = (costs.page.to_bits() ^ tree).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        Some(Residency { leaves: (1 + mixed % 2000) as f64, quarters: (mixed >> 16) as u8 % 5 })
    }

    /// Has everything said to be in memory while it lives, in this thread: for tests of what plans of large data do, with small caches.
    pub(in crate::engine) struct AllCached;

    impl AllCached {
        pub(in crate::engine) fn new() -> AllCached {
            ALL_CACHED.set(true);
            AllCached
        }
    }

    impl Drop for AllCached {
        fn drop(&mut self) {
            ALL_CACHED.set(false);
        }
    }

    /// Has work cost so much while it lives, in this thread, for plans that are made meanwhile.
    pub(in crate::engine) struct Priced;

    impl Priced {
        /// Such costs, of databases whose plans were made by others.
        pub(in crate::engine) fn new(costs: Costs, databases: &[&dyn Reading]) -> Priced {
            GIVEN.set(Some(costs));
            for database in databases {
                PlanCache::of(database.operation().view()).expect("plans are kept").outdate();
            }
            Priced
        }
    }

    impl Drop for Priced {
        fn drop(&mut self) {
            GIVEN.set(None);
        }
    }
}
