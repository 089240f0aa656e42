//! Groups of parts of the rows, made by several threads and merged in the order of the parts.
//!
//! Merged in that order, groups come in the order of their first rows, as they do without parts, and what is collected of a
//! group, a list or a text, has the order of its rows. Sums of integers and decimals are the same, bit for bit; those of floats
//! are added up part by part, which rounds otherwise than row by row, but always the same way, as parts depend on what is stored
//! alone. What could differ in anything else is not merged, and found out before anything is: then the rows from that part on
//! are added up as if there were no parts.

use alloc::vec::Vec;

use super::{Groups, Keyed, Operator};
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::Batch;
use crate::engine::exec::budget::Charge;
use crate::engine::exec::tally::Tally;
use crate::engine::exec::vector::Builder;
use crate::engine::logical::{AggregateTerm, KeyTerm};
use crate::parts::{InWhole, Whole};

/// Where a part has more than one group for so many rows, merging takes as long as adding the rows up.
const ROWS_OF_GROUP_MIN: usize = 3;

/// Fewer groups than this are merged in no time.
const GROUPS_FEW: usize = if cfg!(test) { 64 } else { 1024 };

/// Why a part is given up. Nobody sees it: the rows are added up again.
pub(super) fn too_much(used: usize) -> ExecError {
    let whole = Whole::build().expect("there are threads");
    ExecError::Memory { operator: super::GROUPS, used, budget: 0, why: "a part is too large", whole }
}

/// The groups of a part of the rows, which are being added.
pub(in crate::engine::exec) struct GroupsBeingMade(Groups);

impl GroupsBeingMade {
    /// No group yet, but for the one of all rows.
    pub(in crate::engine::exec) fn new(keys: &[KeyTerm], items: &[AggregateTerm]) -> GroupsBeingMade {
        let mut groups = Groups::new(keys.to_vec(), items.to_vec());
        groups.is_part = true;
        GroupsBeingMade(groups)
    }

    /// Adds the rows of `input`, in an operation; gives how many they were.
    pub(in crate::engine::exec) fn add<'s>(
        &mut self,
        input: &mut dyn Operator<'s>,
        env: &Env<'s>,
    ) -> Result<usize, ExecError> {
        let mut counting = Counting { input, rows: 0 };
        let mut batch = Batch::new(env.collections.len(), env.computed.len());
        self.0.memory.charge = Charge::default();
        self.0.add(&mut counting, env, &mut batch)?;
        Ok(counting.rows)
    }

    /// The groups of so many rows; `None` when they are too many to be merged.
    pub(in crate::engine::exec) fn end(self, rows: usize) -> Option<GroupsOfPart> {
        let Groups { keyed, count, tallies, .. } = self.0;
        if count > GROUPS_FEW && count > rows / ROWS_OF_GROUP_MIN {
            return None;
        }
        let keys = keyed.map_or_else(Vec::new, |mut keyed| core::mem::take(&mut keyed.values));
        Some(GroupsOfPart { keys, count, tallies })
    }
}

/// The groups of a part of the rows, all of which have been added.
pub(in crate::engine::exec) struct GroupsOfPart {
    /// For each key its value of each group.
    keys: Vec<Builder>,
    count: usize,
    tallies: Vec<Tally>,
}

/// Counts the rows of another operator.
struct Counting<'o, 's> {
    input: &'o mut dyn Operator<'s>,
    rows: usize,
}

impl<'s> Operator<'s> for Counting<'_, 's> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let any = self.input.next(env, batch)?;
        self.rows += if any { batch.count() } else { 0 };
        Ok(any)
    }

    fn expect(&mut self, rows: usize) {
        self.input.expect(rows);
    }
}

/// The groups of all parts so far.
pub(in crate::engine::exec) struct GroupsOfAll {
    keyed: Option<InWhole<Keyed>>,
    count: usize,
    tallies: Vec<Tally>,
}

impl GroupsOfAll {
    pub(in crate::engine::exec) fn new(keys: &[KeyTerm], items: &[AggregateTerm]) -> GroupsOfAll {
        let Groups { keyed, count, tallies, .. } = Groups::new(keys.to_vec(), items.to_vec());
        GroupsOfAll { keyed, count, tallies }
    }

    /// About the bytes that they take in memory.
    pub(in crate::engine::exec) fn size(&self) -> usize {
        super::size_of(self.keyed.as_deref(), &self.tallies)
    }

    /// Merges the next part. False where that cannot be done: then its rows are to be added one by one.
    pub(in crate::engine::exec) fn merge(&mut self, part: GroupsOfPart) -> bool {
        let GroupsOfPart { keys, count, tallies } = part;
        let numbers = match &mut self.keyed {
            None => Vec::from([0]),
            Some(keyed) => {
                let keys: Vec<_> = keys.iter().map(|key| key.part(0..count)).collect();
                keyed.number(&keys, count, &mut self.count);
                core::mem::take(&mut keyed.numbers)
            }
        };
        // Groups that are new have rows in the part, and get them whoever adds them.
        self.tallies.iter_mut().for_each(|tally| tally.grow(self.count));
        let of_both = || self.tallies.iter().zip(&tallies);
        if !of_both().all(|(all, part)| all.can_merge(part, &numbers)) {
            return false;
        }
        for (all, part) in self.tallies.iter_mut().zip(tallies) {
            all.merge(part, &numbers);
        }
        true
    }

    /// Goes on with them.
    pub(in crate::engine::exec) fn into_groups(
        self,
        keys: &[KeyTerm],
        items: &[AggregateTerm],
        in_order: bool,
    ) -> Groups {
        let GroupsOfAll { keyed, count, tallies } = self;
        let mut groups = Groups::new(keys.to_vec(), items.to_vec());
        (groups.keyed, groups.count, groups.tallies, groups.in_order) = (keyed, count, tallies, in_order);
        groups
    }
}
