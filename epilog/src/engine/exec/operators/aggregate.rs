//! Groups of rows, and aggregates over each.
//!
//! A batch's rows are given the numbers of their groups, and then each aggregate adds them up in a loop of its own (see
//! `tally`). How a number is found depends on the keys: a key of one or two bytes is a place in an array, one of a word is
//! looked up in a hash table of words, and whatever else as bytes. Rows of groups that memory has no room for are put aside
//! (`aside`).

#[cfg(not(feature = "small"))]
mod aside;
#[cfg(all(feature = "std", not(feature = "small")))]
mod merge;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Kept, Operator, Reach};
use crate::engine::error::{ExecError, RowFault};
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
#[cfg(not(feature = "small"))]
use crate::engine::exec::budget::Charge;
use crate::engine::exec::evaluate::evaluate;
#[cfg(not(feature = "small"))]
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::table::{KeyTable, WordTable, width_of_equal_cells};
use crate::engine::exec::tally::{Members, NO_GROUP, Tally};
#[cfg(all(feature = "std", not(feature = "small")))]
use crate::engine::exec::threads::within;
use crate::engine::exec::vector::Builder;
use crate::engine::exec::{Env, Vector};
#[cfg(all(feature = "decimal", not(feature = "small")))]
use crate::engine::logical::Expr;
use crate::engine::logical::{AggregateTerm, Computed, KeyTerm, Slot};
use crate::engine::physical::{self, PhysicalNode};
#[cfg(not(feature = "small"))]
use crate::engine::planted::{self, Bug};
use crate::parts::{self, InWhole, Whole};
use crate::value::{Scalar, Type};

#[cfg(all(feature = "std", not(feature = "small")))]
pub(in crate::engine::exec) use merge::{GroupsBeingMade, GroupsOfAll, GroupsOfPart};

#[cfg(all(feature = "decimal", not(feature = "small")))]
use crate::engine::exec::scaled::{Known, Numbers, Scaled, numbers, repeated};

#[cfg(not(all(feature = "decimal", not(feature = "small"))))]
type Known<'e, 's> = core::marker::PhantomData<(&'e (), &'s ())>;

/// What errors call this.
#[cfg(not(feature = "small"))]
const GROUPS: &str = "aggregate";

/// Groups on their way. They borrow nothing.
pub(in crate::engine::exec) struct Groups {
    items: Vec<AggregateTerm>,
    /// What several of their arguments are made of; what another is made of comes before it.
    #[cfg(all(feature = "decimal", not(feature = "small")))]
    shared: Vec<Expr>,
    /// What tells groups from each other; without it there is one, of all rows.
    keyed: Option<InWhole<Keyed>>,
    count: usize,
    tallies: Vec<Tally>,
    /// For each item which tally it is told by. Sums and means of the same are told by one, and it is that of a mean.
    #[cfg(not(feature = "small"))]
    told_by: Vec<usize>,
    /// How many groups have been given out.
    given: usize,
    /// Whether they have to come in the order of their first rows.
    #[cfg(not(feature = "small"))]
    in_order: bool,
    /// For that, where rows were put aside, the number of each group's first row, and how many columns come before that of the numbers.
    #[cfg(not(feature = "small"))]
    firsts: Vec<u64>,
    #[cfg(not(feature = "small"))]
    columns: usize,
    #[cfg(not(feature = "small"))]
    memory: Memory,
    /// Whether the rows of a group follow each other: then only the last may have more.
    #[cfg(not(feature = "small"))]
    runs: bool,
    /// Whether those that are complete take too much memory to wait for more.
    #[cfg(not(feature = "small"))]
    crowded: bool,
    /// Whether these are groups of a part of the rows, of which none is put aside: whoever made the part does without it.
    #[cfg(all(feature = "std", not(feature = "small")))]
    is_part: bool,
    /// How many times the rows have been put aside.
    #[cfg(not(feature = "small"))]
    level: u32,
    /// The rows of groups that are not here.
    #[cfg(not(feature = "small"))]
    aside: Option<Box<aside::Aside>>,
}

/// What groups take in memory.
#[cfg(not(feature = "small"))]
#[derive(Default)]
struct Memory {
    charge: Charge,
    /// How many rows were added since that was found out.
    rows: usize,
    /// The most it was.
    size_max: usize,
    /// What the groups took when rows of others began to be put aside.
    size_then: usize,
}

/// The keys of groups, and which row is of which.
struct Keyed {
    keys: Vec<KeyTerm>,
    finder: Finder,
    /// For each key, its value of each group.
    values: Vec<Builder>,
    /// The group of each row of a batch.
    numbers: Vec<u32>,
    /// The same, without the rows that an aggregate leaves out.
    members: Vec<u32>,
    whole: Whole,
}

