//! Subqueries, a batch of rows at a time.
//!
//! For each row, the inner records that belong to it are found through an index or in a hash table. Where nothing more is
//! asked of the pairs they are only counted; otherwise pairs of a row and a record are made, a thousand at a time, and
//! sent through the stages of the plan.

#[cfg(not(feature = "small"))]
mod aside;
#[cfg(not(feature = "small"))]
mod same;
#[cfg(not(feature = "small"))]
mod spanned;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(all(feature = "std", not(feature = "small")))]
use super::Sharing;
use super::aggregate::add_term;
use super::built::{Built, Held, Keep, Making};
#[cfg(not(feature = "small"))]
use super::entry_values::EntryValues;
use super::join::fetch;
use super::scan::entries_with;
#[cfg(not(feature = "small"))]
use super::span::Spans;
use super::{Operator, Stage};
use crate::engine::error::{ExecError, RowFault};
use crate::engine::exec::batch::{Batch, GATHERED_MAX, Selected, Source, gather};
use crate::engine::exec::evaluate::evaluate;
#[cfg(not(feature = "small"))]
use crate::engine::exec::meter::Footprint;
#[cfg(not(feature = "small"))]
use crate::engine::exec::sieve::Known;
use crate::engine::exec::store::RowStore;
use crate::engine::exec::table::KeyTable;
use crate::engine::exec::tally::{Members, NO_GROUP, Tally};
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{AggregateTerm, Asked, Computed, Expr, Link, Slot};
use crate::engine::physical::{self, Answer, Method, PhysicalNode};
#[cfg(not(feature = "small"))]
use crate::engine::physical::{Band, Sifted, Span};
#[cfg(not(feature = "small"))]
use crate::engine::planted::{self, Bug};
use crate::parts::{self, InWhole, Whole};
use crate::schema::{CollectionDef, IndexId};
use crate::storage::facade::EntryCursor;
use crate::storage::records::RecordRef;
use crate::value::{Type, key};

/// How many entries of an index are read before the records they name are tried.
const ENTRIES_AT_ONCE: usize = 256;

#[cfg(not(feature = "small"))]
pub(super) use self::aside::build;

pub(super) fn split<'s>(
    env: &Env<'s>,
    subquery: physical::Subquery,
) -> (PhysicalNode, Box<dyn Stage<'s> + 's>) {
    let (input, stage) = stage_of(env, subquery);
    (input, Box::new(stage))
}

fn stage_of<'s>(env: &Env<'s>, subquery: physical::Subquery) -> (PhysicalNode, Subquery<'s>) {
    #[cfg(not(feature = "small"))]
    let same = same::Known::new(subquery.same);
    #[cfg(not(feature = "small"))]
    let sieves = subquery.sieves;
    let physical::Subquery { input, slot, method, pairs, asked, once, answer, .. } = subquery;
    // Those beneath take what is opened here.
    #[cfg(not(feature = "small"))]
    let known = env.sieves.open(&sieves);
    #[cfg(not(feature = "small"))]
    env.sieves.open_ahead(&input);
    #[cfg(not(feature = "small"))]
    let mut entries = None;
    let (finder, links) = match method {
        Method::Probe { .. } if !parts::PROBES => unreachable!("no plan looks into an index for each row"),
        #[cfg(not(feature = "small"))]
        Method::Probe { index, links, span, entries: of_each } => {
            entries = of_each
                .filter(|entries| entries.alone)
                .zip(index)
                .map(|(entries, index)| EntryValues::new(env.collection(slot), index, &entries.values));
            (Finder::Index(index, span), links)
        }
        #[cfg(feature = "small")]
        Method::Probe { index, links } => (Finder::Index(index, ()), links),
        Method::Hash { inner, links } => (Finder::table(super::build_whole(env, *inner)), links),
        #[cfg(not(feature = "small"))]
        Method::Loop { inner, band } => {
            (Finder::Table { source: super::build_whole(env, *inner), built: None, band }, Vec::new())
        }
        #[cfg(feature = "small")]
        Method::Loop { inner } => (Finder::table(super::build_whole(env, *inner)), Vec::new()),
    };
    let mut read = Read::default();
    if parts::REWRITES {
        read.note(&pairs);
        asked.expressions().for_each(|expr| read.note_expr(expr));
    }
    let pairs = Pairs {
        slot,
        read,
        stages: super::stages(env, *pairs),
        batch: Batch::new(env.collections.len(), env.computed.len()),
        first: Firsts::default(),
        rows: Vec::new(),
        inner: Inner::Records(Vec::new()),
        #[cfg(not(feature = "small"))]
        entries,
        #[cfg(not(feature = "small"))]
        columns: Vec::new(),
    };
    let stage = Subquery {
        slot,
        finder,
        links,
        pairs,
        asked,
        once,
        #[cfg(not(feature = "small"))]
        same,
        #[cfg(not(feature = "small"))]
        sieves,
        #[cfg(not(feature = "small"))]
        known,
        answer,
    };
    (*input, stage)
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
    /// The answers of rows before, by what they were made of.
    #[cfg(not(feature = "small"))]
    same: Option<Box<same::Known<'s>>>,
    /// What its table has is asked of its rows beneath; and how those who ask know it.
    #[cfg(not(feature = "small"))]
    sieves: Vec<Sifted>,
    #[cfg(not(feature = "small"))]
    known: Vec<Known>,
    answer: Answer,
}

