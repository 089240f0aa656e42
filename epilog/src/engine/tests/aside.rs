//! What is kept within one operation and put aside under a budget: the answers are those without one, row by row; no more is kept than
//! the budget says; nothing is left of the temporary file; and a full disk ends the query, and nothing else.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::fixture::{self as f, DraftBuilder, draft, field};
use super::*;
use crate::expr::AggregateFunction::{Avg, Count, Max, Min, Sum};
use crate::expr::op::Link;
use crate::expr::{
    AggregateFunction, AggregateItem, BinaryOp, Clause, Frame, FrameUnit, JoinKind, OrderTerm, Postfix,
    Quantifier, Subquery, WindowFunction, WindowItem,
};
use crate::storage::StorageFault;
use crate::storage::pager::PagerOptions;
use crate::storage::vfs::{MemoryVfs, OpenMode, Vfs, VfsError, VfsFile};

const TRACKS: i128 = 3000;

/// Files in memory, which counts those that are temporary, and has room for so many bytes in each of these.
#[derive(Clone, Default)]
struct Disk {
    files: MemoryVfs,
    temporary: Arc<Temporary>,
}

struct Temporary {
    made: AtomicUsize,
    open: AtomicUsize,
    room: AtomicU64,
}

impl Default for Temporary {
    fn default() -> Temporary {
        Temporary { made: AtomicUsize::new(0), open: AtomicUsize::new(0), room: AtomicU64::new(u64::MAX) }
    }
}

struct TemporaryFile(Box<dyn VfsFile>, Arc<Temporary>);

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        self.1.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Vfs for Disk {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
        self.files.open(path, mode)
    }
    fn exists(&self, path: &str) -> Result<bool, VfsError> {
        self.files.exists(path)
    }
    fn remove(&self, path: &str) -> Result<(), VfsError> {
        self.files.remove(path)
    }
    fn sync_directory(&self, path: &str) -> Result<(), VfsError> {
        self.files.sync_directory(path)
    }
    fn temporary(&self, path: &str) -> Result<Option<Box<dyn VfsFile>>, VfsError> {
        let Some(file) = self.files.temporary(path)? else { return Ok(None) };
        self.temporary.made.fetch_add(1, Ordering::Relaxed);
        self.temporary.open.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Box::new(TemporaryFile(file, self.temporary.clone()))))
    }
    fn now_ns(&self) -> u64 {
        self.files.now_ns()
    }
    fn entropy(&self, buffer: &mut [u8]) {
        self.files.entropy(buffer);
    }
}

impl VfsFile for TemporaryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        if offset + bytes.len() as u64 > self.1.room.load(Ordering::Relaxed) {
            return Err(VfsError::Full { path: "music (temporary)".into() });
        }
        self.0.write_at(bytes, offset)
    }
    fn sync_data(&self) -> Result<(), VfsError> {
        panic!("nobody relies on a temporary file")
    }
    fn len(&self) -> Result<u64, VfsError> {
        self.0.len()
    }
    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        self.0.set_len(len)
    }
    fn lock(&self) -> Result<(), VfsError> {
        self.0.lock()
    }
}

/// The tracks in a file, and what it lies on.
struct Filed {
    disk: Disk,
    store: Store,
}

impl Filed {
    fn new() -> Filed {
        let disk = Disk::default();
        let options = PagerOptions::default();
        let store = Store::open(Arc::new(disk.clone()), "music", options, (None, None), &f::DATABASE);
        let store = store.expect("a new file");
        insert(&store, &with_tracks(TRACKS));
        Filed { disk, store }
    }

    fn within(&self, draft: &Draft, bytes: usize) -> Result<Vec<Vec<Scalar>>, EngineError> {
        let mut control = Control::default();
        control.set_memory(bytes);
        controlled(&self.store.snapshot(), draft, &control)
    }

