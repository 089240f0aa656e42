//! Subqueries, a batch of rows at a time.
//!
//! For each row, the inner records that belong to it are found through an index or in a hash table. Where nothing more is
//! asked of the pairs they are only counted; otherwise pairs of a row and a record are made, a thousand at a time, and
//! sent through the stages of the plan.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::aggregate::add_term;
use super::{Operator, Stage};
use crate::engine::error::{ExecError, RowFault};
use crate::engine::estimate::KeyRange;
use crate::engine::exec::batch::{Batch, GATHERED_MAX, Selected, Source, gather};
use crate::engine::exec::evaluate::evaluate;
#[cfg(not(feature = "small"))]
use crate::engine::exec::meter::Footprint;
use crate::engine::exec::store::RowStore;
use crate::engine::exec::table::{KeyTable, WordTable, width_of_equal_cells};
use crate::engine::exec::tally::{Members, NO_GROUP, Tally};
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{AggregateTerm, Asked, Link, Slot};
use crate::engine::physical::{self, Answer, Method, PhysicalNode};
use crate::parts::{self, InWhole, Whole};
use crate::schema::{CollectionDef, IndexId};
use crate::storage::facade::Direction;
use crate::storage::records::RecordRef;
use crate::value::{Type, key};

/// How many entries of an index are read before the records they name are tried.
const ENTRIES_AT_ONCE: usize = 256;

pub(super) fn split<'s>(
    env: &Env<'s>,
    subquery: physical::Subquery,
) -> (PhysicalNode, Box<dyn Stage<'s> + 's>) {
    let physical::Subquery { input, slot, method, pairs, asked, once, answer } = subquery;
    let (finder, links) = match method {
        Method::Probe { .. } if !parts::PROBES => unreachable!("no plan looks into an index for each row"),
        Method::Probe { index, links } => (Finder::Index(index), links),
        Method::Hash { inner, links } => {
            (Finder::Table { source: super::build(env, *inner), built: None }, links)
        }
        Method::Loop { inner } => {
            (Finder::Table { source: super::build(env, *inner), built: None }, Vec::new())
        }
    };
    let pairs = Pairs {
        slot,
        stages: super::stages(env, *pairs),
        batch: Batch::new(env.collections.len(), env.computed.len()),
        rows: Vec::new(),
        inner: Inner::Records(Vec::new()),
    };
    (*input, Box::new(Subquery { slot, finder, links, pairs, asked, once, answer }))
}

/// Answers a subquery for each row.
struct Subquery<'s> {
    slot: Slot,
    finder: Finder<'s>,
    links: Vec<Link>,
    pairs: Pairs<'s>,
    asked: Asked,
    /// Whether an aggregate is calculated once for each key, in the table.
    once: bool,
    answer: Answer,
}

/// Where the inner records of a row are found.
enum Finder<'s> {
    /// In an index, or by their key.
    Index(Option<IndexId>),
    /// In a hash table by the links' inner sides; without links everything is in one place of it.
    Table { source: Box<dyn Operator<'s> + 's>, built: Option<Box<Built<'s>>> },
}

/// All inner rows, by key.
pub(super) struct Built<'s> {
    keys: Keys,
    /// For each key: how many rows, and the first and last of them.
    groups: Vec<Group>,
    /// For each row, the next one with its key.
    next: Vec<u32>,
    /// The rows; none when they are only counted, or added up.
    pub(super) store: RowStore<'s>,
    /// For each key the aggregate over its rows, and at the end that over none.
    results: Option<InWhole<Vector<'s>>>,
}

/// The keys of inner rows, numbered as they come.
enum Keys {
    /// What one link compares, as words; and the number of the absent key.
    Words { table: WordTable, absent: Option<u32>, count: u32 },
    /// What all links compare, as bytes.
    Bytes(KeyTable),
}

impl Keys {
    fn of(links: &[Link]) -> Keys {
        match links {
            [link] if parts::LOOPS && matches!(width_of_equal_cells(link.inner.ty), Some(4 | 8)) => {
                Keys::Words { table: WordTable::default(), absent: None, count: 0 }
            }
            _ => Keys::Bytes(KeyTable::default()),
        }
    }

    /// How many keys there are.
    fn len(&self) -> usize {
        match self {
            Keys::Words { count, .. } => *count as usize,
            Keys::Bytes(table) => table.len(),
        }
    }

