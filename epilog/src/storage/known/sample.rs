//! Statistics of a sample: leaves that are evenly spread over a collection, and over each of its indexes.
//!
//! How many different values the first fields of an index have is counted where values change from one entry to the next: the
//! part of neighbours that differ is the same in a sample of leaves as in the whole index, whatever the values are, so that the
//! estimate is right on average. Where few changes were seen it is no more than that, right on average; then it counts whether one
//! leaf begins with what the one before it in the sample ends with, and what a sample of records has. For a field that leads no index it is estimated from how many values were met once only:
//! P. Haas and L. Stokes, "Estimating the number of classes in a finite population", JASA 1998, as PostgreSQL does; that is off by
//! a factor of several where most values are rare.
//!
//! What is made is the same for the same pages.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Bound;

use super::super::btree::sampled::spread;
use super::super::facade::{Direction, View};
use super::super::records::{RecordRef, keys};
use super::StorageError;
use crate::parts::Amount;
use crate::schema::{CollectionDef, IndexDef, Spot};
use crate::statistics::{
    CollectionStatistics, FieldStatistics, HEAVY_HITTERS_MAX, HeavyHitter, IndexStatistics, RANGES_MAX,
};
use crate::value::decimal::DecimalParts;
use crate::value::{DecodeError, Scalar, Type, key};

/// So many leaves of a collection are looked at.
const LEAVES_MAX: usize = 64;

/// Fewer are too few to tell of all.
pub(super) const LEAVES_MIN: usize = 16;

/// So many records, about.
const RECORDS_MAX: usize = 4096;

/// So many leaves of each index.
const INDEX_LEAVES_MAX: usize = 32;

/// So many entries that follow each other are looked at together.
const RUN: usize = 256;

/// Of fewer leaves it is not asked how far an index has records in their order: there a run is on most of them, wherever it leads.
const IN_ORDER_LEAVES_MIN: Amount = 512.0;

/// Longer values are not looked at: each is taken to be like no other.
const VALUE_BYTES_MAX: usize = 256;

/// Of texts so many bytes are kept as bounds.
const BOUND_BYTES_MAX: usize = 32;

/// Fewer changes of an index's first fields may be chance: of few values nearly all lie in leaves that were not read.
const CHANGES_MIN: u64 = 16;

/// A value is a heavy hitter when it was met so often in a sample: fewer may be chance.
const MET_MIN: usize = 5;

/// Makes statistics of a collection of `count` records, as of `commit`.
pub(super) fn sample(
    view: &View<'_>,
    collection: &CollectionDef,
    count: u64,
    commit: u64,
) -> Result<CollectionStatistics, StorageError> {
    let collection = view.catalog().collection(collection.id).map_or(collection, |stored| stored);
    let (records, places) = records(view, collection, count)?;
    let (mut indexes, mut changes) = (Vec::new(), Vec::new());
    for index in &collection.indexes {
        let (made, seen) = of_index(view, collection, index, count, &places)?;
        indexes.push(made);
        changes.push(seen);
    }
    let sampled = (records.len() as u64).min(count);
    let mut fields = Vec::new();
    for position in 0..collection.fields.len() as u16 {
        let ty = collection.fields[usize::from(position)].ty;
        if matches!(ty, Type::Bytes | Type::Blob) || ty.is_list() || ty.is_json() {
            continue;
        }
        let (mut field, all_met) = of_field(collection, position, &records, count)?;
        if all_met {
            correct_indexes(collection, &field, (&mut indexes, &changes), sampled == count);
        }
        if sampled < count {
            correct_by_indexes(view, collection, &indexes, count, &mut field)?;
        }
        fields.push(field);
    }
    let collection = collection.name.clone();
    Ok(CollectionStatistics {
        collection,
        count,
        leaves: 0,
        bytes_per_record: 0,
        made_of: count,
        made_at: commit,
        sampled,
        changed: 0,
        fields,
        indexes,
    })
}

/// Where a collection's records lie: the least ranks of some leaves, evenly spread, and about how many leaves there are.
struct Places {
    ranks: Vec<u128>,
    leaves: Amount,
}

