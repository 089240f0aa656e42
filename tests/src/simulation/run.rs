//! [`Run`]: a workload without faults, and what may be left of it when the power goes at each of its operations.

use std::ops::RangeInclusive;

use epilog::prelude::*;

use super::Setup;
use super::model::{Model, World};
use super::workload::{Step, run_operations};
use crate::disk::SimVfs;

/// A workload that ran.
pub struct Run {
    /// The states after each commit; the first is the empty one.
    pub states: Vec<Model>,
    /// The last state that was acknowledged.
    pub acknowledged: usize,
    /// The last state that was acknowledged as durable, and the one before it.
    pub durable: [usize; 2],
    /// By the number of the first operation: the states that a cut may leave, from the last durable one to the newest.
    phases: Vec<(u64, RangeInclusive<usize>)>,
}

impl Run {
    /// Nothing has happened.
    pub(super) fn new() -> Run {
        Run { states: vec![Model::default()], acknowledged: 0, durable: [0, 0], phases: vec![(0, 0..=0)] }
    }

    /// Runs `steps` on an empty disk, and closes the database.
    ///
    /// # Errors
    ///
    /// Whatever the database fails with.
    ///
    /// # Panics
    ///
    /// When database and model disagree.
    pub fn closed(disk: &SimVfs, setup: &Setup, steps: &[Step]) -> Result<Run, Error> {
        let (mut run, db) = Run::work(disk, setup, steps)?;
        let read = Model::read(&db)?;
        let expected = &run.states[run.acknowledged];
        assert!(read.same_records(expected), "the database differs from the model:\n{read:?}\n{expected:?}");
        db.close()?;
        run.became_durable(disk);
        Ok(run)
    }

    /// Runs `steps` on an empty disk; also gives the disk as the end of the process at that moment leaves it.
    ///
    /// # Errors
    ///
    /// As [`closed`](Run::closed).
    ///
    /// # Panics
    ///
    /// As [`closed`](Run::closed).
    pub fn ended(disk: &SimVfs, setup: &Setup, steps: &[Step]) -> Result<(Run, SimVfs), Error> {
        let (run, db) = Run::work(disk, setup, steps)?;
        let left = disk.fork();
        drop(db);
        Ok((run, left))
    }

    fn work(disk: &SimVfs, setup: &Setup, steps: &[Step]) -> Result<(Run, Database<World>), Error> {
        let mut run = Run::new();
        let mut db = setup.open(disk)?;
        for step in steps {
            match step {
                Step::Checkpoint => {
                    db.checkpoint()?;
                    run.became_durable(disk);
                }
                Step::Compact => {
                    db.compact()?;
                    run.became_durable(disk);
                }
                Step::Maintain => drop(db.maintain()?),
                Step::Reopen => {
                    db.close()?;
                    run.became_durable(disk);
                    db = setup.open(disk)?;
                }
                Step::Transaction { operations, aborted, wait } => {
                    let mut model = run.states[run.acknowledged].clone();
                    let mut tx = db.begin()?;
                    run_operations(&mut tx, &mut model, operations)?;
                    if *aborted {
                        tx.abort();
                        continue;
                    }
                    // A commit without changes is none: it waits for nothing.
                    let is_empty = model == run.states[run.acknowledged];
                    run.states.push(model);
                    run.note(disk);
                    let is_durable = setup.commit(tx, *wait)?;
                    run.acknowledged += 1;
                    if is_durable && !is_empty {
                        run.became_durable(disk);
                    }
                }
            }
        }
        Ok((run, db))
    }

    /// What a cut at `operation` may leave.
    pub fn allowed(&self, operation: u64) -> &[Model] {
        let phase = self.phases.iter().rev().find(|(from, _)| *from <= operation);
        phase.map_or(&[], |(_, states)| &self.states[states.clone()])
    }

    /// What was acknowledged is durable.
    pub(super) fn became_durable(&mut self, disk: &SimVfs) {
        if self.durable[0] < self.acknowledged {
            self.durable = [self.acknowledged, self.durable[0]];
        }
        self.note(disk);
    }

    /// A cut from here on may leave any state from the last durable one to the newest.
    pub(super) fn note(&mut self, disk: &SimVfs) {
        self.phases.push((disk.operations(), self.durable[0]..=self.states.len() - 1));
    }
}
