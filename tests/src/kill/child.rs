//! The process that is killed.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use epilog::prelude::*;

use crate::random::Random;
use crate::simulation::model::{Item, Model, Tag, World};
use crate::simulation::workload::{Operation, operations, run_operations, words};

/// The tag that says which commit was the last: its holder is nobody, its weight the commit's number.
const LAST: &str = "last";

/// What commit `number` does.
pub struct Transaction {
    /// The operations, the last of which notes the number.
    pub operations: Vec<Operation>,
    /// What its commit waits for.
    pub durability: Durability,
}

/// The transaction of a commit: it follows from the seed and the number alone.
pub fn transaction(seed: u64, number: u64) -> Transaction {
    let mut random = Random::new(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let count = 1 + random.below(8);
    let mut operations = operations(&mut random, count, 2);
    // Items in bulk, some of them long, and their end: enough for checkpoints in between.
    let block = 1000 + 500 * random.below(3) as i32;
    match random.below(24) {
        0 | 1 => {
            let len = [40, 400, 3000][random.below(3) as usize];
            operations.push(Operation::InsertItems(
                (block..block + random.below(400) as i32)
                    .map(|code| Item {
                        code,
                        owner: Id::new(1 + random.below(8)),
                        reviewer: None,
                        grade: random.below(4) as u8,
                        bytes: vec![random.draw() as u8; random.below(len) as usize],
                        words: words(&mut random),
                    })
                    .collect(),
            ));
        }
        2 => operations.extend((block..block + 400).map(Operation::DeleteItem)),
        _ => {}
    }
    operations.push(Operation::DeleteTag(LAST.into()));
    operations.push(Operation::InsertTag(Tag { name: LAST.into(), holder: None, weight: number as f64 }));
    let durability = match random.below(12) {
        0 => Durability::None,
        1 => Durability::Eventual(Duration::from_millis(2)),
        2 => Durability::Group,
        _ => Durability::Immediate,
    };
    Transaction { operations, durability }
}

/// The commit whose state a model is.
pub fn commit_of(model: &Model) -> u64 {
    model.tags.get(LAST).map_or(0, |tag| tag.weight as u64)
}

/// Writes to the database at `path` until it is killed.
///
/// * `seed`: of the transactions.
/// * `chance`: decides about options, checkpoints and closings.
/// * `next_owner`: the next id, which cannot be read from the file.
///
/// # Errors
///
/// Whatever the database fails with.
///
/// # Panics
///
/// When database and model disagree, or nobody reads what this says.
pub fn run(path: &Path, seed: u64, chance: u64, next_owner: u64) -> Result<(), Error> {
    let mut random = Random::new(chance);
    let options = Options::default()
        .journal_segment_len([16 << 10, 64 << 10, 1 << 20][random.below(3) as usize])
        .checkpoint_after([64 << 10, 512 << 10, 32 << 20][random.below(3) as usize])
        .bulk_after([64 << 10, 16 << 20][random.below(2) as usize]);
    let mut db = options.open::<World>(path)?;
    let mut model = Model { next_owner, ..Model::read(&db)? };
    let first = commit_of(&model) + 1;
    say("ready", first - 1);
    for number in first.. {
        let Transaction { operations, durability } = transaction(seed, number);
        let mut tx = db.begin()?;
        run_operations(&mut tx, &mut model, &operations)?;
        say("begin", number);
        let commit = tx.commit_with(durability)?;
        if durability == Durability::Group {
            commit.wait()?;
        }
        // It would keep the database open.
        drop(commit);
        let is_durable = matches!(durability, Durability::Immediate | Durability::Group);
        say(if is_durable { "done" } else { "unsynced" }, number);
        match random.below(40) {
            0 | 1 => db.checkpoint()?,
            2 => {
                db.close()?;
                db = options.open::<World>(path)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// One write, so that what was said before a kill arrives.
fn say(what: &str, commit: u64) {
    let line = format!("{what} {commit}\n");
    let mut output = std::io::stdout().lock();
    output.write_all(line.as_bytes()).and_then(|()| output.flush()).expect("the parent reads");
}
