//! [`PlanCache`]: the plans that are kept with an open database.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::home::{self, Home};
use super::told::{KeptTold, Told};
use super::{Lent, Settings};
#[cfg(feature = "std")]
use crate::engine::estimate::PlanCosts;
use crate::engine::estimate::{Lesson, Resident, Statistics};
use crate::engine::logical::{Compared, Parameters};
use crate::engine::measured::Measured;
use crate::engine::physical::PhysicalPlan;
use crate::expr::Tail;
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

/// When so many pages were read from the file, what is in memory may be something else than it was: so many come and go before a
/// plan is looked at again.
const LOADED_MANY: u64 = 64;

/// So often the plans of a shape are made anew because they were off; then they stay, until what they are chosen by changes. What was
/// learnt may be right for some values and wrong for others.
const ANEW_MAX: u32 = 3;

/// Of so many shapes a set knows what was learnt.
const LEARNT_MAX: usize = 2 * WAYS;

/// A copy of a plan with a longer value, in bytes, goes when its query ends.
const VALUE_KEPT_MAX: usize = 4 << 10;

/// The plans that are kept with an open database.
pub struct PlanCache {
    /// Each with a few plans. A query's are in the set that its number says. What a query has taken finds its way back alone.
    sets: Box<[Arc<Mutex<Set>>]>,
    /// How many threads may carry out a query that does not say it.
    #[cfg(feature = "std")]
    pub(super) threads: usize,
    /// What work is said to cost.
    #[cfg(feature = "std")]
    pub(in crate::engine) costs: PlanCosts,
    /// Whether plans are made anew by what running them has taught.
    pub(super) learns: bool,
    /// Moves when plans are to be made anew.
    epoch: AtomicU64,
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

/// The plans that are in one place.
#[derive(Default)]
pub(super) struct Set {
    /// The last used first.
    plans: Vec<Kept>,
    /// What was learnt of queries, the last one last.
    learnt: Vec<Learnt>,
    /// How many plans there have been: each has a number of its own.
    numbered: u64,
    /// How many queries have found plans that are no longer there.
    found: u64,
    made: u64,
}

/// What was learnt of the queries of one shape, until what plans are chosen by changes.
struct Learnt {
    /// What the shape is told by. That of two which have the same each learns from the other changes no answer.
    hash: u64,
    epoch: u64,
    /// How often plans of it were made anew for it.
    times: u32,
    lessons: Vec<Lesson>,
}

/// A plan that is kept.
struct Kept {
    title: Arc<Title>,
    basis: Arc<Basis>,
    /// When that was looked at last: at the same commit what is read of it has the same counts.
    looked_at: Seen,
    /// Whether it stays though it was off.
    stays: bool,
    plan: Arc<PhysicalPlan>,
    /// Copies that queries had and gave back, with their values.
    #[expect(clippy::vec_box, reason = "queries take them as they are, without moving the plans")]
    spare: Vec<Box<PhysicalPlan>>,
}

/// What plans are told by, and their copies.
pub(super) struct Title {
    pub(super) number: u64,
    told: KeptTold,
    /// The values that it depends on, by number.
    pinned: Vec<(usize, Scalar)>,
    /// What others are to each other.
    compared: Vec<Compared>,
    /// How queries end that it is for, if not all that end alike.
    tail: Option<Tail>,
    pub(super) epoch: u64,
    /// How many queries have found it.
    pub(super) found: AtomicU64,
}

impl Title {
    /// Whether this is a plan for a query with its values.
    #[inline]
    pub(super) fn suits(&self, told: &Told<'_>) -> bool {
        let is_same = |(number, value): &(usize, Scalar)| is_identical(value, told.values().get(*number));
        let values = told.values();
        let is_so = |of: &Compared| is_identical(values.get(of.first), values.get(of.second)) == of.identical;
        let ends_so = self.tail.is_none_or(|tail| tail == told.tail());
        told.is(&self.told) && ends_so && self.pinned.iter().all(is_same) && self.compared.iter().all(is_so)
    }