    /// Checks that within so many bytes a draft gives the rows that it gives without a limit, in their order if that is `ordered`, and
    /// that the operator called `name` puts so many bytes aside at least.
    fn check(&self, draft: DraftBuilder, bytes: usize, name: &str, least: u64, ordered: bool) {
        let draft = draft.build();
        let snapshot = self.store.snapshot();
        let comparable = |rows: Vec<Vec<Scalar>>| {
            let mut rows: Vec<_> = rows.iter().map(|row| format!("{row:?}")).collect();
            if !ordered {
                rows.sort();
            }
            rows
        };
        let made = || self.disk.temporary.made.load(Ordering::Relaxed);
        let before = made();
        let expected = comparable(run(snapshot.operation().view(), &draft).and_then(scalars).expect("rows"));
        assert_eq!(made(), before, "nothing is put aside without a limit");
        assert!(expected.len() > 10, "{}", expected.len());
        // With more than it takes, no file is made either.
        let got = comparable(self.within(&draft, 64 << 20).expect("rows"));
        assert!(got == expected);
        assert_eq!(made(), before, "nothing is put aside where there is room");
        let got = comparable(self.within(&draft, bytes).unwrap_or_else(|error| panic!("{error}")));
        let differ = got.iter().zip(&expected).position(|(a, b)| a != b);
        assert!(
            got == expected,
            "{} of {} rows, row {differ:?} differs: {:?}",
            got.len(),
            expected.len(),
            differ.map(|at| (&got[at], &expected[at]))
        );
        let mut control = Control::default();
        control.set_memory(bytes);
        let plan = analyze(&snapshot, &draft, &control).expect("a plan");
        let found = plan.operators().into_iter().filter(|node| node.operator == name);
        let spilled = found.filter_map(|node| node.actual).map(|actual| actual.spilled).max();
        assert!(spilled >= Some(least), "{spilled:?} bytes were put aside by `{name}`: {plan:#}");
        for actual in plan.operators().into_iter().filter_map(|node| node.actual) {
            // What grows has as much room again, now and then.
            let about = (bytes + bytes / 2) as u64;
            assert!(actual.memory <= about, "more is kept than {bytes} bytes: {plan:#}");
        }
        assert_eq!(self.disk.temporary.open.load(Ordering::Relaxed), 0, "a file is left");
        // What ends halfway leaves nothing either.
        for room in [0, least / 2] {
            self.disk.temporary.room.store(room, Ordering::Relaxed);
            let error = self.within(&draft, bytes).expect_err("a full disk");
            let EngineError::Exec(ExecError::Storage(fault)) = &error else { panic!("{error:?}") };
            assert!(matches!(&**fault, StorageFault::Vfs(VfsError::Full { .. })), "{error}");
            assert!(error.to_string().contains("no space left for `music (temporary)`"), "{error}");
            assert_eq!(self.disk.temporary.open.load(Ordering::Relaxed), 0, "a file is left");
        }
        self.disk.temporary.room.store(u64::MAX, Ordering::Relaxed);
        assert!(comparable(self.within(&draft, bytes).expect("rows")) == expected, "all is there as before");
    }
}

fn inner(ordinal: u16) -> Postfix {
    f::inner(1, ordinal)
}

/// Tracks beside others: those of their album that are as long.
fn pairs(kind: JoinKind) -> DraftBuilder {
    let by_album = inner(f::track::ALBUM).binary(BinaryOp::Eq, field(f::track::ALBUM));
    let by_length = inner(f::track::MILLISECONDS).binary(BinaryOp::Gt, field(f::track::MILLISECONDS));
    let few = inner(f::track::ID).binary(BinaryOp::Lt, f::id(300));
    let on = by_album.binary(BinaryOp::And, by_length.binary(BinaryOp::And, few));
    draft(f::Track).clause(Clause::Join { collection: f::Track, on, kind })
}

