//! Histories: what transactions that ran at the same time read and did, and whether that is what they would have read and
//! done one after the other.
//!
//! Threads run random small transactions over a few records ([`record`]), so that most of them meet. Each operation's
//! outcome is kept, with the number of the transaction's commit. Afterwards the same operations run on a map, in the
//! order of those numbers ([`check`]): every outcome must be the same, and so must what is stored in the end. That is
//! serialisability in the order of the commits, phantoms included: there is nothing that a transaction can learn but by
//! outcomes.

pub mod operation;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use epilog::prelude::*;

use crate::random::Random;
use operation::{Board, Cells, Operation, Outcome, operations};

/// A transaction that was committed.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The number of its commit; of one that changed nothing, that of the commit which it read.
    pub number: u64,
    /// Whether it changed something. One that did not comes after the commit of its number.
    pub changed: bool,
    /// What it did, and what came of it.
    pub steps: Vec<(Operation, Outcome)>,
}

/// How transactions run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// With the lease and without, mixed.
    Mixed,
    /// All without.
    Concurrent,
    /// In the way that is wrong: reads come from a snapshot, and what is written because of them is written later, whatever
    /// has been committed meanwhile. This is what a database without validation does.
    Unchecked,
}

/// Runs so many transactions in each of some threads, and returns those that were committed.
///
/// # Panics
///
/// When the database fails.
pub fn record(db: &Database<Board>, seed: u64, threads: u64, transactions: u64, how: How) -> Vec<Committed> {
    let history = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for at in 0..threads {
            let history = &history;
            scope.spawn(move || {
                let mut random = Random::new(seed.wrapping_mul(1000) + at);
                for _ in 0..transactions {
                    let committed = run(db, &mut random, how);
                    history.lock().expect("no panic").extend(committed);
                }
            });
        }
    });
    history.into_inner().expect("no panic")
}

/// Runs one transaction; `None` when it is given up.
fn run(db: &Database<Board>, random: &mut Random, how: How) -> Option<Committed> {
    let steps = operations(random);
    let given_up = random.chance(1, 12);
    let durability = match random.below(8) {
        0 => Durability::Immediate,
        1 => Durability::Group,
        _ => Durability::None,
    };
    // Time for others to come in between.
    let lingers = random.chance(1, 2);
    let linger = || {
        if lingers {
            thread::sleep(Duration::from_micros(30));
        } else {
            thread::yield_now();
        }
    };
    let attempt = |tx: &mut WriteTransaction<'_, Board>| {
        let mut done = Vec::new();
        for operation in &steps {
            done.push((operation.clone(), operation.run(tx)?));
            linger();
        }
        if given_up { Err(Error::custom("given up")) } else { Ok(done) }
    };
    let result = match how {
        How::Unchecked => return unchecked(db, &steps, linger),
        How::Mixed if random.chance(1, 3) => db.begin().and_then(|mut tx| {
            let done = attempt(&mut tx)?;
            Ok((done, tx.commit_with(durability)?.number()))
        }),
        How::Mixed | How::Concurrent => {
            db.write_concurrent_with(durability, attempt).map(|(done, commit)| (done, commit.number()))
        }
    };
    match result {
        Ok((steps, number)) => {
            let changed = steps.iter().any(|(operation, outcome)| operation.changes(outcome));
            Some(Committed { number: number.0, changed, steps })
        }
        Err(error) => {
            assert!(given_up && error.kind() == ErrorKind::Custom, "{error}");
            None
        }
    }
}

/// Reads a snapshot, works on the map it is, and writes what has changed in the map.
fn unchecked(db: &Database<Board>, steps: &[Operation], linger: impl Fn()) -> Option<Committed> {
    let tx = db.read().expect("a snapshot");
    let before = Cells::read(&tx).expect("a readable database");
    drop(tx);
    let mut after = before.clone();
    let mut done = Vec::new();
    for operation in steps.iter().filter(|operation| !matches!(operation, Operation::Draw)) {
        done.push((operation.clone(), operation.run_on(&mut after)));
        linger();
    }
    let mut tx = db.begin().expect("a transaction");
    let changed = after.write_over(&before, &mut tx).ok()?;
    let number = tx.commit_with(Durability::None).expect("a commit").number();
    Some(Committed { number: number.0, changed, steps: done })
}

/// Runs the transactions one after the other on a map, and compares every outcome, and then what is stored.
///
/// # Errors
///
/// The first transaction and step whose outcome is another one.
///
/// # Panics
///
/// When the database cannot be read.
pub fn check(history: &[Committed], db: &Database<Board>) -> Result<(), String> {
    let mut history: Vec<&Committed> = history.iter().collect();
    history.sort_by_key(|committed| (committed.number, !committed.changed));
    let mut cells = Cells::default();
    let mut drawn = BTreeSet::new();
    let mut last = None;
    for committed in history {
        let Committed { number, changed, steps } = committed;
        if *changed && last.replace(number) == Some(number) {
            return Err(format!("two transactions have commit number {number}"));
        }
        for (at, (operation, outcome)) in steps.iter().enumerate() {
            // Which number a record is given depends on who else asked for one; only that it is nobody else's counts.
            if let Outcome::Drawn(id) = outcome {
                if !drawn.insert(*id) {
                    return Err(format!("commit {number}, step {at}: number {id} was given out before"));
                }
                continue;
            }
            let expected = operation.run_on(&mut cells);
            if expected != *outcome {
                return Err(format!(
                    "commit {number}, step {at}: {operation:?} gave {outcome:?}, but {expected:?} after the commits \
                     before: {committed:?}"
                ));
            }
        }
    }
    let stored = Cells::read(&db.read().expect("a snapshot")).expect("a readable database");
    if stored != cells {
        return Err(format!("what is stored is another: {stored:?} instead of {cells:?}"));
    }
    let tickets = operation::tickets(db).expect("a readable database");
    if tickets != drawn.len() as u64 {
        return Err(format!("{tickets} records have a number, {} were given one", drawn.len()));
    }
    Ok(())
}
