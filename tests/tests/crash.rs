//! The crash simulation, a little of it: what `simulate` runs over thousands of seeds.

use epilog_tests::simulation::{Planted, Report, run_seed};

#[test]
fn every_crash_leaves_an_acknowledged_state() {
    let mut total = Report::default();
    for seed in 0..12 {
        total.add(run_seed(seed, None));
    }
    assert_eq!(total.failures, Vec::<String>::new());
    assert!(total.crash_points > 500 && total.recovery_cuts > 200, "{total:?}");
}

/// A simulation that finds nothing when there is something to find would be worthless.
#[test]
fn each_planted_bug_is_found_within_fifty_seeds() {
    for planted in Planted::ALL {
        let found = (0..50).find(|seed| !run_seed(*seed, Some(planted)).failures.is_empty());
        assert!(found.is_some(), "{} was not found", planted.name());
    }
}