/// Where the number of a group is found.
enum Finder {
    /// At the place that is the key, read as a number; the last is of the absent key.
    Places(Vec<u32>),
    /// By the key as a word; and the group of the absent key.
    Words(WordTable, Option<u32>),
    /// By several keys that make one word together, until one is absent.
    Packed(WordTable, Whole),
    /// By the keys' bytes.
    Bytes(KeyTable),
    /// By those of the row before, as the rows of a group follow each other: the bytes of the last row's keys, if there was one.
    #[cfg(not(feature = "small"))]
    Runs(Option<Vec<u8>>),
}

impl Finder {
    fn of(keys: &[KeyTerm]) -> Finder {
        let [key] = keys else {
            let mut widths = keys.iter().map(|key| width_of_equal_cells(key.expr.ty));
            let widths = widths.try_fold(0, |sum, width| Some(sum + width?));
            return match (widths.filter(|width| *width <= 8), Whole::build()) {
                (Some(_), Some(whole)) => Finder::Packed(WordTable::default(), whole),
                _ => Finder::Bytes(KeyTable::default()),
            };
        };
        match width_of_equal_cells(key.expr.ty).filter(|_| parts::LOOPS) {
            Some(width @ (1 | 2)) => Finder::Places(vec![NO_GROUP; (1 << (8 * width)) + 1]),
            Some(4 | 8) => Finder::Words(WordTable::default(), None),
            _ => Finder::Bytes(KeyTable::default()),
        }
    }
}

/// The numbers of the groups by the bytes of their keys.
fn by_bytes(values: &[Builder], groups: usize) -> KeyTable {
    let (mut table, mut bytes) = (KeyTable::default(), Vec::new());
    for group in 0..groups {
        bytes.clear();
        values.iter().for_each(|key| key.append_identity(group, &mut bytes));
        table.intern(&bytes);
    }
    table
}

