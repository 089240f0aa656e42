//! [`PlanCache`]: the plans that are kept with an open database.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Lent;
use crate::engine::logical::Parameters;
use crate::engine::measured::Measured;
use crate::engine::physical::PhysicalPlan;
use crate::expr::shape::{Given, Shape};
use crate::schema::CollectionId;
use crate::storage::facade::View;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::value::{Scalar, is_identical};

/// How many plans are kept where nobody says otherwise.
pub(super) const PLANS_DEFAULT: usize = 256;

/// So many plans are looked through for one shape: those with it, for other pinned values, and others.
const WAYS: usize = 4;

/// So many queries of one shape can be carried out at a time without a copy of their plan being made.
const SPARE_MAX: usize = 4;

/// A copy of a plan with a longer value, in bytes, goes when its query ends.
const VALUE_KEPT_MAX: usize = 4 << 10;

/// The plans that are kept with an open database.
pub struct PlanCache {
    /// Each with a few plans, the last used first. A shape's are in the set that its number says.
    sets: Box<[Mutex<Vec<Arc<Kept>>>]>,
    /// How many threads may carry out a query that does not say it.
    #[cfg(feature = "std")]
    pub(super) threads: usize,
    /// Moves when plans are to be made anew.
    epoch: AtomicU64,
    found: AtomicU64,
    made: AtomicU64,
}

/// What became of queries that were looked for among the plans that are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PlanCounts {
    /// How many had a plan.
    pub found: u64,
    /// How many were planned.
    pub made: u64,
    /// How many plans there are.
    pub kept: u64,
    /// How many there may be.
    pub kept_max: u64,
}

/// A plan that is kept.
pub(super) struct Kept {
    hash: u64,
    words: Box<[u64]>,
    /// The values that it depends on, by number.
    pinned: Vec<(usize, Scalar)>,
    epoch: u64,
    /// The collections read, and how many records they had.
    counts: Vec<(CollectionId, u64)>,
    /// The commit after which that was looked at last: what is read of it has the same counts.
    looked_at: AtomicU64,
    plan: PhysicalPlan,
    /// Copies that queries had and gave back, with their values.
    #[expect(clippy::vec_box, reason = "queries take them as they are, without moving the plans")]
    spare: Mutex<Vec<Box<PhysicalPlan>>>,
}

impl PlanCache {
    /// Room for about so many plans; 0 keeps none.
    pub(crate) fn new(plans: usize) -> PlanCache {
        let sets = plans.div_ceil(WAYS);
        PlanCache {
            sets: (0..sets).map(|_| Mutex::default()).collect(),
            #[cfg(feature = "std")]
            threads: 1,
            epoch: AtomicU64::new(0),
            found: AtomicU64::new(0),
            made: AtomicU64::new(0),
        }
    }

    /// The same, of a database whose queries may be carried out by so many threads each.
    #[cfg(feature = "std")]
    pub(super) fn with_threads(self, threads: usize) -> PlanCache {
        PlanCache { threads, ..self }
    }

    /// That of the database that a view is of.
    pub fn of(view: View<'_>) -> Option<&PlanCache> {
        view.attached().get_or_make(|| PlanCache::new(PLANS_DEFAULT))
    }

    /// Whether plans are kept.
    pub(super) fn is_on(&self) -> bool {
        !self.sets.is_empty()
    }

