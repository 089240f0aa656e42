//! [`Spans`]: the ranges of an index, or of keys, that belong to the rows of a batch; and [`Walk`], the records in them.
//!
//! Bounds are keys, which are in the order of values byte by byte: floats that are equal have one key, and so have decimals of any
//! scale. A row without a bound has no range. Where the lower bound lies behind the upper one nothing is searched for.

use alloc::vec::Vec;
use core::ops::Bound;

use crate::engine::error::ExecError;
use crate::engine::estimate::KeyRange;
use crate::engine::exec::batch::Batch;
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Expr, Slot};
use crate::engine::physical::{Span, Taken};
use crate::engine::planted::{self, Bug};
use crate::schema::{CollectionDef, IndexId};
use crate::storage::StorageError;
use crate::storage::facade::{Direction, EntryCursor, LeafBatch, LeafCursor};
use crate::storage::records::RecordRef;
use crate::value::{Type, key};

/// So many entries are read at once.
const ENTRIES_AT_ONCE: usize = 256;

/// The ranges of the rows of a batch.
pub(super) struct Spans<'s> {
    ty: Type,
    /// Whether the field may be absent.
    optional: bool,
    /// Of each row the bound, and whether it is in the range.
    low: Option<(Vector<'s>, bool)>,
    high: Option<(Vector<'s>, bool)>,
    start: Option<Vector<'s>>,
    taken: Taken,
}

impl<'s> Spans<'s> {
    pub(super) fn new(
        env: &Env<'s>,
        span: &Span,
        slot: Slot,
        batch: &Batch<'s>,
    ) -> Result<Spans<'s>, ExecError> {
        let (_, position) = span.field.as_field().expect("a range is one of a field");
        let field = &env.collection(slot).fields[usize::from(position)];
        let bound = |of: &Option<(Expr, bool)>| match of {
            Some((expr, included)) => {
                let included = *included || planted::is(Bug::SpanTakesBound);
                evaluate(env, expr, batch).map(|values| Some((values, included)))
            }
            None => Ok(None),
        };
        Ok(Spans {
            ty: field.ty,
            optional: field.optional,
            low: bound(&span.low)?,
            high: bound(&span.high)?,
            start: span.start.as_ref().map(|start| evaluate(env, start, batch)).transpose()?,
            taken: span.taken,
        })
    }

    /// Which of the records in a range belong to its row.
    pub(super) fn taken(&self) -> Taken {
        self.taken
    }

    /// The entries that begin with `prefix` and go on with a value in the range of `row`; `None` if it has no range.
    pub(super) fn range(&self, prefix: &[u8], row: usize) -> Option<KeyRange> {
        let mut least = prefix.to_vec();
        // No range holds the absent value, which comes first.
        least.extend(self.optional.then_some(1));
        if let Some(start) = &self.start {
            key::append_escaped_prefix(&mut least, start.cell(row)?);
            return Some(KeyRange::starting_with(least));
        }
        let KeyRange { low: first, high: _ } = KeyRange::starting_with(least);
        let KeyRange { low: _, high: last } = KeyRange::starting_with(prefix.to_vec());
        let bound = |of: &Option<(Vector<'s>, bool)>, without: Bound<Vec<u8>>| match of {
            None => Some(without),
            Some((values, _)) if values.is_null(row) && planted::is(Bug::SpanOfAbsent) => Some(without),
            Some((values, included)) => {
                let mut key = prefix.to_vec();
                key::append(&mut key, self.ty, self.optional, Some(values.cell(row)?));
                Some(if *included { Bound::Included(key) } else { Bound::Excluded(key) })
            }
        };
        let (low, high) = (bound(&self.low, first)?, bound(&self.high, last)?);
        if let (Some((_, with_low)), Some((_, with_high))) = (&self.low, &self.high)
            && let Bound::Included(least) | Bound::Excluded(least) = &low
            && let Bound::Included(greatest) | Bound::Excluded(greatest) = &high
            && (least > greatest || least == greatest && !(*with_low && *with_high))
        {
            return None;
        }
        Some(KeyRange { low, high })
    }

    /// The ranks of the records whose key is in the range of `row`, both included; `None` if it has none.
    pub(super) fn ranks(&self, greatest: u128, row: usize) -> Option<(u128, u128)> {
        let rank = |values: &Vector<'s>| values.cell(row).map(|cell| key::rank(self.ty, cell));
        let low = match &self.low {
            None => 0,
            Some((values, true)) => rank(values)?,
            Some((values, false)) => rank(values)?.checked_add(1)?,
        };
        let high = match &self.high {
            None => greatest,
            Some((values, true)) => rank(values)?,
            Some((values, false)) => rank(values)?.checked_sub(1)?,
        };
        (low <= high && low <= greatest).then_some((low, high))
    }
}

