//! Queries by several threads: the answers are those of one.

mod within;

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::fixture::{self as f, DraftBuilder, draft, field, int};
use super::*;
use crate::expr::AggregateFunction::{
    ArrayAgg, Avg, Count, CountDistinct, Max, Median, Min, StdDev, StringAgg, Sum, Variance,
};
use crate::expr::{AggregateFunction, BinaryOp, Postfix};
use crate::storage::pager::PagerOptions;
use crate::storage::vfs::MemoryVfs;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::value::Type;

const TRACKS: i128 = 1800;

fn by_threads(threads: usize) -> Control {
    let mut control = Control::default();
    control.set_threads(threads);
    control
}

/// What comes out, bit for bit, or why nothing does.
fn given(reading: &dyn Reading, draft: &Draft, threads: usize) -> Result<String, String> {
    let rows = controlled(reading, draft, &by_threads(threads));
    rows.map(|rows| format!("{rows:?}")).map_err(|error| error.to_string())
}

/// Texts of answers are long: what is told is where they differ.
fn assert_same(got: &Result<String, String>, expected: &Result<String, String>, plan: &Plan) {
    if got == expected {
        return;
    }
    let (Ok(got), Ok(expected)) = (got, expected) else {
        panic!("{plan}\ngot {:.300?}\nexpected {:.300?}", got, expected)
    };
    let at = got.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(40);
    let around = |text: &String| text.chars().skip(at).take(200).collect::<String>();
    panic!("{plan}\ngot ..{}\nexpected ..{}", around(got), around(expected))
}

/// Checks that a query has the answer of one thread, and is one that several carry out.
fn check(reading: &dyn Reading, draft: &DraftBuilder) {
    let draft = draft.clone().build();
    let expected = given(reading, &draft, 1);
    for threads in [2, 8] {
        let plan =
            super::super::explain(reading.operation().view(), &draft, &by_threads(threads)).expect("a plan");
        assert!(plan.to_string().contains(&format!(" by {threads} threads")), "{plan}");
        assert_same(&given(reading, &draft, threads), &expected, &plan);
        let mut streamed = Vec::new();
        let mut stream = Stream::new(reading, &draft, &by_threads(threads)).expect("a stream");
        let all = loop {
            let each = &mut |batch: &OutputBatch<'_>| {
                append_scalars(batch, &mut streamed);
                Ok::<(), EngineError>(())
            };
            match stream.next(each) {
                Ok(true) => {}
                Ok(false) => break Ok(format!("{streamed:?}")),
                Err(error) => break Err(error.to_string()),
            }
        };
        assert_same(&all, &expected, &plan);
    }
}

fn exact() -> Vec<Postfix> {
    let milliseconds = || Some(field(f::track::MILLISECONDS));
    let string_agg = StringAgg { separator: ",".into() };
    let items: [(AggregateFunction, Option<Postfix>); 13] = [
        (Count, None),
        (Count, Some(field(f::track::EDITOR))),
        (Sum, milliseconds()),
        (Avg, milliseconds()),
        (Min, milliseconds()),
        (Max, Some(field(f::track::PRICE))),
        (Min, Some(field(f::track::NAME))),
        (Max, Some(field(f::track::NAME))),
        (CountDistinct, Some(field(f::track::NAME))),
        (CountDistinct, Some(field(f::track::EDITOR))),
        (Median, milliseconds()),
        (string_agg, Some(field(f::track::NAME))),
        (ArrayAgg, milliseconds()),
    ];
    items.into_iter().map(|(function, argument)| f::aggregate(function, argument)).collect()
}

fn long() -> Postfix {
    field(f::track::MILLISECONDS).binary(BinaryOp::Gt, int(300))
}