#[cfg(not(feature = "small"))]
type InRange = Option<Box<Span>>;
/// Other builds have no ranges.
#[cfg(feature = "small")]
type InRange = ();

/// Where the inner records of a row are found.
enum Finder<'s> {
    /// In an index, or by their key; in a range for each row, if there is one.
    Index(Option<IndexId>, InRange),
    /// In a hash table by the links' inner sides; without links everything is in one place of it.
    Table {
        source: Box<dyn Operator<'s> + 's>,
        built: Option<Held<Built<'s>>>,
        /// The range of it that belongs to a row.
        #[cfg(not(feature = "small"))]
        band: Option<Box<Band>>,
    },
}

impl<'s> Finder<'s> {
    /// The table, which is made if it is not there yet.
    fn built(&mut self, env: &Env<'s>, links: &[Link], keep: Keep<'_>) -> Result<&Built<'s>, ExecError> {
        let Finder::Table {
            source,
            built,
            #[cfg(not(feature = "small"))]
            band,
        } = self
        else {
            unreachable!("there is no table of what an index finds")
        };
        if built.is_none() {
            let new = Built::new(env, &mut **source, Making::by(links, keep))?;
            #[cfg(not(feature = "small"))]
            let new = match band {
                Some(band) => new.sorted(env, band)?,
                None => new,
            };
            *built = Some(Held::new(new));
        }
        Ok(built.as_ref().expect("made above"))
    }

    fn table(source: Box<dyn Operator<'s> + 's>) -> Finder<'s> {
        Finder::Table {
            source,
            built: None,
            #[cfg(not(feature = "small"))]
            band: None,
        }
    }
}

/// What is known of each row of the batch.
pub(super) struct Answers<'a> {
    /// Whether one record is enough.
    any: bool,
    pub(super) counts: Vec<u64>,
    faults: Vec<Option<RowFault>>,
    /// Why it is not known which records belong to a row: every one may. Empty where that is known of all rows.
    unknown: Vec<Option<RowFault>>,
    /// The aggregate, each row being a group of pairs.
    pub(super) tally: Option<InWhole<(Tally, &'a AggregateTerm, Whole)>>,
}

