//! Joins, a batch of rows at a time.
//!
//! The records that belong to a row are found as those of a subquery are, through an index or in a hash table. Up to a
//! thousand pairs become a batch, which goes through the stages of the plan and comes out; where a batch of rows has more,
//! the search stops, and goes on when the next batch is asked for.

#[cfg(not(feature = "small"))]
pub(super) mod aside;
#[cfg(not(feature = "small"))]
mod merge;

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(not(feature = "small"))]
use self::aside::Aside;
#[cfg(not(feature = "small"))]
use self::merge::Merged;
#[cfg(not(feature = "small"))]
use super::band::Run;
use super::built::{Built, Held, Keep, Making};
#[cfg(not(feature = "small"))]
use super::entry_values::EntryValues;
use super::scan::{dangling, entries_with};
#[cfg(not(feature = "small"))]
use super::span::{Spans, Walk, entries_within};
use super::subquery::append_entry_key;
use super::{Operator, Stage};
#[cfg(all(feature = "std", not(feature = "small")))]
use super::{Sharing, not_shared};
use crate::engine::error::{ExecError, RowFault};
#[cfg(not(feature = "small"))]
use crate::engine::estimate::Counter;
use crate::engine::exec::batch::{Batch, GATHERED_MAX, Selected, Source, gather};
use crate::engine::exec::evaluate::evaluate;
#[cfg(not(feature = "small"))]
use crate::engine::exec::meter::Footprint;
#[cfg(not(feature = "small"))]
use crate::engine::exec::sieve::Known;
#[cfg(not(feature = "small"))]
use crate::engine::exec::store::RowStore;
#[cfg(not(feature = "small"))]
use crate::engine::exec::tally::NO_GROUP;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Computed, Link, Slot};
use crate::engine::physical::{self, Answer, Method, PhysicalNode};
#[cfg(not(feature = "small"))]
use crate::engine::physical::{Band, Sifted, Span, max_rank};
use crate::engine::planted::{self, Bug};
use crate::expr::JoinKind;
use crate::parts;
use crate::schema::IndexId;
use crate::storage::facade::EntryCursor;
use crate::storage::records::RecordRef;
use crate::value::{Scalar, key};

pub(super) fn build<'s>(env: &Env<'s>, join: physical::Join) -> Box<dyn Operator<'s> + 's> {
    #[cfg(not(feature = "small"))]
    let spills = join.spills;
    // Of many rows with one key, or with few, a table can be put aside.
    #[cfg(not(feature = "small"))]
    let merges = join.merges
        && !(spills && env.budget.is_given())
        && super::keeps_order(env, &join.input)
        && matches!(&join.method, Method::Hash { inner, .. } if super::keeps_order(env, inner));
    #[cfg(not(feature = "small"))]
    let in_order = join.in_order;
    // Those beneath take what is opened here.
    #[cfg(not(feature = "small"))]
    let known = env.sieves.open(&join.sieves);
    #[cfg(not(feature = "small"))]
    env.sieves.open_ahead(&join.input);
    #[cfg(not(feature = "small"))]
    let sieves = join.sieves;
    #[cfg(not(feature = "small"))]
    let counter = join.counter;
    let physical::Join { input, slot, method, pairs, kind, reads_inner, .. } = join;
    let mut made = Made::default();
    made.note(&pairs);
    #[cfg(not(feature = "small"))]
    let (mut band, mut span, mut entries) = (None, None, None);
    let (finder, links) = match method {
        Method::Probe { .. } if !parts::PROBES => unreachable!("no plan looks into an index for each row"),
        #[cfg(not(feature = "small"))]
        Method::Probe { index, links, span: of_rows, entries: of_each } => {
            made.slots.push(slot);
            span = of_rows;
            entries = of_each
                .filter(|entries| entries.alone)
                .zip(index)
                .map(|(entries, index)| EntryValues::new(env.collection(slot), index, &entries.values));
            (index.map_or(Finder::Key, Finder::Index), links)
        }
        #[cfg(feature = "small")]
        Method::Probe { index, links } => {
            made.slots.push(slot);
            (index.map_or(Finder::Key, Finder::Index), links)
        }
        #[cfg(not(feature = "small"))]
        Method::Hash { inner, links } if merges => {
            made.note(&inner);
            (Finder::Merged(Box::new(Merged::new(env, super::build_gathered(env, *inner)))), links)
        }
        Method::Hash { inner, links } => {
            made.note(&inner);
            (Finder::Table { source: super::build_whole(env, *inner), built: None }, links)
        }
        #[cfg(not(feature = "small"))]
        Method::Loop { inner, band: of_rows } => {
            made.note(&inner);
            band = of_rows;
            (Finder::Table { source: super::build_whole(env, *inner), built: None }, Vec::new())
        }
        #[cfg(feature = "small")]
        Method::Loop { inner } => {
            made.note(&inner);
            (Finder::Table { source: super::build_whole(env, *inner), built: None }, Vec::new())
        }
    };
    Box::new(Join {
        input: super::build_gathered(env, *input),
        outer: Batch::new(env.collections.len(), env.computed.len()),
        slot,
        finder,
        cursor: None,
        #[cfg(not(feature = "small"))]
        band,
        #[cfg(not(feature = "small"))]
        span,
        #[cfg(not(feature = "small"))]
        entries,
        links,
        stages: super::stages(env, *pairs),
        kind,
        reads_inner,
        made,
        search: None,
        rows: Vec::new(),
        kept: Vec::new(),
        #[cfg(not(feature = "small"))]
        in_order,
        #[cfg(not(feature = "small"))]
        spills,
        #[cfg(not(feature = "small"))]
        level: 0,
        #[cfg(not(feature = "small"))]
        aside: None,
        #[cfg(not(feature = "small"))]
        sieves,
        #[cfg(not(feature = "small"))]
        known,
        #[cfg(not(feature = "small"))]
        counter,
    })
}