#[test]
fn groups_are_those_of_one_thread_in_the_same_order() {
    let keys: [&[Postfix]; 8] = [
        &[],
        &[field(f::track::ACTIVE)],
        &[field(f::track::ALBUM)],
        &[field(f::track::EDITOR)],
        &[field(f::track::NAME)],
        &[field(f::track::ACTIVE), field(f::track::ALBUM)],
        &[field(f::track::EDITOR), field(f::track::ACTIVE)],
        &[f::through(&[f::track::ALBUM], f::album::TITLE), field(f::track::PRICE)],
    ];
    let little = PagerOptions { cache_bytes: 8 << 20, ..PagerOptions::default() };
    let file = Store::open(Arc::new(MemoryVfs::new()), "music", little, (None, None), &f::DATABASE);
    let file = file.expect("a new file");
    insert(&file, &with_tracks(TRACKS));
    for store in [&store(&with_tracks(TRACKS)), &file] {
        let snapshot = store.snapshot();
        for keys in keys {
            let told = || (0..keys.len() as u16).map(Postfix::key).chain(exact());
            let all = draft(f::Track).group_by(keys.to_vec()).select(told());
            check(&snapshot, &all);
            check(&snapshot, &draft(f::Track).filter(long()).group_by(keys.to_vec()).select(told()));
            let backward = draft(f::Track).filter(long()).order_by(field(f::track::ID), true);
            check(&snapshot, &backward.group_by(keys.to_vec()).select(told()));
        }
    }
}

#[test]
fn what_comes_after_groups_is_as_with_one_thread() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let groups = || draft(f::Track).filter(long()).group_by([field(f::track::ALBUM)]);
    let count = || f::aggregate(Count, None);
    let longest = || f::aggregate(Max, Some(field(f::track::MILLISECONDS)));
    let many = || count().binary(BinaryOp::Gt, Postfix::literal(Scalar::Int(40), Type::U64));
    check(&snapshot, &groups().filter(many()).select([Postfix::key(0), count()]));
    check(&snapshot, &groups().order_by(longest(), true).select([Postfix::key(0), longest()]));
    check(&snapshot, &groups().order_by(longest(), true).limit(3).select([Postfix::key(0), count()]));
    check(&snapshot, &groups().filter(many()).offset(2).limit(5).select([Postfix::key(0), count()]));
    let ranges = draft(f::Track).filter(field(f::track::ID).between(f::id(500), f::id(900)));
    check(&snapshot, &ranges.group_by([field(f::track::ALBUM)]).select([Postfix::key(0), count()]));
}

/// Which rows an aggregate is about, a limit or an order by an index, is not divided.
#[test]
fn what_is_not_a_walk_of_leaves_is_left_to_one() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let count = || [f::aggregate(Count, None)];
    let drafts = [
        draft(f::Track).limit(10).group_by([]).select(count()),
        draft(f::Track).filter(long()),
        draft(f::Track)
            .filter(field(f::track::MILLISECONDS).binary(BinaryOp::Eq, int(7)))
            .group_by([])
            .select(count()),
        draft(f::Track).group_by([]).select(count()),
    ];
    for draft in drafts {
        let draft = draft.build();
        let plan =
            super::super::explain(snapshot.operation().view(), &draft, &by_threads(4)).expect("a plan");
        assert!(!plan.to_string().contains("threads"), "{plan}");
        assert_eq!(given(&snapshot, &draft, 4), given(&snapshot, &draft, 1));
    }
}

/// Floats are added up part by part: the same for any number of threads, and close to what one comes to.
#[test]
fn sums_of_floats_do_not_depend_on_how_many_threads_there_are() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let price = || Some(field(f::track::PRICE));
    let items =
        [(Sum, price()), (Avg, price()), (Variance, price()), (StdDev, Some(field(f::track::MILLISECONDS)))];
    let items = items.map(|(function, argument)| f::aggregate(function, argument));
    for keys in [Vec::new(), Vec::from([field(f::track::ALBUM)])] {
        let draft = draft(f::Track).filter(long()).group_by(keys).select(items.clone()).build();
        let expected = given(&snapshot, &draft, 2).expect("rows");
        for threads in [2, 3, 5, 8] {
            assert_eq!(given(&snapshot, &draft, threads).expect("rows"), expected);
        }
        let rows = |threads| controlled(&snapshot, &draft, &by_threads(threads)).expect("rows");
        let (one, many) = (rows(1), rows(4));
        assert_eq!(one.len(), many.len());
        for (one, many) in one.iter().flatten().zip(many.iter().flatten()) {
            let (Scalar::Float(one), Scalar::Float(many)) = (one, many) else { panic!("floats") };
            assert!((one - many).abs() <= one.abs() * 1e-12, "{one} and {many}");
        }
    }
}