#[test]
fn sorts_of_joined_rows_are_put_aside() {
    let filed = Filed::new();
    let both = || [field(f::track::ID), inner(f::track::ID), inner(f::track::NAME), field(f::track::EDITOR)];
    for kind in [JoinKind::Inner, JoinKind::Left] {
        // By values of either side, of which several are the same: these stay as they came.
        let by = |of: Postfix, descending: bool| pairs(kind).order_by(of, descending);
        filed.check(by(inner(f::track::MILLISECONDS), false).select(both()), 64 << 10, "sort", 200_000, true);
        filed.check(by(field(f::track::NAME), true).select(both()), 64 << 10, "sort", 200_000, true);
        // The first of them, and some in the middle.
        let some = by(field(f::track::PRICE), false).offset(500).limit(4000).select(both());
        filed.check(some, 64 << 10, "top", 50_000, true);
        let many = by(field(f::track::PRICE), false).offset(2000).limit(100_000).select(both());
        filed.check(many, 64 << 10, "top", 200_000, true);
    }
}

fn item(
    function: WindowFunction,
    argument: Option<Postfix>,
    partition: &[Postfix],
    order: &[Postfix],
    frame: Frame,
) -> WindowItem {
    let term = |expression: &Postfix| OrderTerm {
        expression: expression.clone(),
        descending: false,
        nulls_first: None,
    };
    WindowItem {
        function,
        argument,
        partition: partition.to_vec(),
        order: order.iter().map(term).collect(),
        frame,
    }
}

#[test]
fn windows_are_put_aside() {
    use WindowFunction as W;
    let filed = Filed::new();
    let (id, name) = (|| field(f::track::ID), || field(f::track::NAME));
    let (length, album, price) =
        (|| field(f::track::MILLISECONDS), || field(f::track::ALBUM), || field(f::track::PRICE));
    let with = |from: DraftBuilder, items: &[WindowItem]| {
        let values = (0..items.len()).map(|number| f::window(number as u16));
        from.window(items.to_vec()).select([id(), name()].into_iter().chain(values))
    };
    let all = Frame { unit: FrameUnit::Rows, start: None, end: None };
    let near = Frame { unit: FrameUnit::Rows, start: Some(-2), end: Some(1) };
    // Numbers and ranks take a partition of any size: all rows are one.
    let numbers = [W::RowNumber, W::Rank, W::DenseRank];
    let numbers = numbers.map(|function| item(function, None, &[], &[album()], all));
    filed.check(with(draft(f::Track), &numbers), 64 << 10, "window", 200_000, true);
    // Values of several orders, of partitions that are less; of texts, and of what may be absent.
    let by_album = |function: W, of: Postfix, frame| item(function, Some(of), &[album()], &[length()], frame);
    let several = [
        by_album(W::Aggregate(Sum), length(), all),
        by_album(W::Aggregate(Avg), price(), near),
        by_album(W::Lag(1), name(), all),
        item(W::Rank, None, &[field(f::track::EDITOR), field(f::track::ACTIVE)], &[name()], all),
        item(W::Aggregate(Max), Some(field(f::track::EDITOR)), &[name()], &[id()], Frame::DEFAULT),
        item(W::Aggregate(Count), None, &[album()], &[price()], Frame::DEFAULT),
        item(W::Aggregate(Min), Some(name()), &[album()], &[price()], near),
    ];
    filed.check(with(draft(f::Track), &several), 128 << 10, "window", 1_000_000, true);
    // Of pairs.
    let of_pairs = [item(W::RowNumber, None, &[inner(f::track::ID)], &[length()], all), several[0].clone()];
    filed.check(with(pairs(JoinKind::Left), &of_pairs), 512 << 10, "window", 1_000_000, false);
    // What a value ran into comes out with its row alone.
    let inverse = f::int(1000).binary(BinaryOp::Divide, length());
    let faulty = [item(W::Aggregate(Sum), Some(inverse), &[id()], &[name()], all)];
    let zero = length().binary(BinaryOp::Ne, f::int(0));
    let draft = draft(f::Track).window(faulty.to_vec()).filter(zero).select([id(), f::window(0)]);
    filed.check(draft, 64 << 10, "window", 200_000, true);
}