    pub(super) fn hash(&self) -> u64 {
        self.told.hash()
    }
}

/// What a plan was chosen by.
struct Basis {
    /// The collections read, and how many records they had.
    counts: Vec<(CollectionId, u64)>,
    /// The trees that may be read, and how much of them was in memory.
    residency: Vec<Resident>,
}

impl Basis {
    /// Whether about as much is there as when the plan was made; and in memory, if that `moved`.
    fn holds(&self, view: View<'_>, moved: bool) -> bool {
        let is_alike = |(id, then): &(CollectionId, u64)| {
            let now = count(view, *id);
            now / 2 <= *then && *then / 2 <= now
        };
        let measured = Measured::new(view);
        let is_near = |(id, index, then): &Resident| {
            let Some(collection) = view.catalog().collection(*id) else { return false };
            let index = index.and_then(|index| collection.index(index));
            then.is_near(measured.residency(collection, index))
        };
        self.counts.iter().all(is_alike) && (!moved || self.residency.iter().all(is_near))
    }
}

/// What there is for a query.
enum Found {
    /// A copy of this plan that another query has given back.
    Spare(Arc<Title>, Seen, Box<PhysicalPlan>),
    /// A plan, of which there is no copy.
    Plan(Arc<Title>, Seen, Arc<PhysicalPlan>),
    /// A plan of which it has to be looked whether there are as many records as when it was made; and whether as much is in memory,
    /// if many pages were read since.
    Doubtful(u64, Arc<Basis>, bool),
}

impl PlanCache {
    /// Room for plans, and how queries of a database are planned; with room for none, none is kept.
    pub(super) fn new(settings: Settings) -> PlanCache {
        let sets = settings.plans.div_ceil(WAYS);
        PlanCache {
            sets: (0..sets).map(|_| Arc::default()).collect(),
            #[cfg(feature = "std")]
            threads: settings.threads,
            #[cfg(feature = "std")]
            costs: settings.costs,
            learns: settings.learns,
            epoch: AtomicU64::new(0),
        }
    }

    /// That of the database that a view is of.
    pub fn of(view: View<'_>) -> Option<&PlanCache> {
        view.attached().get_or_make(|| PlanCache::new(Settings::default()))
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
        let none = PlanCounts { kept_max: (self.sets.len() * WAYS) as u64, ..PlanCounts::default() };
        self.sets.iter().fold(none, |counts, set| {
            let set = set.lock();
            let found = |kept: &Kept| kept.title.found.load(Ordering::Relaxed);
            PlanCounts {
                found: counts.found + set.found + set.plans.iter().map(found).sum::<u64>(),
                made: counts.made + set.made,
                kept: counts.kept + set.plans.len() as u64,
                ..counts
            }
        })
    }

    /// What was learnt of queries like this.
    pub(super) fn lessons(&self, told: &Told<'_>) -> Vec<Lesson> {
        let (epoch, hash) = (self.epoch.load(Ordering::Acquire), told.hash());
        let set = self.set(hash).lock();
        let learnt = set.learnt.iter().find(|learnt| (learnt.hash, learnt.epoch) == (hash, epoch));
        learnt.map_or_else(Vec::new, |learnt| learnt.lessons.clone())
    }

    fn set(&self, hash: u64) -> &Arc<Mutex<Set>> {
        // The upper half as a fraction of all sets.
        &self.sets[(((hash >> 32) * self.sets.len() as u64) >> 32) as usize]
    }

    /// The plan of a query with these values, if one is kept. It is counted whether one is, if that is asked for.
    pub(super) fn look(&self, view: View<'_>, told: &Told<'_>, counted: bool) -> Option<Lent> {
        let epoch = self.epoch.load(Ordering::Acquire);
        // No commit has the highest number.
        let commit = view.commit().unwrap_or(u64::MAX);
        let now = Now { epoch, seen: Seen { commit, loaded: view.pages_loaded() } };
        let set = self.set(told.hash());
        let mut tried = Tried::default();
        if let Some((home, plan)) = home::take(set, told, now) {
            tried.add(home.title.number);
            if let Some(lent) = with_values(view, told, plan, home, counted) {
                return Some(lent);
            }
        }
        let mut current = None;
        // Nothing is calculated, and no page read, while others wait.
        loop {
            let found = set.lock().find(told, now, &tried, current, counted);
            let (title, looked_at, plan) = match found? {
                Found::Spare(title, looked_at, plan) => (title, looked_at, plan),
                Found::Plan(title, looked_at, plan) => {
                    (title, looked_at, Box::new(PhysicalPlan::clone(&plan)))
                }
                Found::Doubtful(number, basis, moved) => {
                    let is_current = basis.holds(view, moved);
                    set.lock().settle(number, is_current.then_some(now.seen), moved);
                    current = is_current.then_some(number);
                    continue;
                }
            };
            let number = title.number;
            let home = Home { set: Arc::downgrade(set), title, looked_at };
            if let Some(lent) = with_values(view, told, plan, home, counted) {
                return Some(lent);
            }
            if !tried.add(number) {
                set.lock().made += u64::from(counted);
                return None;
            }
        }
    }