    /// The number of a row's key, if it is there. `scratch` is anything.
    fn find(
        &self,
        links: &[Link],
        values: &[Vector<'_>],
        row: usize,
        scratch: &mut Vec<u8>,
    ) -> Option<usize> {
        match self {
            Keys::Words { absent, .. } if values[0].is_null(row) => {
                absent.filter(|_| links[0].absent_matches).map(|number| number as usize)
            }
            Keys::Words { table, .. } => {
                let of = &values[0];
                table.find(of.strided().word(row, of.ty().width() == Some(8))).map(|number| number as usize)
            }
            Keys::Bytes(table) => {
                scratch.clear();
                if append_key(links, values, row, scratch) { table.find(scratch) } else { None }
            }
        }
    }

    /// The number of a row's key, which is put in if it is not there; `None` when the row belongs to nothing.
    fn intern(
        &mut self,
        links: &[Link],
        values: &[Vector<'_>],
        row: usize,
        scratch: &mut Vec<u8>,
    ) -> Option<usize> {
        match self {
            Keys::Words { table, absent, count } => {
                let next = || {
                    *count += 1;
                    *count - 1
                };
                let of = &values[0];
                let number = match of.is_null(row) {
                    true if !links[0].absent_matches => return None,
                    true => *absent.get_or_insert_with(next),
                    false => table.find_or_insert(of.strided().word(row, of.ty().width() == Some(8)), next),
                };
                Some(number as usize)
            }
            Keys::Bytes(table) => {
                scratch.clear();
                append_key(links, values, row, scratch).then(|| table.intern(scratch))
            }
        }
    }
}

#[derive(Default)]
struct Group {
    count: u64,
    first: u32,
    last: u32,
    /// What the predicates of one of its rows ran into: that row may or may not count.
    fault: Option<RowFault>,
}

/// What is known of each row of the batch.
struct Answers<'a> {
    /// Whether one record is enough.
    any: bool,
    counts: Vec<u64>,
    faults: Vec<Option<RowFault>>,
    /// The aggregate, each row being a group of pairs.
    tally: Option<InWhole<(Tally, &'a AggregateTerm, Whole)>>,
}

impl<'a> Answers<'a> {
    fn new(asked: &'a Asked, rows: usize) -> Answers<'a> {
        Answers {
            any: matches!(asked, Asked::Any),
            counts: vec![0; rows],
            faults: vec![None; if parts::CALCULATION { rows } else { 0 }],
            tally: match asked {
                Asked::Aggregate(term, whole) => {
                    Some(InWhole::new((Tally::new(term, rows), &**term, *whole), *whole))
                }
                Asked::Any | Asked::Count => None,
            },
        }
    }

    /// Whether more records cannot change the answer of `row`.
    fn settled(&self, row: usize) -> bool {
        self.any && self.counts[row] > 0
    }

    fn is_faulty(&self, row: usize) -> bool {
        parts::CALCULATION && self.faults[row].is_some()
    }

    fn add_fault(&mut self, row: usize, fault: &RowFault) {
        self.faults[row].get_or_insert_with(|| fault.clone());
    }

    fn add_faults_to(&self, values: &mut Vector<'_>) {
        for (row, fault) in self.faults.iter().enumerate() {
            if let Some(fault) = fault {
                values.add_fault(row as u32, fault);
            }
        }
    }
}

impl<'s> Stage<'s> for Subquery<'s> {
    fn apply(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        batch.compact();
        let rows = batch.count();
        let mut answers = Answers::new(&self.asked, rows);
        let mut outer = Vec::with_capacity(self.links.len());
        for link in &self.links {
            let values = evaluate(env, &link.outer, batch)?;
            for (row, fault) in values.faults() {
                answers.add_fault(*row as usize, fault);
            }
            outer.push(values);
        }
        match &mut self.finder {
            Finder::Index(_) if !parts::PROBES => unreachable!("no plan looks into an index for each row"),
            Finder::Index(index) => {
                let probe = Probe { env, slot: self.slot, index: *index, links: &self.links, outer: &outer };
                probe.run(batch, &mut self.pairs, &mut answers)?;
            }
            Finder::Table { source, built } => {
                let built = match built {
                    Some(built) => built,
                    None => {
                        let term = match &self.asked {
                            Asked::Aggregate(term, whole) if self.once => Some((&**term, *whole)),
                            _ => None,
                        };
                        let is_counted = self.pairs.stages.is_empty() && answers.tally.is_none();
                        let keep = term.is_none() && !is_counted;
                        built.insert(Box::new(Built::new(env, &mut **source, &self.links, keep, term)?))
                    }
                };
                if let (Some(results), Answer::Value(output)) = (&built.results, self.answer) {
                    let mut key = Vec::new();
                    let of_none = results.len() - 1;
                    let number = |row| built.keys.find(&self.links, &outer, row, &mut key).unwrap_or(of_none);
                    let numbers: Vec<usize> = (0..rows).map(number).collect();
                    let mut values = results.gather(numbers.into_iter());
                    answers.add_faults_to(&mut values);
                    batch.set_computed(output, values);
                    return Ok(());
                }
                built.run(env, &self.links, &outer, batch, &mut self.pairs, &mut answers)?;
            }
        }
        self.conclude(batch, answers)
    }

    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        match &self.finder {
            Finder::Table { built: Some(built), .. } => Footprint::in_memory(built.size()),
            _ => Footprint::default(),
        }
    }
}

impl Subquery<'_> {
    fn conclude(&self, batch: &mut Batch<'_>, mut answers: Answers<'_>) -> Result<(), ExecError> {
        if parts::CALCULATION && answers.any {
            // One record that belongs to the row decides, whatever another ran into.
            let Answers { counts, faults, .. } = &mut answers;
            faults
                .iter_mut()
                .zip(counts)
                .filter(|(_, count)| **count > 0)
                .for_each(|(fault, _)| *fault = None);
        }
        match self.answer {
            Answer::Value(output) => {
                let counts = &answers.counts;
                let mut values = match &mut answers.tally {
                    Some(tally) => tally.0.results(0..counts.len())?,
                    None if answers.any => {
                        Vector::bools(counts.iter().map(|count| u8::from(*count > 0)).collect())
                    }
                    None => {
                        let bytes = counts.iter().flat_map(|count| count.to_le_bytes()).collect();
                        Vector::fixed(Type::U64, counts.len(), bytes)
                    }
                };
                answers.add_faults_to(&mut values);
                batch.set_computed(output, values);
            }
            Answer::Semi | Answer::Anti => {
                if parts::CALCULATION {
                    for (row, fault) in answers.faults.iter().enumerate() {
                        if let Some(fault) = fault {
                            batch.add_fault(row, fault);
                        }
                    }
                }
                let wanted = self.answer == Answer::Semi;
                batch.retain(|_, row| answers.is_faulty(row) || (answers.counts[row] > 0) == wanted);
            }
        }
        Ok(())
    }
}