impl<'a> Answers<'a> {
    fn new(asked: &'a Asked, rows: usize) -> Answers<'a> {
        Answers {
            any: matches!(asked, Asked::Any),
            counts: vec![0; rows],
            faults: vec![None; if parts::CALCULATION { rows } else { 0 }],
            unknown: Vec::new(),
            tally: match asked {
                Asked::Aggregate(term, whole) => {
                    Some(InWhole::new((Tally::new(term, rows), &**term, *whole), *whole))
                }
                Asked::Any | Asked::Count => None,
            },
        }
    }

    /// Whether more records cannot change the answer of `row`.
    pub(super) fn settled(&self, row: usize) -> bool {
        self.any && self.counts[row] > 0
    }

    pub(super) fn is_faulty(&self, row: usize) -> bool {
        parts::CALCULATION && self.faults[row].is_some()
    }

    /// Notes that a value which `row` is linked by has no result.
    fn add_unknown(&mut self, row: usize, fault: &RowFault) {
        self.unknown.resize(self.counts.len(), None);
        self.unknown[row].get_or_insert_with(|| fault.clone());
    }

    /// What a value ran into that `row` is linked by.
    pub(super) fn unknown(&self, row: usize) -> Option<&RowFault> {
        if parts::CALCULATION { self.unknown.get(row)?.as_ref() } else { None }
    }

    pub(super) fn add_fault(&mut self, row: usize, fault: &RowFault) {
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
        #[cfg(not(feature = "small"))]
        if let Some((output, value)) = self.same_for_all(env, batch.len())? {
            // No row has to move for it.
            batch.set_computed(output, value);
            return Ok(());
        }
        batch.compact();
        #[cfg(not(feature = "small"))]
        let values = self.answers_once(env, batch)?;
        #[cfg(feature = "small")]
        let values = self.answers(env, batch)?;
        self.conclude(batch, values);
        Ok(())
    }

    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        match &self.finder {
            Finder::Table { built: Some(built), .. } => {
                Footprint::in_memory(built.size() + self.same.as_ref().map_or(0, |known| known.size()))
            }
            _ => Footprint::default(),
        }
    }

    #[cfg(all(feature = "std", not(feature = "small")))]
    fn share(&mut self, env: &Env<'s>, sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        if let Finder::Table { source, built, band } = &mut self.finder {
            let keep = keep(&self.asked, self.once, &self.pairs);
            let of = Making::by(&self.links, keep).sieved(&self.sieves);
            let band = band.as_deref();
            let table = sharing.table(|| Built::to_share(env, &mut **source, of, band))?;
            table.tell(&self.known);
            *built = Some(table);
        }
        self.pairs.stages.iter_mut().try_for_each(|stage| stage.share(env, sharing))
    }
}

/// What is to be kept of inner rows.
fn keep<'a>(asked: &'a Asked, once: bool, pairs: &Pairs<'_>) -> Keep<'a> {
    match asked {
        Asked::Aggregate(term, whole) if once => Keep::Aggregate(term, *whole),
        Asked::Any if parts::LOOPS && !pairs.is_needed() => Keep::Keys,
        Asked::Count if parts::LOOPS && !pairs.is_needed() => Keep::Counts,
        _ => Keep::Rows,
    }
}

#[cfg(not(feature = "small"))]
impl<'s> Subquery<'s> {
    /// An aggregate over all inner rows, of which all rows have the same, for so many of them. `None` where rows differ, or it has no
    /// result.
    fn same_for_all(
        &mut self,
        env: &Env<'s>,
        rows: usize,
    ) -> Result<Option<(Computed, Vector<'s>)>, ExecError> {
        let Answer::Value(output) = self.answer else { return Ok(None) };
        if !self.links.is_empty() || !self.once || !matches!(self.finder, Finder::Table { .. }) {
            return Ok(None);
        }
        let keep = keep(&self.asked, self.once, &self.pairs);
        let built = self.finder.built(env, &self.links, keep)?;
        let Some(results) = built.results() else { return Ok(None) };
        // Behind the result over all rows is the one over none.
        let value = results.repeated(0, rows);
        Ok(value.map(|value| (output, value)))
    }
}