impl Places {
    /// The number of the leaf that a record lies on, about: ranks between two that are known are taken to be even.
    fn of(&self, rank: u128) -> u64 {
        let at = self.ranks.partition_point(|least| *least <= rank).saturating_sub(1);
        let part = match (self.ranks.get(at), self.ranks.get(at + 1)) {
            (Some(low), Some(high)) => {
                (rank.saturating_sub(*low) as Amount / high.saturating_sub(*low).max(1) as Amount).min(1.0)
            }
            _ => 0.0,
        };
        ((at as Amount + part) / self.ranks.len().max(1) as Amount * self.leaves) as u64
    }
}

/// Entries of an index that follow each other, and the leaves that they lead to.
#[derive(Default)]
struct Runs {
    /// The leaves of the run that goes on.
    leaves: Vec<u64>,
    /// How many entries runs have behind the first.
    others: u64,
    /// How many of these lead to a leaf that none of their run has led to.
    elsewhere: u64,
}

impl Runs {
    fn push(&mut self, leaf: u64) {
        self.leaves.push(leaf);
        if self.leaves.len() == RUN {
            self.end();
        }
    }

    /// What follows is another run.
    fn end(&mut self) {
        let Some(others) = self.leaves.len().checked_sub(1) else { return };
        self.others += others as u64;
        self.leaves.sort_unstable();
        self.leaves.dedup();
        self.elsewhere += self.leaves.len() as u64 - 1;
        self.leaves.clear();
    }

    /// Of a thousand entries.
    fn per_1000(mut self) -> Option<u16> {
        self.end();
        let per_1000 = (self.elsewhere * 1000).checked_div(self.others)?;
        Some(per_1000 as u16)
    }
}

/// Some of a collection's records, of which there are so many, and where they lie.
fn records<'s>(
    view: &View<'s>,
    collection: &CollectionDef,
    count: u64,
) -> Result<(Vec<RecordRef<'s>>, Places), StorageError> {
    let collection = view.catalog().collection(collection.id).expect("a collection of this catalog");
    let leaves_max = view.records_at_once(collection).clamp(LEAVES_MIN, LEAVES_MAX);
    let (ranks, all) = view.spread_leaves(collection, leaves_max)?;
    let each = (RECORDS_MAX / ranks.len().max(1)).max(1);
    let mut records = Vec::new();
    let (mut met, mut met_on) = (0, 0);
    for (number, rank) in ranks.iter().enumerate() {
        let high = match ranks.get(number + 1) {
            Some(next) => next.saturating_sub(1),
            None => u128::MAX,
        };
        let mut leaves = view.leaves(collection, *rank, high, Direction::Forward)?;
        if let Some(leaf) = leaves.next_leaf()? {
            (met, met_on) = (met + leaf.len(), met_on + 1);
            let rows = Vec::from_iter(0..leaf.len());
            let rows = if all && leaf.len() <= each { rows } else { spread(rows, each) };
            records.extend(rows.into_iter().map(|row| leaf.record(row)));
        }
    }
    let of_each = met as Amount / Amount::from(met_on).max(1.0);
    let leaves = if all { ranks.len() as Amount } else { (count as Amount / of_each.max(1.0)).max(1.0) };
    Ok((records, Places { ranks, leaves }))
}

/// Where the first fields of an index change, as far as was seen.
#[derive(Clone, Copy, Default)]
struct Changes {
    /// From an entry to the next.
    seen: u64,
    /// From what was read of one leaf to the next leaf that was read, with others between.
    across: u64,
    /// Which part of all neighbours was looked at.
    share: Amount,
}

impl Changes {
    /// Whether these are too few to tell of all, and no more than chance has where there are `distinct` values.
    fn are_chance(self, distinct: u64) -> bool {
        self.seen < CHANGES_MIN && self.seen as Amount <= 4.0 + 3.0 * self.share * distinct as Amount
    }

    /// How many different values there are at least.
    fn least(self) -> u64 {
        1 + self.seen + self.across
    }

    /// How many there are about in an index of `count` entries, of which leaves were looked at with `gaps` between them.
    fn estimate(self, count: u64, gaps: u64) -> u64 {
        let Changes { seen, across, share } = self;
        if share == 0.0 {
            return self.least().min(count);
        }
        let by_pairs = seen as Amount / share;
        // Of many gaps those with a change are known, which is more than a few changes within leaves tell.
        if seen >= CHANGES_MIN || across == gaps {
            return (1 + by_pairs as u64).min(count).max(self.least());
        }
        // Changes that fall anywhere: as many as leave so many gaps without one. The first terms of a logarithm's series.
        let share = across as Amount / gaps as Amount;
        let among =
            across as Amount * (1.0 + share / 2.0 + share * share / 3.0 + share * share * share / 4.0);
        (1 + seen + among as u64).min(count)
    }
}

