//! Mistakes put in on purpose: each is found by the model that is there for it.

use std::panic::catch_unwind;
use std::sync::PoisonError;

use epilog::storage::planted::{Bug, plant};

use crate::{RUNNING, beside, cache, checkpoints, commits, frames, number, run};

/// Enough to find every mistake some times over.
const SCHEDULES: usize = 4_000;

#[track_caller]
fn assert_finds(model: fn(), bug: Bug) {
    let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let schedules =
        number("EPILOG_SCHEDULES").map_or(SCHEDULES, |schedules| schedules.max(SCHEDULES as u64) as usize);
    plant(Some(bug));
    let outcome = catch_unwind(|| run(model, schedules, false));
    plant(None);
    assert!(outcome.is_err(), "{bug:?} passes for right in {schedules} schedules");
}

#[test]
fn a_reader_that_does_not_look_again_is_found() {
    assert_finds(frames::readers_beside_a_writer, Bug::PinNotLookedAtAgain);
}

#[test]
fn a_reader_that_leaves_and_is_forgotten_is_found() {
    assert_finds(frames::beginners, Bug::LeaverForgotten);
}

#[test]
fn frames_freed_under_an_operation_are_found() {
    assert_finds(cache::cold_readers, Bug::LimboForgotten);
}

#[test]
fn eviction_that_does_not_compare_is_found() {
    assert_finds(cache::cold_readers_beside_a_writer, Bug::EvictedBlindly);
}

#[test]
fn commits_published_before_they_are_durable_are_found() {
    assert_finds(commits::committers, Bug::PublishBeforeDurable);
}

#[test]
fn a_lost_wake_up_is_found() {
    assert_finds(commits::committers, Bug::WakeUpLost);
}

#[test]
fn a_failed_sync_that_is_forgotten_is_found() {
    assert_finds(commits::failing, Bug::SyncErrorsForgotten);
}

#[test]
fn a_header_that_is_ahead_of_the_journal_is_found() {
    assert_finds(checkpoints::checkpointer, Bug::HeaderBeforeJournal);
}

#[test]
fn blocks_given_out_too_early_are_found() {
    assert_finds(checkpoints::helpers, Bug::BlocksReusedEarly);
}

#[test]
fn validation_before_the_lease_is_found() {
    assert_finds(beside::write_skew, Bug::ValidatedTooEarly);
}
