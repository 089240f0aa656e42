//! Random workloads, and how they run against a database and the model at once.

use epilog::prelude::*;

use super::model::{BEST, Item, Model, Owner, Scan, Tag, WORDS, World};
use crate::random::Random;

/// One step of a workload.
#[derive(Clone, Debug)]
pub enum Step {
    /// A write transaction.
    Transaction {
        /// What it does.
        operations: Vec<Operation>,
        /// Whether it is given up at its end.
        aborted: bool,
        /// What its commit waits for.
        wait: Wait,
    },
    /// A checkpoint.
    Checkpoint,
    /// Checkpoints that move images to the front of the file.
    Compact,
    /// A part of what is due besides.
    Maintain,
    /// A clean close, and opening again.
    Reopen,
}

/// What a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The sync.
    Sync,
    /// The sync, which others may share.
    Together,
    /// Nothing: the sync comes in a while, where a [`Setup`](super::Setup) wants some such.
    Later,
    /// Nothing: the sync comes with another commit, where a setup wants some such.
    Never,
}

/// One operation of a transaction. Keys are drawn from small ranges, so that operations meet.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Inserts an owner.
    InsertOwner(Owner),
    /// Replaces one.
    UpdateOwner(Owner),
    /// Deletes one with its items.
    DeleteOwner(Id<Owner>),
    /// Inserts one item.
    InsertItem(Item),
    /// Inserts several, all or none.
    InsertItems(Vec<Item>),
    /// Replaces one.
    UpdateItem(Item),
    /// Deletes one.
    DeleteItem(i32),
    /// Inserts a tag.
    InsertTag(Tag),
    /// Deletes one.
    DeleteTag(String),
    /// Inserts a scan with these bytes, or replaces one.
    PutScan(u16, Id<Owner>, Vec<u8>),
    /// Deletes one.
    DeleteScan(u16),
    /// Operations in a savepoint.
    Savepoint {
        /// What is done in it.
        operations: Vec<Operation>,
        /// Whether it is undone.
        undone: bool,
    },
}

/// The workload of a seed.
pub fn generate(random: &mut Random) -> Vec<Step> {
    let count = 3 + random.below(10);
    (0..count)
        .map(|_| match random.below(15) {
            0 | 1 => Step::Checkpoint,
            2 => Step::Reopen,
            3 | 4 => Step::Maintain,
            5 => Step::Compact,
            _ => {
                let count = 1 + small(random, 12);
                let operations = operations(random, count, 2);
                let wait = [
                    Wait::Sync,
                    Wait::Sync,
                    Wait::Sync,
                    Wait::Together,
                    Wait::Later,
                    Wait::Never,
                    Wait::Never,
                ];
                let (aborted, wait) = (random.chance(1, 8), wait[random.below(7) as usize]);
                Step::Transaction { operations, aborted, wait }
            }
        })
        .collect()
}

/// So many operations, with savepoints nested up to `depth`.
pub fn operations(random: &mut Random, count: u64, depth: u32) -> Vec<Operation> {
    (0..count)
        .map(|_| match random.below(19) {
            0..=3 => Operation::InsertOwner(owner(random)),
            4 => Operation::UpdateOwner(owner(random)),
            5 => Operation::DeleteOwner(owner_id(random)),
            6 | 7 => Operation::InsertItem(item(random)),
            8 => {
                let first = random.below(40) as i32;
                let count = small(random, 30) as i32;
                let items = (first..first + count).map(|code| Item { code, ..item(random) });
                Operation::InsertItems(items.collect())
            }
            9 => Operation::UpdateItem(item(random)),
            10 => Operation::DeleteItem(random.below(40) as i32 - 5),
            11 | 12 => Operation::InsertTag(tag(random)),
            13 => Operation::DeleteTag(tag(random).name),
            14 | 15 => scan(random),
            16 => Operation::DeleteScan(random.below(6) as u16),
            _ if depth > 0 => {
                let count = 1 + random.below(4);
                let operations = operations(random, count, depth - 1);
                Operation::Savepoint { operations, undone: random.chance(1, 2) }
            }
            _ => Operation::InsertOwner(owner(random)),
        })
        .collect()
}