/// Whether the table of a join, and both sides, are put aside where they are too much: what comes of them has then no order.
#[cfg(not(feature = "small"))]
pub(super) fn may_put_aside(env: &Env<'_>, join: &physical::Join) -> bool {
    let has_table = matches!(&join.method, Method::Hash { links, .. } if !links.is_empty());
    has_table && join.spills && (env.budget.is_given() || env.budget.is_none())
}

/// Pairs rows with the records that belong to them.
struct Join<'s> {
    input: Box<dyn Operator<'s> + 's>,
    /// The rows being paired.
    outer: Batch<'s>,
    slot: Slot,
    finder: Finder<'s>,
    /// What found the last ones in an index.
    cursor: Option<EntryCursor<'s>>,
    /// The range of a table that belongs to a row.
    #[cfg(not(feature = "small"))]
    band: Option<Box<Band>>,
    /// The range of an index, or of keys, that does.
    #[cfg(not(feature = "small"))]
    span: Option<Box<Span>>,
    /// What is read of entries, where these are all that is read of what an index finds.
    #[cfg(not(feature = "small"))]
    entries: Option<EntryValues>,
    links: Vec<Link>,
    stages: Vec<Box<dyn Stage<'s> + 's>>,
    kind: JoinKind,
    /// Whether a table is made if there is nothing to be found in it, because making it may fail.
    reads_inner: bool,
    made: Made,
    search: Option<Search<'s>>,
    /// Of each pair the row, and the number of the inner one where those are kept.
    rows: Vec<u16>,
    kept: Vec<u32>,
    /// Whether rows without a pair come between the others, as the rows that were paired do.
    #[cfg(not(feature = "small"))]
    in_order: bool,
    /// Whether its sides can be put aside.
    #[cfg(not(feature = "small"))]
    spills: bool,
    /// So many times its rows have been put aside.
    #[cfg(not(feature = "small"))]
    level: u32,
    /// Its sides, where its table would have been too much.
    #[cfg(not(feature = "small"))]
    aside: Option<Box<Aside<'s>>>,
    /// What its table has is asked of its input beneath; and how those who ask know it.
    #[cfg(not(feature = "small"))]
    sieves: Vec<Sifted>,
    #[cfg(not(feature = "small"))]
    known: Vec<Known>,
    /// What its rows are counted by.
    #[cfg(not(feature = "small"))]
    counter: Counter,
}

/// What pairs have beside what rows have.
#[derive(Clone, Default)]
struct Made {
    slots: Vec<Slot>,
    computed: Vec<Computed>,
}

