//! What single operations on records cost, in memory: `cargo bench -p epilog`.
//!
//! The same figures beside SQLite's, on the same data in the same run, are made by `tests/compare`.

#![allow(missing_docs, reason = "a program, not a library")]

use divan::{Bencher, black_box};
use epilog::prelude::*;

fn main() {
    divan::main();
}

#[derive(Collection, Clone, Debug)]
struct User {
    id: Id<User>,
    name: String,
    #[unique]
    email: String,
    #[index]
    age: u8,
    score: f64,
    active: bool,
    bio: String,
}

epilog::schema!(App { User });

/// The records of the figures: as in `tests/compare`, fewer of them.
const COUNT: u64 = 100_000;

fn user(n: u64) -> User {
    // Multiplying by an odd number visits every remainder: ages and scores are spread, emails come in no order.
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    User {
        id: Id::new(n),
        name: format!("user {n:011}"),
        email: format!("{mixed:016x}@mail.io"),
        age: (mixed >> 57) as u8,
        score: (mixed >> 11) as f64 / (1u64 << 53) as f64,
        active: mixed & 1 == 0,
        bio: format!("{mixed:080}"),
    }
}

fn loaded() -> Database<App> {
    let db = App::in_memory().expect("a sound schema");
    let users: Vec<User> = (1..=COUNT).map(user).collect();
    db.write(|tx| tx.insert_all(&users).map(|_| ())).expect("fresh records");
    db
}

/// Ids or emails in an order that the page cache does not like.
fn scattered() -> impl FnMut() -> u64 {
    let mut n = 0;
    move || {
        n = (n + 7_919) % COUNT;
        n + 1
    }
}

#[divan::bench]
fn get_by_key(bencher: Bencher<'_, '_>) {
    let db = loaded();
    bencher.with_inputs(scattered()).bench_local_values(|n| db.get::<User>(Id::new(n)));
}

#[divan::bench]
fn get_by_key_in_one_transaction(bencher: Bencher<'_, '_>) {
    let db = loaded();
    let tx = db.read().expect("a snapshot");
    bencher.with_inputs(scattered()).bench_local_values(|n| tx.get::<User>(Id::new(n)));
}

#[divan::bench]
fn get_by_unique_string(bencher: Bencher<'_, '_>) {
    let db = loaded();
    let tx = db.read().expect("a snapshot");
    let mut next = scattered();
    bencher
        .with_inputs(|| user(next()).email)
        .bench_local_refs(|email| User::query().filter(|u| u.email.eq(&*email)).first(&tx));
}

#[divan::bench]
fn filtered_count(bencher: Bencher<'_, '_>) {
    let db = loaded();
    let tx = db.read().expect("a snapshot");
    bencher.bench_local(|| User::query().filter(|u| u.score.ge(0.9) & u.active).count(&tx));
}

#[divan::bench]
fn decode_all(bencher: Bencher<'_, '_>) {
    let db = loaded();
    let tx = db.read().expect("a snapshot");
    bencher.bench_local(|| User::query().all(&tx).map(|users| black_box(users).len()));
}

#[divan::bench]
fn insert_in_memory(bencher: Bencher<'_, '_>) {
    let db = App::in_memory().expect("a sound schema");
    let mut n = 0;
    bencher
        .with_inputs(|| {
            n += 1;
            user(n)
        })
        .bench_local_values(|user| db.write(|tx| tx.insert(&user)));
}

#[divan::bench(sample_count = 10)]
fn bulk_load_100_000(bencher: Bencher<'_, '_>) {
    let users: Vec<User> = (1..=COUNT).map(user).collect();
    bencher.with_inputs(|| App::in_memory().expect("a sound schema")).bench_local_values(|db| {
        db.write(|tx| tx.insert_all(&users).map(|keys| keys.len())).map(|count| (count, db))
    });
}