    /// Keeps the plan of a query.
    pub(super) fn keep(
        &self,
        view: View<'_>,
        told: &Told<'_>,
        parameters: &Parameters<'_>,
        plan: &PhysicalPlan,
    ) {
        let mut plan = plan.clone();
        plan.seal();
        if let Some(watched) = &mut plan.watched {
            watched.exact = false;
        }
        let pinned = parameters.pinned();
        let pinned = pinned.map(|number| (number, told.values().get(number).clone())).collect();
        let compared = parameters.comparisons();
        let tail = plan.has_mixed_counts().then_some(told.tail());
        let mut counts: Vec<(CollectionId, u64)> = Vec::new();
        for slot in &plan.slots {
            let id = slot.collection.id;
            if counts.iter().all(|(known, _)| *known != id) {
                counts.push((id, count(view, id)));
            }
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        let basis = Arc::new(Basis { counts, residency: core::mem::take(&mut plan.residency) });
        let looked_at = Seen { commit: u64::MAX, loaded: view.pages_loaded() };
        let (hash, told, plan) = (told.hash(), told.kept(), Arc::new(plan));
        let mut set = self.set(hash).lock();
        set.numbered += 1;
        let found = AtomicU64::new(0);
        let title = Arc::new(Title { number: set.numbered, told, pinned, compared, tail, epoch, found });
        // Another thread may have been as quick: then there are two, of which one will go.
        while set.plans.len() >= WAYS {
            set.let_go(WAYS - 1);
        }
        let spare = Vec::new();
        set.plans.insert(0, Kept { title, basis, looked_at, stays: false, plan, spare });
    }
}

/// When plans are looked for.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub(super) epoch: u64,
    pub(super) seen: Seen,
}

/// What was there when a plan was looked at.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// The highest number where that is no commit's.
    commit: u64,
    /// How many pages had been read from the file.
    loaded: Option<u64>,
}

impl Seen {
    /// Whether what is in memory may be something else by `now`.
    fn has_moved(self, now: Seen) -> bool {
        match (now.loaded, self.loaded) {
            // Who cannot tell takes the plan as it is.
            (None, _) => false,
            (Some(now), Some(then)) => now.wrapping_sub(then) >= LOADED_MANY,
            // It was made by who could not.
            (Some(_), None) => true,
        }
    }

    /// Whether a plan that was looked at then need not be looked at `now`.
    #[inline]
    pub(super) fn is_as(self, now: Seen) -> bool {
        now.commit != u64::MAX && self.commit == now.commit && !self.has_moved(now)
    }
}

/// The plans that were tried for a query, by number.
#[derive(Default)]
struct Tried {
    numbers: [u64; WAYS],
    count: usize,
}

impl Tried {
    fn has(&self, number: u64) -> bool {
        self.numbers[..self.count].contains(&number)
    }

    /// Adds one; whether another may be tried. What others make meanwhile could be tried for ever.
    fn add(&mut self, number: u64) -> bool {
        self.numbers[self.count] = number;
        self.count += 1;
        self.count < WAYS
    }
}