impl Made {
    /// Notes what a node and those beneath it make.
    fn note(&mut self, node: &PhysicalNode) {
        use physical::Operator as P;
        match &node.operator {
            P::Scan(scan) => return self.slots.push(scan.slot),
            P::Lookup { into, .. } => self.slots.push(*into),
            #[cfg(not(feature = "small"))]
            P::Among(among) => return self.note(&among.input),
            #[cfg(not(feature = "small"))]
            P::Sieve(_) | P::Ahead(_) => {}
            P::Subquery(subquery) => {
                if let Answer::Value(output) = subquery.answer {
                    self.computed.push(output);
                }
                // What a subquery reads is its own.
                return self.note(&subquery.input);
            }
            P::Join(join) => {
                if let Method::Probe { .. } = join.method {
                    self.slots.push(join.slot);
                }
            }
            P::Aggregate { keys, items, .. } => {
                let keys = keys.iter().map(|key| key.output);
                return self.computed.extend(keys.chain(items.iter().map(|item| item.output)));
            }
            P::Shared { columns, .. } => {
                return self.computed.extend(columns.iter().map(|column| column.output));
            }
            P::Previous { columns, .. } => return self.computed.extend(columns.iter().copied()),
            P::Set { columns, .. } | P::Recursive { columns, .. } => {
                return self.computed.extend(columns.iter().map(|column| column.output));
            }
            P::Window { items, .. } => self.computed.extend(items.iter().map(|item| item.output)),
            P::CountRecords { outputs, .. } => self.computed.extend(outputs),
            P::Pairs
            | P::Filter { .. }
            | P::Native { .. }
            | P::Sort { .. }
            | P::Limit { .. }
            | P::Metered(_) => {}
        }
        node.children().into_iter().for_each(|child| self.note(child));
    }
}

/// Where the records of a row are found.
enum Finder<'s> {
    /// By their key.
    Key,
    /// In an index.
    Index(IndexId),
    /// In a hash table by the links' inner sides; without links everything is in one place of it.
    Table { source: Box<dyn Operator<'s> + 's>, built: Option<Held<Built<'s>>> },
    /// Beside it: both come in the order of the links.
    #[cfg(not(feature = "small"))]
    Merged(Box<Merged<'s>>),
}

/// How far a batch of rows is paired.
struct Search<'s> {
    /// The values that its rows are linked by.
    values: Vec<Vector<'s>>,
    /// The numbers of its rows' keys in a table.
    numbers: Vec<u32>,
    /// The ranges of a table that belong to its rows, where they are in order.
    #[cfg(not(feature = "small"))]
    runs: Option<Vec<Run>>,
    /// Those of an index, or of keys.
    #[cfg(not(feature = "small"))]
    spans: Option<Spans<'s>>,
    /// The records in that of the row, of keys.
    #[cfg(not(feature = "small"))]
    walk: Option<Walk<'s>>,
    /// Which rows came out in a pair.
    paired: Vec<bool>,
    /// So many of the first rows have come out also where they have none.
    #[cfg(not(feature = "small"))]
    settled: usize,
    /// The first row that may have pairs yet.
    row: usize,
    /// Where that row's go on in a table.
    kept: Option<u32>,
    /// Whether they do in an index.
    is_in_row: bool,
    /// Whether the rows without a pair are what is left.
    is_paired: bool,
}

#[cfg(not(feature = "small"))]
impl<'s> Search<'s> {
    /// Finds the next pairs of the first `count` rows with the records in ranges of keys: appends the rows, and gives the records.
    fn pair_keys(
        &mut self,
        env: &Env<'s>,
        slot: Slot,
        count: usize,
        rows: &mut Vec<u16>,
    ) -> Result<Vec<Option<RecordRef<'s>>>, ExecError> {
        let spans = self.spans.as_ref().expect("it has ranges");
        let collection = env.collection(slot);
        let mut records = Vec::new();
        while self.row < count && rows.len() < GATHERED_MAX {
            if self.walk.is_none()
                && let Some(range) = spans.ranks(max_rank(collection), self.row)
            {
                self.walk = Some(Walk::new(env, collection, range)?);
            }
            let leaf = match &mut self.walk {
                Some(walk) => walk.leaf()?,
                None => None,
            };
            let Some((leaf, next)) = leaf else {
                (self.row, self.walk) = (self.row + 1, None);
                continue;
            };
            let end = leaf.len().min(*next + GATHERED_MAX - rows.len());
            rows.extend(core::iter::repeat_n(self.row as u16, end - *next));
            records.extend((*next..end).map(|row| Some(leaf.record(row))));
            *next = end;
        }
        self.is_paired = self.row >= count;
        Ok(records)
    }
}

