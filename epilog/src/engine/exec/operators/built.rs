//! [`Built`]: all inner rows of a subquery or join by what they are linked by, in memory.
//!
//! What is asked decides how much is kept of them: their keys where it is whether there is one, a number for each key where it is
//! how many, an aggregate for each key where that needs no row, else the rows, those of one key in a list.

#[cfg(not(feature = "small"))]
use alloc::boxed::Box;
#[cfg(not(feature = "small"))]
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Operator;
#[cfg(not(feature = "small"))]
use super::band::{Run, Sorted};
#[cfg(all(feature = "std", not(feature = "small")))]
use super::not_shared;
use super::subquery::{Answers, Pairs, add_pairs};
use crate::engine::error::{ExecError, RowFault};
use crate::engine::exec::batch::Batch;
#[cfg(not(feature = "small"))]
use crate::engine::exec::budget::Charge;
use crate::engine::exec::evaluate::evaluate;
#[cfg(not(feature = "small"))]
use crate::engine::exec::sieve::{Gathering, KeySet, Known};
use crate::engine::exec::store::RowStore;
use crate::engine::exec::table::{KeyTable, WordTable, width_of_equal_cells};
use crate::engine::exec::tally::{NO_GROUP, Tally};
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{AggregateTerm, Link};
#[cfg(not(feature = "small"))]
use crate::engine::physical::{Band, Sifted, Taken};
#[cfg(not(feature = "small"))]
use crate::engine::planted::{self, Bug};
use crate::parts::{self, InWhole, Whole};

/// How a table is had: several threads may have it, but in small builds.
#[cfg(not(feature = "small"))]
pub(super) type Held<T> = alloc::sync::Arc<T>;
#[cfg(feature = "small")]
pub(super) type Held<T> = alloc::boxed::Box<T>;

/// All inner rows, by key.
pub(super) struct Built<'s> {
    keys: Keys,
    /// For each key: how many rows, and the first and last of them. None where it is asked whether there are rows.
    groups: Vec<Group>,
    /// The keys of rows that may or may not count, and what the predicates of one of them ran into: where it is asked whether
    /// there are rows.
    doubtful: Option<InWhole<(Keys, Vec<RowFault>)>>,
    /// For each row, the next one with its key.
    next: Vec<u32>,
    /// The rows; none when they are only counted, or added up.
    pub(super) store: RowStore<'s>,
    /// The kept rows that have no key because of what its calculation ran into: they may belong to every row.
    keyless: Vec<InWhole<u32>>,
    /// What the calculation of the key of such a row ran into, where rows are not kept.
    keyless_fault: Option<RowFault>,
    /// For each key the aggregate over its rows, and at the end that over none.
    results: Option<InWhole<Vector<'s>>>,
    /// What was charged for it.
    #[cfg(not(feature = "small"))]
    charge: Charge,
    /// Whether no two rows have one key, and each has one; and whether a key's number is then that of its row.
    #[cfg(not(feature = "small"))]
    single: Option<Single>,
    /// The rows in the order of a value, of which each row takes a range.
    #[cfg(not(feature = "small"))]
    sorted: Option<(Sorted, Box<Band>)>,
    /// What sieves are to know, when all rows are there; of some it may be none.
    #[cfg(not(feature = "small"))]
    sets: Vec<Option<Arc<KeySet>>>,
}

/// What becomes of a table that memory has no room for.
#[derive(Clone, Copy)]
enum Beyond {
    /// It is an error, where a limit was asked for.
    Fails,
    /// It ends there; `at_once`, after the first rows.
    #[cfg(not(feature = "small"))]
    Ends { at_once: bool },
}

/// How rows are found of which no two have one key.
#[cfg(not(feature = "small"))]
#[derive(Clone, Copy, PartialEq)]
enum Single {
    /// A key has the number of its row.
    Same,
    /// Other rows have no key.
    Other,
}