/// How many different values the first fields of an index have, and how far it has records in the order in which they lie; and how often
/// the first field was seen to change, unless all of it was read.
fn of_index(
    view: &View<'_>,
    collection: &CollectionDef,
    index: &IndexDef,
    count: u64,
    places: &Places,
) -> Result<(IndexStatistics, Option<Changes>), StorageError> {
    let types = index.fields.iter().map(|position| {
        let field = &collection.fields[usize::from(*position)];
        (field.ty, field.optional)
    });
    let types: Vec<(Type, bool)> = types.collect();
    // Of a list each element has an entry.
    let (types, count) = match collection.listed(index) {
        Some(element) => {
            let entries = view.estimate_entries(collection, index.id, Bound::Unbounded, Bound::Unbounded)?;
            (Vec::from([(element, false)]), entries)
        }
        // Of a partial index there are those that it has.
        None if index.is_partial() => {
            (types, view.estimate_entries(collection, index.id, Bound::Unbounded, Bound::Unbounded)?)
        }
        None => (types, count),
    };
    let mut changes = vec![Changes::default(); types.len()];
    let (mut pairs, mut gaps, mut last) = (0u64, 0u64, Vec::new());
    // On few leaves any run is on few.
    let mut runs = (places.leaves >= IN_ORDER_LEAVES_MIN).then(Runs::default);
    // What is read stays in memory until the operation ends.
    let each = view.kept_max() / index.page_len as usize / collection.indexes.len();
    let all = view.each_of_spread(index, each.clamp(4, INDEX_LEAVES_MAX), &mut |entry, follows| {
        if follows || !last.is_empty() {
            *if follows { &mut pairs } else { &mut gaps } += 1;
            let common = entry.iter().zip(&last).take_while(|(one, other)| one == other).count();
            let mut end = 0;
            for (changes, (ty, optional)) in changes.iter_mut().zip(&types) {
                match key::split_first(*ty, *optional, entry.get(end..).unwrap_or_default()) {
                    Some((_, rest)) => end = entry.len() - rest.len(),
                    None => break,
                }
                *if follows { &mut changes.seen } else { &mut changes.across } += u64::from(common < end);
            }
        }
        last.clear();
        last.extend_from_slice(entry);
        if let Some(runs) = &mut runs
            && let Some((_, rank)) = keys::split_entry_of(index, entry, collection.layout.rank_width)
        {
            if !follows {
                runs.end();
            }
            runs.push(places.of(rank));
        }
    })?;
    // How many entries there are is an estimate for some indexes, and may be too low.
    let share = (pairs as Amount / count.saturating_sub(1).max(1) as Amount).min(1.0);
    changes.iter_mut().for_each(|changes| changes.share = share);
    let estimate = |changes: &Changes| match all {
        true => changes.least().min(count),
        false => changes.estimate(count, gaps),
    };
    let distinct = changes.iter().map(estimate).collect();
    let name_of = |position: &u16| collection.fields[usize::from(*position)].name.clone();
    let fields = index.fields.iter().map(name_of).collect();
    let leaves_per_1000 = runs.and_then(Runs::per_1000);
    let (name, id) = (index.name.clone(), index.id);
    let made = IndexStatistics { name, fields, distinct, entries: 0, leaves: 0, leaves_per_1000, id };
    Ok((made, changes.first().copied().filter(|_| !all)))
}

/// A value in a sample, by its key.
#[derive(Clone, Copy)]
struct Met {
    /// The first bytes of the key.
    head: u128,
    /// Where the others are.
    rest: (u32, u32),
    /// Whose it is.
    record: u32,
}

/// The values of one field in a sample.
struct Values<'r, 's> {
    records: &'r [RecordRef<'s>],
    position: usize,
    ty: Type,
    /// Ascending, when they are sorted.
    met: Vec<Met>,
    rests: Vec<u8>,
}