/// Pairs of a row and an inner record, on their way.
struct Pairs<'s> {
    slot: Slot,
    stages: Vec<Box<dyn Stage<'s> + 's>>,
    batch: Batch<'s>,
    /// The row of each pair.
    rows: Vec<u16>,
    inner: Inner<'s>,
}

/// The inner side of each pair.
enum Inner<'s> {
    Records(Vec<Option<RecordRef<'s>>>),
    /// Numbers of kept rows.
    Kept(Vec<u32>),
}

impl<'s> Pairs<'s> {
    fn push_record(&mut self, row: usize, record: RecordRef<'s>) {
        self.rows.push(row as u16);
        match &mut self.inner {
            Inner::Records(records) => records.push(Some(record)),
            inner => *inner = Inner::Records(Vec::from([Some(record)])),
        }
    }

    fn push_kept(&mut self, row: usize, kept: u32) {
        self.rows.push(row as u16);
        match &mut self.inner {
            Inner::Kept(rows) => rows.push(kept),
            inner => *inner = Inner::Kept(Vec::from([kept])),
        }
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= GATHERED_MAX
    }

    /// Sends the pairs through the stages, and counts those that get through.
    fn flush(
        &mut self,
        env: &Env<'s>,
        outer: &Batch<'s>,
        store: Option<&RowStore<'s>>,
        answers: &mut Answers<'_>,
    ) -> Result<(), ExecError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        env.check()?;
        let selected = Selected::Sparse(&self.rows);
        self.batch.reset(self.rows.len());
        for (slot, source) in outer.present() {
            self.batch.set_source(slot, source.gather(&selected));
        }
        for (computed, values) in outer.computed_values() {
            self.batch.set_computed(computed, gather(values, &selected));
        }
        match (&mut self.inner, store) {
            (Inner::Records(records), _) => {
                self.batch.set_source(self.slot, Source::Records(core::mem::take(records)));
            }
            (Inner::Kept(rows), Some(store)) => {
                store.fill(rows, &mut self.batch);
                rows.clear();
            }
            (Inner::Kept(_), None) => unreachable!("kept rows have a store"),
        }
        self.batch.set_origins(&self.rows);
        self.rows.clear();
        for stage in &mut self.stages {
            stage.apply(env, &mut self.batch)?;
        }
        if let Some(tally) = &mut answers.tally {
            self.batch.compact();
            let rows = 0..self.batch.count();
            let groups: Vec<u32> = rows.map(|pair| self.batch.origin(pair) as u32).collect();
            let (tally, term, whole) = &mut **tally;
            return add_pairs(env, &self.batch, &groups, *whole, term, tally);
        }
        let pairs = &self.batch;
        pairs.selected().for_each(|pair| match pairs.fault(pair) {
            Some(fault) => answers.add_fault(pairs.origin(pair), fault),
            None => answers.counts[pairs.origin(pair)] += 1,
        });
        Ok(())
    }
}