impl<'s> Subquery<'s> {
    /// The answers for the rows of a batch.
    fn answers(&mut self, env: &Env<'s>, batch: &Batch<'s>) -> Result<Vector<'s>, ExecError> {
        let rows = batch.count();
        let mut answers = Answers::new(&self.asked, rows);
        let mut outer = Vec::with_capacity(self.links.len());
        for link in &self.links {
            let values = evaluate(env, &link.outer, batch)?;
            for (row, fault) in values.faults() {
                answers.add_unknown(*row as usize, fault);
            }
            outer.push(values);
        }
        match &mut self.finder {
            Finder::Index(..) if !parts::PROBES => {
                unreachable!("no plan looks into an index for each row")
            }
            #[cfg(not(feature = "small"))]
            Finder::Index(index, Some(span)) => {
                let probe = Probe { env, slot: self.slot, index: *index, links: &self.links, outer: &outer };
                let spans = Spans::new(env, span, self.slot, batch)?;
                probe.run_spans(&spans, batch, &mut self.pairs, &mut answers)?;
            }
            Finder::Index(index, _) => {
                let probe = Probe { env, slot: self.slot, index: *index, links: &self.links, outer: &outer };
                probe.run(batch, &mut self.pairs, &mut answers)?;
            }
            finder @ Finder::Table { .. } => {
                let keep = keep(&self.asked, self.once, &self.pairs);
                let built = finder.built(env, &self.links, keep)?;
                if let (Some(results), Answer::Value(_)) = (built.results(), self.answer) {
                    let of_none = results.len() - 1;
                    let mut numbers = Vec::new();
                    built.find_all(&self.links, &outer, rows, &mut numbers);
                    for row in (0..answers.unknown.len()).filter(|_| parts::CALCULATION) {
                        if let Some(fault) = answers.unknown(row).cloned() {
                            numbers[row] = NO_GROUP;
                            if built.has_rows() {
                                answers.add_fault(row, &fault);
                            }
                        }
                    }
                    let numbers = numbers.iter().map(|number| (*number as usize).min(of_none));
                    let mut values = results.gather(numbers);
                    answers.add_faults_to(&mut values);
                    return Ok(values);
                }
                built.run(env, &self.links, &outer, batch, &mut self.pairs, &mut answers)?;
            }
        }
        results(answers)
    }

    fn conclude(&self, batch: &mut Batch<'s>, values: Vector<'s>) {
        match self.answer {
            Answer::Value(output) => batch.set_computed(output, values),
            Answer::Semi | Answer::Anti => {
                for (row, fault) in values.faults() {
                    batch.add_fault(*row as usize, fault);
                }
                let wanted = u8::from(self.answer == Answer::Semi);
                batch.retain(|_, row| values.bytes(row) == [wanted] || values.fault(row).is_some());
            }
        }
    }
}

/// What was found out of each row, as values.
fn results<'s>(mut answers: Answers<'_>) -> Result<Vector<'s>, ExecError> {
    if parts::CALCULATION && answers.any {
        // One record that belongs to the row decides, whatever another ran into.
        let Answers { counts, faults, .. } = &mut answers;
        faults.iter_mut().zip(counts).filter(|(_, count)| **count > 0).for_each(|(fault, _)| *fault = None);
    }
    let counts = &answers.counts;
    let mut values = match &mut answers.tally {
        Some(tally) => tally.0.results(0..counts.len())?,
        None if answers.any => Vector::bools(counts.iter().map(|count| u8::from(*count > 0)).collect()),
        None => {
            let bytes = counts.iter().flat_map(|count| count.to_le_bytes()).collect();
            Vector::fixed(Type::U64, counts.len(), bytes)
        }
    };
    answers.add_faults_to(&mut values);
    Ok(values)
}

/// What is read of pairs: of the row nothing else is put into them.
#[derive(Default)]
struct Read {
    slots: Vec<Slot>,
    computed: Vec<Computed>,
}

impl Read {
    /// Whether the record in a slot is read. Where nobody looked, all are.
    fn has_slot(&self, slot: Slot) -> bool {
        !parts::REWRITES || self.slots.contains(&slot)
    }

    fn has_computed(&self, computed: Computed) -> bool {
        !parts::REWRITES || self.computed.contains(&computed)
    }

    fn note_expr(&mut self, expr: &Expr) {
        self.slots.extend(expr.slots());
        self.computed.extend(expr.computed_values());
    }

