//! The simulation, a little of it: what `simulate` runs over thousands of seeds.

use epilog_tests::simulation::beside;
use epilog_tests::simulation::{Plan, Planted, Report, SETUPS, run_seed};

#[test]
fn every_crash_leaves_an_acknowledged_state() {
    let mut total = Report::default();
    for seed in 0..12 {
        total.add(run_seed(seed, &Plan::default()));
    }
    assert_eq!(total.failures, Vec::<String>::new());
    assert!(total.crash_points > 500 && total.recovery_cuts > 200, "{total:?}");
}

#[test]
fn every_crash_leaves_an_acknowledged_state_with_any_options() {
    let mut total = Report::default();
    let plan = Plan { setups: SETUPS[1..].to_vec(), ..Plan::default() };
    for seed in 100..102 {
        total.add(run_seed(seed, &plan));
    }
    assert_eq!(total.failures, Vec::<String>::new());
    assert!(total.crash_points > 500, "{total:?}");
}

#[test]
fn every_fault_is_an_error_that_says_so_and_loses_nothing() {
    let mut total = Report::default();
    for seed in 0..2 {
        let setups = vec![SETUPS[0], SETUPS[1 + seed as usize % 5]];
        total.add(run_seed(seed, &Plan { setups, cuts: false, faults: true, planted: None }));
    }
    assert_eq!(total.failures, Vec::<String>::new());
    assert!(total.faults.len() >= 10 && total.faults.values().all(|count| *count > 0), "{:?}", total.faults);
}

#[test]
fn every_crash_leaves_an_acknowledged_state_when_transactions_run_beside_each_other() {
    let mut total = Report::default();
    let (mut conflicts, mut passed) = (0, 0);
    for seed in 0..6 {
        let met = beside::run_seed(seed, &SETUPS[seed as usize % SETUPS.len()], &mut total);
        (conflicts, passed) = (conflicts + met.conflicts, passed + met.passed);
    }
    assert_eq!(total.failures, Vec::<String>::new());
    assert!(total.crash_points > 300 && conflicts > 5 && passed > 5, "{total:?}, {conflicts}, {passed}");
}

/// A simulation that finds nothing when there is something to find would be worthless.
#[test]
fn each_planted_bug_is_found_within_fifty_seeds() {
    for planted in Planted::all() {
        let plan = Plan { planted: Some(planted), ..Plan::default() };
        let found = (0..50).find(|seed| !run_seed(*seed, &plan).failures.is_empty());
        assert!(found.is_some(), "{} was not found", planted.name());
    }
}