/// Numbers rows by whether the one before has the same keys: that before the first has those in `last` and is of the group `open`.
#[cfg(not(feature = "small"))]
fn number_runs(
    keys: &[Vector<'_>],
    rows: core::ops::Range<usize>,
    (open, last): (Option<u32>, &mut Option<Vec<u8>>),
    numbers: &mut Vec<u32>,
    is_new: &mut dyn FnMut(usize) -> u32,
) {
    let append_keys = |row: usize, out: &mut Vec<u8>| {
        out.clear();
        keys.iter().for_each(|key| key.append_key(row, out));
    };
    // What are other bytes may be equal all the same.
    let tells = keys.iter().all(|key| width_of_equal_cells(key.ty()).is_some());
    let (mut own, mut before) = (Vec::new(), Vec::new());
    let mut number = open;
    for row in rows.clone() {
        let goes_on = match row.checked_sub(1) {
            None => {
                append_keys(row, &mut own);
                last.as_ref() == Some(&own) && !planted::is(Bug::RunEndsWithBatch)
            }
            Some(above) => {
                let alike = keys.iter().all(|key| key.cell(row) == key.cell(above));
                alike
                    || !tells && {
                        append_keys(row, &mut own);
                        append_keys(above, &mut before);
                        own == before
                    }
            }
        };
        let of = match (number, goes_on) {
            (Some(number), true) => number,
            _ => is_new(row),
        };
        number = Some(of);
        numbers.push(of);
    }
    if let Some(row) = rows.last() {
        append_keys(row, last.get_or_insert_default());
    }
}

/// Puts the cells of `key` into the words of their rows, so many bits up.
fn pack(key: &Vector<'_>, width: usize, shift: usize, words: &mut [u64]) {
    let of = key.strided();
    // A width that is known makes each cell one move.
    macro_rules! each {
        ($($width:literal)*) => {
            match width {
                $($width => words.iter_mut().enumerate().for_each(|(row, word)| {
                    let mut bytes = [0; 8];
                    bytes[..$width].copy_from_slice(&of.bytes[row * of.stride..][..$width]);
                    *word |= u64::from_le_bytes(bytes) << shift;
                }),)*
                _ => unreachable!("no cell of a part of a word is {width} bytes wide"),
            }
        };
    }
    each!(1 2 4);
}

impl Keyed {
    /// `None` without keys.
    fn new(keys: Vec<KeyTerm>) -> Option<InWhole<Keyed>> {
        let whole = Whole::build().filter(|_| !keys.is_empty())?;
        let keyed = Keyed {
            finder: Finder::of(&keys),
            values: keys.iter().map(|key| Builder::new(key.expr.ty)).collect(),
            keys,
            numbers: Vec::new(),
            members: Vec::new(),
            whole,
        };
        Some(InWhole::new(keyed, whole))
    }

    /// Finds the group of each row left of a batch, and makes those that are new: `count` is how many there are.
    fn find<'s>(&mut self, env: &Env<'s>, batch: &Batch<'s>, count: &mut usize) -> Result<(), ExecError> {
        let mut keys = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            keys.push(faultless(evaluate(env, &key.expr, batch)?)?);
        }
        self.number(&keys, batch.count(), count);
        Ok(())
    }

    /// As [`find`](Keyed::find), of so many rows with these keys.
    fn number(&mut self, keys: &[Vector<'_>], rows: usize, count: &mut usize) {
        let Keyed { finder, values, numbers, .. } = self;
        let any_absent = |key: &Vector<'_>| key.nulls.as_ref().is_some_and(|nulls| nulls.contains(&true));
        if matches!(finder, Finder::Packed(..)) && keys.iter().any(any_absent) {
            *finder = Finder::Bytes(by_bytes(values, *count));
        }
        #[cfg(not(feature = "small"))]
        let open = count.checked_sub(1).map(|last| last as u32);
        let mut is_new = |row: usize| {
            values.iter_mut().zip(keys).for_each(|(all, key)| all.push(key, row));
            *count += 1;
            u32::try_from(*count - 1).expect("there are fewer groups than NO_GROUP")
        };
        numbers.clear();
        let rows = 0..rows;
        match finder {
            Finder::Places(places) => {
                let of = keys[0].strided();
                let absent = places.len() - 1;
                let place = |row: usize| {
                    let cell = &of.bytes[row * of.stride..];
                    match absent {
                        _ if keys[0].is_null(row) => absent,
                        256 => usize::from(cell[0]),
                        _ => usize::from(u16::from_le_bytes([cell[0], cell[1]])),
                    }
                };
                // Most batches have no group that is new: they are done with the first loop.
                match places.first_chunk::<256>() {
                    Some(places) if absent == 256 && keys[0].nulls.is_none() && of.stride > 0 => {
                        let cells = of.bytes.chunks(of.stride).take(rows.len());
                        numbers.extend(cells.map(|cell| places[usize::from(cell[0])]));
                    }
                    _ => numbers.extend(rows.clone().map(|row| places[place(row)])),
                }
                for row in rows {
                    if numbers[row] == NO_GROUP {
                        let number = &mut places[place(row)];
                        if *number == NO_GROUP {
                            *number = is_new(row);
                        }
                        numbers[row] = *number;
                    }
                }
            }
            Finder::Words(words, absent) => {
                let of = keys[0].strided();
                let wide = keys[0].ty().width() == Some(8);
                numbers.extend(rows.map(|row| match keys[0].is_null(row) {
                    true => *absent.get_or_insert_with(|| is_new(row)),
                    false => words.find_or_insert(of.word(row, wide), || is_new(row)),
                }));
            }
            Finder::Packed(table, _) => {
                let mut words = vec![0; rows.len()];
                let mut shift = 0;
                for key in keys {
                    let width = key.ty().width().expect("a key that makes a part of a word");
                    pack(key, width, shift, &mut words);
                    shift += 8 * width;
                }
                numbers.extend(
                    words.iter().zip(rows).map(|(word, row)| table.find_or_insert(*word, || is_new(row))),
                );
            }
            #[cfg(not(feature = "small"))]
            Finder::Runs(last) => number_runs(keys, rows, (open, last), numbers, &mut is_new),
            Finder::Bytes(table) => {
                let mut bytes = Vec::new();
                numbers.extend(rows.map(|row| {
                    bytes.clear();
                    keys.iter().for_each(|key| key.append_identity(row, &mut bytes));
                    let known = table.len();
                    let number = table.intern(&bytes);
                    if number == known { is_new(row) } else { number as u32 }
                }));
            }
        }
    }
}

/// Adds the rows left of a batch, one after the other those of `of`, to an aggregate over their groups. `scratch` is anything.
pub(super) fn add_term<'s>(
    env: &Env<'s>,
    batch: &Batch<'s>,
    term: &AggregateTerm,
    tally: &mut Tally,
    of: Members<'_>,
    scratch: &mut Vec<u32>,
) -> Result<(), ExecError> {
    add_known(env, batch, term, tally, of, scratch, &[])
}

