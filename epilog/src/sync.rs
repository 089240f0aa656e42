//! Locks, waiting, once-cells, atomics and per-thread slots: the only module that names a lock or a thread.
//!
//! With the feature `std` they are the operating system's; without it they are spin locks, meant for one core or for
//! short critical sections, and waiting is a loop around a hint to the processor. Compiled with `--cfg shuttle` they are
//! [shuttle](https://docs.rs/shuttle)'s, which runs one thread at a time and changes between them as a seed says: for the
//! models (`tests/tests/models`).
//!
//! * A panic while a lock is held does not poison it: what a lock protects here is either restored by its guard's owner
//!   or flagged as unusable by that owner (a poisoned journal, a poisoned pager), never guessed from a panic.
//! * [`Condvar::wait`] may return without a notification, so its callers loop over their condition.
//! * Nothing here is fair.

use core::fmt;
use core::ops::{Deref, DerefMut};

#[cfg(all(shuttle, not(feature = "std")))]
compile_error!("the models stand for the locks of `std`: leave that feature on with `--cfg shuttle`");

/// Atomics, 64-bit ones included: where the processor lacks those they are emulated.
pub mod atomic {
    #[cfg(all(not(shuttle), target_has_atomic = "64"))]
    pub use core::sync::atomic::AtomicU64;
    #[cfg(not(shuttle))]
    pub use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering, fence};
    #[cfg(not(target_has_atomic = "64"))]
    pub use portable_atomic::AtomicU64;
    #[cfg(shuttle)]
    pub use shuttle::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

#[cfg(all(feature = "std", not(shuttle)))]
mod imp {
    pub(super) use std::sync::{Condvar, Mutex, MutexGuard, OnceLock};
    pub(super) use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
    pub(super) use std::thread::{Builder, JoinHandle, sleep};
}

#[cfg(shuttle)]
mod imp {
    pub(super) use shuttle::sync::{Condvar, Mutex, MutexGuard};
    pub(super) use shuttle::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
    pub(super) use shuttle::thread::{Builder, JoinHandle, sleep};

    use shuttle::sync::atomic::{AtomicBool, Ordering};

    /// What shuttle has not: a thread may be interrupted before it looks, and waits while another makes the value.
    #[derive(Debug, Default)]
    pub(super) struct OnceLock<T> {
        made: AtomicBool,
        making: Mutex<()>,
        value: std::sync::OnceLock<T>,
    }

    impl<T> OnceLock<T> {
        pub(super) const fn new() -> OnceLock<T> {
            let value = std::sync::OnceLock::new();
            OnceLock { made: AtomicBool::new(false), making: Mutex::new(()), value }
        }

        pub(super) fn get(&self) -> Option<&T> {
            if self.made.load(Ordering::SeqCst) { self.value.get() } else { None }
        }

        pub(super) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
            if let Some(value) = self.get() {
                return value;
            }
            let _making = self.making.lock();
            let value = self.value.get_or_init(make);
            self.made.store(true, Ordering::SeqCst);
            value
        }
    }
}

#[cfg(not(feature = "std"))]
mod imp {
    pub(super) use spin::Once as OnceLock;
    pub(super) use spin::mutex::{SpinMutex as Mutex, SpinMutexGuard as MutexGuard};
    pub(super) use spin::rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
}

/// One owner at a time.
#[derive(Default)]
pub struct Mutex<T> {
    inner: imp::Mutex<T>,
}

/// A held [`Mutex`]; dropping it releases the lock.
pub struct MutexGuard<'a, T> {
    /// What a spinning [`Condvar`] takes again after it has let go.
    #[cfg(not(feature = "std"))]
    mutex: &'a Mutex<T>,
    inner: imp::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex { inner: imp::Mutex::new(value) }
    }

    /// Waits until the lock is free, and takes it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        #[cfg(feature = "std")]
        return MutexGuard { inner: self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) };
        #[cfg(not(feature = "std"))]
        return MutexGuard { mutex: self, inner: self.inner.lock() };
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        #[cfg(feature = "std")]
        return match self.inner.try_lock() {
            Ok(inner) => Some(MutexGuard { inner }),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => {
                Some(MutexGuard { inner: poisoned.into_inner() })
            }
            Err(std::sync::TryLockError::WouldBlock) => None,
        };
        #[cfg(not(feature = "std"))]
        return self.inner.try_lock().map(|inner| MutexGuard { mutex: self, inner });
    }

    /// The value, which nobody else can reach.
    pub fn get_mut(&mut self) -> &mut T {
        #[cfg(feature = "std")]
        return self.inner.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        #[cfg(not(feature = "std"))]
        return self.inner.get_mut();
    }

    /// The value, without its lock.
    pub fn into_inner(self) -> T {
        #[cfg(feature = "std")]
        return self.inner.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        #[cfg(not(feature = "std"))]
        return self.inner.into_inner();
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => f.debug_tuple("Mutex").field(&*guard).finish(),
            None => f.write_str("Mutex(<held>)"),
        }
    }
}