impl Values<'_, '_> {
    fn push(&mut self, record: usize, key: &[u8]) {
        let mut head = [0; 16];
        let in_head = key.len().min(16);
        head[..in_head].copy_from_slice(&key[..in_head]);
        let start = self.rests.len() as u32;
        self.rests.extend_from_slice(&key[in_head..]);
        let rest = (start, self.rests.len() as u32);
        self.met.push(Met { head: u128::from_be_bytes(head), rest, record: record as u32 });
    }

    fn sort(&mut self) {
        let Values { met, rests, .. } = self;
        met.sort_unstable_by(|a, b| compare(rests, a, b).then(a.record.cmp(&b.record)));
    }

    /// The value of a record in the sample.
    fn value(&self, of: &Met) -> Result<Option<Scalar>, StorageError> {
        let record = &self.records[of.record as usize];
        let cell = record.field(&record.layout().places[self.position])?;
        Ok(Scalar::from_cell(self.ty, cell.as_cell()))
    }
}

fn compare(rests: &[u8], a: &Met, b: &Met) -> Ordering {
    let rest = |of: &Met| &rests[of.rest.0 as usize..of.rest.1 as usize];
    a.head.cmp(&b.head).then_with(|| rest(a).cmp(rest(b)))
}

/// What a sample tells of a field, and whether all of its values were looked at, none being too long for that.
fn of_field(
    collection: &CollectionDef,
    position: u16,
    records: &[RecordRef<'_>],
    count: u64,
) -> Result<(FieldStatistics, bool), StorageError> {
    let field = &collection.fields[usize::from(position)];
    let place = &collection.layout.places[usize::from(position)];
    let ty = field.ty;
    let at = usize::from(position);
    let mut values = Values { records, position: at, ty, met: Vec::new(), rests: Vec::new() };
    let (mut nulls, mut long, mut key) = (0usize, 0usize, Vec::new());
    for (number, record) in records.iter().enumerate() {
        if record.is_null(place) {
            nulls += 1;
            continue;
        }
        // A value that lies out of line is not read for this.
        if matches!(place.spot, Spot::Variable(_)) && record.variable_len(place)? > VALUE_BYTES_MAX {
            long += 1;
            continue;
        }
        let cell = record.field(place)?;
        if ty == Type::Decimal && cell.as_cell().is_some_and(|bytes| DecimalParts::from_cell(bytes).is_none())
        {
            return Err(DecodeError { ty }.into());
        }
        key.clear();
        key::append(&mut key, ty, false, cell.as_cell());
        values.push(number, &key);
    }
    values.sort();

    // Runs of equal values: where they begin.
    let is_new = |pair: &[Met]| compare(&values.rests, &pair[0], &pair[1]).is_ne();
    let mut starts = Vec::from_iter((!values.met.is_empty()).then_some(0));
    starts.extend(values.met.windows(2).enumerate().filter(|(_, pair)| is_new(pair)).map(|(at, _)| at + 1));
    let ends = starts.iter().skip(1).copied().chain([values.met.len()]);
    let runs: Vec<(usize, usize)> =
        starts.iter().copied().zip(ends).map(|(from, to)| (from, to - from)).collect();

    let all = records.len() as u64 == count;
    let scale = count as Amount / records.len().max(1) as Amount;
    let scaled = |met: usize| if all { met as u64 } else { (met as Amount * scale) as u64 };
    let present = values.met.len() + long;
    let once = runs.iter().filter(|(_, len)| *len == 1).count() + long;
    let different = runs.len() + long;
    let distinct = if all { different as u64 } else { estimate(different, once, present, scaled(present)) };

    let heavy = heavy_hitters(&runs, values.met.len(), all, distinct == different as u64);
    let mut heavy_hitters = Vec::new();
    for (start, len) in &heavy {
        if let Some(value) = values.value(&values.met[*start])? {
            heavy_hitters.push(HeavyHitter { value, count: scaled(*len) });
        }
    }
    let others = runs.iter().filter(|run| !heavy.contains(run));
    let rest: Vec<&Met> = others.flat_map(|(start, len)| &values.met[*start..start + len]).collect();
    let mut histogram = Vec::new();
    if rest.len() > 1 {
        let ranges = RANGES_MAX.min(rest.len() - 1);
        for bound in 0..=ranges {
            if let Some(value) = values.value(rest[bound * (rest.len() - 1) / ranges])? {
                push_bound(&mut histogram, value);
            }
        }
    }
    let value = |met: Option<&Met>| met.map_or(Ok(None), |met| values.value(met));
    let known = FieldStatistics {
        name: field.name.clone(),
        ty,
        nulls: scaled(nulls),
        distinct,
        min: value(values.met.first())?,
        max: value(values.met.last())?,
        heavy_hitters,
        histogram,
        position,
    };
    Ok((known, long == 0))
}

/// How many different values there are among `count`, when `met` values were met, `different` ones, of which `once` once only.
fn estimate(different: usize, once: usize, met: usize, count: u64) -> u64 {
    if different == 0 {
        return 0;
    }
    let (different, once, met, count) =
        (different as Amount, once as Amount, met as Amount, count.max(met as u64) as Amount);
    let estimate = met * different / (met - once + once * met / count);
    estimate.clamp(different, count) as u64
}

/// The longest of these runs, if they are longer than others, the longest first.
fn heavy_hitters(
    runs: &[(usize, usize)],
    met: usize,
    all: bool,
    are_all_values: bool,
) -> Vec<(usize, usize)> {
    let mut heavy = runs.to_vec();
    if !(are_all_values && runs.len() <= HEAVY_HITTERS_MAX) {
        let mean = met as Amount / runs.len().max(1) as Amount;
        let least = if all { 2 } else { MET_MIN };
        heavy.retain(|(_, len)| *len >= least && *len as Amount > mean * 1.25);
    }
    heavy.sort_unstable_by(|(a, a_len), (b, b_len)| b_len.cmp(a_len).then(a.cmp(b)));
    heavy.truncate(HEAVY_HITTERS_MAX);
    heavy
}

/// Adds a bound. A long text is cut, by which it may come before the one before it, which it is then: bounds ascend.
fn push_bound(bounds: &mut Vec<Scalar>, value: Scalar) {
    let bound = shortened(value);
    let before = bounds.last().filter(|before| before.compare(&bound).is_gt()).cloned();
    bounds.push(before.unwrap_or(bound));
}

/// The beginning of a long text.
fn shortened(value: Scalar) -> Scalar {
    match value {
        Scalar::String(mut text) if text.len() > BOUND_BYTES_MAX => {
            let end = (0..=BOUND_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            text.truncate(end);
            text.shrink_to_fit();
            Scalar::String(String::from(text.as_str()))
        }
        value => value,
    }
}

/// What a sample of records knows better than a few changes of the indexes that begin with the field: how many values there are where
/// they are few, but for those that it has not met; or, where it is `whole`, in any case.
fn correct_indexes(
    collection: &CollectionDef,
    field: &FieldStatistics,
    (indexes, changes): (&mut [IndexStatistics], &[Option<Changes>]),
    whole: bool,
) {
    let met = field.distinct + u64::from(field.nulls > 0);
    for ((made, changes), index) in indexes.iter_mut().zip(changes).zip(&collection.indexes) {
        let Some(changes) = changes.filter(|_| index.fields.first() == Some(&field.position)) else {
            continue;
        };
        if index.is_partial() || !(whole || changes.are_chance(field.distinct)) {
            continue;
        }
        made.distinct[0] = if whole { met } else { changes.least().max(met) };
        // What more fields have is no less.
        let mut least = 0;
        for distinct in &mut made.distinct {
            least = least.max(*distinct);
            *distinct = least;
        }
    }
}

/// What an index that begins with the field knows better than a sample: its ends, and how many values there are.
fn correct_by_indexes(
    view: &View<'_>,
    collection: &CollectionDef,
    indexes: &[IndexStatistics],
    count: u64,
    field: &mut FieldStatistics,
) -> Result<(), StorageError> {
    let position = field.position;
    let stored = &collection.fields[usize::from(position)];
    if collection.key == [position] {
        field.distinct = count;
    }
    let leads = |index: &&IndexDef| index.fields.first() == Some(&position) && !index.is_partial();
    let Some(index) = collection.indexes.iter().find(leads) else { return Ok(()) };
    if let Some(made) = indexes.iter().find(|made| made.id == index.id) {
        field.distinct = made.distinct[0]
            .saturating_sub(u64::from(field.nulls > 0))
            .max(1)
            .min(count.saturating_sub(field.nulls));
    }
    // Absent values come first.
    let low = if stored.optional { Bound::Included(&[1u8][..]) } else { Bound::Unbounded };
    for (direction, end) in [(Direction::Forward, &mut field.min), (Direction::Backward, &mut field.max)] {
        let stored = view.catalog().collection(collection.id).expect("a collection of this catalog");
        let mut ranks = Vec::new();
        view.entries(stored, index.id, low, Bound::Unbounded, direction)?.next_ranks(1, &mut ranks)?;
        if let Some(rank) = ranks.first()
            && let Some(record) = view.get(stored, *rank)?
        {
            let cell = record.field(&stored.layout.places[usize::from(position)])?;
            *end = Scalar::from_cell(field.ty, cell.as_cell());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_met_once_tell_of_those_not_met() {
        // All different: as many as there are.
        assert_eq!(estimate(1000, 1000, 1000, 50_000), 50_000);
        // None met once only: there are no others.
        assert_eq!(estimate(10, 0, 1000, 50_000), 10);
        assert_eq!(estimate(0, 0, 0, 50_000), 0);
        let some = estimate(900, 800, 1000, 50_000);
        assert!((900..50_000).contains(&some), "{some}");
    }

    #[test]
    fn places_lie_between_those_that_are_known() {
        let places = Places { ranks: vec![0, 1000, 2000, 2100], leaves: 400.0 };
        assert_eq!(
            [0, 500, 1000, 1999, 2050, 2100, 9999].map(|rank| places.of(rank)),
            [0, 50, 100, 199, 250, 300, 300]
        );
        let one = Places { ranks: vec![0], leaves: 1.0 };
        assert_eq!(one.of(77), 0);
    }

    #[test]
    fn runs_tell_how_many_leaves_neighbours_lie_on() {
        let per_1000 = |leaves: &mut dyn Iterator<Item = u64>| {
            let mut runs = Runs::default();
            leaves.for_each(|leaf| runs.push(leaf));
            runs.per_1000()
        };
        // Fifty on each leaf; two leaves in turn; each on another; each run by itself.
        assert_eq!(per_1000(&mut (0..5120).map(|at| at / 50)), Some(20));
        assert_eq!(per_1000(&mut (0..5120).map(|at| at % 2 + at / 100 * 2)), Some(23));
        assert_eq!(per_1000(&mut (0..5120).map(|at| at * 7919 % 100_003)), Some(1000));
        assert_eq!(per_1000(&mut core::iter::once(5)), None);
        let mut runs = Runs::default();
        (0..10).for_each(|at| {
            runs.push(at * 100);
            runs.end();
        });
        assert_eq!(runs.per_1000(), None, "of single entries nothing is told");
    }

    #[test]
    fn the_longest_runs_are_heavy() {
        let runs = [(0, 1), (1, 50), (51, 2), (53, 60), (113, 1)];
        assert_eq!(heavy_hitters(&runs, 114, false, false), [(53, 60), (1, 50)]);
        assert_eq!(heavy_hitters(&runs, 114, false, true).len(), 5, "all there are");
        let even: Vec<(usize, usize)> = (0..100).map(|run| (run * 10, 10)).collect();
        assert!(heavy_hitters(&even, 1000, true, true).is_empty());
    }

    #[test]
    fn texts_are_shortened_between_characters() {
        let text = "ä".repeat(40);
        assert_eq!(shortened(Scalar::String(text)), Scalar::String("ä".repeat(16)));
        assert_eq!(shortened(Scalar::Int(5)), Scalar::Int(5));
    }

    #[test]
    fn bounds_that_are_shortened_ascend() {
        let mut bounds = Vec::new();
        for title in ["Alpha", "ZARD", "ä", "アニメ", "アルバム", "漢字"] {
            push_bound(&mut bounds, Scalar::String(format!("https://ja.wikipedia.org/wiki/{title}")));
        }
        assert!(bounds.is_sorted_by(|one, next| one.compare(next).is_le()), "{bounds:?}");
        assert_eq!(bounds[1], Scalar::String("https://ja.wikipedia.org/wiki/ZA".into()));
        assert_eq!(bounds[3], bounds[2]);
    }
}