/// As [`add_term`], with what has been calculated of the batch already.
fn add_known<'s>(
    env: &Env<'s>,
    batch: &Batch<'s>,
    term: &AggregateTerm,
    tally: &mut Tally,
    of: Members<'_>,
    scratch: &mut Vec<u32>,
    #[cfg_attr(not(all(feature = "decimal", not(feature = "small"))), allow(unused_variables))]
    known: &[Known<'_, 's>],
) -> Result<(), ExecError> {
    let len = batch.count();
    let filter = term.filter.as_ref().filter(|_| parts::CALCULATION);
    let filter = filter.map(|filter| evaluate(env, filter, batch)).transpose()?;
    let values = match &term.argument {
        None => Argument::None,
        #[cfg(all(feature = "decimal", not(feature = "small")))]
        Some(argument) if tally.sums_decimals() => match numbers(env, argument, batch, known)? {
            Numbers::Scaled(values) => Argument::Scaled(values),
            Numbers::Cells(values) => Argument::Values(values),
        },
        Some(argument) => Argument::Values(evaluate(env, argument, batch)?),
    };
    let absent = left_out(filter.as_ref(), values.nulls(), values.faults(), len, |row, fault| match of {
        Members::One(_) => tally.add_fault(0, fault),
        Members::Of(groups, _) if groups[row] == NO_GROUP => {}
        Members::Of(groups, _) => tally.add_fault(groups[row], fault),
    });
    let members = match (of, absent.as_deref()) {
        (of, None) => of,
        (Members::One(_), absent) => Members::One(absent),
        (Members::Of(groups, whole), Some(absent)) => {
            scratch.clear();
            scratch
                .extend(groups.iter().zip(absent).map(|(group, out)| if *out { NO_GROUP } else { *group }));
            Members::Of(scratch, whole)
        }
    };
    match &values {
        Argument::None => tally.add_rows(len, members),
        #[cfg(all(feature = "decimal", not(feature = "small")))]
        Argument::Scaled(values) => tally.add_scaled(values, members)?,
        Argument::Values(values) => tally.add(values, members)?,
    }
    Ok(())
}

/// The values of an aggregate's argument.
enum Argument<'s> {
    None,
    #[cfg(all(feature = "decimal", not(feature = "small")))]
    Scaled(Scaled),
    Values(Vector<'s>),
}

impl Argument<'_> {
    fn nulls(&self) -> Option<&[bool]> {
        match self {
            Argument::None => None,
            #[cfg(all(feature = "decimal", not(feature = "small")))]
            Argument::Scaled(values) => values.nulls(),
            Argument::Values(values) => values.nulls.as_deref(),
        }
    }

    fn faults(&self) -> &[(u32, RowFault)] {
        match self {
            Argument::Values(values) if parts::CALCULATION => values.faults(),
            _ => &[],
        }
    }
}

/// About the bytes that groups take in memory.
#[cfg(not(feature = "small"))]
fn size_of(keyed: Option<&Keyed>, tallies: &[Tally]) -> usize {
    let of_keys = keyed.map_or(0, |keyed| {
        let found = match &keyed.finder {
            // As much for two groups as for all: there is nothing to be gained by putting some aside.
            Finder::Places(_) => 0,
            Finder::Words(table, _) | Finder::Packed(table, _) => table.size(),
            Finder::Bytes(table) => table.size(),
            Finder::Runs(last) => last.as_ref().map_or(0, Vec::capacity),
        };
        found + keyed.values.iter().map(Builder::size).sum::<usize>()
    });
    of_keys + tallies.iter().map(Tally::size).sum::<usize>()
}

impl Groups {
    /// About the bytes that they take in memory, with the rows of others.
    #[cfg(not(feature = "small"))]
    fn size(&self) -> usize {
        self.own_size() + self.aside.as_ref().map_or(0, |aside| aside.size())
    }

    #[cfg(not(feature = "small"))]
    fn own_size(&self) -> usize {
        size_of(self.keyed.as_deref(), &self.tallies)
    }

    pub(super) fn new(keys: Vec<KeyTerm>, items: Vec<AggregateTerm>) -> Groups {
        let keyed = Keyed::new(keys);
        let count = usize::from(keyed.is_none());
        #[cfg(feature = "small")]
        let tallies = items.iter().map(|item| Tally::new(item, count)).collect();
        #[cfg(not(feature = "small"))]
        let (tallies, told_by) = shared_tallies(&items, count);
        #[cfg(all(feature = "decimal", not(feature = "small")))]
        let shared = repeated(&items);
        Groups {
            items,
            #[cfg(all(feature = "decimal", not(feature = "small")))]
            shared,
            keyed,
            count,
            tallies,
            #[cfg(not(feature = "small"))]
            told_by,
            given: 0,
            #[cfg(not(feature = "small"))]
            in_order: false,
            #[cfg(not(feature = "small"))]
            firsts: Vec::new(),
            #[cfg(not(feature = "small"))]
            columns: 0,
            #[cfg(not(feature = "small"))]
            memory: Memory::default(),
            #[cfg(not(feature = "small"))]
            runs: false,
            #[cfg(not(feature = "small"))]
            crowded: false,
            #[cfg(all(feature = "std", not(feature = "small")))]
            is_part: false,
            #[cfg(not(feature = "small"))]
            level: 0,
            #[cfg(not(feature = "small"))]
            aside: None,
        }
    }