/// The entries of an index in a range, read by the cursor that has read others.
pub(super) fn entries_within<'c, 's>(
    env: &Env<'s>,
    collection: &'s CollectionDef,
    index: IndexId,
    range: &KeyRange,
    last: &'c mut Option<EntryCursor<'s>>,
) -> Result<&'c mut EntryCursor<'s>, StorageError> {
    let (low, high) = range.bounds();
    match last {
        Some(cursor) => cursor.move_within(low, high)?,
        None => *last = Some(env.view.entries(collection, index, low, high, Direction::Forward)?),
    }
    Ok(last.as_mut().expect("made above"))
}

/// The rank of the record with the least or the greatest value in a range of an index, whose entries have `before` bytes in front of
/// that value: of several that are equal the first by key.
pub(super) fn end_of<'s>(
    env: &Env<'s>,
    (collection, index): (&'s CollectionDef, IndexId),
    range: &KeyRange,
    spans: &Spans<'s>,
    before: usize,
) -> Result<Option<u128>, ExecError> {
    let direction = match spans.taken {
        Taken::Greatest => Direction::Backward,
        _ => Direction::Forward,
    };
    let (low, high) = range.bounds();
    let mut cursor = env.view.entries(collection, index, low, high, direction)?;
    let (mut key, mut ranks) = (Vec::new(), Vec::new());
    cursor.next_entries(1, &mut key, &mut Vec::new(), &mut ranks)?;
    let Some(rank) = ranks.first().copied() else { return Ok(None) };
    if key::is_exact(spans.ty) {
        return Ok(Some(rank));
    }
    // Values that are equal need not be the same, and behind theirs entries may go on with other fields.
    let own = key.get(before..).and_then(|own| Some(own.len() - split(spans, own)?.len()));
    let own = own.ok_or_else(|| StorageError::damage("index", "an entry is not made of its fields"))?;
    key.truncate(before + own);
    let range = KeyRange::starting_with(key);
    let (low, high) = range.bounds();
    let mut cursor = env.view.entries(collection, index, low, high, Direction::Forward)?;
    let mut least = rank;
    loop {
        ranks.clear();
        env.check()?;
        if cursor.next_ranks(ENTRIES_AT_ONCE, &mut ranks)? == 0 {
            return Ok(Some(least));
        }
        least = ranks.iter().copied().fold(least, u128::min);
    }
}

/// What follows the first value of encoded fields.
fn split<'k>(spans: &Spans<'_>, key: &'k [u8]) -> Option<&'k [u8]> {
    key::split_first(spans.ty, spans.optional, key).map(|(_, rest)| rest)
}

/// The records whose ranks lie in a range, a leaf at a time.
pub(super) struct Walk<'s> {
    cursor: LeafCursor<'s>,
    /// The leaf being read, and the next of its records.
    leaf: Option<(LeafBatch<'s>, usize)>,
}

impl<'s> Walk<'s> {
    pub(super) fn new(
        env: &Env<'s>,
        collection: &'s CollectionDef,
        (low, high): (u128, u128),
    ) -> Result<Walk<'s>, StorageError> {
        let cursor = env.view.leaves(collection, low, high, Direction::Forward)?;
        Ok(Walk { cursor, leaf: None })
    }

    /// The record with the least or the greatest rank in a range.
    pub(super) fn end(
        env: &Env<'s>,
        collection: &'s CollectionDef,
        (low, high): (u128, u128),
        taken: Taken,
    ) -> Result<Option<RecordRef<'s>>, StorageError> {
        let direction = match taken {
            Taken::Greatest => Direction::Backward,
            _ => Direction::Forward,
        };
        let leaf = env.view.leaves(collection, low, high, direction)?.next_leaf()?;
        Ok(leaf.map(|leaf| match taken {
            Taken::Greatest => leaf.record(leaf.len() - 1),
            _ => leaf.record(0),
        }))
    }

    /// The next leaf, and the next of its records, which are not yet taken; `None` when there are none.
    pub(super) fn leaf(&mut self) -> Result<Option<(&LeafBatch<'s>, &mut usize)>, StorageError> {
        loop {
            let is_read = self.leaf.as_ref().is_none_or(|(leaf, next)| *next >= leaf.len());
            if is_read {
                let Some(leaf) = self.cursor.next_leaf()? else { return Ok(None) };
                self.leaf = Some((leaf, 0));
                continue;
            }
            return Ok(self.leaf.as_mut().map(|(leaf, next)| (&*leaf, next)));
        }
    }
}