/// What is kept of inner rows.
#[derive(Clone, Copy)]
pub(super) enum Keep<'a> {
    /// Their keys.
    Keys,
    /// How many there are of each key.
    Counts,
    /// An aggregate over those of each key.
    Aggregate(&'a AggregateTerm, Whole),
    /// They themselves.
    Rows,
}

/// What a table is made of.
#[derive(Clone, Copy)]
pub(super) struct Making<'a> {
    links: &'a [Link],
    keep: Keep<'a>,
    /// The links whose keys sieves are to know.
    #[cfg(not(feature = "small"))]
    sieves: &'a [Sifted],
}

impl<'a> Making<'a> {
    /// A table by what rows are linked by.
    pub(super) fn by(links: &'a [Link], keep: Keep<'a>) -> Making<'a> {
        Making {
            links,
            keep,
            #[cfg(not(feature = "small"))]
            sieves: &[],
        }
    }

    /// The same, and sets of the keys.
    #[cfg(not(feature = "small"))]
    pub(super) fn sieved(self, sieves: &'a [Sifted]) -> Making<'a> {
        Making { sieves, ..self }
    }
}

/// The keys of inner rows, numbered as they come.
enum Keys {
    /// What one link compares, as words; and the number of the absent key.
    Words { table: WordTable, absent: Option<u32>, count: u32, _whole: Whole },
    /// What all links compare, as bytes.
    Bytes(KeyTable),
}

