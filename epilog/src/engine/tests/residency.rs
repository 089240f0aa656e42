//! What is in memory decides between ways to records, and plans that are kept are made anew when it has come to be another: the
//! answers are the same.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::fixture::{self as f, draft, field, int};
use super::*;
use crate::engine::estimate::{Residency, Statistics};
use crate::engine::plans;
use crate::expr::{AggregateFunction, BinaryOp};
use crate::storage::pager::PagerOptions;
use crate::storage::vfs::MemoryVfs;

const TRACKS: i128 = 36 * 84;

/// Tracks of which about four lie on a page, and a thirty-sixth has the same number of milliseconds, in no order.
fn wide() -> Vec<RecordsOf> {
    let mut records = with_tracks(TRACKS);
    for (at, track) in records[2].1.iter_mut().enumerate() {
        track[1] = Scalar::String("x".repeat(3900) + &at.to_string());
        track[3] = Scalar::Int(at as i128 * 7919 % 36);
    }
    records
}

/// A database in a file, with pages of which so many bytes may be in memory, of which none are.
fn opened(files: &MemoryVfs, cache_bytes: usize) -> Store {
    let options = PagerOptions { cache_bytes, ..PagerOptions::default() };
    Store::open(Arc::new(files.clone()), "music", options, (None, None), &fixture::DATABASE).expect("a file")
}

/// The tracks of some length, with what no index has.
fn of_length(milliseconds: i64) -> Draft {
    let asked = field(f::track::MILLISECONDS).binary(BinaryOp::Eq, int(milliseconds));
    draft(f::Track).filter(asked).select([field(f::track::PRICE)]).build()
}

fn quarters(reading: &dyn Reading) -> u8 {
    let operation = reading.operation();
    let collection = operation.view().catalog().bound(f::Track()).expect("a collection of the schema");
    let residency = Measured::new(operation.view()).residency(collection, None);
    assert!((600.0..1000.0).contains(&residency.leaves), "{residency:?}");
    residency.quarters
}

#[test]
fn an_index_that_a_scan_beats_in_memory_is_taken_where_records_are_not_there() {
    let records = wide();
    let in_memory = store(&records);
    let snapshot = in_memory.snapshot();
    let plan = |reading: &dyn Reading| explain(reading.operation().view(), &of_length(7)).expect("a plan");
    assert!(plan(&snapshot).to_string().contains("scan Track"), "{}", plan(&snapshot));
    let expected = streamed(&snapshot, &of_length(7)).expect("rows");
    assert_eq!(expected.len(), 84);

    let files = MemoryVfs::new();
    let made = opened(&files, 64 << 20);
    insert(&made, &records);
    made.close().expect("a checkpoint");
    drop(made);
    // A twentieth of the records fits.
    let little = opened(&files, 512 << 10);
    let snapshot = little.snapshot();
    assert!(quarters(&snapshot) <= 1);
    assert!(plan(&snapshot).to_string().contains("index lookup Track"), "{}", plan(&snapshot));
    assert_eq!(streamed(&snapshot, &of_length(7)).expect("rows"), expected);
    // Reading all leaves little of it there.
    assert_eq!(count(&snapshot, &draft(f::Track).build()).expect("a count"), TRACKS as u64);
    assert!(quarters(&snapshot) <= 1);
    assert!(plan(&snapshot).to_string().contains("index lookup Track"), "{}", plan(&snapshot));
}

#[test]
fn a_plan_that_is_kept_goes_when_records_have_come_into_memory() {
    let files = MemoryVfs::new();
    let made = opened(&files, 64 << 20);
    insert(&made, &wide());
    made.close().expect("a checkpoint");
    drop(made);
    let store = opened(&files, 64 << 20);
    let snapshot = store.snapshot();
    let counts = || plans::counts(snapshot.operation().view());
    let rows = |length| streamed(&snapshot, &of_length(length)).expect("rows").len();
    assert_eq!(quarters(&snapshot), 0);
    assert_eq!(rows(7), 84);
    assert_eq!(counts().made, 1);
    let sum = f::aggregate(AggregateFunction::Sum, Some(field(f::track::PRICE)));
    let all = draft(f::Track).group_by([]).select([sum]).build();
    assert_eq!(streamed(&snapshot, &all).expect("a row").len(), 1);
    assert_eq!(quarters(&snapshot), 4);
    let before = counts().made;
    assert_eq!(rows(7), 84);
    assert_eq!(counts().made, before + 1, "the records have come into memory");
    assert_eq!(rows(9), 84);
    assert_eq!(counts().made, before + 1, "and stay there");
}

/// A write transaction takes all for being in memory, and cannot tell what was loaded: it takes what readers have chosen.
#[test]
fn readers_and_writers_in_turn_make_no_plan_anew() {
    let files = MemoryVfs::new();
    let made = opened(&files, 64 << 20);
    insert(&made, &wide());
    made.close().expect("a checkpoint");
    drop(made);
    let store = opened(&files, 512 << 10);
    let mut counts = Vec::new();
    for length in 1..6 {
        let snapshot = store.snapshot();
        assert_eq!(streamed(&snapshot, &of_length(length)).expect("rows").len(), 84);
        drop(snapshot);
        let writer = store.begin_write().expect("a database of our own");
        assert_eq!(streamed(&writer, &of_length(length)).expect("rows").len(), 84);
        counts.push(plans::counts(writer.operation().view()).made);
    }
    assert!(counts[0] >= 1);
    assert_eq!(counts, [counts[0]; 5]);
}

#[test]
fn what_has_no_file_is_in_memory() {
    let store = store(&with_tracks(3000));
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let collection = operation.view().catalog().bound(f::Track()).expect("a collection of the schema");
    assert_eq!(Measured::new(operation.view()).residency(collection, None), Residency::ALL);
}