/// Many readers or one writer at a time.
#[derive(Default)]
pub struct RwLock<T> {
    inner: imp::RwLock<T>,
}

/// An [`RwLock`] held for reading.
pub struct ReadGuard<'a, T>(imp::RwLockReadGuard<'a, T>);

/// An [`RwLock`] held for writing.
pub struct WriteGuard<'a, T>(imp::RwLockWriteGuard<'a, T>);

impl<T> RwLock<T> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock { inner: imp::RwLock::new(value) }
    }

    /// Waits until nobody writes, and keeps writers out.
    pub fn read(&self) -> ReadGuard<'_, T> {
        #[cfg(feature = "std")]
        return ReadGuard(self.inner.read().unwrap_or_else(|poisoned| poisoned.into_inner()));
        #[cfg(not(feature = "std"))]
        return ReadGuard(self.inner.read());
    }

    /// Waits until nobody reads or writes, and keeps both out.
    pub fn write(&self) -> WriteGuard<'_, T> {
        #[cfg(feature = "std")]
        return WriteGuard(self.inner.write().unwrap_or_else(|poisoned| poisoned.into_inner()));
        #[cfg(not(feature = "std"))]
        return WriteGuard(self.inner.write());
    }

    /// The value, which nobody else can reach.
    pub fn get_mut(&mut self) -> &mut T {
        #[cfg(feature = "std")]
        return self.inner.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        #[cfg(not(feature = "std"))]
        return self.inner.get_mut();
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RwLock")
    }
}

/// Waits for a change of what a [`Mutex`] protects.
#[derive(Default)]
pub struct Condvar {
    #[cfg(feature = "std")]
    inner: imp::Condvar,
    /// Notifications so far; a spinning waiter leaves when it changes.
    #[cfg(not(feature = "std"))]
    notified: atomic::AtomicUsize,
}

impl Condvar {
    /// Nobody waits.
    pub const fn new() -> Condvar {
        #[cfg(feature = "std")]
        return Condvar { inner: imp::Condvar::new() };
        #[cfg(not(feature = "std"))]
        return Condvar { notified: atomic::AtomicUsize::new(0) };
    }

    /// Lets go of the lock, waits for a notification and takes the lock again. May return without one.
    ///
    /// Without `std` this spins, so the thread that notifies must be able to run meanwhile.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        #[cfg(feature = "std")]
        return MutexGuard {
            inner: self.inner.wait(guard.inner).unwrap_or_else(|poisoned| poisoned.into_inner()),
        };
        #[cfg(not(feature = "std"))]
        {
            let mutex = guard.mutex;
            let before = self.notified.load(atomic::Ordering::Acquire);
            drop(guard);
            while self.notified.load(atomic::Ordering::Acquire) == before {
                core::hint::spin_loop();
            }
            mutex.lock()
        }
    }

    /// As [`wait`](Condvar::wait), for no longer than `duration`.
    #[cfg(feature = "std")]
    pub fn wait_for<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        duration: core::time::Duration,
    ) -> MutexGuard<'a, T> {
        let waited = self.inner.wait_timeout(guard.inner, duration);
        MutexGuard { inner: waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0 }
    }

    /// Wakes one waiter, if there is one (without `std`: all).
    pub fn notify_one(&self) {
        #[cfg(feature = "std")]
        self.inner.notify_one();
        #[cfg(not(feature = "std"))]
        self.notify_all();
    }

    /// Wakes all waiters.
    pub fn notify_all(&self) {
        #[cfg(feature = "std")]
        self.inner.notify_all();
        #[cfg(not(feature = "std"))]
        self.notified.fetch_add(1, atomic::Ordering::AcqRel);
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condvar")
    }
}

/// A value that is computed once, by whoever needs it first.
#[derive(Debug, Default)]
pub struct OnceCell<T> {
    inner: imp::OnceLock<T>,
}

impl<T> OnceCell<T> {
    /// No value yet.
    pub const fn new() -> OnceCell<T> {
        OnceCell { inner: imp::OnceLock::new() }
    }

    /// The value, when it is there.
    pub fn get(&self) -> Option<&T> {
        self.inner.get()
    }

    /// The value, computed by `make` if it is not there. Others wait meanwhile.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        #[cfg(feature = "std")]
        return self.inner.get_or_init(make);
        #[cfg(not(feature = "std"))]
        return self.inner.call_once(make);
    }
}

/// What each thread has of its own. A model has it of all threads together, which go on one at a time.
#[cfg(feature = "std")]
pub use std::thread::LocalKey;
#[cfg(feature = "std")]
pub use std::thread_local as of_each_thread;

/// A small number that stays the same for the calling thread and that few threads share: where a thread looks first in
/// an array of per-reader slots. Always 0 without `std`.
#[cfg(all(feature = "std", not(shuttle)))]
pub fn thread_slot() -> usize {
    static NEXT: atomic::AtomicUsize = atomic::AtomicUsize::new(0);
    std::thread_local! {
        static SLOT: usize = NEXT.fetch_add(1, atomic::Ordering::Relaxed);
    }
    // While the thread is being torn down its slot is gone; any number will do.
    SLOT.try_with(|slot| *slot).unwrap_or(0)
}

