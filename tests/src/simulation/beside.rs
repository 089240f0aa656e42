//! Transactions beside each other, and power cuts: one runs without the lease, another commits in its middle, and it
//! commits after that, at once or after a conflict.
//!
//! All of it happens on one thread, the second transaction within the first one's work, so that a seed makes it happen
//! again. What the first one did in an attempt without a conflict is added to what the second one left: where they do not
//! meet, nothing else can come out.

use epilog::prelude::*;

use super::cuts;
use super::model::{Model, World};
use super::run::Run;
use super::workload::{Operation, operations, run_operations};
use super::{Report, Setup, disk, guarded};
use crate::disk::SimVfs;
use crate::random::Random;

/// Two transactions.
#[derive(Clone, Debug)]
struct Pair {
    /// What the one without the lease does.
    first: Vec<Operation>,
    /// Whether it is given up at its end.
    given_up: bool,
    /// What the one in its middle does.
    beside: Vec<Operation>,
    /// Whether that one has the lease.
    leased: bool,
    /// Whether they do not wait for the sync, where the setup wants some such.
    relaxed: [bool; 2],
    /// Whether a checkpoint follows.
    checkpoint: bool,
}

/// How often the first of two transactions was made again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Met {
    /// Because the other had written what it read.
    pub conflicts: u64,
    /// Not at all.
    pub passed: u64,
}

/// Runs the pairs of `seed`, and cuts the power at every operation of the disk.
pub fn run_seed(seed: u64, setup: &Setup, report: &mut Report) -> Met {
    let mut random = Random::new(seed ^ 0x0BE5_1DE5);
    let pairs: Vec<Pair> = (0..3 + random.below(6)).map(|_| pair(&mut random)).collect();
    let story = format!("seed {seed}, {}, beside", setup.name);
    let whole = disk(seed, None);
    whole.remember_cuts();
    let mut met = Met::default();
    let run = match guarded(|| run(&whole, setup, &pairs, &mut met)) {
        Ok(Ok(run)) => run,
        Ok(Err(error)) => {
            report.failures.push(format!("{story}, no cut: {error}"));
            return met;
        }
        Err(problem) => {
            report.failures.push(format!("{story}, no cut: {problem}"));
            return met;
        }
    };
    report.workloads += 1;
    report.commits += run.acknowledged as u64;
    for (cut, left) in (0..).zip(whole.take_cuts()) {
        let mut random = Random::new(seed ^ (cut + 1u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        report.crash_points += 1;
        let outcome = guarded(|| cuts::recover(&left, setup, run.allowed(cut), &mut random, &mut *report));
        if let Err(problem) = outcome {
            report.failures.push(format!("{story}, cut at operation {cut}: {problem}"));
        }
    }
    met
}

fn pair(random: &mut Random) -> Pair {
    let some = |random: &mut Random, most: u64| {
        let count = 1 + random.below(most);
        operations(random, count, 1)
    };
    let first = some(random, 5);
    // Sometimes both want the same.
    let beside = if random.chance(1, 3) { first.clone() } else { some(random, 4) };
    Pair {
        first,
        given_up: random.chance(1, 10),
        beside,
        leased: random.chance(1, 2),
        relaxed: [random.chance(1, 2), random.chance(1, 2)],
        checkpoint: random.chance(1, 5),
    }
}

fn run(disk: &SimVfs, setup: &Setup, pairs: &[Pair], met: &mut Met) -> Result<Run, Error> {
    let mut run = Run::new();
    let db = setup.open(disk)?;
    // Two at a time leave numbers out.
    run.states[0].leaves_numbers_out = true;
    for pair in pairs {
        run_pair(&db, disk, setup, pair, &mut run, met)?;
        if pair.checkpoint {
            db.checkpoint()?;
            run.became_durable(disk);
        }
    }
    let read = Model::read(&db)?;
    let expected = &run.states[run.acknowledged];
    assert!(read.same_records(expected), "the database differs from the model:\n{read:?}\n{expected:?}");
    db.close()?;
    run.became_durable(disk);
    Ok(run)
}

fn run_pair(
    db: &Database<World>,
    disk: &SimVfs,
    setup: &Setup,
    pair: &Pair,
    run: &mut Run,
    met: &mut Met,
) -> Result<(), Error> {
    let durability = |relaxed| {
        if relaxed && setup.relaxed { Durability::None } else { Durability::Immediate }
    };
    let [first, second] = pair.relaxed.map(durability);
    let mut attempts = 0;
    let mut is_empty = false;
    let result = db.write_concurrent_with(first, |tx| {
        attempts += 1;
        // What an attempt before was about to leave.
        run.states.truncate(run.acknowledged + 1);
        let before = run.states[run.acknowledged].clone();
        let mut model = before.clone();
        run_operations(tx, &mut model, &pair.first)?;
        is_empty = model == before;
        if attempts == 1 {
            run_beside(db, disk, pair, second, run)?;
            model = run.states[run.acknowledged].with_changes(&before, &model);
        }
        if pair.given_up {
            return Err(Error::custom("given up"));
        }
        run.states.push(model);
        run.note(disk);
        Ok(())
    });
    match result {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::Custom => return Ok(()),
        Err(error) => return Err(error),
    }
    run.acknowledged += 1;
    met.conflicts += u64::from(attempts > 1);
    met.passed += u64::from(attempts == 1);
    if first == Durability::Immediate && !is_empty {
        run.became_durable(disk);
    }
    Ok(())
}

fn run_beside(
    db: &Database<World>,
    disk: &SimVfs,
    pair: &Pair,
    durability: Durability,
    run: &mut Run,
) -> Result<(), Error> {
    let before = run.states[run.acknowledged].clone();
    let mut is_empty = false;
    let mut work = |tx: &mut WriteTransaction<'_, World>| {
        // What an attempt before was about to leave: one that is too large to be made without the lease is made with it.
        run.states.truncate(run.acknowledged + 1);
        let mut model = before.clone();
        run_operations(tx, &mut model, &pair.beside)?;
        is_empty = model == before;
        run.states.push(model);
        run.note(disk);
        Ok(())
    };
    if pair.leased {
        let mut tx = db.begin()?;
        work(&mut tx)?;
        tx.commit_with(durability)?;
    } else {
        db.write_concurrent_with(durability, work)?;
    }
    run.acknowledged += 1;
    if durability == Durability::Immediate && !is_empty {
        run.became_durable(disk);
    }
    Ok(())
}