#[test]
fn rows_that_are_numbered_as_they_come_are_put_aside() {
    use WindowFunction as W;
    let filed = Filed::new();
    let all = Frame { unit: FrameUnit::Rows, start: None, end: None };
    let number = |of: Postfix| item(W::RowNumber, None, &[of], &[], all);
    let name = || field(f::track::NAME);
    // The first of each, in an order, as `distinct_by` has it; from records, and from pairs.
    let first = |from: DraftBuilder| {
        let ordered = from.order_by(field(f::track::PRICE), true).window([number(name())]);
        let one =
            f::window(0).binary(BinaryOp::Eq, Postfix::literal(Scalar::Int(1), crate::value::Type::U64));
        ordered.filter(one).select([field(f::track::ID), name()])
    };
    filed.check(first(draft(f::Track)), 64 << 10, "window", 50_000, true);
    filed.check(first(pairs(JoinKind::Left)), 64 << 10, "window", 100_000, true);
    // All of them, by two values.
    let items = [number(name()), number(field(f::track::MILLISECONDS))];
    let both = draft(f::Track).window(items).select([field(f::track::ID), f::window(0), f::window(1)]);
    filed.check(both, 64 << 10, "window", 100_000, true);
}

#[test]
fn what_is_distinct_after_an_order_is_put_aside() {
    let filed = Filed::new();
    let (name, length) = (|| field(f::track::NAME), || field(f::track::MILLISECONDS));
    let distinct = |of: Vec<Postfix>| {
        draft(f::Track)
            .order_by(field(f::track::PRICE), true)
            .order_by(length(), false)
            .select(of)
            .clause(Clause::Distinct)
    };
    filed.check(distinct(Vec::from([name()])), 64 << 10, "aggregate", 50_000, true);
    let two = distinct(Vec::from([name(), field(f::track::EDITOR)]));
    filed.check(two.clone(), 64 << 10, "aggregate", 50_000, true);
    // Partitions that are too much again.
    filed.check(two.clone(), 32 << 10, "aggregate", 50_000, true);
    filed.check(two.offset(400).limit(1500), 64 << 10, "aggregate", 50_000, true);
    // Groups that are made of ordered rows, a list among what they have.
    let items = [Postfix::key(0), f::aggregate(Count, None), f::aggregate(Min, Some(name()))];
    let groups = draft(f::Track).order_by(name(), true).limit(2900).group_by([length()]).select(items);
    filed.check(groups, 48 << 10, "aggregate", 50_000, true);
}

