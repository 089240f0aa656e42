//! Faults: at every operation of a workload, in turn, an error, a full disk, a short write, a sync that fails; at every
//! read an error; a disk that is full for a while.
//!
//! Whatever fails must fail with an error that says so. What was acknowledged stays; a commit that failed has left nothing,
//! or, when a sync failed, what it left is found out by opening again: until then nothing can be written, and reads go on.
//! When the cause is gone the same step succeeds.

use epilog::prelude::*;

use super::model::{Model, World};
use super::workload::{Operation, Step, Wait, run_operations};
use super::{Report, Setup, disk, guarded};
use crate::disk::{Cut, Fault, SimVfs};
use crate::random::Random;

/// Runs the workload again and again, with one fault each time.
pub fn inject(seed: u64, setup: &Setup, steps: &[Step], whole: &SimVfs, report: &mut Report) {
    let mut random = Random::new(seed ^ 0xFA17);
    let mut run = |report: &mut Report, what: String, name: &'static str, plant: &dyn Fn(&SimVfs)| {
        *report.faults.entry(name).or_default() += 1;
        let mut random = Random::new(random.draw());
        let outcome = guarded(|| {
            let disk = disk(seed, None);
            plant(&disk);
            Survivor::new(&disk, setup, Patience::Once).run(steps, &mut random);
        });
        if let Err(story) = outcome {
            report.failures.push(format!("seed {seed}, {}, {what}: {story}", setup.name));
        }
    };
    for (at, operation) in whole.trace().into_iter().enumerate() {
        let at = at as u64;
        let faults: &[(&'static str, Fault)] = match operation {
            "write" => {
                &[("I/O error", Fault::Io), ("disk full", Fault::Full), ("short write", Fault::Short(700))]
            }
            "sync" => &[("sync error", Fault::Io), ("sync that forgets", Fault::SyncForgets)],
            "create" | "set the length of" => &[("I/O error", Fault::Io), ("disk full", Fault::Full)],
            _ => &[("I/O error", Fault::Io)],
        };
        for &(name, fault) in faults {
            run(report, format!("{name} at operation {at} ({operation})"), name, &|disk: &SimVfs| {
                disk.fault_at(at, fault);
            });
        }
    }
    for read in 0..whole.counters().reads {
        run(report, format!("error of read {read}"), "read error", &|disk| disk.fail_read_at(read));
    }
    for step in 0..steps.len() {
        *report.faults.entry("full for a while").or_default() += 1;
        let mut random = Random::new(seed ^ step as u64);
        let outcome = guarded(|| fill_up(seed, setup, steps, step, &mut random));
        if let Err(story) = outcome {
            report.failures.push(format!("seed {seed}, {}, full at step {step}: {story}", setup.name));
        }
    }
}

/// Runs the workload on a disk that is full during one or more of its steps.
fn fill_up(seed: u64, setup: &Setup, steps: &[Step], from: usize, random: &mut Random) {
    let disk = disk(seed, None);
    let mut survivor = Survivor::new(&disk, setup, Patience::Once);
    survivor.take(&steps[..from]);
    let used: usize = disk.paths().iter().filter_map(|path| disk.bytes(path)).map(|bytes| bytes.len()).sum();
    disk.set_capacity(Some(used as u64 + random.below(6) * 4096));
    survivor.patience = Patience::None;
    let end = (from + 1 + random.below(4) as usize).min(steps.len());
    survivor.take(&steps[from..end]);
    disk.set_capacity(None);
    survivor.patience = Patience::Once;
    survivor.take(&steps[end..]);
    survivor.end(random);
}

/// Whether a step that failed must succeed when it is tried again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// It must: the cause was there once.
    Once,
    /// It need not: the cause stays.
    None,
}

/// A program that goes on after failures.
struct Survivor<'a> {
    disk: &'a SimVfs,
    setup: &'a Setup,
    patience: Patience,
    db: Option<Database<World>>,
    /// The states since the one that is known to be durable, which is the first.
    states: Vec<Model>,
}