    /// Looks at what the groups take in memory, and has rows of others put aside from now on when it is too much.
    #[cfg(not(feature = "small"))]
    fn look(&mut self, env: &Env<'_>) -> Result<(), ExecError> {
        self.memory.rows = 0;
        let own = self.own_size();
        let size = own + self.aside.as_ref().map_or(0, |aside| aside.size());
        self.memory.size_max = self.memory.size_max.max(size);
        if !env.budget.charge(&mut self.memory.charge, size) {
            return Ok(());
        }
        #[cfg(feature = "std")]
        if self.is_part {
            return Err(merge::too_much(size));
        }
        if self.runs && self.count > 1 {
            // All but the last are given, and forgotten.
            self.crowded = true;
            return Ok(());
        }
        if self.runs {
            return env.budget.check(GROUPS, own, "what is kept of a single group is not put aside");
        }
        if let (None, Some(keyed)) = (&self.aside, &self.keyed) {
            self.aside = aside::Aside::new(env, &keyed.keys, &self.items, self.level, self.in_order)?;
            self.memory.size_then = own;
        }
        match (&self.keyed, &self.aside) {
            (None, _) => env.budget.check(GROUPS, env.budget.used(), "all rows are one group"),
            (_, None) => env.budget.check(GROUPS, env.budget.used(), "there is no room to put groups aside"),
            // What is kept of each of them grows, as texts do that are put together: no new one comes.
            (_, Some(_)) => {
                let grown = own.saturating_sub(self.memory.size_then);
                env.budget.check(GROUPS, grown, "what is kept of a single group is not put aside")
            }
        }
    }

    /// Lets go of the groups that were given, before others are made.
    #[cfg(not(feature = "small"))]
    fn clear(&mut self, env: &Env<'_>) {
        if self.count > 0 {
            self.memory.size_max = self.memory.size_max.max(self.size());
        }
        if let Some(keyed) = &mut self.keyed {
            keyed.finder = Finder::Bytes(KeyTable::default());
            keyed.values.clear();
        }
        self.firsts = Vec::new();
        self.tallies.clear();
        (self.count, self.given) = (0, 0);
        env.budget.charge(&mut self.memory.charge, 0);
    }

    /// The bytes put aside.
    #[cfg(not(feature = "small"))]
    fn spilled(&self) -> u64 {
        self.aside.as_ref().map_or(0, |aside| aside.spilled())
    }