#[test]
fn tables_of_subqueries_are_put_aside() {
    let filed = Filed::new();
    let (id, name, length) =
        (|| field(f::track::ID), || field(f::track::NAME), || field(f::track::MILLISECONDS));
    let same = || inner(f::track::NAME).binary(BinaryOp::Eq, name());
    let later = || inner(f::track::ID).binary(BinaryOp::Gt, id());
    // Whether there are such, of which only keys are kept, or rows; and whether there are none.
    let exists = |on: Postfix| f::exists(f::Track, 1, on);
    let filtered = |predicate: Postfix| draft(f::Track).filter(predicate).select([id(), name()]);
    let many = inner(f::track::MILLISECONDS).binary(BinaryOp::Lt, f::int(1500));
    let some = exists(same().binary(BinaryOp::And, many.clone()));
    filed.check(filtered(some.clone()), 48 << 10, "semi join", 50_000, true);
    let alike = inner(f::track::PRICE).binary(BinaryOp::Eq, field(f::track::PRICE));
    let alike =
        alike.binary(BinaryOp::And, inner(f::track::ALBUM).binary(BinaryOp::Eq, field(f::track::ALBUM)));
    filed.check(
        filtered(exists(alike.clone().binary(BinaryOp::And, later()))),
        32 << 10,
        "semi join",
        50_000,
        true,
    );
    filed.check(filtered(some.unary(crate::expr::UnaryOp::Not)), 48 << 10, "anti join", 50_000, true);
    // How many, and aggregates: once for each key, and over pairs.
    let asked = |on: Postfix, function: AggregateFunction, argument: Option<Postfix>| {
        let quantifier = match argument {
            None => Quantifier::Count,
            argument => {
                let whole = crate::parts::Whole::build().expect("a build with aggregates");
                let item = AggregateItem { function, argument, filter: None };
                Quantifier::Aggregate(crate::parts::InWhole::new(Box::new(item), whole), whole)
            }
        };
        let link = Link::Correlated { position: 1 };
        let (collection, predicate) = (f::Track, Some(on));
        Postfix::subquery(Subquery { collection, link, quantifier, predicate, equal: None })
    };
    let values = |of: Postfix| draft(f::Track).order_by(length(), true).select([id(), of]);
    filed.check(values(asked(same(), Count, None)), 64 << 10, "count", 50_000, true);
    filed.check(
        values(asked(same(), Sum, Some(inner(f::track::PRICE)))),
        64 << 10,
        "aggregate of",
        50_000,
        true,
    );
    filed.check(
        values(asked(alike.binary(BinaryOp::And, later()), Count, None)),
        32 << 10,
        "count",
        50_000,
        true,
    );
    let of_pairs = inner(f::track::MILLISECONDS).binary(BinaryOp::Multiply, length());
    filed.check(values(asked(same(), Max, Some(of_pairs))), 64 << 10, "aggregate of", 50_000, true);
    // By two values, of which one may be absent; partitions that are too much again.
    let edited = inner(f::track::EDITOR).binary(BinaryOp::Eq, field(f::track::EDITOR));
    let two = same().binary(BinaryOp::And, edited);
    filed.check(values(asked(two, Count, None)), 24 << 10, "count", 50_000, true);
}

#[test]
fn columns_of_joined_records_are_in_what_is_kept_and_given_back() {
    // Each partition's records are read column by column: given back with their table, they leave room for those that come.
    let filed = Filed::new();
    let on = inner(f::track::NAME).binary(BinaryOp::Eq, field(f::track::NAME));
    let joined = draft(f::Track).clause(Clause::Join { collection: f::Track, on, kind: JoinKind::Inner });
    // Sums of floats would depend on the order of the pairs.
    let most = |of: Postfix| f::aggregate(Max, Some(of));
    let total = |of: Postfix| f::aggregate(Sum, Some(of));
    let (price, length) = (|| inner(f::track::PRICE), || inner(f::track::MILLISECONDS));
    let sums = joined.group_by([field(f::track::ALBUM)]);
    let draft = sums.select([
        Postfix::key(0),
        most(price()),
        total(length()),
        total(inner(f::track::EDITOR).unary(crate::expr::UnaryOp::IsNone).choose(f::int(1), f::int(0))),
    ]);
    filed.check(draft.clone(), 64 << 10, "join", 50_000, false);
    let kept = |draft: &Draft| {
        let plan = analyze(&filed.store.snapshot(), draft, &Control::default()).expect("a plan");
        let join =
            plan.operators().into_iter().find(|node| node.operator == "join").and_then(|node| node.actual);
        join.expect("it is measured").memory
    };
    let bare =
        pairs(JoinKind::Inner).group_by([field(f::track::ALBUM)]).select([f::aggregate(Count, None)]).build();
    let read = pairs(JoinKind::Inner).group_by([field(f::track::ALBUM)]).select([most(price())]).build();
    let (bare, read) = (kept(&bare), kept(&read));
    assert!(read >= bare + 299 * 8, "{read} bytes with a column, {bare} without");
}