impl<'a> Survivor<'a> {
    fn new(disk: &'a SimVfs, setup: &'a Setup, patience: Patience) -> Survivor<'a> {
        Survivor { disk, setup, patience, db: None, states: vec![Model::default()] }
    }

    fn run(&mut self, steps: &[Step], random: &mut Random) {
        self.take(steps);
        self.end(random);
    }

    fn take(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    /// Ends the power, and finds what was promised.
    fn end(&mut self, random: &mut Random) {
        self.compare();
        self.db = None;
        self.disk.crash(Cut::Torn { seed: random.draw() });
        let db = self.setup.open(self.disk).unwrap_or_else(|error| panic!("it cannot be opened: {error}"));
        self.find(&db);
        db.close().unwrap_or_else(|error| panic!("it cannot be closed: {error}"));
        let db = self.setup.open_to_read(self.disk).unwrap_or_else(|error| panic!("{error}"));
        self.find(&db);
    }

    fn newest(&self) -> &Model {
        self.states.last().expect("there is always one")
    }

    fn db(&mut self) -> Database<World> {
        if self.db.is_none() {
            let opened = self.insist(|survivor| survivor.setup.open(survivor.disk));
            // A full disk keeps only a new database from being opened.
            let db = opened.unwrap_or_else(|error| panic!("it cannot be opened: {error}"));
            self.find(&db);
            self.db = Some(db);
        }
        self.db.clone().expect("opened above")
    }

    /// Tries once, and if that fails for a reason that may pass, once more.
    fn insist<T>(&self, attempt: impl Fn(&Self) -> Result<T, Error>) -> Result<T, Error> {
        attempt(self).or_else(|error| {
            check_cause(&error);
            attempt(self)
        })
    }

    /// Finds the state that was opened among those that may be there. It is the newest from here on.
    fn find(&mut self, db: &Database<World>) {
        let read = self.insist(|_| Model::read(db)).unwrap_or_else(|error| panic!("unreadable: {error}"));
        let Some(position) = self.states.iter().rposition(|state| state.same_records(&read)) else {
            panic!(
                "a state that is none of the {} allowed ones:\n{read:?}\n{:?}",
                self.states.len(),
                self.states
            );
        };
        self.states.truncate(position + 1);
    }

    /// The open database shows the newest state.
    fn compare(&mut self) {
        self.db();
        let Some(db) = &self.db else { return };
        let read = self.insist(|_| Model::read(db)).unwrap_or_else(|error| panic!("unreadable: {error}"));
        assert!(read.same_records(self.newest()), "it is not as it was:\n{read:?}\n{:?}", self.newest());
    }

    fn became_durable(&mut self) {
        self.states.drain(..self.states.len() - 1);
    }

    /// Whether the open database still takes writes; if not, opens it again.
    fn is_writable(&mut self) -> bool {
        let refused = self.db().begin().map(WriteTransaction::abort).err();
        if let Some(error) = &refused {
            assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
            let again = self.db().write(|tx| tx.delete_key::<super::model::Tag>("none"));
            assert!(again.is_err(), "a database that refuses writes took one");
            self.db = None;
            self.db();
        }
        refused.is_none()
    }

    fn step(&mut self, step: &Step) {
        // A new database that cannot be made for lack of space is tried again by the next step.
        if self.db.is_none()
            && self.patience == Patience::None
            && let Err(error) = self.setup.open(self.disk)
        {
            return check_cause(&error);
        }
        match step {
            Step::Transaction { operations, aborted, wait } => {
                let wait = (!aborted).then_some(*wait);
                if !self.transact(operations, wait) && self.patience == Patience::Once {
                    assert!(self.transact(operations, wait), "it fails though the cause is gone");
                }
            }
            Step::Maintain => {
                let outcome = self.db().maintain();
                if let Err(error) = outcome {
                    check_cause(&error);
                    self.compare();
                    self.is_writable();
                }
            }
            Step::Checkpoint | Step::Compact => {
                let whole = |db: &Database<World>| match step {
                    Step::Compact => db.compact().map(drop),
                    _ => db.checkpoint(),
                };
                if !self.checkpoint(whole) && self.patience == Patience::Once {
                    assert!(self.checkpoint(whole), "{step:?} fails though the cause is gone");
                }
            }
            Step::Reopen => {
                self.db();
                let closed = self.db.take().map(Database::close);
                match closed {
                    Some(Err(error)) => check_cause(&error),
                    _ => self.became_durable(),
                }
                self.db();
            }
        }
    }

    /// Whether it was done.
    fn checkpoint(&mut self, whole: impl Fn(&Database<World>) -> Result<(), Error>) -> bool {
        let outcome = whole(&self.db());
        match outcome {
            Ok(()) => {
                self.became_durable();
                true
            }
            Err(error) => {
                check_cause(&error);
                self.compare();
                self.is_writable();
                false
            }
        }
    }

    /// Whether it was committed; or aborted, as it should be without anything to wait for.
    fn transact(&mut self, operations: &[Operation], wait: Option<Wait>) -> bool {
        let mut model = self.newest().clone();
        let attempt = attempt(self.setup, &self.db(), &mut model, operations, wait);
        match attempt {
            Attempt::Aborted => true,
            Attempt::Committed { is_durable } => {
                // A commit without changes is none: it waits for nothing.
                let is_empty = model == *self.newest();
                self.states.push(model);
                if is_durable && !is_empty {
                    self.became_durable();
                }
                true
            }
            Attempt::NotBegun(error) => {
                check_cause(&error);
                self.compare();
                self.is_writable();
                false
            }
            Attempt::NotCommitted(error) => {
                check_cause(&error);
                // Nobody sees it, whatever became of it.
                self.compare();
                let before = self.states.len();
                self.states.push(model);
                if self.is_writable() {
                    // Nothing of it was kept.
                    self.states.truncate(before);
                }
                // It is there when opening found it.
                self.states.len() > before
            }
        }
    }
}

/// How far a transaction got.
enum Attempt {
    Aborted,
    Committed { is_durable: bool },
    NotBegun(Error),
    NotCommitted(Error),
}

fn attempt(
    setup: &Setup,
    db: &Database<World>,
    model: &mut Model,
    operations: &[Operation],
    wait: Option<Wait>,
) -> Attempt {
    let begun = db.begin().and_then(|mut tx| {
        run_operations(&mut tx, model, operations)?;
        Ok(tx)
    });
    match (begun, wait) {
        (Err(error), _) => Attempt::NotBegun(error),
        (Ok(tx), None) => {
            tx.abort();
            Attempt::Aborted
        }
        (Ok(tx), Some(wait)) => match setup.commit(tx, wait) {
            Ok(is_durable) => Attempt::Committed { is_durable },
            Err(error) => Attempt::NotCommitted(error),
        },
    }
}

/// A failure says that the disk failed, or that an earlier failure keeps the database from writing.
fn check_cause(error: &Error) {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::Io => assert!(text.contains("a planted"), "{text}"),
        ErrorKind::Full => assert!(text.contains("no space left"), "{text}"),
        ErrorKind::Failed => assert!(text.contains("a planted") || text.contains("open"), "{text}"),
        other => panic!("{other:?}: {text}"),
    }
}