    /// Adds all rows of `input`.
    pub(super) fn add<'s>(
        &mut self,
        input: &mut dyn Operator<'s>,
        env: &Env<'s>,
        batch: &mut Batch<'s>,
    ) -> Result<(), ExecError> {
        #[cfg(not(feature = "small"))]
        if let (true, 0, None, Some(keyed)) = (env.budget.is_none(), self.level, &self.aside, &self.keyed) {
            debug_assert!(!self.runs, "none of those is put aside");
            self.aside = aside::Aside::new(env, &keyed.keys, &self.items, self.level, self.in_order)?;
        }
        while input.next(env, batch)? {
            self.add_batch(env, batch)?;
        }
        Ok(())
    }

    /// Adds the rows left of a batch.
    fn add_batch<'s>(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        batch.raise(usize::MAX)?;
        if let Some(keyed) = &mut self.keyed {
            let known = self.count;
            #[cfg(not(feature = "small"))]
            match &mut self.aside {
                None => keyed.find(env, batch, &mut self.count)?,
                Some(aside) => aside.take(env, batch, keyed)?,
            }
            #[cfg(feature = "small")]
            keyed.find(env, batch, &mut self.count)?;
            #[cfg(not(feature = "small"))]
            if self.in_order && self.level > 0 {
                note_firsts(&mut self.firsts, &keyed.numbers, batch.computed(Computed(self.columns as u16)));
            }
            if self.count > known {
                self.tallies.iter_mut().for_each(|tally| tally.grow(self.count));
            }
        }
        #[cfg_attr(not(all(feature = "decimal", not(feature = "small"))), allow(unused_mut))]
        let mut known: Vec<Known<'_, 's>> = Vec::new();
        #[cfg(all(feature = "decimal", not(feature = "small")))]
        for expr in &self.shared {
            let values = numbers(env, expr, batch, &known)?;
            known.push((expr, values));
        }
        #[cfg(feature = "small")]
        let tallied = self.tallies.iter_mut().zip(&self.items);
        // The first of those that are told by a tally says what is added to it.
        #[cfg(not(feature = "small"))]
        let tallied = self.tallies.iter_mut().enumerate().filter_map(|(number, tally)| {
            let item = self.told_by.iter().position(|told_by| *told_by == number)?;
            Some((tally, &self.items[item]))
        });
        for (tally, item) in tallied {
            match &mut self.keyed {
                None => add_known(env, batch, item, tally, Members::One(None), &mut Vec::new(), &known)?,
                Some(keyed) => {
                    let Keyed { numbers, members, whole, .. } = &mut **keyed;
                    let members_of = Members::Of(numbers, *whole);
                    add_known(env, batch, item, tally, members_of, members, &known)?;
                }
            }
        }
        // To look at all groups for each batch would take longer than to add its rows.
        #[cfg(not(feature = "small"))]
        {
            self.memory.rows += batch.count();
            if self.memory.rows >= self.count / 4 {
                self.look(env)?;
            }
        }
        Ok(())
    }

    /// Has each group end where rows with other keys follow.
    #[cfg(not(feature = "small"))]
    fn in_runs(mut self) -> Groups {
        if let Some(keyed) = &mut self.keyed {
            keyed.finder = Finder::Runs(None);
            self.runs = true;
        }
        self
    }

    /// Forgets all groups but the last, when they have been given.
    #[cfg(not(feature = "small"))]
    fn keep_last(&mut self) {
        debug_assert_eq!(self.given + 1, self.count);
        self.memory.size_max = self.memory.size_max.max(self.own_size());
        if let Some(keyed) = &mut self.keyed {
            keyed.values.iter_mut().for_each(Builder::keep_last);
        }
        self.tallies.iter_mut().for_each(Tally::keep_last);
        (self.count, self.given, self.crowded) = (1, 0, false);
    }

    /// As [`give`](Groups::give), of those among the groups before `end` that are left.
    #[cfg(not(feature = "small"))]
    fn give_before<'s>(
        &mut self,
        end: usize,
        env: &Env<'s>,
        batch: &mut Batch<'s>,
    ) -> Result<bool, ExecError> {
        let count = core::mem::replace(&mut self.count, end);
        let given = self.give(env, batch);
        self.count = count;
        given
    }

    /// Makes `batch` the next groups; `false` after the last.
    #[cfg_attr(feature = "small", allow(unused_variables))]
    pub(super) fn give<'s>(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        if self.given == self.count {
            #[cfg(not(feature = "small"))]
            if self.aside.is_some() || self.level > 0 {
                self.clear(env);
            }
            #[cfg(not(feature = "small"))]
            if let Some(aside) = &mut self.aside {
                return match self.in_order && self.level == 0 {
                    true => aside.give_in_order(env, batch),
                    false => aside.give(env, batch),
                };
            }
            return Ok(false);
        }
        let groups = self.given..self.count.min(self.given + GATHERED_MAX);
        self.given = groups.end;
        batch.reset(groups.len());
        if let Some(keyed) = &self.keyed {
            for (key, values) in keyed.keys.iter().zip(&keyed.values) {
                batch.set_computed(key.output, values.part(groups.clone()));
            }
        }
        #[cfg(not(feature = "small"))]
        if self.in_order && self.level > 0 {
            let bytes = self.firsts[groups.clone()].iter().flat_map(|first| first.to_le_bytes()).collect();
            batch.set_computed(env.hidden(), Vector::fixed(Type::U64, groups.len(), bytes));
        }
        #[cfg(feature = "small")]
        for (item, tally) in self.items.iter().zip(&mut self.tallies) {
            batch.set_computed(item.output, tally.results(groups.clone())?);
        }
        #[cfg(not(feature = "small"))]
        for (item, told_by) in self.items.iter().zip(&self.told_by) {
            let results = self.tallies[*told_by].results_of(&item.function, groups.clone())?;
            batch.set_computed(item.output, results);
        }
        Ok(true)
    }
}

/// Notes the numbers of the first rows of groups that are new, where rows of these groups have these numbers.
#[cfg(not(feature = "small"))]
fn note_firsts(firsts: &mut Vec<u64>, groups: &[u32], numbers: &Vector<'_>) {
    let numbers = numbers.strided();
    for (row, group) in groups.iter().enumerate() {
        let is_new =
            if planted::is(Bug::LastForFirst) { *group != NO_GROUP } else { *group as usize == firsts.len() };
        if is_new {
            let at = *group as usize;
            firsts.resize(firsts.len().max(at + 1), 0);
            firsts[at] = numbers.word(row, true);
        }
    }
}

/// The tallies of some aggregates, and for each the one that it is told by.
#[cfg(not(feature = "small"))]
fn shared_tallies(items: &[AggregateTerm], groups: usize) -> (Vec<Tally>, Vec<usize>) {
    let is_total = |item: &AggregateTerm| {
        use crate::expr::AggregateFunction as F;
        matches!(item.function, F::Sum | F::Avg)
    };
    let mut terms: Vec<AggregateTerm> = Vec::new();
    let mut told_by = Vec::with_capacity(items.len());
    for item in items {
        let same = |of: &AggregateTerm| {
            is_total(item) && is_total(of) && of.argument == item.argument && of.filter == item.filter
        };
        let number = terms.iter().position(same);
        match number {
            // A mean keeps what a sum does, and counts.
            Some(number) if item.function == crate::expr::AggregateFunction::Avg => {
                terms[number].function = item.function.clone();
            }
            Some(_) => {}
            None => terms.push(item.clone()),
        }
        told_by.push(number.unwrap_or(terms.len() - 1));
    }
    (terms.iter().map(|term| Tally::new(term, groups)).collect(), told_by)
}