/// Sums that fit their type only in the order of the rows, and what has no result, are found as by one thread.
#[test]
fn faults_are_those_of_one_thread() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let divided = || int(1).binary(BinaryOp::Divide, field(f::track::MILLISECONDS));
    let by_album = || draft(f::Track).group_by([field(f::track::ALBUM)]);
    let sum = |of: Postfix| f::aggregate(Sum, Some(of));
    check(&snapshot, &draft(f::Track).group_by([]).select([sum(divided())]));
    check(&snapshot, &by_album().select([Postfix::key(0), sum(divided())]));
    let filtered = draft(f::Track).filter(divided().binary(BinaryOp::Lt, int(5)));
    check(&snapshot, &filtered.group_by([]).select([f::aggregate(Count, None)]));
    // Groups that have no result are dropped before anybody sees that.
    let is_low = Postfix::key(0).binary(BinaryOp::Lt, f::id(3));
    check(&snapshot, &by_album().filter(is_low).select([Postfix::key(0), sum(divided())]));
    assert!(given(&snapshot, &by_album().select([sum(divided())]).build(), 4).is_err());

    // 2^126 each, or the opposite: two of them are too many, as each other part has, but not behind two opposites.
    let huge = |n: i128| Scalar::Int(if [3, 4, 5].contains(&(n % 6)) { 1 << 62 } else { -(1 << 62) });
    let tracks = (1..=64).map(|n| {
        let mut track = with_tracks(TRACKS)[2].1[n as usize].clone();
        (track[0], track[3]) = (Scalar::Int(n), huge(n));
        track
    });
    let data = with_tracks(TRACKS);
    let store = self::store(&[data[0].clone(), data[1].clone(), (f::Track, tracks.collect())]);
    let snapshot = store.snapshot();
    let squared = || {
        let wide = |of: Postfix| of.call(crate::expr::Function::Cast(Type::I128), []);
        let length = || wide(field(f::track::MILLISECONDS));
        length().binary(BinaryOp::Multiply, wide(int(1 << 62))).binary(BinaryOp::Multiply, wide(int(4)))
    };
    check(&snapshot, &draft(f::Track).group_by([]).select([sum(squared())]));
    let even = || squared().binary(BinaryOp::Gt, Postfix::literal(Scalar::Int(0), Type::I128));
    check(&snapshot, &draft(f::Track).filter(even()).group_by([]).select([sum(squared())]));
}

#[test]
fn queries_that_are_cancelled_or_late_end() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let draft = draft(f::Track).filter(long()).group_by([]).select([f::aggregate(Count, None)]).build();
    let mut control = by_threads(4);
    control.set_timeout(Duration::ZERO);
    let late = controlled(&snapshot, &draft, &control);
    assert!(matches!(late, Err(EngineError::Exec(ExecError::TimedOut { .. }))), "{late:?}");
    let handle = CancelHandle::new();
    let mut control = by_threads(4);
    control.add_handle(&handle);
    assert!(controlled(&snapshot, &draft, &control).is_ok());
    handle.cancel();
    let cancelled = controlled(&snapshot, &draft, &control);
    assert!(matches!(cancelled, Err(EngineError::Exec(ExecError::Cancelled(_)))), "{cancelled:?}");
}