impl Search<'_> {
    /// Why something that a row is linked by has no value.
    fn fault(&self, row: usize) -> Option<&RowFault> {
        self.values.iter().find_map(|values| values.fault(row))
    }

    /// Appends the next pairs of the first `count` rows with kept ones, about as many as a batch has: `next` gives the one that the row
    /// of the search is paired with after another, or first.
    #[inline]
    fn pair_kept(
        &mut self,
        count: usize,
        rows: &mut Vec<u16>,
        kept: &mut Vec<u32>,
        next: impl Fn(&Self, Option<u32>) -> Option<u32>,
    ) {
        while self.row < count {
            let last = self.kept.take();
            match next(self, last) {
                None => self.row += 1,
                Some(next) => {
                    rows.push(self.row as u16);
                    kept.push(next);
                    self.kept = Some(next);
                    if rows.len() >= GATHERED_MAX {
                        return;
                    }
                }
            }
        }
        self.is_paired = true;
    }

    /// The first of the kept rows that a row is paired with.
    fn first(&self, built: &Built<'_>) -> Option<u32> {
        #[cfg(not(feature = "small"))]
        if let Some(runs) = &self.runs {
            let (first, end) = runs[self.row];
            return (first != end).then_some(first);
        }
        built.first(self.numbers[self.row])
    }

    /// The one after `kept`.
    fn after(&self, built: &Built<'_>, kept: u32) -> Option<u32> {
        let next = built.after(kept);
        #[cfg(not(feature = "small"))]
        if let Some(runs) = &self.runs {
            return next.filter(|next| *next != runs[self.row].1);
        }
        next
    }
}

impl<'s> Operator<'s> for Join<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let any = self.paired(env, batch)?;
        // Those that sieves have dropped would have been taken.
        #[cfg(not(feature = "small"))]
        if !self.known.is_empty() {
            let dropped = self.known.iter().map(|known| known.take_dropped()).sum();
            env.counts.add(self.counter, dropped, 0);
        }
        #[cfg(not(feature = "small"))]
        match any {
            true => env.counts.add(self.counter, 0, batch.count()),
            // What was put aside was not counted when it was taken.
            false if self.aside.is_none() => env.counts.end(self.counter),
            false => {}
        }
        Ok(any)
    }

    /// How many pairs a row has is not known.
    fn expect(&mut self, rows: usize) {
        self.input.expect(rows);
    }

    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        let memory = match &self.finder {
            Finder::Table { built: Some(built), .. } => built.size(),
            Finder::Merged(merged) => merged.size(),
            _ => 0,
        };
        // Of the partitions one is joined at a time.
        let part = self.aside.as_ref().map_or(0, |aside| aside.memory());
        Footprint { spilled: self.spilled(), ..Footprint::in_memory(memory + part) }
    }

    #[cfg(all(feature = "std", not(feature = "small")))]
    fn share(&mut self, env: &Env<'s>, sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        // What sieves beneath ask is to be known before tables there are made.
        if self.sieves.is_empty() {
            self.input.share(env, sharing)?;
        }
        match &mut self.finder {
            Finder::Table { source, built } => {
                let of = Making::by(&self.links, Keep::Rows).sieved(&self.sieves);
                let band = self.band.as_deref();
                let table = sharing.table(|| Built::to_share(env, &mut **source, of, band))?;
                table.tell(&self.known);
                *built = Some(table);
            }
            // Rows of the other side that were passed over are not come back to.
            Finder::Merged(_) => return Err(not_shared()),
            Finder::Key | Finder::Index(_) => {}
        }
        if !self.sieves.is_empty() {
            self.input.share(env, sharing)?;
        }
        self.stages.iter_mut().try_for_each(|stage| stage.share(env, sharing))
    }
}