/// The values, unless arithmetic has no result for one: all of them count.
pub(super) fn faultless(values: Vector<'_>) -> Result<Vector<'_>, ExecError> {
    match values.faults().first() {
        Some((_, fault)) => Err(ExecError::Arithmetic(fault.itself())),
        None => Ok(values),
    }
}

/// The rows that an aggregate leaves out: those that its filter does not let through, those without a value, and those of
/// which arithmetic has no result: `faulty` gets these, as their group has none then.
fn left_out<'v>(
    filter: Option<&Vector<'_>>,
    nulls: Option<&'v [bool]>,
    faults: &[(u32, RowFault)],
    len: usize,
    mut faulty: impl FnMut(usize, &RowFault),
) -> Option<Cow<'v, [bool]>> {
    let mut absent = nulls.map(Cow::Borrowed);
    let filter = filter.filter(|_| parts::CALCULATION);
    let is_let_through = |row: usize| {
        let passes = |of: &Vector<'_>| of.fault(row).is_none() && !of.is_null(row) && of.bytes(row)[0] != 0;
        filter.is_none_or(passes)
    };
    if let Some(filter) = filter {
        let absent = absent.get_or_insert_with(|| Cow::Owned(vec![false; len])).to_mut();
        for (row, fault) in filter.faults() {
            faulty(*row as usize, fault);
        }
        for (row, absent) in absent.iter_mut().enumerate() {
            *absent |= !is_let_through(row);
        }
    }
    for (row, fault) in faults.iter().filter(|_| parts::CALCULATION) {
        let absent = absent.get_or_insert_with(|| Cow::Owned(vec![false; len])).to_mut();
        let row = *row as usize;
        absent[row] = true;
        // A value that is absent may have one too: something absent and a division by zero.
        if is_let_through(row) {
            faulty(row, fault);
        }
    }
    absent
}

/// Rows that are groups.
pub(super) struct Aggregate<'s> {
    input: Box<dyn Operator<'s> + 's>,
    /// `None` when the operation is over.
    groups: Option<Box<Groups>>,
    /// Whether all rows are in them.
    complete: bool,
    paused: bool,
    /// How many groups that are complete are awaited before they are given, where the rows of a group follow each other.
    #[cfg(not(feature = "small"))]
    wanted: usize,
    /// What the input was built from, where several threads are to take in its rows.
    #[cfg(all(feature = "std", not(feature = "small")))]
    divided: Option<Box<PhysicalNode>>,
    /// How many have.
    #[cfg(all(feature = "std", not(feature = "small")))]
    threads: usize,
}

impl<'s> Aggregate<'s> {
    pub(super) fn new(
        mut input: Box<dyn Operator<'s> + 's>,
        keys: Vec<KeyTerm>,
        items: Vec<AggregateTerm>,
        #[cfg_attr(feature = "small", expect(unused_variables, reason = "none is put aside there"))] in_order: bool,
    ) -> Aggregate<'s> {
        input.expect(usize::MAX);
        #[cfg_attr(feature = "small", expect(unused_mut, reason = "none is put aside there"))]
        let mut groups = Groups::new(keys, items);
        #[cfg(not(feature = "small"))]
        {
            groups.in_order = in_order;
        }
        Aggregate {
            input,
            groups: Some(Box::new(groups)),
            complete: false,
            paused: false,
            #[cfg(not(feature = "small"))]
            wanted: GATHERED_MAX,
            #[cfg(all(feature = "std", not(feature = "small")))]
            divided: None,
            #[cfg(all(feature = "std", not(feature = "small")))]
            threads: 1,
        }
    }

    /// The same, of rows those of each group of which follow each other.
    #[cfg(not(feature = "small"))]
    pub(super) fn in_runs(mut self) -> Aggregate<'s> {
        self.groups = self.groups.map(|groups| Box::new(groups.in_runs()));
        self
    }

    /// Whether the rows of a group follow each other.
    #[cfg(not(feature = "small"))]
    fn has_runs(&self) -> bool {
        self.groups.as_ref().is_some_and(|groups| groups.runs)
    }

    /// Makes `batch` the next groups behind which others have begun, and at the end the last one.
    #[cfg(not(feature = "small"))]
    fn next_of_runs(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let Some(groups) = &mut self.groups else { return Ok(false) };
        loop {
            let is_last = self.complete && !planted::is(Bug::LastRunLost);
            let end = if is_last { groups.count } else { groups.count.saturating_sub(1) };
            let is_begun = groups.given > 0 || groups.crowded || end - groups.given >= self.wanted;
            if groups.given < end && (is_begun || self.complete) {
                self.wanted = self.wanted.saturating_mul(4).min(GATHERED_MAX);
                return groups.give_before(end, env, batch);
            }
            if self.complete {
                return Ok(false);
            }
            if groups.given > 0 {
                groups.keep_last();
            }
            env.check()?;
            if self.input.next(env, batch)? {
                groups.add_batch(env, batch)?;
            } else if self.input.is_paused() {
                // What is complete is given in the next operation.
                self.paused = true;
                return Ok(false);
            } else {
                self.complete = true;
            }
        }
    }

    /// The same, of whose input several threads take in the rows, if it is told what that was built from.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(super) fn by_threads(self, divided: Option<Box<PhysicalNode>>) -> Aggregate<'s> {
        Aggregate { divided, ..self }
    }

    /// Has several threads take in the rows, and leaves those that they have not.
    #[cfg(all(feature = "std", not(feature = "small")))]
    fn take_in(&mut self, env: &Env<'s>) -> Result<(), ExecError> {
        let (Some(node), Some(groups)) = (self.divided.take(), &mut self.groups) else { return Ok(()) };
        let (keys, items) =
            (groups.keyed.as_ref().map_or_else(Vec::new, |keyed| keyed.keys.clone()), &groups.items);
        let Some(taken) = within::groups(env, &node, &keys, items)? else { return Ok(()) };
        **groups = taken.made.into_groups(&keys, &groups.items, groups.in_order);
        self.threads = taken.threads;
        match taken.rest {
            Some(rest) => self.input = rest,
            None => self.complete = true,
        }
        Ok(())
    }
}