/// A small number that stays the same for the calling thread and that few threads share: where a thread looks first in
/// an array of per-reader slots. Always 0 without `std`, and in a model, where all are to meet in the same slots.
#[cfg(any(shuttle, not(feature = "std")))]
pub fn thread_slot() -> usize {
    0
}

/// Lets others run for about so long. Without `std` only the processor is told.
pub fn pause(duration: core::time::Duration) {
    #[cfg(feature = "std")]
    imp::sleep(duration);
    #[cfg(not(feature = "std"))]
    {
        let _ = duration;
        core::hint::spin_loop();
    }
}

/// A thread that works in the background.
#[cfg(feature = "std")]
#[derive(Debug)]
pub struct Thread(imp::JoinHandle<()>);

#[cfg(feature = "std")]
impl Thread {
    /// Begins to run `work` in a thread called `name`; `None` when the system has no thread to give.
    pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Option<Thread> {
        let builder = imp::Builder::new().name(alloc::string::String::from(name));
        builder.spawn(work).ok().map(Thread)
    }

    /// Waits for its end. A panic in it is reported by the thread itself.
    pub fn join(self) {
        let _ = self.0.join();
    }
}

/// Does `work` with each of `others` in a thread called `name`, and with `own` in this one; returns when all have ended. Where
/// the system has no thread to give, what it would have worked with is dropped. A panic goes on in this thread when all have
/// ended.
#[cfg(all(feature = "std", not(feature = "small"), not(shuttle)))]
pub fn work_together<T: Send>(
    name: &str,
    others: alloc::vec::Vec<T>,
    own: impl FnOnce(),
    work: impl Fn(T) + Sync,
) {
    let work = &work;
    std::thread::scope(|scope| {
        let begin = |with: T| {
            let builder = imp::Builder::new().name(alloc::string::String::from(name));
            builder.spawn_scoped(scope, move || work(with)).ok()
        };
        let threads: alloc::vec::Vec<_> = others.into_iter().filter_map(begin).collect();
        own();
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// As without shuttle, but in this thread alone: nothing that models try does this.
#[cfg(all(feature = "std", not(feature = "small"), shuttle))]
pub fn work_together<T: Send>(_: &str, others: alloc::vec::Vec<T>, own: impl FnOnce(), _: impl Fn(T) + Sync) {
    drop(others);
    own();
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use alloc::sync::Arc;

    #[cfg(all(not(feature = "small"), not(shuttle)))]
    #[test]
    fn threads_that_work_together_are_waited_for_and_their_panics_are_met() {
        let (count, own) = (atomic::AtomicUsize::new(0), atomic::AtomicUsize::new(0));
        let add = |n: usize| {
            count.fetch_add(n, atomic::Ordering::Relaxed);
        };
        work_together("test", vec![1, 20, 300], || own.store(7, atomic::Ordering::Relaxed), add);
        assert_eq!((count.into_inner(), own.into_inner()), (321, 7));

        let ended = atomic::AtomicBool::new(false);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            work_together(
                "test",
                vec![()],
                || ended.store(true, atomic::Ordering::Relaxed),
                |()| panic!("on purpose"),
            );
        }));
        assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
        assert!(ended.into_inner());
    }

    #[test]
    fn condvar_hands_a_value_from_one_thread_to_another() {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let other = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            *other.0.lock() = 7;
            other.1.notify_all();
        });
        let mut guard = shared.0.lock();
        while *guard == 0 {
            guard = shared.1.wait(guard);
        }
        assert_eq!(*guard, 7);
        drop(guard);
        thread.join().unwrap();
    }

    #[test]
    fn a_panic_under_the_lock_leaves_it_usable() {
        let shared = Arc::new((Mutex::new(1), RwLock::new(2)));
        let other = Arc::clone(&shared);
        let panicked = std::thread::spawn(move || {
            let _mutex = other.0.lock();
            let _lock = other.1.write();
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
        assert_eq!(*shared.0.lock(), 1);
        assert!(shared.0.try_lock().is_some());
        assert_eq!(*shared.1.read(), 2);
    }

    #[test]
    fn a_held_mutex_is_not_taken_twice() {
        let mutex = Mutex::new(());
        let held = mutex.lock();
        assert!(mutex.try_lock().is_none());
        drop(held);
        assert!(mutex.try_lock().is_some());
    }

    #[test]
    fn once_cell_computes_once() {
        let cell = OnceCell::new();
        assert_eq!(cell.get(), None);
        assert_eq!(*cell.get_or_init(|| 1), 1);
        assert_eq!(*cell.get_or_init(|| 2), 1);
    }

    #[test]
    fn thread_slots_differ_between_threads_and_stay() {
        let mine = thread_slot();
        assert_eq!(mine, thread_slot());
        assert_ne!(mine, std::thread::spawn(thread_slot).join().unwrap());
    }
}