fn owner_id(random: &mut Random) -> Id<Owner> {
    Id::new(1 + random.below(8))
}

fn owner(random: &mut Random) -> Owner {
    let note_len = match random.below(10) {
        0 => 3000 + random.below(20_000),
        1..=4 => random.below(200),
        _ => 0,
    };
    let letter = char::from(b'a' + random.below(26) as u8);
    let note = (!random.chance(1, 3)).then(|| letter.to_string().repeat(note_len as usize));
    Owner { id: owner_id(random), name: format!("owner {}", random.below(12)), note }
}

fn item(random: &mut Random) -> Item {
    let len = if random.chance(1, 12) { random.below(9000) } else { random.below(60) };
    Item {
        code: random.below(40) as i32 - 5,
        owner: owner_id(random),
        reviewer: random.chance(1, 3).then(|| owner_id(random)),
        grade: if random.chance(1, 4) { BEST } else { random.below(4) as u8 },
        bytes: (0..len).map(|_| random.draw() as u8).collect(),
        words: words(random),
    }
}

/// Few words, now and then one twice; rarely more of them than fit a record.
pub fn words(random: &mut Random) -> Vec<String> {
    let count = if random.chance(1, 40) { 3000 } else { random.below(4) };
    (0..count).map(|_| WORDS[random.below(WORDS.len() as u64) as usize].to_string()).collect()
}

fn tag(random: &mut Random) -> Tag {
    let name = format!("{}tag", "long ".repeat(random.below(5) as usize));
    Tag {
        name: format!("{name} {}", random.below(6)),
        holder: random.chance(1, 4).then(|| owner_id(random)),
        weight: random.below(7) as f64 - 3.0,
    }
}

fn scan(random: &mut Random) -> Operation {
    let len = if random.chance(1, 4) { random.below(20_000) } else { random.below(2000) };
    let mut content = vec![0; len as usize];
    random.fill(&mut content);
    Operation::PutScan(random.below(6) as u16, owner_id(random), content)
}

/// A number below `bound`, small ones more often.
fn small(random: &mut Random, bound: u64) -> u64 {
    let bound = 1 + random.below(bound);
    random.below(bound)
}

/// What an operation that ended without a failure did: the same for the database and the model.
#[derive(Debug, PartialEq)]
pub enum Done {
    /// An owner got this id, or was refused.
    Inserted(Option<Id<Owner>>),
    /// It was made, or refused, or had nothing to do.
    Made(bool),
    /// A deletion was made, or a constraint forbade it; `None` without anything to delete.
    Deleted(Option<bool>),
}

/// Runs operations on both.
///
/// # Errors
///
/// Only for what is not the data's fault: I/O.
///
/// # Panics
///
/// When the two disagree about what is allowed.
pub fn run_operations(
    tx: &mut WriteTransaction<'_, World>,
    model: &mut Model,
    operations: &[Operation],
) -> Result<(), Error> {
    for operation in operations {
        if let Operation::Savepoint { operations, undone } = operation {
            let mut inner = model.clone();
            let mut failure = None;
            let result = tx.savepoint(|tx| {
                if let Err(error) = run_operations(tx, &mut inner, operations) {
                    failure = Some(error);
                    return Ok(());
                }
                // Any error undoes the savepoint; this one is at hand.
                if *undone { tx.delete_key::<Tag>("").and(Err(Error::custom("undone"))) } else { Ok(()) }
            });
            if let Some(failure) = failure {
                return Err(failure);
            }
            assert_eq!(result.is_err(), *undone);
            if !undone {
                *model = inner;
            }
        } else {
            let done = run_one(tx, operation)?;
            if let Done::Inserted(Some(id)) = done
                && model.leaves_numbers_out
            {
                assert!(id.get() >= model.next_owner, "id {id} was given out before");
                model.next_owner = id.get();
            }
            assert_eq!(done, run_on_model(model, operation), "{operation:?}");
        }
    }
    Ok(())
}