    /// Notes what a stage over pairs reads, and those beneath it.
    fn note(&mut self, node: &PhysicalNode) {
        match &node.operator {
            physical::Operator::Filter { predicates, .. } => {
                predicates.iter().for_each(|expr| self.note_expr(expr));
            }
            #[cfg(not(feature = "small"))]
            physical::Operator::Lookup { by: Some(value), .. } => self.computed.push(*value),
            physical::Operator::Lookup { from, .. } => self.slots.push(*from),
            physical::Operator::Subquery(nested) => {
                if let Method::Probe { links, .. } | Method::Hash { links, .. } = &nested.method {
                    links.iter().for_each(|link| self.note_expr(&link.outer));
                }
                #[cfg(not(feature = "small"))]
                if let Method::Probe { span: Some(span), .. } = &nested.method {
                    span.of_rows().for_each(|expr| self.note_expr(expr));
                }
                nested.asked.expressions().for_each(|expr| self.note_expr(expr));
                self.note(&nested.pairs);
            }
            _ => {}
        }
        if let Some(input) = node.children().first() {
            self.note(input);
        }
    }
}

/// Pairs of a row and an inner record, on their way.
pub(super) struct Pairs<'s> {
    slot: Slot,
    read: Read,
    stages: Vec<Box<dyn Stage<'s> + 's>>,
    batch: Batch<'s>,
    /// How often the first record that an index finds is enough.
    first: Firsts,
    /// The row of each pair.
    rows: Vec<u16>,
    inner: Inner<'s>,
    /// What is read of entries, where these are all that is read of what an index finds; and the values of those that are being paired.
    #[cfg(not(feature = "small"))]
    entries: Option<EntryValues>,
    #[cfg(not(feature = "small"))]
    columns: Vec<(Computed, Vector<'s>)>,
}

/// The first records of keys, and how many of them were enough.
#[derive(Default)]
struct Firsts {
    tried: usize,
    passed: usize,
}

impl Firsts {
    fn note(&mut self, tried: usize, passed: usize) {
        self.tried += tried;
        self.passed += passed;
    }

    /// Whether fewer than a quarter were: then trying them first spares less than it takes.
    fn rarely_passes(&self) -> bool {
        self.tried >= FIRSTS_TRIED && self.passed < self.tried / 4
    }
}

/// After so many it is looked at whether it is of use.
const FIRSTS_TRIED: usize = if cfg!(test) { 8 } else { 256 };

/// The inner side of each pair.
enum Inner<'s> {
    Records(Vec<Option<RecordRef<'s>>>),
    /// Numbers of kept rows.
    Kept(Vec<u32>),
    /// Numbers of entries.
    #[cfg(not(feature = "small"))]
    Entries(Vec<u16>),
}

impl<'s> Pairs<'s> {
    fn push_record(&mut self, row: usize, record: RecordRef<'s>) {
        self.rows.push(row as u16);
        match &mut self.inner {
            Inner::Records(records) => records.push(Some(record)),
            inner => *inner = Inner::Records(Vec::from([Some(record)])),
        }
    }

    #[cfg(not(feature = "small"))]
    fn push_entry(&mut self, row: usize, entry: usize) {
        self.rows.push(row as u16);
        match &mut self.inner {
            Inner::Entries(entries) => entries.push(entry as u16),
            inner => *inner = Inner::Entries(Vec::from([entry as u16])),
        }
    }

    pub(super) fn push_kept(&mut self, row: usize, kept: u32) {
        self.rows.push(row as u16);
        match &mut self.inner {
            Inner::Kept(rows) => rows.push(kept),
            inner => *inner = Inner::Kept(Vec::from([kept])),
        }
    }

    /// Whether something is asked of pairs.
    pub(super) fn is_needed(&self) -> bool {
        !self.stages.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= GATHERED_MAX
    }

