//! [`Bug`]: mistakes that can be put in on purpose, to see that the tests of crashes, damage and threads find them.
//!
//! Only the feature `planted-bugs` can plant one. Without it `is` is `false` when the library is compiled, and nothing of
//! this is left. Which tests find which, and how soon, is in `tests/src/simulation` and `tests/tests/models`.

/// A mistake that can be put in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Bug {
    /// A commit is acknowledged and published before it is synced.
    PublishBeforeDurable = 1,
    /// A frame counts when its checksum is right, whatever its salt, its commit and the frame before it.
    StaleFrames,
    /// The blocks of images that a checkpoint replaces are given out again before its header is durable.
    BlocksReusedEarly,
    /// What an image holds is not compared with its checksum.
    UnverifiedImages,
    /// A header is written before the images it leads to are synced.
    HeaderBeforeImages,
    /// A header names a commit that the journal has not for good.
    HeaderBeforeJournal,
    /// Commits go into the journal under a header that says that there is none.
    CleanWhileWriting,
    /// Synced bytes of the journal that are damaged pass for a torn tail.
    ClaimsIgnored,
    /// A changed map page is not written.
    MapPageLost,
    /// A sync that failed is forgotten when the next one succeeds.
    SyncErrorsForgotten,
    /// A reader that has announced its commit does not look whether a newer one was published meanwhile.
    PinNotLookedAtAgain,
    /// A reader that leaves while another cleans up is forgotten, with what was kept for it.
    LeaverForgotten,
    /// What was unlinked is freed whatever operations run.
    LimboForgotten,
    /// A buffer is evicted whatever its slot has become since the clock's hand looked.
    EvictedBlindly,
    /// The end of a sync wakes one of those who wait for it.
    WakeUpLost,
    /// A transaction without the lease is validated before it has the lease, and not again.
    ValidatedTooEarly,
}

#[cfg(feature = "planted-bugs")]
mod switch {
    use super::Bug;
    // Not those of `sync`: a switch is set outside of what the models interleave.
    use core::sync::atomic::{AtomicU8, Ordering};

    static PLANTED: AtomicU8 = AtomicU8::new(0);

    /// Puts a mistake in, everywhere in the process; `None` takes it out.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.store(bug.map_or(0, |bug| bug as u8), Ordering::Relaxed);
    }

    /// Whether the mistake is in.
    pub(crate) fn is(bug: Bug) -> bool {
        PLANTED.load(Ordering::Relaxed) == bug as u8
    }
}

#[cfg(feature = "planted-bugs")]
pub(crate) use switch::is;
#[cfg(feature = "planted-bugs")]
pub use switch::plant;

/// Whether the mistake is in: never, without the feature.
#[cfg(not(feature = "planted-bugs"))]
#[inline]
pub(crate) const fn is(_: Bug) -> bool {
    false
}