/// Runs one operation that is no savepoint.
fn run_one(tx: &mut WriteTransaction<'_, World>, operation: &Operation) -> Result<Done, Error> {
    Ok(match operation {
        Operation::InsertOwner(owner) => {
            Done::Inserted(allowed(tx.insert(&Owner { id: Id::auto(), ..owner.clone() }))?)
        }
        Operation::UpdateOwner(owner) => Done::Made(allowed(tx.update(owner))?.is_some()),
        Operation::DeleteOwner(id) => Done::Deleted(match allowed(tx.delete_key::<Owner>(*id))? {
            Some(true) => Some(true),
            Some(false) => None,
            None => Some(false),
        }),
        Operation::InsertItem(item) => Done::Made(allowed(tx.insert(item))?.is_some()),
        Operation::InsertItems(items) => Done::Made(allowed(tx.insert_all(items))?.is_some()),
        Operation::UpdateItem(item) => Done::Made(allowed(tx.update(item))?.is_some()),
        Operation::DeleteItem(code) => Done::Made(tx.delete_key::<Item>(*code)?),
        Operation::InsertTag(tag) => Done::Made(allowed(tx.insert(tag))?.is_some()),
        Operation::DeleteTag(name) => Done::Made(tx.delete_key::<Tag>(name.clone())?),
        Operation::PutScan(code, owner, content) => {
            let mut writer = tx.blob_writer();
            for piece in content.chunks(1500) {
                writer.write_all(piece)?;
            }
            // When the scan is refused, the blob is nobody's.
            let scan = Scan { code: *code, owner: *owner, content: writer.finish()? };
            let done = match tx.get::<Scan>(*code)? {
                Some(_) => allowed(tx.update(&scan))?.is_some(),
                None => allowed(tx.insert(&scan))?.is_some(),
            };
            Done::Made(done)
        }
        Operation::DeleteScan(code) => Done::Made(tx.delete_key::<Scan>(*code)?),
        Operation::Savepoint { .. } => unreachable!("savepoints are taken by the caller"),
    })
}

/// Runs one operation on the model alone.
pub fn run_on_model(model: &mut Model, operation: &Operation) -> Done {
    match operation {
        Operation::InsertOwner(owner) => Done::Inserted(model.insert_owner(owner.clone())),
        Operation::UpdateOwner(owner) => Done::Made(model.update_owner(owner.clone())),
        Operation::DeleteOwner(id) => Done::Deleted(model.delete_owner(*id)),
        Operation::InsertItem(item) => Done::Made(model.insert_items(core::slice::from_ref(item))),
        Operation::InsertItems(items) => Done::Made(model.insert_items(items)),
        Operation::UpdateItem(item) => Done::Made(model.update_item(item.clone())),
        Operation::DeleteItem(code) => Done::Made(model.items.remove(code).is_some()),
        Operation::InsertTag(tag) => Done::Made(model.insert_tag(tag.clone())),
        Operation::DeleteTag(name) => Done::Made(model.tags.remove(name).is_some()),
        Operation::PutScan(code, owner, content) => {
            Done::Made(model.put_scan(*code, *owner, content.clone()))
        }
        Operation::DeleteScan(code) => Done::Made(model.scans.remove(code).is_some()),
        Operation::Savepoint { operations, undone } => {
            let mut inner = model.clone();
            for operation in operations {
                run_on_model(&mut inner, operation);
            }
            if !undone {
                *model = inner;
            }
            Done::Made(!undone)
        }
    }
}

/// `None` when the constraints refused it; other errors are passed on.
fn allowed<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.kind() {
            ErrorKind::UniqueViolation | ErrorKind::ReferenceViolation | ErrorKind::NotFound => Ok(None),
            _ => Err(error),
        },
    }
}