    /// Sends the pairs through the stages, and counts those that get through.
    pub(super) fn flush(
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
        for (slot, source) in outer.present().filter(|(slot, _)| self.read.has_slot(*slot)) {
            self.batch.set_source(slot, source.gather(&selected));
        }
        for (computed, values) in outer.computed_values() {
            if self.read.has_computed(computed) {
                self.batch.set_computed(computed, gather(values, &selected));
            }
        }
        match (&mut self.inner, store) {
            (Inner::Records(records), _) => {
                self.batch.set_source(self.slot, Source::Records(core::mem::take(records)));
            }
            (Inner::Kept(rows), Some(store)) => {
                store.fill(rows, &mut self.batch);
                rows.clear();
            }
            #[cfg(not(feature = "small"))]
            (Inner::Entries(numbers), _) => {
                let entries = self.entries.as_ref().expect("those that were read");
                let ranks = numbers.iter().map(|entry| entries.ranks()[usize::from(*entry)]).collect();
                self.batch.set_source(self.slot, Source::Ranks(ranks));
                for (value, column) in &self.columns {
                    self.batch.set_computed(*value, gather(column, &Selected::Sparse(numbers)));
                }
                numbers.clear();
            }
            (Inner::Kept(_), None) => unreachable!("kept rows have a store"),
        }
        for (pair, row) in self.rows.iter().enumerate().filter(|_| !answers.unknown.is_empty()) {
            if let Some(fault) = answers.unknown(usize::from(*row)) {
                self.batch.add_fault(pair, fault);
            }
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

/// The rows of a batch, by the number of what they look for.
#[derive(Default)]
struct Alike {
    /// Where those of each number end; they begin where those of the number before end.
    ends: Vec<u32>,
    rows: Vec<u16>,
}

impl Alike {
    /// Of rows that have these numbers, or [`NO_GROUP`], of so many.
    fn new(numbers: &[u32], count: usize) -> Alike {
        let (mut ends, mut end) = (vec![0; count], 0);
        let present = || numbers.iter().enumerate().filter(|(_, number)| **number != NO_GROUP);
        present().for_each(|(_, number)| ends[*number as usize] += 1);
        for of in &mut ends {
            // Where they begin, until they are put there.
            (*of, end) = (end, end + *of);
        }
        let mut rows = vec![0; end as usize];
        for (row, number) in present() {
            let place = &mut ends[*number as usize];
            rows[*place as usize] = row as u16;
            *place += 1;
        }
        Alike { ends, rows }
    }

    /// How many numbers there are.
    fn len(&self) -> usize {
        self.ends.len()
    }

    /// The rows with this number, in their order.
    fn of(&self, number: usize) -> &[u16] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[start as usize..self.ends[number] as usize]
    }
}

/// The rows of a batch that ask, and what becomes of what is found.
struct Askers<'a, 'n, 's> {
    rows: &'a Alike,
    batch: &'a Batch<'s>,
    pairs: &'a mut Pairs<'s>,
    answers: &'a mut Answers<'n>,
}

impl Askers<'_, '_, '_> {
    /// Whether nothing is read of what is found.
    fn counts_only(&self) -> bool {
        !self.pairs.is_needed() && self.answers.tally.is_none()
    }

    /// Whether nothing more is to be found for the rows with this number.
    fn is_settled(&self, number: usize) -> bool {
        self.rows.of(number).iter().all(|row| self.answers.settled(usize::from(*row)))
    }
}

