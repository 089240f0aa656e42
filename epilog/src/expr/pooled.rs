//! [`Pooled`]: a part of a query under construction, which stays where it is while it goes from hand to hand.
//!
//! Builders take what they change by value and give it back. Were it moved each time, the processor would wait each time: it reads in one
//! piece what was just written in small ones, and these are not in the cache yet. So it lies on the heap. Each thread keeps
//! a few places there for the next query, so that none has to be allocated:
//!
//! ```text
//! u.score.ge(0.5) & u.active        takes a place for `u.score`, and one for `u.active`, which it gives back
//!         .filter(..)               takes one for clauses, and gives back that of the expression
//!         .limit(10)                writes a word
//! drop                              gives back the last
//! ```

use alloc::boxed::Box;
#[cfg(feature = "std")]
use core::cell::RefCell;
use core::ops::{Deref, DerefMut};

#[cfg(feature = "std")]
use crate::sync::LocalKey;

/// What has a place of its own while a query is built.
pub(super) trait Reused: Sized + 'static {
    /// As it is at first.
    const EMPTY: Self;

    /// Makes it what it was at first, so that the next may have its place.
    fn clear(&mut self);

    /// The places that this thread keeps. Not from a destructor of another value of this thread's.
    #[cfg(feature = "std")]
    fn places() -> &'static LocalKey<Places<Self>>;
}

/// So many places at most are kept by a thread: as many as an expression of some size has open parts.
#[cfg(feature = "std")]
const PLACES: usize = 8;

/// Empty places.
#[cfg(feature = "std")]
pub(super) struct Places<T>(RefCell<Free<T>>);

#[cfg(feature = "std")]
struct Free<T> {
    count: usize,
    places: [Option<Box<T>>; PLACES],
}

#[cfg(feature = "std")]
impl<T> Places<T> {
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is to be one of its own")]
    pub(super) const NONE: Places<T> =
        Places(RefCell::new(Free { count: 0, places: [const { None }; PLACES] }));

    #[inline]
    fn take(&self) -> Option<Box<T>> {
        let free = &mut *self.0.borrow_mut();
        let at = free.count.checked_sub(1)?;
        free.count = at;
        free.places.get_mut(at)?.take()
    }

    /// Keeps a place, or gives it back where there are enough.
    #[inline]
    fn keep(&self, place: Box<T>) -> Option<Box<T>> {
        let free = &mut *self.0.borrow_mut();
        let Some(room) = free.places.get_mut(free.count) else { return Some(place) };
        free.count += 1;
        // There is none to be dropped.
        core::mem::forget(room.replace(place));
        None
    }
}

/// A value on the heap, in a place that was another's before and will be again.
pub(super) struct Pooled<T: Reused>(Option<Box<T>>);

impl<T: Reused> Pooled<T> {
    /// None, which takes no place: it is as an empty one.
    pub(super) const NONE: Pooled<T> = Pooled(None);

    /// An empty one.
    #[inline]
    pub(super) fn new() -> Pooled<T> {
        #[cfg(feature = "std")]
        if let Ok(Some(place)) = T::places().try_with(Places::take) {
            return Pooled(Some(place));
        }
        Pooled::allocated()
    }

    #[cold]
    #[inline(never)]
    fn allocated() -> Pooled<T> {
        Pooled(Some(Box::new(T::EMPTY)))
    }

    /// It, if there is one.
    #[inline]
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    /// It, to be changed, and an empty one if there is none.
    #[inline]
    pub(super) fn get_or_new(&mut self) -> &mut T {
        if self.0.is_none() {
            *self = Pooled::new();
        }
        self
    }
}

/// Panics if there is none.
impl<T: Reused> Deref for Pooled<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().expect("a place was taken")
    }
}

/// Panics if there is none.
impl<T: Reused> DerefMut for Pooled<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_deref_mut().expect("a place was taken")
    }
}

impl<T: Reused> Drop for Pooled<T> {
    #[inline]
    fn drop(&mut self) {
        let Some(mut place) = self.0.take() else { return };
        place.clear();
        // Freed where there are enough, or the thread ends.
        #[cfg(feature = "std")]
        let _freed = T::places().try_with(|places| places.keep(place));
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    struct Word {
        letters: Vec<u8>,
    }

    impl Reused for Word {
        const EMPTY: Word = Word { letters: Vec::new() };

        fn clear(&mut self) {
            self.letters.clear();
        }

        fn places() -> &'static LocalKey<Places<Word>> {
            crate::sync::of_each_thread! {
                static PLACES: Places<Word> = const { Places::NONE };
            }
            &PLACES
        }
    }

    fn kept() -> usize {
        Word::places().with(|places| places.0.borrow().count)
    }

    fn place(word: &Pooled<Word>) -> *const Word {
        core::ptr::from_ref(&**word)
    }

    #[test]
    fn the_next_has_the_place_of_the_last_and_nothing_of_its() {
        let mut word = Pooled::<Word>::new();
        word.letters.extend(b"word");
        let at = place(&word);
        drop(word);
        assert_eq!(kept(), 1);
        let next = Pooled::<Word>::new();
        assert_eq!((place(&next), kept()), (at, 0));
        assert!(next.letters.is_empty());
    }

    #[test]
    fn no_more_are_kept_than_there_are_places() {
        let many: Vec<Pooled<Word>> = (0..2 * PLACES).map(|_| Pooled::new()).collect();
        drop(many);
        assert_eq!(kept(), PLACES);
        let many: Vec<Pooled<Word>> = (0..2 * PLACES).map(|_| Pooled::new()).collect();
        assert_eq!((many.len(), kept()), (2 * PLACES, 0));
    }

    #[test]
    fn none_takes_no_place_until_it_is_written_to() {
        drop(Pooled::<Word>::NONE);
        let mut word = Pooled::<Word>::NONE;
        assert!(word.get().is_none());
        assert_eq!(kept(), 0);
        word.get_or_new().letters.push(1);
        word.get_or_new().letters.push(2);
        assert_eq!(word.letters, [1, 2]);
    }

    #[test]
    fn one_thread_may_end_what_another_began() {
        let mut word = Pooled::<Word>::new();
        word.letters.push(1);
        let there = std::thread::spawn(move || {
            assert_eq!(word.letters, [1]);
            drop(word);
            kept()
        });
        assert_eq!((there.join().expect("it ends"), kept()), (1, 0));
    }

    /// What ends with its thread, perhaps after the places have.
    #[test]
    fn a_thread_may_end_with_some() {
        crate::sync::of_each_thread! {
            static LAST: RefCell<Vec<Pooled<Word>>> = const { RefCell::new(Vec::new()) };
        }
        let thread = std::thread::spawn(|| {
            LAST.with(|last| last.borrow_mut().extend([Pooled::new(), Pooled::new()]));
            drop(Pooled::<Word>::new());
        });
        thread.join().expect("it ends");
    }
}