impl Set {
    /// A plan for a query at an epoch and a commit, which was not tried. One of them is known to be `current`.
    #[inline]
    fn find(
        &mut self,
        told: &Told<'_>,
        now: Now,
        tried: &Tried,
        current: Option<u64>,
        counted: bool,
    ) -> Option<Found> {
        let is_sought = |kept: &Kept| kept.title.suits(told) && !tried.has(kept.title.number);
        let at = self.plans.iter().position(is_sought);
        let Some(at) = at else {
            self.made += u64::from(counted);
            return None;
        };
        // The last used come first, and the last goes when there is no room.
        if at > 0 {
            self.plans[..=at].rotate_right(1);
        }
        let kept = &mut self.plans[0];
        if kept.title.epoch != now.epoch {
            self.let_go(0);
            return self.find(told, now, tried, current, counted);
        }
        if let Some(watched) = &kept.plan.watched
            && watched.watch.is_refuted()
            && !kept.stays
        {
            let lessons = watched.watch.taught();
            kept.stays = !learn(&mut self.learnt, (told.hash(), now.epoch), lessons);
            if !kept.stays {
                self.let_go(0);
                return self.find(told, now, tried, current, counted);
            }
        }
        if current != Some(kept.title.number) && !kept.looked_at.is_as(now.seen) {
            let moved = kept.looked_at.has_moved(now.seen);
            return Some(Found::Doubtful(kept.title.number, Arc::clone(&kept.basis), moved));
        }
        let title = Arc::clone(&kept.title);
        Some(match kept.spare.pop() {
            Some(plan) => Found::Spare(title, kept.looked_at, plan),
            None => Found::Plan(title, kept.looked_at, Arc::clone(&kept.plan)),
        })
    }

    /// Notes when a plan was found to be current, also by what is in memory if that `moved`, or lets it go.
    fn settle(&mut self, number: u64, current_at: Option<Seen>, moved: bool) {
        let Some(at) = self.plans.iter().position(|kept| kept.title.number == number) else { return };
        let kept = &mut self.plans[at];
        let Some(now) = current_at else {
            // What was learnt is as old.
            let gone = kept.title.hash();
            self.learnt.retain(|learnt| learnt.hash != gone);
            return self.let_go(at);
        };
        kept.looked_at.commit = now.commit;
        if moved {
            kept.looked_at.loaded = now.loaded;
        }
    }

    fn let_go(&mut self, at: usize) {
        let gone = self.plans.remove(at);
        self.found += gone.title.found.load(Ordering::Relaxed);
    }

    /// Takes a copy of a plan back, or gives it again, if there are enough.
    #[inline]
    pub(super) fn take_back(&mut self, number: u64, plan: Box<PhysicalPlan>) -> Option<Box<PhysicalPlan>> {
        let Some(at) = self.plans.iter().position(|kept| kept.title.number == number) else {
            return Some(plan);
        };
        // It was used since it was taken, by whoever had it at hand.
        self.plans[..=at].rotate_right(1);
        let spare = &mut self.plans[0].spare;
        if spare.len() == SPARE_MAX {
            return Some(plan);
        }
        spare.push(plan);
        None
    }
}

/// Notes what was learnt of a shape at an epoch; whether a plan is to be made with it.
#[cold]
fn learn(learnt: &mut Vec<Learnt>, (hash, epoch): (u64, u64), lessons: Vec<Lesson>) -> bool {
    learnt.retain(|learnt| learnt.epoch == epoch);
    let at = learnt.iter().position(|learnt| learnt.hash == hash).unwrap_or_else(|| {
        if learnt.len() == LEARNT_MAX {
            learnt.remove(0);
        }
        learnt.push(Learnt { hash, epoch, times: 0, lessons: Vec::new() });
        learnt.len() - 1
    });
    let known = &mut learnt[at];
    if known.times == ANEW_MAX {
        return false;
    }
    known.times += 1;
    known.lessons.retain(|known| lessons.iter().all(|new| new.about() != known.about()));
    known.lessons.extend(lessons);
    true
}

/// A plan with the values of a query, if it is for them; counted as found if that is asked for.
#[inline]
fn with_values(
    view: View<'_>,
    told: &Told<'_>,
    mut plan: Box<PhysicalPlan>,
    home: Home,
    counted: bool,
) -> Option<Lent> {
    let suits = plan.bind(told.values(), told.tail()) && plan.is_near(&Measured::new(view));
    home.title.found.fetch_add(u64::from(counted && suits), Ordering::Relaxed);
    let lent = Lent::of(plan, home);
    suits.then(|| if told.values().any(is_long) { lent.for_good() } else { lent })
}

/// Whether a value takes more room than should be kept for the next query.
fn is_long(value: &Scalar) -> bool {
    match value {
        Scalar::String(text) => text.len() > VALUE_KEPT_MAX,
        Scalar::Bytes(bytes) => bytes.len() > VALUE_KEPT_MAX,
        _ => false,
    }
}

/// How many records a collection has; what cannot be read is found out when the plan is run.
fn count(view: View<'_>, id: CollectionId) -> u64 {
    view.for_estimates().count(id).unwrap_or(0)
}
