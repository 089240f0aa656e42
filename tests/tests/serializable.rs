//! Random transactions on several threads, with the lease and without: whatever they read and do is what they would read
//! and do one after the other, in the order of their commits. `EPILOG_HISTORIES=1000` tries as many more.

use std::sync::Arc;

use epilog::prelude::*;
use epilog::vfs::MemoryVfs;
use epilog_tests::history::operation::{Board, Cell, Operation, Outcome};
use epilog_tests::history::{Committed, How, check, record};

#[test]
fn histories_in_memory_are_those_of_one_transaction_after_the_other() {
    let more = std::env::var("EPILOG_HISTORIES").map_or(0, |count| count.parse().expect("a number"));
    for seed in 0..6 + more {
        let db = Board::in_memory().unwrap();
        let how = if seed % 3 == 0 { How::Concurrent } else { How::Mixed };
        let history = record(&db, seed, 4, 150, how);
        assert!(history.len() > 450, "only {} were committed", history.len());
        check(&history, &db).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
    }
}

#[test]
fn histories_in_a_file_are_those_of_one_transaction_after_the_other() {
    for (seed, bulk_after) in [(100, 16 << 20), (101, 150), (102, 300)] {
        let files = MemoryVfs::new();
        // Some, or most, go past the journal; checkpoints come often.
        let options = Options::default().bulk_after(bulk_after).checkpoint_after(32 << 10);
        let open = || Database::<Board>::open_in(Arc::new(files.clone()), "board", &options).unwrap();
        let db = open();
        let history = record(&db, seed, 4, 100, How::Mixed);
        check(&history, &db).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        db.close().unwrap();
        check(&history, &open()).unwrap_or_else(|problem| panic!("seed {seed}, opened again: {problem}"));
    }
}

/// A checker that finds nothing when there is something to find would be worthless.
#[test]
fn transactions_that_are_not_validated_are_found_out() {
    let found = (0..20).any(|seed| {
        let db = Board::in_memory().unwrap();
        let history = record(&db, seed, 4, 150, How::Unchecked);
        check(&history, &db).is_err()
    });
    assert!(found);
}

/// Histories written out, with what is wrong with them.
#[test]
fn each_kind_of_anomaly_is_found_in_a_history() {
    let cell = |at, value| Cell { at, group: 0, label: at, value };
    let get = |at, value| (Operation::Get(at), Outcome::Cell(Some(cell(at, value))));
    let set = |at, value| (Operation::Update(cell(at, value)), Outcome::Done(true));
    let changed = |number, steps| Committed { number, changed: true, steps };
    let begin = || {
        let insert = |at| (Operation::Insert(cell(at, 10)), Outcome::Done(true));
        changed(1, vec![insert(1), insert(2)])
    };
    let problem = |later: Vec<Committed>| {
        let db = Board::in_memory().unwrap();
        let mut history = vec![begin()];
        history.extend(later);
        check(&history, &db).unwrap_err()
    };
    // What is stored differs from all of these; what they say before that is what counts.
    let sound =
        problem(vec![changed(2, vec![get(1, 10), set(1, 11)]), changed(3, vec![get(1, 11), set(1, 12)])]);
    assert!(sound.starts_with("what is stored"), "{sound}");
    let lost =
        problem(vec![changed(2, vec![get(1, 10), set(1, 11)]), changed(3, vec![get(1, 10), set(1, 11)])]);
    assert!(lost.starts_with("commit 3, step 0: Get(1)"), "{lost}");
    let skewed = problem(vec![
        changed(2, vec![get(1, 10), get(2, 10), set(1, 0)]),
        changed(3, vec![get(1, 10), get(2, 10), set(2, 0)]),
    ]);
    assert!(skewed.starts_with("commit 3, step 0: Get(1)"), "{skewed}");
    let count = |count| (Operation::CountGroup(0), Outcome::Numbers(vec![count]));
    let phantom = problem(vec![
        changed(2, vec![(Operation::Insert(cell(3, 0)), Outcome::Done(true))]),
        changed(3, vec![count(2), set(1, 0)]),
    ]);
    assert!(phantom.starts_with("commit 3, step 0: CountGroup(0)"), "{phantom}");
    let early = Committed { number: 1, changed: false, steps: vec![get(1, 11)] };
    let read = problem(vec![changed(2, vec![set(1, 11)]), early]);
    assert!(read.starts_with("commit 1, step 0: Get(1)"), "{read}");
    let drawn = (Operation::Draw, Outcome::Drawn(7));
    let twice = problem(vec![changed(2, vec![drawn.clone()]), changed(3, vec![drawn])]);
    assert!(twice.ends_with("number 7 was given out before"), "{twice}");
    let same = problem(vec![changed(2, vec![set(1, 0)]), changed(2, vec![set(2, 0)])]);
    assert_eq!(same, "two transactions have commit number 2");
}