impl<'s> Join<'s> {
    /// As [`Operator::next`].
    fn paired(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        loop {
            env.check()?;
            #[cfg(not(feature = "small"))]
            if let Some(mut aside) = self.aside.take() {
                let given = aside.next(env, self, batch);
                self.aside = Some(aside);
                return given;
            }
            // What sieves ask of rows is to be known before the first.
            #[cfg(not(feature = "small"))]
            if !self.sieves.is_empty() && matches!(self.finder, Finder::Table { built: None, .. }) {
                self.table(env, None)?;
                continue;
            }
            if self.search.is_none() {
                if !self.input.next(env, &mut self.outer)? {
                    if self.reads_inner {
                        self.table(env, Some(false))?;
                    }
                    return Ok(false);
                }
                let taken = self.outer.count();
                if taken == 0 {
                    continue;
                }
                #[cfg(not(feature = "small"))]
                env.counts.add(self.counter, taken, 0);
                self.table(env, Some(true))?;
                #[cfg(not(feature = "small"))]
                if self.aside.is_some() {
                    continue;
                }
                #[cfg(not(feature = "small"))]
                if self.in_place(env, batch)? {
                    if batch.count() > 0 {
                        return Ok(true);
                    }
                    continue;
                }
                self.begin(env)?;
            }
            let search = self.search.as_mut().expect("begun above");
            if search.is_paired {
                let search = self.search.take().expect("begun above");
                if self.without_pair(env, &search, batch) {
                    return Ok(true);
                }
                continue;
            }
            self.rows.clear();
            self.kept.clear();
            let records = self.pair(env)?;
            if self.rows.is_empty() {
                continue;
            }
            self.fill(batch, records)?;
            if planted::is(Bug::PairedTooEarly)
                && let Some(search) = &mut self.search
            {
                batch.selected().for_each(|pair| search.paired[batch.origin(pair)] = true);
            }
            for stage in &mut self.stages {
                stage.apply(env, batch)?;
            }
            let search = self.search.as_mut().expect("begun above");
            batch.selected().for_each(|pair| search.paired[batch.origin(pair)] = true);
            #[cfg(not(feature = "small"))]
            if self.in_order && self.kind == JoinKind::Left {
                self.settle(env, batch);
            }
            if batch.count() > 0 {
                return Ok(true);
            }
        }
    }

    /// Makes the table, if records are found in one and it is not yet made; or puts both sides aside, with the rows of `outer` if
    /// there are such, or which are read if that is not known.
    #[cfg_attr(feature = "small", expect(unused_variables, reason = "nothing is put aside there"))]
    fn table(&mut self, env: &Env<'s>, has_outer: Option<bool>) -> Result<(), ExecError> {
        let Finder::Table { source, built: built @ None } = &mut self.finder else { return Ok(()) };
        let of = Making::by(&self.links, Keep::Rows);
        #[cfg(not(feature = "small"))]
        if self.spills
            && !self.links.is_empty()
            && self.level < aside::LEVELS_MAX
            && (env.budget.is_given() || env.budget.is_none())
        {
            let at_once = env.budget.is_none() && self.level == 0;
            match Built::within(env, &mut **source, of.sieved(&self.sieves), at_once)? {
                (new, true) => {
                    new.tell(&self.known);
                    *built = Some(Held::new(new));
                }
                (new, false) => {
                    let has_outer = match has_outer {
                        Some(known) => known,
                        None => self.input.next(env, &mut self.outer)?,
                    };
                    self.aside = Some(Box::new(Aside::new(env, self, new, has_outer)?));
                }
            }
            return Ok(());
        }
        #[cfg(not(feature = "small"))]
        let of = of.sieved(&self.sieves);
        let new = Built::new(env, &mut **source, of)?;
        #[cfg(not(feature = "small"))]
        new.tell(&self.known);
        #[cfg(not(feature = "small"))]
        let new = match &self.band {
            Some(band) => new.sorted(env, band)?,
            None => new,
        };
        *built = Some(Held::new(new));
        Ok(())
    }

    /// The bytes put aside so far.
    #[cfg(not(feature = "small"))]
    fn spilled(&self) -> u64 {
        self.aside.as_ref().map_or(0, |aside| aside.spilled())
    }