/// Entries whose records are not yet fetched: their ranks, and the numbers of what they were looked for by.
#[derive(Default)]
struct Waiting {
    ranks: Vec<u128>,
    numbers: Vec<usize>,
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
        let mut numbers = Vec::with_capacity(batch.count());
        let mut scratch = Vec::new();
        for row in 0..batch.count() {
            scratch.clear();
            let asks = !answers.is_faulty(row) && self.append_key(row, &mut scratch);
            numbers.push(if asks { keys.intern(&scratch) as u32 } else { NO_GROUP });
        }
        let rows = Alike::new(&numbers, keys.len());
        match self.index {
            Some(index) => self.search(index, &keys, &rows, batch, pairs, answers)?,
            None => self.look_up(&rows, batch, pairs, answers)?,
        }
        pairs.flush(self.env, batch, None, answers)
    }

    /// Appends what the index has for the records that belong to `row`; `false` when there can be none.
    fn append_key(&self, row: usize, out: &mut Vec<u8>) -> bool {
        let collection = self.env.collection(self.slot);
        append_entry_key(collection, self.index.is_some(), self.links, self.outer, row, out)
    }

    /// Finds the records of all keys in the index, the keys in their order: entries of neighbours lie on one page, and as a rule
    /// their records do.
    fn search(
        &self,
        index: IndexId,
        keys: &KeyTable,
        rows: &Alike,
        batch: &Batch<'s>,
        pairs: &mut Pairs<'s>,
        answers: &mut Answers<'_>,
    ) -> Result<(), ExecError> {
        let Probe { env, .. } = *self;
        let collection = env.collection(self.slot);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        if !order.is_sorted_by_key(|number| keys.key(*number)) {
            order.sort_unstable_by_key(|number| keys.key(*number));
        }
        let mut askers = Askers { rows, batch, pairs, answers };
        let (mut waiting, mut last) = (Waiting::default(), None);
        for number in order {
            let cursor = entries_with(env, collection, index, keys.key(number), &mut last)?;
            self.entries(cursor, number, &mut waiting, &mut askers)?;
        }
        #[cfg(not(feature = "small"))]
        if askers.pairs.entries.is_some() {
            return self.pair_entries(&mut waiting, &mut askers);
        }
        self.pair(&waiting.ranks, &waiting.numbers, &mut askers)
    }

    /// Pairs the entries that were read with the rows of their numbers.
    #[cfg(not(feature = "small"))]
    fn pair_entries(&self, waiting: &mut Waiting, askers: &mut Askers<'_, '_, 's>) -> Result<(), ExecError> {
        let Askers { rows, batch, pairs, answers } = askers;
        let Pairs { entries: Some(entries), columns, .. } = &mut **pairs else { return Ok(()) };
        columns.clear();
        entries.each(&mut |value, column| columns.push((value, column)))?;
        for (entry, number) in waiting.numbers.drain(..).enumerate() {
            for row in rows.of(number).iter().map(|row| usize::from(*row)) {
                if !answers.settled(row) {
                    pairs.push_entry(row, if planted::is(Bug::EntryOfFirst) { 0 } else { entry });
                }
                if pairs.is_full() {
                    pairs.flush(self.env, batch, None, answers)?;
                }
            }
        }
        // Their values go with them.
        pairs.flush(self.env, batch, None, answers)?;
        if let Some(entries) = &mut pairs.entries {
            entries.clear();
        }
        Ok(())
    }

    /// Takes in the entries that a cursor comes to for the rows with this number, as many as tell what is asked.
    fn entries(
        &self,
        cursor: &mut EntryCursor<'s>,
        number: usize,
        waiting: &mut Waiting,
        askers: &mut Askers<'_, '_, 's>,
    ) -> Result<(), ExecError> {
        let counts_only = askers.counts_only();
        let at_once = if counts_only && askers.answers.any { 1 } else { ENTRIES_AT_ONCE };
        while !askers.is_settled(number) {
            self.env.check()?;
            #[cfg(not(feature = "small"))]
            if let (false, Some(entries)) = (counts_only, &mut askers.pairs.entries) {
                let found = entries.read(cursor, at_once)?;
                waiting.numbers.extend(core::iter::repeat_n(number, found));
                if waiting.numbers.len() >= GATHERED_MAX {
                    self.pair_entries(waiting, askers)?;
                }
                if found < at_once {
                    break;
                }
                continue;
            }
            let found = cursor.next_ranks(at_once, &mut waiting.ranks)?;
            if counts_only {
                waiting.ranks.clear();
                for row in askers.rows.of(number) {
                    askers.answers.counts[usize::from(*row)] += found as u64;
                }
            } else {
                waiting.numbers.extend(core::iter::repeat_n(number, found));
                if waiting.ranks.len() >= GATHERED_MAX {
                    self.pair(&waiting.ranks, &waiting.numbers, askers)?;
                    waiting.ranks.clear();
                    waiting.numbers.clear();
                }
            }
            if found < at_once {
                break;
            }
        }
        Ok(())
    }

    /// Fetches records, and pairs each with the rows of its number: those of one number follow each other. Where one that gets through
    /// is enough, the first of each is tried, and then what is left for those for which it did not.
    fn pair(
        &self,
        ranks: &[u128],
        numbers: &[usize],
        askers: &mut Askers<'_, '_, 's>,
    ) -> Result<(), ExecError> {
        if !askers.answers.any || !askers.pairs.is_needed() || askers.pairs.first.rarely_passes() {
            return self.pair_all(ranks, numbers, askers);
        }
        let is_first = |at: usize| at == 0 || numbers[at] != numbers[at - 1];
        let picked = |pick: &dyn Fn(usize) -> bool| -> (Vec<u128>, Vec<usize>) {
            (0..ranks.len()).filter(|at| pick(*at)).map(|at| (ranks[at], numbers[at])).unzip()
        };
        let (first_ranks, first_numbers) = picked(&is_first);
        self.pair_all(&first_ranks, &first_numbers, askers)?;
        askers.pairs.flush(self.env, askers.batch, None, askers.answers)?;
        let left = |at: usize| !is_first(at) && !askers.is_settled(numbers[at]);
        let settled = first_numbers.iter().filter(|number| askers.is_settled(**number)).count();
        let (ranks, numbers) = picked(&left);
        askers.pairs.first.note(first_numbers.len(), settled);
        #[cfg(not(feature = "small"))]
        if planted::is(Bug::OnlyFirstLookedAt) {
            return Ok(());
        }
        self.pair_all(&ranks, &numbers, askers)
    }

    /// As [`pair`](Probe::pair), all of them at once.
    fn pair_all(
        &self,
        ranks: &[u128],
        numbers: &[usize],
        askers: &mut Askers<'_, '_, 's>,
    ) -> Result<(), ExecError> {
        if ranks.is_empty() {
            return Ok(());
        }
        let Askers { rows, batch, pairs, answers } = askers;
        let records = fetch(self.env, self.slot, ranks)?;
        for (record, number) in records.into_iter().zip(numbers) {
            let Some(record) = record else { continue };
            for row in rows.of(*number) {
                let row = usize::from(*row);
                if !answers.settled(row) {
                    pairs.push_record(row, record);
                }
                if pairs.is_full() {
                    pairs.flush(self.env, batch, None, answers)?;
                }
            }
        }
        Ok(())
    }

    /// Finds the records whose own key the rows have: at most one each.
    fn look_up(
        &self,
        groups: &Alike,
        batch: &Batch<'s>,
        pairs: &mut Pairs<'s>,
        answers: &mut Answers<'_>,
    ) -> Result<(), ExecError> {
        let collection = self.env.collection(self.slot);
        let values = &self.outer[0];
        let rank = |group: usize| {
            let first = usize::from(groups.of(group)[0]);
            let cell = values.cell(first).expect("a row without a key has no group");
            key::rank(values.ty(), cell)
        };
        let mut wanted: Vec<(u128, usize)> = (0..groups.len()).map(|group| (rank(group), group)).collect();
        wanted.sort_unstable();
        let ranks: Vec<u128> = wanted.iter().map(|(rank, _)| *rank).collect();
        let mut records = Vec::new();
        self.env.view.get_many(collection, &ranks, &mut records)?;
        for ((_, group), record) in wanted.iter().zip(records) {
            let Some(record) = record else { continue };
            for row in groups.of(*group) {
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

/// Adds the rows of a batch to an aggregate over their groups. A row that may or may not count makes its group's one that has
/// no result.
pub(super) fn add_pairs<'s>(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_together_by_their_numbers() {
        let alike = Alike::new(&[1, NO_GROUP, 0, 1, 3, NO_GROUP, 1], 4);
        let all: Vec<&[u16]> = (0..alike.len()).map(|number| alike.of(number)).collect();
        assert_eq!(all, [&[2][..], &[0, 3, 6], &[], &[4]]);
        assert_eq!(Alike::new(&[NO_GROUP], 0).len(), 0);
    }

    #[test]
    fn first_records_are_tried_first_while_a_quarter_of_them_are_enough() {
        let mut first = Firsts::default();
        first.note(FIRSTS_TRIED - 1, 0);
        assert!(!first.rarely_passes(), "too few to tell");
        first.note(1, FIRSTS_TRIED / 4);
        assert!(!first.rarely_passes());
        first.note(FIRSTS_TRIED, 0);
        assert!(first.rarely_passes());
    }
}
