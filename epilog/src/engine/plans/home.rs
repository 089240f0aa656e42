//! [`Home`]: where a plan goes when its query ends; the plans that a thread has at hand, which it takes and gives back without a lock.
//!
//! ```text
//! query --> this thread's places --- there, and nothing was committed since ---> its plan
//!                 |                                                                |
//!             not there                                                     when it ends
//!                 |                                                                |
//!                 v                                                                v
//!     the set of all threads, behind a lock  <--- what had the place --- this thread's places
//! ```
//!
//! A plan at hand is for the same queries as in its set, and as good as when it was looked at last. Who asks at another commit, or when
//! plans were made anew, looks in the set.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
#[cfg(feature = "std")]
use core::cell::RefCell;

use super::cache::{Now, Seen, Set, Title};
use super::told::Told;
use crate::engine::physical::PhysicalPlan;
use crate::sync::Mutex;

/// Where a plan goes when its query ends.
pub(super) struct Home {
    /// Where it is kept. What threads have at hand does not keep those of a database that was closed.
    pub(super) set: Weak<Mutex<Set>>,
    pub(super) title: Arc<Title>,
    /// When it was looked at last.
    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "no thread has any at hand"))]
    pub(super) looked_at: Seen,
}

impl Home {
    /// Has a plan at hand, unless this thread has a copy of it.
    #[inline]
    pub(super) fn keep(self, plan: Box<PhysicalPlan>) {
        #[cfg(feature = "std")]
        let kept = HERE.try_with(|places| keep(places, Place { home: self, plan }));
        #[cfg(not(feature = "std"))]
        let kept = Ok::<_, ()>(Some(Place { home: self, plan }));
        // While a thread ends it has no places, and the plan was freed.
        if let Ok(Some(other)) = kept {
            other.give_back();
        }
    }
}

/// A plan, and where it goes.
struct Place {
    home: Home,
    plan: Box<PhysicalPlan>,
}

impl Place {
    /// Gives the plan back to its set, if there is room.
    fn give_back(self) {
        let Some(set) = self.home.set.upgrade() else { return };
        let too_many = set.lock().take_back(self.home.title.number, self.plan);
        // One that has no place there is freed while nobody waits.
        drop(too_many);
    }
}

/// So many plans at most are at hand of a thread. Each has one place where it may be.
#[cfg(feature = "std")]
const PLACES: usize = 8;

#[cfg(feature = "std")]
type Places = [RefCell<Option<Place>>; PLACES];

#[cfg(feature = "std")]
crate::sync::of_each_thread! {
    static HERE: Places = const { [const { RefCell::new(None) }; PLACES] };
}

/// The place of plans that are told by this number, of whose bits the highest choose the set.
#[cfg(feature = "std")]
fn place(places: &Places, hash: u64) -> &RefCell<Option<Place>> {
    &places[(hash >> 16) as usize % PLACES]
}

/// The plan of a query that this thread has at hand. One that has to be looked at goes back to its set.
#[cfg(feature = "std")]
#[inline]
pub(super) fn take(set: &Arc<Mutex<Set>>, told: &Told<'_>, now: Now) -> Option<(Home, Box<PhysicalPlan>)> {
    let take = |places: &Places| {
        let mut place = place(places, told.hash()).borrow_mut();
        let Some(Place { home, .. }) = &*place else { return None };
        let is_sought = core::ptr::eq(home.set.as_ptr(), Arc::as_ptr(set)) && home.title.suits(told);
        if is_sought { place.take() } else { None }
    };
    let place = HERE.try_with(take).ok().flatten()?;
    let is_refuted = place.plan.watched.as_ref().is_some_and(|watched| watched.watch.is_refuted());
    if place.home.title.epoch != now.epoch || !place.home.looked_at.is_as(now.seen) || is_refuted {
        place.give_back();
        return None;
    }
    Some((place.home, place.plan))
}

/// None is at hand.
#[cfg(not(feature = "std"))]
pub(super) fn take(_: &Arc<Mutex<Set>>, _: &Told<'_>, _: Now) -> Option<(Home, Box<PhysicalPlan>)> {
    None
}

/// Puts a plan into its place, unless there is a copy of it. What had the place, or has none, is to go back to its set.
#[cfg(feature = "std")]
#[inline]
fn keep(places: &Places, given: Place) -> Option<Place> {
    let place = &mut *place(places, given.home.title.hash()).borrow_mut();
    match place {
        Some(kept) if Arc::ptr_eq(&kept.home.title, &given.home.title) => Some(given),
        _ => place.replace(given),
    }
}