    /// Lets all plans go that were made until now: what they were chosen by has changed.
    pub fn outdate(&self) {
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// What became of queries so far.
    pub fn counts(&self) -> PlanCounts {
        PlanCounts {
            found: self.found.load(Ordering::Relaxed),
            made: self.made.load(Ordering::Relaxed),
            kept: self.sets.iter().map(|set| set.lock().len() as u64).sum(),
            kept_max: (self.sets.len() * WAYS) as u64,
        }
    }

    fn set(&self, hash: u64) -> &Mutex<Vec<Arc<Kept>>> {
        // The upper half as a fraction of all sets.
        &self.sets[(((hash >> 32) * self.sets.len() as u64) >> 32) as usize]
    }

    /// The plan of a query with this shape and these values, if one is kept.
    pub(super) fn find(&self, view: View<'_>, shape: &Shape<'_>) -> Option<Lent> {
        let found = self.look(view, shape);
        let counter = if found.is_some() { &self.found } else { &self.made };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// As [`find`](PlanCache::find), uncounted.
    pub(super) fn look(&self, view: View<'_>, shape: &Shape<'_>) -> Option<Lent> {
        let (hash, epoch) = (shape.hash(), self.epoch.load(Ordering::Acquire));
        // Nothing is calculated, and no page read, while others wait.
        for kept in self.alike(hash, shape).into_iter().flatten() {
            if !kept.is_current(view, epoch) {
                self.drop_kept(&kept);
                continue;
            }
            let mut plan = kept.copy();
            let suits = plan.bind(shape.values()) && plan.is_near(&Measured(view));
            let lent = Lent::of(plan, kept);
            if suits {
                return Some(if shape.values().iter().any(is_long) { lent.for_good() } else { lent });
            }
        }
        None
    }

    /// The plans for queries of a shape with its values.
    fn alike(&self, hash: u64, shape: &Shape<'_>) -> [Option<Arc<Kept>>; WAYS] {
        let mut set = self.set(hash).lock();
        let mut found = [const { None }; WAYS];
        let mut count = 0;
        for at in 0..set.len() {
            if set[at].hash == hash && set[at].suits(shape) {
                found[count] = Some(Arc::clone(&set[at]));
                // The last used come first, and the last goes when there is no room.
                set[count..=at].rotate_right(1);
                count += 1;
            }
        }
        found
    }

    fn drop_kept(&self, kept: &Arc<Kept>) {
        self.set(kept.hash).lock().retain(|other| !Arc::ptr_eq(other, kept));
    }

    /// Keeps the plan of a query.
    pub(super) fn keep(
        &self,
        view: View<'_>,
        shape: &Shape<'_>,
        parameters: &Parameters<'_>,
        plan: &PhysicalPlan,
    ) {
        let mut plan = plan.clone();
        plan.seal();
        let pinned = parameters.pinned();
        let pinned = pinned.map(|number| (number, shape.values()[number].value.clone())).collect();
        let mut counts: Vec<(CollectionId, u64)> = Vec::new();
        for slot in &plan.slots {
            let id = slot.collection.id;
            if counts.iter().all(|(known, _)| *known != id) {
                counts.push((id, count(view, id)));
            }
        }
        let (hash, epoch) = (shape.hash(), self.epoch.load(Ordering::Acquire));
        let (looked_at, spare) = (AtomicU64::new(u64::MAX), Mutex::default());
        let kept = Arc::new(Kept {
            hash,
            words: shape.words().into(),
            pinned,
            epoch,
            counts,
            looked_at,
            plan,
            spare,
        });
        let mut set = self.set(hash).lock();
        // Another thread may have been as quick: then there are two, of which one will go.
        set.truncate(WAYS - 1);
        set.insert(0, kept);
    }
}

impl Kept {
    /// A copy of the plan, with the values of whoever had it last.
    fn copy(&self) -> Box<PhysicalPlan> {
        let spare = self.spare.lock().pop();
        spare.unwrap_or_else(|| Box::new(self.plan.clone()))
    }

    /// Takes a copy back.
    pub(super) fn take_back(&self, plan: Box<PhysicalPlan>) {
        let mut spare = self.spare.lock();
        if spare.len() < SPARE_MAX {
            spare.push(plan);
        }
    }

    /// Whether this is a plan for queries of a shape with its values.
    fn suits(&self, shape: &Shape<'_>) -> bool {
        let is_same = |(number, value): &(usize, Scalar)| is_identical(value, shape.values()[*number].value);
        *self.words == *shape.words() && self.pinned.iter().all(is_same)
    }

    /// Whether it would be chosen again, as far as that is looked at.
    fn is_current(&self, view: View<'_>, epoch: u64) -> bool {
        let is_near = |(id, then): &(CollectionId, u64)| {
            let now = count(view, *id);
            now / 2 <= *then && *then / 2 <= now
        };
        if self.epoch != epoch {
            return false;
        }
        // No commit has the highest number.
        let commit = view.commit().unwrap_or(u64::MAX);
        if commit != u64::MAX && self.looked_at.load(Ordering::Relaxed) == commit {
            return true;
        }
        let is_current = self.counts.iter().all(is_near);
        if is_current {
            self.looked_at.store(commit, Ordering::Relaxed);
        }
        is_current
    }
}

/// Whether a value takes more room than should be kept for the next query.
fn is_long(given: &Given<'_>) -> bool {
    match given.value {
        Scalar::String(text) => text.len() > VALUE_KEPT_MAX,
        Scalar::Bytes(bytes) => bytes.len() > VALUE_KEPT_MAX,
        _ => false,
    }
}

/// How many records a collection has; what cannot be read is found out when the plan is run.
fn count(view: View<'_>, id: CollectionId) -> u64 {
    view.for_estimates().count(id).unwrap_or(0)
}