impl<'s> Operator<'s> for Aggregate<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        env.check()?;
        #[cfg(all(feature = "std", not(feature = "small")))]
        self.take_in(env)?;
        #[cfg(not(feature = "small"))]
        if self.has_runs() {
            return self.next_of_runs(env, batch);
        }
        let Some(groups) = &mut self.groups else { return Ok(false) };
        if !self.complete {
            groups.add(&mut *self.input, env, batch)?;
            self.paused = self.input.is_paused();
            self.complete = !self.paused;
        }
        if self.paused { Ok(false) } else { groups.give(env, batch) }
    }

    /// An aggregate reads everything, however little of it is wanted, unless the rows of each group follow each other.
    #[cfg_attr(feature = "small", expect(unused_variables, reason = "they do in no order there"))]
    fn expect(&mut self, rows: usize) {
        #[cfg(not(feature = "small"))]
        if self.has_runs() {
            self.wanted = rows.clamp(1, GATHERED_MAX);
            // Behind the last of them another has to begin.
            self.input.expect(rows.saturating_add(1));
        }
    }

    fn resume(&mut self, reach: Reach, kept: &mut Vec<Kept>) {
        if let Some(Kept::Groups(groups, complete)) = kept.pop() {
            (self.groups, self.complete) = (Some(groups), complete);
            #[cfg(not(feature = "small"))]
            if let Some(groups) = &mut self.groups {
                groups.memory.charge = Charge::default();
                if groups.runs {
                    self.wanted = 1;
                }
                if let Some(aside) = &mut groups.aside {
                    aside.begin_again();
                }
            }
        }
        if !self.complete {
            #[cfg(not(feature = "small"))]
            let reach = if self.has_runs() { reach } else { reach.of_input() };
            #[cfg(feature = "small")]
            let reach = reach.of_input();
            self.input.resume(reach, kept);
        }
    }

    fn is_paused(&self) -> bool {
        self.paused
    }

    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        let of = |groups: &Groups| Footprint {
            memory: groups.memory.size_max.max(groups.size()) as u64,
            spilled: groups.spilled(),
        };
        self.groups.as_ref().map_or_else(Footprint::default, |groups| of(groups))
    }

    #[cfg(all(feature = "std", not(feature = "small")))]
    fn threads(&self) -> usize {
        self.threads
    }

    fn remaining(&mut self, node: &mut PhysicalNode, kept: &mut Vec<Kept>) -> Result<bool, ExecError> {
        let physical::Operator::Aggregate { input, .. } = &mut node.operator else { return Ok(false) };
        let complete = !self.input.remaining(input, kept)?;
        let Some(groups) = self.groups.take() else { return Ok(false) };
        kept.push(Kept::Groups(groups, complete));
        Ok(true)
    }
}

/// The number of a collection's records.
pub(super) struct CountRecords {
    slot: Slot,
    outputs: Vec<Computed>,
    done: bool,
}

impl CountRecords {
    pub(super) fn new(slot: Slot, outputs: Vec<Computed>) -> CountRecords {
        CountRecords { slot, outputs, done: false }
    }
}

impl<'s> Operator<'s> for CountRecords {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        if core::mem::replace(&mut self.done, true) {
            return Ok(false);
        }
        let count = env.view.count(env.collection(self.slot).id)?;
        batch.reset(1);
        for output in &self.outputs {
            batch.set_computed(*output, Vector::constant(Type::U64, &Scalar::Int(count.into()), 1));
        }
        Ok(true)
    }

    fn expect(&mut self, _: usize) {}
}