/// One batch's search through an index.
struct Probe<'a, 's> {
    env: &'a Env<'s>,
    slot: Slot,
    index: Option<IndexId>,
    links: &'a [Link],
    outer: &'a [Vector<'s>],
}

impl<'s> Probe<'_, 's> {
    fn run(
        &self,
        batch: &Batch<'s>,
        pairs: &mut Pairs<'s>,
        answers: &mut Answers<'_>,
    ) -> Result<(), ExecError> {
        // Rows with the same key are answered together.
        let mut keys = KeyTable::default();
        let mut rows: Vec<Vec<u16>> = Vec::new();
        let mut scratch = Vec::new();
        for row in 0..batch.count() {
            scratch.clear();
            if answers.is_faulty(row) || !self.append_key(row, &mut scratch) {
                continue;
            }
            let number = keys.intern(&scratch);
            if number == rows.len() {
                rows.push(Vec::new());
            }
            rows[number].push(row as u16);
        }
        match self.index {
            Some(index) => {
                for (number, rows) in rows.iter().enumerate() {
                    self.search(index, keys.key(number), rows, batch, pairs, answers)?;
                }
            }
            None => self.look_up(&rows, batch, pairs, answers)?,
        }
        pairs.flush(self.env, batch, None, answers)
    }

    /// Appends what the index has for the records that belong to `row`; `false` when there can be none.
    fn append_key(&self, row: usize, out: &mut Vec<u8>) -> bool {
        let collection = self.env.collection(self.slot);
        append_entry_key(collection, self.index.is_some(), self.links, self.outer, row, out)
    }

    /// Finds the records of one key in the index.
    fn search(
        &self,
        index: IndexId,
        key: &[u8],
        rows: &[u16],
        batch: &Batch<'s>,
        pairs: &mut Pairs<'s>,
        answers: &mut Answers<'_>,
    ) -> Result<(), ExecError> {
        let Probe { env, .. } = *self;
        let collection = env.collection(self.slot);
        let range = KeyRange::starting_with(key.to_vec());
        let (low, high) = range.bounds();
        let mut cursor = env.view.entries(collection, index, low, high, Direction::Forward)?;
        let counts_only = pairs.stages.is_empty() && answers.tally.is_none();
        let at_once = if counts_only && answers.any { 1 } else { ENTRIES_AT_ONCE };
        let (mut ranks, mut records) = (Vec::new(), Vec::new());
        while rows.iter().any(|row| !answers.settled(usize::from(*row))) {
            env.check()?;
            ranks.clear();
            let found = cursor.next_ranks(at_once, &mut ranks)?;
            if found == 0 {
                break;
            }
            if counts_only {
                rows.iter().for_each(|row| answers.counts[usize::from(*row)] += found as u64);
                continue;
            }
            records.clear();
            env.view.get_many(collection, &ranks, &mut records)?;
            for record in records.iter().flatten() {
                for row in rows {
                    let row = usize::from(*row);
                    if !answers.settled(row) {
                        pairs.push_record(row, *record);
                    }
                    if pairs.is_full() {
                        pairs.flush(env, batch, None, answers)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Finds the records whose own key the rows have: at most one each.
    fn look_up(
        &self,
        groups: &[Vec<u16>],
        batch: &Batch<'s>,
        pairs: &mut Pairs<'s>,
        answers: &mut Answers<'_>,
    ) -> Result<(), ExecError> {
        let collection = self.env.collection(self.slot);
        let values = &self.outer[0];
        let rank = |group: &Vec<u16>| {
            let cell = values.cell(usize::from(group[0])).expect("a row without a key has no group");
            key::rank(values.ty(), cell)
        };
        let mut wanted: Vec<(u128, usize)> =
            groups.iter().enumerate().map(|(at, rows)| (rank(rows), at)).collect();
        wanted.sort_unstable();
        let ranks: Vec<u128> = wanted.iter().map(|(rank, _)| *rank).collect();
        let mut records = Vec::new();
        self.env.view.get_many(collection, &ranks, &mut records)?;
        for ((_, group), record) in wanted.iter().zip(records) {
            let Some(record) = record else { continue };
            for row in &groups[*group] {
                let row = usize::from(*row);
                if pairs.stages.is_empty() && answers.tally.is_none() {
                    answers.counts[row] += 1;
                    continue;
                }
                pairs.push_record(row, record);
                if pairs.is_full() {
                    pairs.flush(self.env, batch, None, answers)?;
                }
            }
        }
        Ok(())
    }
}

impl<'s> Built<'s> {
    /// About the bytes that this takes in memory.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        let keys = match &self.keys {
            Keys::Words { table, .. } => table.size(),
            Keys::Bytes(table) => table.size(),
        };
        keys + self.groups.capacity() * size_of::<Group>()
            + self.next.capacity() * size_of::<u32>()
            + self.store.size()
    }

    /// The first kept row with the key of `row`.
    pub(super) fn first(
        &self,
        links: &[Link],
        outer: &[Vector<'_>],
        row: usize,
        key: &mut Vec<u8>,
    ) -> Option<u32> {
        let number = self.keys.find(links, outer, row, key)?;
        (self.groups[number].count > 0).then_some(self.groups[number].first)
    }

    /// The kept row after `kept` with the same key.
    pub(super) fn after(&self, kept: u32) -> Option<u32> {
        Some(self.next[kept as usize]).filter(|next| *next != u32::MAX)
    }

    /// Reads all inner rows; adds up what `term` says of each key's.
    pub(super) fn new(
        env: &Env<'s>,
        source: &mut (dyn Operator<'s> + 's),
        links: &[Link],
        keep: bool,
        term: Option<(&AggregateTerm, Whole)>,
    ) -> Result<Built<'s>, ExecError> {
        let mut built = Built {
            keys: Keys::of(links),
            groups: Vec::new(),
            next: Vec::new(),
            store: RowStore::default(),
            results: None,
        };
        let mut tally = term.map(|(term, whole)| (Tally::new(term, 0), term, whole));
        let mut numbers = Vec::new();
        let mut batch = Batch::new(env.collections.len(), env.computed.len());
        let mut key = Vec::new();
        while source.next(env, &mut batch)? {
            let mut values = Vec::with_capacity(links.len());
            for link in links {
                let inner = evaluate(env, &link.inner, &batch)?;
                if let Some((_, fault)) = inner.faults().first() {
                    return Err(ExecError::Arithmetic(fault.0.clone()));
                }
                values.push(inner);
            }
            if let Some((tally, term, whole)) = &mut tally {
                batch.compact();
                built.add_up(env, &batch, links, &values, &mut numbers, (tally, term, *whole))?;
                continue;
            }
            let selected = batch.selected();
            for at in 0..selected.len() {
                let row = built.next.len() as u32;
                if keep {
                    built.next.push(u32::MAX);
                }
                let Some(number) = built.keys.intern(links, &values, at, &mut key) else { continue };
                if number == built.groups.len() {
                    built.groups.push(Group::default());
                }
                let group = &mut built.groups[number];
                // A row that is kept keeps its fault, which the stages may yet drop.
                if let (false, Some(fault)) = (keep, batch.fault(selected.row(at))) {
                    group.fault.get_or_insert_with(|| fault.clone());
                    continue;
                }
                group.count += 1;
                if keep {
                    if group.count == 1 {
                        group.first = row;
                    } else {
                        built.next[group.last as usize] = row;
                    }
                    group.last = row;
                }
            }
            if keep {
                built.store.push(&batch);
            }
        }
        if let Some((mut tally, _, whole)) = tally {
            let count = built.keys.len();
            tally.grow(count + 1);
            built.results = Some(InWhole::new(tally.results(0..count + 1)?, whole));
        }
        Ok(built)
    }

    /// Adds a batch of inner rows to what is added up of their keys.
    fn add_up(
        &mut self,
        env: &Env<'s>,
        batch: &Batch<'s>,
        links: &[Link],
        values: &[Vector<'s>],
        numbers: &mut Vec<u32>,
        (tally, term, whole): (&mut Tally, &AggregateTerm, Whole),
    ) -> Result<(), ExecError> {
        let mut key = Vec::new();
        numbers.clear();
        for row in 0..batch.count() {
            let number = self.keys.intern(links, values, row, &mut key);
            numbers.push(number.map_or(NO_GROUP, |number| number as u32));
        }
        tally.grow(self.keys.len());
        add_pairs(env, batch, numbers, whole, term, tally)
    }

    fn run(
        &self,
        env: &Env<'s>,
        links: &[Link],
        outer: &[Vector<'s>],
        batch: &Batch<'s>,
        pairs: &mut Pairs<'s>,
        answers: &mut Answers<'_>,
    ) -> Result<(), ExecError> {
        let mut key = Vec::new();
        for row in 0..batch.count() {
            if answers.is_faulty(row) {
                continue;
            }
            let Some(number) = self.keys.find(links, outer, row, &mut key) else { continue };
            let group = &self.groups[number];
            if let Some(fault) = &group.fault {
                answers.add_fault(row, fault);
            }
            if pairs.stages.is_empty() && answers.tally.is_none() {
                answers.counts[row] += group.count;
                continue;
            }
            let mut kept = if group.count > 0 { group.first } else { u32::MAX };
            while kept != u32::MAX && !answers.settled(row) {
                pairs.push_kept(row, kept);
                kept = self.next[kept as usize];
                if pairs.is_full() {
                    pairs.flush(env, batch, Some(&self.store), answers)?;
                }
            }
        }
        pairs.flush(env, batch, Some(&self.store), answers)
    }
}

/// Adds the rows of a batch to an aggregate over their groups. A row that may or may not count makes its group's one that has
/// no result.
fn add_pairs<'s>(
    env: &Env<'s>,
    batch: &Batch<'s>,
    groups: &[u32],
    whole: Whole,
    term: &AggregateTerm,
    tally: &mut Tally,
) -> Result<(), ExecError> {
    let mut groups = Cow::Borrowed(groups);
    if batch.has_faults() {
        for (row, group) in groups.to_mut().iter_mut().enumerate() {
            if let (Some(fault), true) = (batch.fault(row), *group != NO_GROUP) {
                tally.add_fault(*group, fault);
                *group = NO_GROUP;
            }
        }
    }
    add_term(env, batch, term, tally, Members::Of(&groups, whole), &mut Vec::new())
}

/// Appends what an index, or the key, has for the records that belong to `row`; `false` when there can be none.
pub(super) fn append_entry_key(
    collection: &CollectionDef,
    in_index: bool,
    links: &[Link],
    outer: &[Vector<'_>],
    row: usize,
    out: &mut Vec<u8>,
) -> bool {
    links.iter().zip(outer).all(|(link, values)| {
        let (_, position) = link.inner.as_field().expect("a probe's links have fields on their inner side");
        let optional = in_index && collection.fields[usize::from(position)].optional;
        let cell = values.cell(row);
        if cell.is_none() && !(link.absent_matches && optional) {
            return false;
        }
        key::append(out, values.ty(), optional, cell);
        true
    })
}

/// Appends what a row is found by; `false` when it belongs to nothing.
fn append_key(links: &[Link], values: &[Vector<'_>], row: usize, out: &mut Vec<u8>) -> bool {
    links.iter().zip(values).all(|(link, values)| {
        if values.is_null(row) && !link.absent_matches {
            return false;
        }
        values.append_key(row, out);
        true
    })
}
