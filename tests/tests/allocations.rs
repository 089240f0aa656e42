//! How many allocations it takes to build a query and to find its plan: none, for small ones.
//!
//! A program of its own, since what counts is the program's allocator. It counts what the thread that asks allocates.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use epilog::engine::{Control, plans};
use epilog::prelude::*;
use epilog::query::{Compiled, Query, Reads};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count_one() {
    // A thread that ends has no counter any more, and nothing that is counted.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: the system's allocator does all of it; the counter is a cell of the thread, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises; it is from the same allocator.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        // SAFETY: as the caller promises; it is from the same allocator.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `run` allocates.
fn allocations(run: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    run();
    COUNT.get() - before
}

#[derive(Collection, Clone, Debug)]
struct User {
    id: Id<User>,
    #[unique]
    email: String,
    #[index]
    age: u8,
    score: f64,
    active: bool,
}

epilog::schema!(App { User });

fn loaded() -> Database<App> {
    let db: Database<App> = App::in_memory().unwrap();
    let user = |n: u64| User {
        id: Id::new(n),
        email: format!("{n}@mail.io"),
        age: (n % 90) as u8,
        score: n as f64,
        active: n.is_multiple_of(2),
    };
    let users: Vec<User> = (1..=1000).map(user).collect();
    db.write(|tx| tx.insert_all(&users).map(|_| ())).unwrap();
    db
}

/// What it takes to build a query with values it was not asked with before, and to find its plan.
fn build_and_find<'f>(db: &Database<App>, make: impl Fn(u64) -> Query<User, User> + 'f) -> u64 {
    let tx = db.read().unwrap();
    let control = Control::default();
    // The first is planned; the second has the first copy of the plan.
    for n in [500, 501] {
        make(n).all(&tx).unwrap();
    }
    let mut counted = 0;
    tx.with_view(|view| {
        counted = allocations(|| assert!(plans::is_kept(view, make(502).draft(), &control)));
        Ok(())
    })
    .unwrap();
    counted
}

fn small(n: u64) -> Query<User, User> {
    User::query().filter(|u| u.score.ge(n as f64) & u.active).order_by(|u| u.score.desc()).limit(10)
}

/// Goal: a query of two conditions, an ordering and a limit allocates nothing until it is run.
#[test]
fn a_small_query_finds_its_plan_without_an_allocation() {
    let db = loaded();
    assert_eq!(build_and_find(&db, small), 0);
    let two = |n: u64| User::query().filter(|u| u.score.lt(n as f64) & u.active.eq(true)).offset(1).limit(5);
    assert_eq!(build_and_find(&db, two), 0);
}

static SMALL: Compiled<(f64,), User> = Compiled::new(|(score,)| {
    User::query().filter(|u| u.score.ge(score) & u.active).order_by(|u| u.score.desc()).limit(10)
});

#[test]
fn so_does_one_that_was_compiled() {
    let db = loaded();
    assert_eq!(build_and_find(&db, |n| SMALL.with((n as f64,))), 0);
}

static BY_TEXT: Compiled<(String,), User> =
    Compiled::new(|(email,)| User::query().filter(|u| u.email.eq(email)));

/// Goal: what asks for one record allocates for nothing but what comes out, whether it is found by its key or by a text.
#[test]
fn a_query_for_one_record_is_built_without_an_allocation() {
    let db = loaded();
    let tx = db.read().unwrap();
    let by_key = |n: u64| User::query().filter(move |u| u.id.eq(Id::new(n)));
    let by_text = |text: &str| User::query().filter(|u| u.email.eq(text));
    assert!(by_key(7).exists(&tx).unwrap() && by_text("7@mail.io").exists(&tx).unwrap());
    assert_eq!(
        allocations(|| assert_eq!(by_key(8).draft().root as usize, User::query().draft().root as usize)),
        0
    );
    assert_eq!(allocations(|| assert!(by_key(8).exists(&tx).unwrap())), 0);
    // Neither for the text nor for the key that is made of it, borrowed or owned.
    assert_eq!(allocations(|| drop(by_text("8@mail.io"))), 0);
    assert_eq!(allocations(|| assert!(by_text("8@mail.io").exists(&tx).unwrap())), 0);
    assert_eq!(allocations(|| assert!(!by_text("nobody@mail.io").exists(&tx).unwrap())), 0);
    let owned = String::from("9@mail.io");
    assert_eq!(allocations(|| assert!(by_text(&owned).exists(&tx).unwrap())), 0);
    let by_owned = |text: &String| User::query().filter(|u| u.email.eq(text));
    assert_eq!(allocations(|| assert!(by_owned(&owned).exists(&tx).unwrap())), 0);
    assert!(BY_TEXT.with((owned.clone(),)).exists(&tx).unwrap());
    assert_eq!(allocations(|| assert!(BY_TEXT.with((owned,)).exists(&tx).unwrap())), 0);
    // A long one is made room for each time.
    let long = format!("{}@mail.io", "x".repeat(300));
    for _ in 0..2 {
        assert_eq!(allocations(|| assert!(!by_text(&long).exists(&tx).unwrap())), 2);
    }
    // Several at once, more than are kept, and each is right.
    let many: Vec<Query<User, User>> = (1..=9).map(|n| by_text(&format!("{n}@mail.io"))).collect();
    for (n, query) in (1..).zip(&many) {
        assert_eq!(query.one(&tx).unwrap().id.get(), n);
    }
}

/// Goal: records that are lent cost no allocation each, and their texts none: what there is, is of a batch, a leaf of records.
#[test]
fn records_are_lent_without_an_allocation() {
    let db = loaded();
    let tx = db.read().unwrap();
    let mut length = 0;
    let all = User::query();
    all.for_each(&tx, |u| length += u.email().len()).unwrap();
    let per_batch = {
        let batches = all.explain_analyze(&tx).unwrap().root.actual.expect("it was carried out").batches;
        assert!(batches < 100, "a batch has many records: {batches}");
        allocations(|| all.for_each(&tx, |u| length += u.email().len() + usize::from(u.age())).unwrap())
            / batches
    };
    assert!(per_batch < 5, "{per_batch} allocations for a batch");
    assert!(length > 2000 * 8);
    let records = allocations(|| assert_eq!(all.all(&tx).unwrap().len(), 1000));
    assert!(records > 1000, "a record that is made has a text of its own: {records}");
}

/// What is asked with other values is another query: what a small one is written down as says the same as its clauses.
#[test]
fn small_queries_answer_as_they_are_asked() {
    let db = loaded();
    let ids = |query: Query<User, User>| {
        query.all(&db).unwrap().iter().map(|user| user.id.get()).collect::<Vec<u64>>()
    };
    for n in [990, 995, 999, 1001] {
        let expected: Vec<u64> = (1..=1000).rev().filter(|id| *id >= n && id % 2 == 0).take(10).collect();
        assert_eq!(ids(small(n)), expected);
        assert_eq!(ids(SMALL.with((n as f64,))), expected);
        // As clauses of their own.
        let longer = small(n).filter(|u| u.email.len().gt(0)).filter(|u| u.age.ge(0) | u.age.lt(200));
        assert_eq!(ids(longer), expected);
    }
}