/// Groups that take more than they may are put aside by one thread, which goes on where the others were.
#[test]
fn groups_that_memory_has_no_room_for_are_put_aside() {
    let options = PagerOptions { cache_bytes: 2 << 20, ..PagerOptions::default() };
    let store = Store::open(Arc::new(MemoryVfs::new()), "music", options, (None, None), &f::DATABASE);
    let store = store.expect("a new file");
    insert(&store, &with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let keys = [field(f::track::NAME), field(f::track::ALBUM)];
    for key in keys {
        let count = f::aggregate(CountDistinct, Some(field(f::track::NAME)));
        let draft = draft(f::Track).group_by([key]).select([Postfix::key(0), count]).build();
        let control = |threads, memory| {
            let mut control = by_threads(threads);
            control.set_memory(memory);
            control
        };
        let sorted = |threads, memory| {
            let mut rows = controlled(&snapshot, &draft, &control(threads, memory)).expect("rows");
            rows.sort_by(|a, b| a[0].compare(&b[0]));
            rows
        };
        let one = sorted(1, 1 << 20);
        for memory in [80 << 10, 200 << 10, 800 << 10] {
            let many = sorted(4, memory);
            let differ = many.iter().zip(&one).find(|(many, one)| many != one);
            assert!(
                many.len() == one.len() && differ.is_none(),
                "{} of {}: {differ:?}",
                many.len(),
                one.len()
            );
        }
        let plan = analyze(&snapshot, &draft, &control(4, 80 << 10)).expect("a plan");
        assert!(plan.to_string().contains("by 4 threads"), "{plan}");
        let actual = plan.operators().into_iter().filter_map(|operator| operator.actual);
        let spilled: u64 = actual.map(|actual| actual.spilled).sum();
        assert!(spilled > 0 || !plan.to_string().contains("by name"), "{plan:#}");
    }
}

#[test]
fn what_threads_did_is_added_up() {
    let store = store(&with_tracks(TRACKS));
    let snapshot = store.snapshot();
    let draft =
        draft(f::Track).filter(long()).group_by([field(f::track::ALBUM)]).select([f::aggregate(Count, None)]);
    let draft = draft.build();
    let one = analyze(&snapshot, &draft, &by_threads(1)).expect("a plan");
    let many = analyze(&snapshot, &draft, &by_threads(4)).expect("a plan");
    let rows = |plan: &Plan| {
        let actual = plan.operators().into_iter().filter_map(|node| Some((node.operator, node.actual?.rows)));
        actual.collect::<Vec<_>>()
    };
    assert_eq!(rows(&many), rows(&one), "{many:#}");
    let aggregate = |plan: &Plan| {
        let node = plan.operators().into_iter().find(|node| node.operator == "aggregate").cloned();
        node.expect("an aggregate")
    };
    assert_eq!((aggregate(&one).threads, aggregate(&many).threads), (1, 4));
    let threads = aggregate(&many).actual.expect("measured").threads;
    assert!((1..=4).contains(&threads), "{many:#}");
    assert!(many.to_json().contains("\"threads\":4"), "{}", many.to_json());
}

/// Several threads read one snapshot while another changes what they read, in a file that is larger than the page cache.
#[test]
fn threads_read_their_snapshot_beside_a_writer() {
    let options =
        PagerOptions { cache_bytes: 1 << 20, checkpoint_dirty_bytes: 128 << 10, ..PagerOptions::default() };
    let store = Store::open(Arc::new(MemoryVfs::new()), "music", options, (None, None), &f::DATABASE);
    let store = store.expect("a new file");
    let mut data = with_tracks(TRACKS);
    for track in &mut data[2].1 {
        track[1] = Scalar::String("x".repeat(2000));
    }
    insert(&store, &data);
    let milliseconds = || Some(field(f::track::MILLISECONDS));
    let items =
        [(Count, None), (Sum, milliseconds())].map(|(function, argument)| f::aggregate(function, argument));
    // Of every id, so that what is counted cannot be known without reading it.
    let draft = draft(f::Track)
        .filter(field(f::track::NAME).binary(BinaryOp::Ge, f::text("")))
        .group_by([])
        .select(items);
    let draft = draft.build();
    let plan =
        super::super::explain(store.session().operation().view(), &draft, &by_threads(4)).expect("a plan");
    assert!(plan.to_string().contains("by 4 threads"), "{plan}");
    let expected = given(&store.snapshot(), &draft, 1);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = 7u64;
            while !ended.load(Ordering::Relaxed) {
                let mut writer = store.begin_write().expect("a database of our own");
                let collection = writer.view().catalog().bound(f::Track()).expect("a collection").clone();
                // Moves some of the length of a track to another.
                for off in [5, -5] {
                    random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    let rank = 1 + u128::from(random >> 33) % TRACKS as u128;
                    let place = &collection.places[usize::from(f::track::MILLISECONDS)];
                    let mut record = RecordDraft::new(&collection.layout);
                    let old = writer.view().get(&collection, rank).expect("a page").expect("a track");
                    record.load(&old).expect("a sound record");
                    let length = old.field(place).expect("a sound record");
                    let Some(Scalar::Int(length)) = Scalar::from_cell(place.ty, length.as_cell()) else {
                        panic!("a length")
                    };
                    record.put_scalar(place, &Scalar::Int(length + off));
                    writer.update(&collection, rank, &mut record).expect("an update");
                }
                writer.commit(Durability::None).expect("a commit");
            }
        });
        for _ in 0..40 {
            assert_eq!(given(&store.session(), &draft, 4), expected);
        }
        ended.store(true, Ordering::Relaxed);
    });
}