impl Keys {
    fn of(links: &[Link]) -> Keys {
        match (links, Whole::build()) {
            ([link], Some(_whole)) if matches!(width_of_equal_cells(link.inner.ty), Some(4 | 8)) => {
                Keys::Words { table: WordTable::default(), absent: None, count: 0, _whole }
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

    /// The bytes that they take in memory.
    #[cfg(not(feature = "small"))]
    fn size(&self) -> usize {
        match self {
            Keys::Words { table, .. } => table.size(),
            Keys::Bytes(table) => table.size(),
        }
    }

    /// Appends the number of each row's key, or [`NO_GROUP`] where it is not there.
    fn find_all(&self, links: &[Link], values: &[Vector<'_>], rows: usize, out: &mut Vec<u32>) {
        out.reserve(rows);
        match self {
            Keys::Words { table, absent, .. } => {
                let of = &values[0];
                let (cells, wide) = (of.strided(), of.ty().width() == Some(8));
                if let Some((least, array)) = table.array().filter(|_| of.nulls.is_none()) {
                    // 0 is no number, and one before it none of a group.
                    out.extend((0..rows).map(|row| {
                        let at = usize::try_from(cells.word(row, wide).wrapping_sub(least));
                        at.ok().and_then(|at| array.get(at)).copied().unwrap_or(0).wrapping_sub(1)
                    }));
                    return;
                }
                let absent = absent.filter(|_| links[0].absent_matches).unwrap_or(NO_GROUP);
                out.extend((0..rows).map(|row| match of.is_null(row) {
                    true => absent,
                    false => table.find(cells.word(row, wide)).unwrap_or(NO_GROUP),
                }));
            }
            Keys::Bytes(table) => {
                let mut key = Vec::new();
                out.extend((0..rows).map(|row| {
                    key.clear();
                    let found = append_key(links, values, row, &mut key).then(|| table.find(&key)).flatten();
                    found.map_or(NO_GROUP, |number| number as u32)
                }));
            }
        }
    }

    /// Appends the number of each row's key, which is put in if it is not there; [`NO_GROUP`] when the row belongs to nothing.
    fn intern_all(&mut self, links: &[Link], values: &[Vector<'_>], rows: usize, out: &mut Vec<u32>) {
        out.reserve(rows);
        match self {
            Keys::Words { table, absent, count, .. } => {
                let of = &values[0];
                let (cells, wide) = (of.strided(), of.ty().width() == Some(8));
                out.extend((0..rows).map(|row| {
                    let next = || {
                        *count += 1;
                        *count - 1
                    };
                    match of.is_null(row) {
                        true if !links[0].absent_matches => NO_GROUP,
                        true => *absent.get_or_insert_with(next),
                        false => table.find_or_insert(cells.word(row, wide), next),
                    }
                }));
            }
            Keys::Bytes(table) => {
                let mut key = Vec::new();
                out.extend((0..rows).map(|row| {
                    key.clear();
                    let is_some = append_key(links, values, row, &mut key);
                    if is_some { table.intern(&key) as u32 } else { NO_GROUP }
                }));
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

impl<'s> Built<'s> {
    /// About the bytes that this takes in memory.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        self.keys.size()
            + self.groups.capacity() * size_of::<Group>()
            + self.next.capacity() * size_of::<u32>()
            + self.store.size()
            + self.sorted.as_ref().map_or(0, |(sorted, _)| sorted.size())
            + self.sets.iter().flatten().map(|set| set.size()).sum::<usize>()
    }

    /// Tells sieves which keys there are, in the order in which they were asked for.
    #[cfg(not(feature = "small"))]
    pub(super) fn tell(&self, sieves: &[Known]) {
        for (sieve, set) in sieves.iter().zip(&self.sets) {
            if let Some(set) = set {
                sieve.set(Arc::clone(set));
            }
        }
    }

    /// Appends the numbers of rows' keys, as [`first`](Built::first) takes them.
    pub(super) fn find_all(&self, links: &[Link], outer: &[Vector<'_>], rows: usize, out: &mut Vec<u32>) {
        self.keys.find_all(links, outer, rows, out);
    }

    /// The first kept row with the key of this number.
    pub(super) fn first(&self, number: u32) -> Option<u32> {
        let group = self.groups.get(number as usize)?;
        (group.count > 0).then_some(group.first)
    }

    /// The kept row after `kept` with the same key.
    pub(super) fn after(&self, kept: u32) -> Option<u32> {
        Some(self.next[kept as usize]).filter(|next| *next != u32::MAX)
    }

    /// For each key the aggregate over its rows, and at the end that over none.
    pub(super) fn results(&self) -> Option<&Vector<'s>> {
        self.results.as_deref()
    }

    /// Puts the kept rows in order, so that each row is paired with a range of them.
    #[cfg(not(feature = "small"))]
    pub(super) fn sorted(mut self, env: &Env<'s>, band: &Band) -> Result<Built<'s>, ExecError> {
        let sorted = Sorted::new(env, band, &self.store)?;
        env.budget.keep(&mut Charge::default(), sorted.size(), "hash table")?;
        for pair in sorted.rows().windows(2) {
            self.next[pair[0] as usize] = pair[1];
        }
        if let Some(last) = sorted.rows().last() {
            self.next[*last as usize] = u32::MAX;
        }
        self.sorted = Some((sorted, Box::new(band.clone())));
        Ok(self)
    }

    /// Whether the rows of a run are to come in the order of their numbers.
    #[cfg(not(feature = "small"))]
    fn is_to_come_as_it_came(&self) -> bool {
        self.sorted.as_ref().is_some_and(|(_, band)| band.taken == Taken::AsTheyCame)
    }

    /// The runs of kept rows that belong to the rows of a batch, if they are in order: see [`after`](Built::after).
    #[cfg(not(feature = "small"))]
    pub(super) fn runs(&self, env: &Env<'s>, batch: &Batch<'s>) -> Result<Option<Vec<Run>>, ExecError> {
        self.sorted.as_ref().map(|(sorted, band)| sorted.runs(env, band, batch)).transpose()
    }

    /// Reads all inner rows.
    pub(super) fn new(
        env: &Env<'s>,
        source: &mut (dyn Operator<'s> + 's),
        of: Making<'_>,
    ) -> Result<Built<'s>, ExecError> {
        Ok(Built::reading(env, source, of, Beyond::Fails)?.0)
    }

    /// Reads all inner rows; or some, when memory has no room for more, or `at_once`. Whether it is all.
    #[cfg(not(feature = "small"))]
    pub(super) fn within(
        env: &Env<'s>,
        source: &mut (dyn Operator<'s> + 's),
        of: Making<'_>,
        at_once: bool,
    ) -> Result<(Built<'s>, bool), ExecError> {
        Built::reading(env, source, of, Beyond::Ends { at_once })
    }

    /// Reads all inner rows, for several threads to find theirs in.
    ///
    /// # Errors
    ///
    /// Where memory has no room for them, too: then whoever is alone puts them aside.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(super) fn to_share(
        env: &Env<'s>,
        source: &mut (dyn Operator<'s> + 's),
        of: Making<'_>,
        band: Option<&Band>,
    ) -> Result<Built<'s>, ExecError> {
        let (new, is_all) = match (env.budget.is_none(), env.budget.is_given()) {
            (true, _) => return Err(not_shared()),
            (_, true) => Built::within(env, source, of, false)?,
            (_, false) => (Built::new(env, source, of)?, true),
        };
        match band {
            _ if !is_all => Err(not_shared()),
            Some(band) => new.sorted(env, band),
            None => Ok(new),
        }
    }

    /// The bytes that the budget has been charged with.
    #[cfg(not(feature = "small"))]
    pub(super) fn charged(&self) -> usize {
        self.charge.bytes() + self.store.charged()
    }

    fn reading(
        env: &Env<'s>,
        source: &mut (dyn Operator<'s> + 's),
        of: Making<'_>,
        #[cfg_attr(
            feature = "small",
            expect(unused_variables, unused_mut, reason = "there is no limit there")
        )]
        mut beyond: Beyond,
    ) -> Result<(Built<'s>, bool), ExecError> {
        let Making { links, keep, .. } = of;
        #[cfg(not(feature = "small"))]
        let mut gathered: Vec<Gathering> = of.sieves.iter().map(|_| Gathering::default()).collect();
        let mut built = Built {
            keys: Keys::of(links),
            groups: Vec::new(),
            doubtful: None,
            next: Vec::new(),
            store: RowStore::default(),
            keyless: Vec::new(),
            keyless_fault: None,
            results: None,
            #[cfg(not(feature = "small"))]
            charge: Charge::default(),
            #[cfg(not(feature = "small"))]
            single: None,
            #[cfg(not(feature = "small"))]
            sorted: None,
            #[cfg(not(feature = "small"))]
            sets: Vec::new(),
        };
        let mut tally = match keep {
            Keep::Aggregate(term, whole) => Some((Tally::new(term, 0), term, whole)),
            _ => None,
        };
        source.expect(usize::MAX);
        let mut numbers = Vec::new();
        let mut batch = Batch::new(env.collections.len(), env.computed.len());
        while source.next(env, &mut batch)? {
            if batch.has_faults() || matches!(keep, Keep::Aggregate(..)) {
                batch.compact();
            }
            let mut values = Vec::with_capacity(links.len());
            for link in links {
                values.push(evaluate(env, &link.inner, &batch)?);
            }
            #[cfg(not(feature = "small"))]
            for (of, gathered) in of.sieves.iter().zip(&mut gathered) {
                let of_links = of.links.iter().map(|link| &values[usize::from(*link)]);
                gathered.take(&of_links.collect::<Vec<_>>());
            }
            let rows = batch.count();
            numbers.clear();
            let faulty = faulty_rows(&values, rows);
            if parts::CALCULATION && (!faulty.is_empty() || matches!(keep, Keep::Keys) && batch.has_faults())
            {
                // Rows that this changes have no numbers in a selection.
                batch.compact();
                built.number_some(&mut batch, links, &values, faulty, keep, &mut numbers)?;
            } else {
                built.keys.intern_all(links, &values, rows, &mut numbers);
            }
            match keep {
                Keep::Keys => {}
                Keep::Counts => built.count(&batch, &numbers),
                Keep::Aggregate(..) => {
                    let (tally, term, whole) = tally.as_mut().expect("made above");
                    tally.grow(built.keys.len());
                    add_pairs(env, &batch, &numbers, *whole, term, tally)?;
                }
                Keep::Rows => {
                    built.list(&numbers);
                    built.store.push(&batch);
                }
            }
            #[cfg(not(feature = "small"))]
            {
                let of_keys: usize = gathered.iter().map(Gathering::size).sum();
                let of_tally = tally.as_ref().map_or(0, |(tally, ..)| tally.size());
                let size = built.size() + of_keys + of_tally;
                let why = match beyond {
                    Beyond::Fails => "it puts nothing aside",
                    // Those of one key are of one partition, whatever is done.
                    Beyond::Ends { at_once } => {
                        let is_much = built.keys.len() > 1 && env.budget.charge(&mut built.charge, size);
                        // No file is made before there is something to put into it.
                        if (at_once || is_much) && has_room(env)? {
                            return Ok((built, false));
                        }
                        if at_once || is_much {
                            beyond = Beyond::Fails;
                        }
                        "rows that are linked by the same are not put aside"
                    }
                };
                env.budget.keep_some(&mut built.charge, size, "hash table", why)?;
            }
        }
        #[cfg(not(feature = "small"))]
        {
            built.sets = gathered.into_iter().map(Gathering::finish).collect();
            if matches!(keep, Keep::Rows) {
                built.shelve(links);
            }
        }
        if let Some((mut tally, _, whole)) = tally {
            let count = built.keys.len();
            tally.grow(count + 1);
            built.results = Some(InWhole::new(tally.results(0..count + 1)?, whole));
        }
        Ok((built, true))
    }

    /// Appends the numbers of rows' keys, where some have no key because of `faulty`, or it may be that some do not count.
    #[cold]
    fn number_some(
        &mut self,
        batch: &mut Batch<'s>,
        links: &[Link],
        values: &[Vector<'s>],
        faulty: Vec<(usize, RowFault)>,
        keep: Keep<'_>,
        out: &mut Vec<u32>,
    ) -> Result<(), ExecError> {
        let rows = batch.count();
        let mut is_left_out = vec![false; rows];
        for (row, fault) in faulty {
            is_left_out[row] = true;
            match keep {
                Keep::Aggregate(..) => return Err(ExecError::Arithmetic(fault.itself())),
                // The fault of a pair with it, which the stages may yet drop.
                Keep::Rows => {
                    batch.add_fault(row, &fault);
                    let kept = (self.next.len() + row) as u32;
                    self.keyless.extend(Whole::build().map(|whole| InWhole::new(kept, whole)));
                }
                Keep::Keys | Keep::Counts => {
                    self.keyless_fault.get_or_insert(fault);
                }
            }
        }
        if let (Keep::Keys, Some(whole)) = (keep, Whole::build()) {
            let doubtful: Vec<usize> =
                (0..rows).filter(|row| !is_left_out[*row] && batch.fault(*row).is_some()).collect();
            let (keys, faults) = &mut **self
                .doubtful
                .get_or_insert_with(|| InWhole::new((Keys::of(links), Vec::new()), whole));
            let of_them: Vec<Vector<'_>> =
                values.iter().map(|values| values.gather(doubtful.iter().copied())).collect();
            let mut numbers = Vec::new();
            keys.intern_all(links, &of_them, doubtful.len(), &mut numbers);
            for (row, number) in doubtful.iter().zip(numbers) {
                is_left_out[*row] = true;
                if let (true, Some(fault)) = (number as usize == faults.len(), batch.fault(*row)) {
                    faults.push(fault.clone());
                }
            }
        }
        let others: Vec<usize> = (0..rows).filter(|row| !is_left_out[*row]).collect();
        let of_others: Vec<Vector<'_>> =
            values.iter().map(|values| values.gather(others.iter().copied())).collect();
        let mut numbers = Vec::new();
        self.keys.intern_all(links, &of_others, others.len(), &mut numbers);
        out.resize(rows, NO_GROUP);
        for (row, number) in others.into_iter().zip(numbers) {
            out[row] = number;
        }
        Ok(())
    }

    /// Counts rows by the numbers of their keys.
    fn count(&mut self, batch: &Batch<'s>, numbers: &[u32]) {
        self.groups.resize_with(self.keys.len(), Group::default);
        let selected = batch.selected();
        for (at, number) in numbers.iter().enumerate().filter(|(_, number)| **number != NO_GROUP) {
            let group = &mut self.groups[*number as usize];
            match batch.fault(selected.row(at)) {
                Some(fault) => {
                    group.fault.get_or_insert_with(|| fault.clone());
                }
                None => group.count += 1,
            }
        }
    }

    /// Lists rows that are kept next by the numbers of their keys.
    fn list(&mut self, numbers: &[u32]) {
        self.groups.resize_with(self.keys.len(), Group::default);
        for number in numbers {
            let row = self.next.len() as u32;
            self.next.push(u32::MAX);
            if *number == NO_GROUP {
                continue;
            }
            let group = &mut self.groups[*number as usize];
            if group.count == 0 {
                group.first = row;
            } else {
                self.next[group.last as usize] = row;
            }
            group.count += 1;
            group.last = row;
        }
    }

    /// Answers for the rows of a batch, or makes pairs of them.
    pub(super) fn run(
        &self,
        env: &Env<'s>,
        links: &[Link],
        outer: &[Vector<'s>],
        batch: &Batch<'s>,
        pairs: &mut Pairs<'s>,
        answers: &mut Answers<'_>,
    ) -> Result<(), ExecError> {
        let rows = batch.count();
        let (mut numbers, mut doubts) = (Vec::new(), Vec::new());
        self.keys.find_all(links, outer, rows, &mut numbers);
        if let Some(doubtful) = &self.doubtful {
            doubtful.0.find_all(links, outer, rows, &mut doubts);
        }
        let makes_pairs = pairs.is_needed() || answers.tally.is_some();
        #[cfg(not(feature = "small"))]
        let runs = self.runs(env, batch)?;
        #[cfg(not(feature = "small"))]
        let (comes_as_it_came, mut in_order) = (self.is_to_come_as_it_came(), Vec::new());
        for (row, number) in numbers.iter().enumerate() {
            if answers.is_faulty(row) {
                continue;
            }
            if parts::CALCULATION && self.runs_unknown(env, row, batch, pairs, answers)? {
                continue;
            }
            if parts::CALCULATION {
                if let Some(fault) = &self.keyless_fault {
                    answers.add_fault(row, fault);
                }
                if let (Some(doubtful), Some(doubt)) = (&self.doubtful, doubts.get(row))
                    && let Some(fault) = doubtful.1.get(*doubt as usize)
                {
                    answers.add_fault(row, fault);
                }
            }
            if !makes_pairs && self.groups.is_empty() {
                answers.counts[row] += u64::from(*number != NO_GROUP);
                continue;
            }
            if let Some(group) = self.groups.get(*number as usize) {
                if let Some(fault) = &group.fault {
                    answers.add_fault(row, fault);
                }
                if !makes_pairs {
                    answers.counts[row] += group.count;
                    continue;
                }
                let first = if group.count > 0 { group.first } else { u32::MAX };
                #[cfg(feature = "small")]
                let (mut kept, end) = (first, u32::MAX);
                #[cfg(not(feature = "small"))]
                let (mut kept, end) = runs.as_ref().map_or((first, u32::MAX), |runs| runs[row]);
                #[cfg(not(feature = "small"))]
                if comes_as_it_came {
                    while kept != end && kept != u32::MAX {
                        in_order.push(kept);
                        kept = self.next[kept as usize];
                    }
                    if !planted::is(Bug::RangeLosesOrder) {
                        in_order.sort_unstable();
                    }
                    for kept in in_order.drain(..) {
                        pairs.push_kept(row, kept);
                        if pairs.is_full() {
                            pairs.flush(env, batch, Some(&self.store), answers)?;
                        }
                    }
                    continue;
                }
                while kept != end && kept != u32::MAX && !answers.settled(row) {
                    pairs.push_kept(row, kept);
                    kept = self.next[kept as usize];
                    if pairs.is_full() {
                        pairs.flush(env, batch, Some(&self.store), answers)?;
                    }
                }
            }
            for kept in self.keyless.iter().filter(|_| parts::CALCULATION) {
                if answers.settled(row) {
                    break;
                }
                pairs.push_kept(row, **kept);
                if pairs.is_full() {
                    pairs.flush(env, batch, Some(&self.store), answers)?;
                }
            }
        }
        pairs.flush(env, batch, Some(&self.store), answers)
    }
}

#[cfg(not(feature = "small"))]
impl<'s> Built<'s> {
    /// Ends the keeping of rows.
    fn shelve(&mut self, links: &[Link]) {
        self.store.shelve();
        if links.is_empty() || !self.keyless.is_empty() || self.groups.iter().any(|group| group.count != 1) {
            return;
        }
        let same = self.groups.len() == self.next.len()
            && (0..).zip(&self.groups).all(|(number, group)| group.first == number);
        self.single = Some(if same { Single::Same } else { Single::Other });
    }

    /// Whether a row is paired with one kept row at most, whatever it is linked by.
    pub(super) fn is_single(&self) -> bool {
        self.single.is_some() && self.sorted.is_none()
    }

    /// Makes numbers of keys those of the kept rows; [`NO_GROUP`] stays.
    pub(super) fn single_rows(&self, numbers: &mut [u32]) {
        if self.single == Some(Single::Other) {
            for number in numbers.iter_mut().filter(|number| **number != NO_GROUP) {
                *number = self.groups[*number as usize].first;
            }
        }
    }
}

impl<'s> Built<'s> {
    /// Whether there are rows that may belong to one of the other side.
    pub(super) fn has_rows(&self) -> bool {
        self.keys.len() > 0 || self.store.len() > 0 || self.keyless_fault.is_some() || self.doubtful.is_some()
    }

    /// Where it is not known what `row` is linked by: answers for it, since each inner row may belong to it. Whether it is so.
    fn runs_unknown(
        &self,
        env: &Env<'s>,
        row: usize,
        batch: &Batch<'s>,
        pairs: &mut Pairs<'s>,
        answers: &mut Answers<'_>,
    ) -> Result<bool, ExecError> {
        let Some(fault) = answers.unknown(row).cloned() else { return Ok(false) };
        if !pairs.is_needed() && answers.tally.is_none() {
            if self.has_rows() {
                answers.add_fault(row, &fault);
            }
            return Ok(true);
        }
        for kept in 0..self.store.len() as u32 {
            pairs.push_kept(row, kept);
            if pairs.is_full() {
                pairs.flush(env, batch, Some(&self.store), answers)?;
            }
        }
        Ok(true)
    }
}

/// Whether there is room outside of memory.
#[cfg(not(feature = "small"))]
fn has_room(env: &Env<'_>) -> Result<bool, ExecError> {
    Ok(env.view.scratch(4 << 10)?.is_some())
}

/// The rows of which one of several values has no result, and why.
fn faulty_rows(values: &[Vector<'_>], rows: usize) -> Vec<(usize, RowFault)> {
    if !parts::CALCULATION || values.iter().all(|values| values.faults().is_empty()) {
        return Vec::new();
    }
    let fault = |row| Some((row, values.iter().find_map(|values| values.fault(row))?.clone()));
    (0..rows).filter_map(fault).collect()
}

/// Appends what a row is found by; `false` when it belongs to nothing.
pub(super) fn append_key(links: &[Link], values: &[Vector<'_>], row: usize, out: &mut Vec<u8>) -> bool {
    links.iter().zip(values).all(|(link, values)| {
        if values.is_null(row) && !link.absent_matches {
            return false;
        }
        values.append_key(row, out);
        true
    })
}