    /// Where each row has one partner at most: makes `batch` the rows of `outer` with theirs, none of which is moved. Whether it is
    /// so.
    #[cfg(not(feature = "small"))]
    fn in_place(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let Finder::Table { built: Some(built), .. } = &self.finder else { return Ok(false) };
        let is_inner = self.kind == JoinKind::Inner;
        // What has no partner stays, with nothing; what a stage drops would have to come back so.
        let suits = is_inner || self.stages.is_empty() && built.store.has_records();
        if !built.is_single() || !suits || built.store.len() == 0 {
            return Ok(false);
        }
        self.outer.loosen();
        let mut values = Vec::with_capacity(self.links.len());
        for link in &self.links {
            let of = evaluate(env, &link.outer, &self.outer)?;
            if !of.faults().is_empty() {
                return Ok(false);
            }
            values.push(of);
        }
        core::mem::swap(batch, &mut self.outer);
        let mut numbers = Vec::new();
        built.find_all(&self.links, &values, batch.count(), &mut numbers);
        built.single_rows(&mut numbers);
        let rows = batch.spread(numbers);
        if is_inner {
            batch.retain(|_, row| rows[row] != NO_GROUP);
            if batch.count() == 0 {
                return Ok(true);
            }
        }
        if built.store.has_faults() {
            for (row, partner) in rows.iter().enumerate() {
                if *partner != NO_GROUP
                    && let Some(fault) = built.store.fault(*partner)
                {
                    batch.add_fault(row, fault);
                }
            }
        }
        built.store.place(rows, batch);
        for stage in &mut self.stages {
            stage.apply(env, batch)?;
        }
        Ok(true)
    }

    /// Begins to pair the rows of `outer`.
    fn begin(&mut self, env: &Env<'s>) -> Result<(), ExecError> {
        let mut values = Vec::with_capacity(self.links.len());
        for link in &self.links {
            let of = evaluate(env, &link.outer, &self.outer)?;
            values.push(of);
        }
        let mut numbers = Vec::new();
        #[cfg(not(feature = "small"))]
        if let Finder::Merged(merged) = &mut self.finder {
            merged.find_all(env, &self.links, &values, self.outer.count(), &mut numbers)?;
        }
        if let Finder::Table { built: Some(built), .. } = &self.finder {
            let rows = self.outer.count();
            built.find_all(&self.links, &values, rows, &mut numbers);
            // Rows without a partner go before anything of them is moved.
            let is_paired = |row: usize| {
                built.first(numbers[row]).is_some() || values.iter().any(|values| values.fault(row).is_some())
            };
            if self.kind == JoinKind::Inner && !(0..rows).all(is_paired) {
                let left: Vec<usize> = (0..rows).filter(|row| is_paired(*row)).collect();
                let mut next = left.iter().copied().peekable();
                self.outer.retain(|at, _| next.next_if_eq(&at).is_some());
                values = values.iter().map(|values| values.gather(left.iter().copied())).collect();
                numbers = left.iter().map(|row| numbers[*row]).collect();
            }
        }
        self.outer.compact();
        let paired = vec![false; self.outer.count()];
        #[cfg(not(feature = "small"))]
        let runs = match &self.finder {
            Finder::Table { built: Some(built), .. } => built.runs(env, &self.outer)?,
            _ => None,
        };
        #[cfg(not(feature = "small"))]
        let spans = match &self.span {
            Some(span) => Some(Spans::new(env, span, self.slot, &self.outer)?),
            None => None,
        };
        let search = Search {
            values,
            numbers,
            #[cfg(not(feature = "small"))]
            runs,
            #[cfg(not(feature = "small"))]
            spans,
            #[cfg(not(feature = "small"))]
            walk: None,
            paired,
            #[cfg(not(feature = "small"))]
            settled: 0,
            row: 0,
            kept: None,
            is_in_row: false,
            is_paired: false,
        };
        self.search = Some(search);
        Ok(())
    }

    /// Finds the next pairs. Gives the inner records, where they are not kept.
    fn pair(&mut self, env: &Env<'s>) -> Result<Vec<Option<RecordRef<'s>>>, ExecError> {
        #[cfg(not(feature = "small"))]
        let Join { outer, finder, cursor, links, search, rows, kept, slot, entries: of_each, .. } = self;
        #[cfg(feature = "small")]
        let Join { outer, finder, cursor, links, search, rows, kept, slot, .. } = self;
        let search = search.as_mut().expect("a search has begun");
        let count = outer.count();
        let mut scratch = Vec::new();
        match finder {
            Finder::Table { built, .. } => {
                let built = built.as_ref().expect("built when the search began");
                search.pair_kept(count, rows, kept, |search, last| {
                    // Of a row that is linked by nothing that has a value, every pair may be one.
                    let is_unknown = search.fault(search.row).is_some();
                    match last {
                        None if is_unknown => (built.store.len() > 0).then_some(0),
                        Some(last) if is_unknown => {
                            Some(last + 1).filter(|next| (*next as usize) < built.store.len())
                        }
                        None => search.first(built),
                        Some(last) => search.after(built, last),
                    }
                });
                Ok(Vec::new())
            }
            #[cfg(not(feature = "small"))]
            Finder::Merged(merged) => {
                search.pair_kept(count, rows, kept, |search, last| match last {
                    None => Some(search.numbers[search.row]).filter(|number| *number != NO_GROUP),
                    Some(last) => merged.after(last),
                });
                Ok(Vec::new())
            }
            Finder::Index(_) | Finder::Key if !parts::PROBES => {
                unreachable!("no plan looks into an index for each row")
            }
            #[cfg(not(feature = "small"))]
            Finder::Key if search.spans.is_some() => search.pair_keys(env, *slot, count, rows),
            Finder::Key => {
                search.is_paired = true;
                let mut ranks = Vec::with_capacity(count);
                let values = &search.values[0];
                for row in 0..count {
                    if let Some(cell) = values.cell(row) {
                        rows.push(row as u16);
                        ranks.push(key::rank(values.ty(), cell));
                    }
                }
                let mut records = fetch(env, *slot, &ranks)?;
                let mut found = records.iter().map(Option::is_some);
                rows.retain(|_| found.next().unwrap_or(false));
                records.retain(Option::is_some);
                Ok(records)
            }
            Finder::Index(index) => {
                let collection = env.collection(*slot);
                let mut ranks = Vec::new();
                #[cfg(not(feature = "small"))]
                if let Some(entries) = of_each
                    && !planted::is(Bug::EntriesOfBefore)
                {
                    entries.clear();
                }
                while search.row < count && rows.len() < GATHERED_MAX {
                    if !search.is_in_row {
                        scratch.clear();
                        let row = search.row;
                        if !append_entry_key(collection, true, links, &search.values, row, &mut scratch) {
                            search.row += 1;
                            continue;
                        }
                        #[cfg(not(feature = "small"))]
                        if let Some(spans) = &search.spans {
                            let Some(range) = spans.range(&scratch, row) else {
                                search.row += 1;
                                continue;
                            };
                            entries_within(env, collection, *index, &range, cursor)?;
                        } else {
                            entries_with(env, collection, *index, &scratch, cursor)?;
                        }
                        #[cfg(feature = "small")]
                        entries_with(env, collection, *index, &scratch, cursor)?;
                        search.is_in_row = true;
                    }
                    let cursor = cursor.as_mut().expect("a row has been searched for");
                    let at_once = GATHERED_MAX - rows.len();
                    #[cfg(not(feature = "small"))]
                    let found = match of_each {
                        Some(entries) => entries.read(cursor, at_once)?,
                        None => cursor.next_ranks(at_once, &mut ranks)?,
                    };
                    #[cfg(feature = "small")]
                    let found = cursor.next_ranks(at_once, &mut ranks)?;
                    match found {
                        0 => (search.row, search.is_in_row) = (search.row + 1, false),
                        found => rows.extend(core::iter::repeat_n(search.row as u16, found)),
                    }
                }
                search.is_paired = search.row >= count;
                let records = fetch(env, *slot, &ranks)?;
                match records.iter().position(Option::is_none) {
                    Some(missing) => Err(dangling(collection, ranks[missing]).into()),
                    None => Ok(records),
                }
            }
        }
    }

    /// Makes `batch` the pairs found.
    fn fill(&mut self, batch: &mut Batch<'s>, records: Vec<Option<RecordRef<'s>>>) -> Result<(), ExecError> {
        self.take_rows(batch);
        let search = self.search.as_ref().expect("a search has begun");
        for (at, row) in self.rows.iter().enumerate() {
            if let Some(fault) = search.fault(usize::from(*row)) {
                batch.add_fault(at, fault);
            }
        }
        match &self.finder {
            Finder::Table { built, .. } => {
                built.as_ref().expect("pairs come from a table").store.fill(&self.kept, batch);
            }
            #[cfg(not(feature = "small"))]
            Finder::Merged(merged) => merged.store.fill(&self.kept, batch),
            #[cfg(not(feature = "small"))]
            Finder::Index(_) if let Some(entries) = &mut self.entries => {
                entries.make(batch)?;
                batch.set_source(self.slot, Source::Ranks(entries.take_ranks()));
            }
            Finder::Key | Finder::Index(_) => batch.set_source(self.slot, Source::Records(records)),
        }
        batch.set_origins(&self.rows);
        Ok(())
    }

    /// Makes `batch` the rows of `self.rows`, without anything beside them.
    fn take_rows(&mut self, batch: &mut Batch<'s>) {
        let Join { outer, rows, .. } = self;
        let selected = Selected::Sparse(rows);
        batch.reset(rows.len());
        for (slot, source) in outer.present() {
            batch.set_source(slot, source.gather(&selected));
        }
        for (computed, values) in outer.computed_values() {
            batch.set_computed(computed, gather(values, &selected));
        }
        if outer.has_faults() {
            for (at, row) in rows.iter().enumerate() {
                if let Some(fault) = outer.fault(usize::from(*row)) {
                    batch.add_fault(at, fault);
                }
            }
        }
    }

    /// Puts the rows that stay without a pair, of those whose pairs have all been made, between the pairs in `batch`, where their places are.
    #[cfg(not(feature = "small"))]
    fn settle(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) {
        let search = self.search.as_mut().expect("a search has begun");
        let end = if search.is_paired { search.paired.len() } else { search.row };
        let from = core::mem::replace(&mut search.settled, end);
        self.rows.clear();
        self.rows.extend((from..end).filter(|row| !search.paired[*row]).map(|row| row as u16));
        if self.rows.is_empty() {
            return;
        }
        let mut store = RowStore::default();
        let mut places = Vec::with_capacity(batch.count() + self.rows.len());
        batch.selected().for_each(|pair| places.push(batch.origin(pair) as u16));
        if !places.is_empty() {
            store.push(batch);
        }
        self.without_partner(env, batch);
        if places.is_empty() {
            return;
        }
        store.push(batch);
        places.extend(&self.rows);
        let mut order: Vec<u32> = (0..places.len() as u32).collect();
        if !planted::is(Bug::UnpairedLast) {
            order.sort_by_key(|row| places[*row as usize]);
        }
        batch.reset(order.len());
        store.fill(&order, batch);
    }

    /// Makes `batch` the rows that stay without a pair; whether there are any.
    fn without_pair(&mut self, env: &Env<'s>, search: &Search<'s>, batch: &mut Batch<'s>) -> bool {
        self.rows.clear();
        #[cfg(not(feature = "small"))]
        let settled = search.settled;
        #[cfg(feature = "small")]
        let settled = 0;
        if self.kind == JoinKind::Left {
            let rows = search.paired.iter().enumerate().skip(settled).filter(|(_, paired)| !**paired);
            self.rows.extend(rows.map(|(row, _)| row as u16));
        }
        if self.rows.is_empty() {
            return false;
        }
        self.without_partner(env, batch);
        true
    }

    /// Makes `batch` the rows of `self.rows`, with nothing of the other side.
    fn without_partner(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) {
        self.take_rows(batch);
        let count = self.rows.len();
        for slot in &self.made.slots {
            batch.set_source(*slot, Source::Records(vec![None; count]));
        }
        for computed in &self.made.computed {
            let ty = env.computed[usize::from(computed.0)];
            batch.set_computed(*computed, Vector::constant(ty, &Scalar::Null, count));
        }
    }
}

/// The records with these ranks, in their order; each is fetched once, by ascending rank.
pub(super) fn fetch<'s>(
    env: &Env<'s>,
    slot: Slot,
    ranks: &[u128],
) -> Result<Vec<Option<RecordRef<'s>>>, ExecError> {
    if parts::LOOPS && ranks.is_sorted_by(|a, b| a < b) {
        let mut records = Vec::with_capacity(ranks.len());
        env.view.get_many(env.collection(slot), ranks, &mut records)?;
        return Ok(records);
    }
    let mut wanted: Vec<(u128, u32)> = ranks.iter().copied().zip(0..).collect();
    if !wanted.is_sorted() {
        wanted.sort_unstable();
    }
    let mut distinct: Vec<u128> = wanted.iter().map(|(rank, _)| *rank).collect();
    distinct.dedup();
    let mut found = Vec::with_capacity(distinct.len());
    env.view.get_many(env.collection(slot), &distinct, &mut found)?;
    let mut records = vec![None; ranks.len()];
    let mut at = 0;
    for (rank, place) in wanted {
        at += usize::from(distinct[at] != rank);
        records[place as usize] = found[at];
    }
    Ok(records)
}
