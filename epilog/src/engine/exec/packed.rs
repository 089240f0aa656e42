//! [`Packed`]: rows kept beyond the operation that read them, in the order of their keys.
//!
//! A row is one string of bytes. Nothing in it is borrowed from a page. Records are named by their ranks, and fetched again
//! when the row comes out ([`Shape`] says of which slots that takes the records); or the row has copies of them. To fetch
//! them costs nothing in memory and, of what is in the page cache, little time. What has been evicted meanwhile is better
//! copied, as the order that rows come out in is not that of their pages.
//!
//! | bytes | what |
//! |---|---|
//! | | what the row is ordered by; at its end the rank of the root record, 16 bytes, big-endian |
//! | 1 or more | of each slot: 0; or 1 and the rank, which is left out of the root's; or 2 and a copy, behind its length in 4 bytes |
//! | 1 or more | of each computed value: 0; or 1 and its cell, behind its length in 4 bytes when its type has no width; or 2 and the number of what its calculation ran into, 4 bytes |
//! | 1 or 5 | 0, or 1 and the number of what the row's predicates ran into |
//!
//! Numbers are little-endian.

// In such a build there is no value of what packs rows, and no way into what handles it.
#![cfg_attr(feature = "small", allow(unreachable_code, unused_mut, unused_variables))]

use alloc::vec::Vec;
use core::ops::Range;

use super::batch::{Batch, Source};
use super::operators::dangling;
use super::store::RowStore;
use super::vector::Cells;
use super::{Env, Vector};
use crate::engine::error::{ExecError, RowFault};
use crate::engine::logical::{Computed, Slot};
use crate::parts::Whole;
use crate::schema::CollectionDef;
use crate::storage::facade::CopiedRecords;
use crate::storage::records::RecordRef;
use crate::value::{Cell, Type};

/// The bytes of a rank.
const RANK_LEN: usize = 16;

/// What stands before a slot's record.
const ABSENT: u8 = 0;
const RANK: u8 = 1;
const COPY: u8 = 2;

/// What stands before a value, if it is not absent.
const PRESENT: u8 = 1;
const FAULTY: u8 = 2;

/// The slot whose record is never absent, and whose rank ends a key.
pub(super) const ROOT: Slot = Slot(0);

/// A row that is packed.
pub(super) trait RowSource {
    fn rank(&self, slot: Slot) -> Option<u128>;

    /// The record itself, if it is at hand.
    fn record(&self, slot: Slot) -> Option<RecordRef<'_>>;

    fn cell(&self, computed: Computed) -> Cell<'_>;

    /// What the calculation of a value ran into.
    fn value_fault(&self, computed: Computed) -> Option<&RowFault>;

    /// What the predicates of the row ran into.
    fn fault(&self) -> Option<&RowFault>;
}

/// A row of a batch.
pub(super) struct BatchRow<'b, 's>(pub(super) &'b Batch<'s>, pub(super) usize);

impl RowSource for BatchRow<'_, '_> {
    fn rank(&self, slot: Slot) -> Option<u128> {
        self.0.rank(slot, self.1)
    }

    fn record(&self, slot: Slot) -> Option<RecordRef<'_>> {
        self.0.record(slot, self.1)
    }

    fn cell(&self, computed: Computed) -> Cell<'_> {
        self.0.computed(computed).cell(self.1)
    }

    fn value_fault(&self, computed: Computed) -> Option<&RowFault> {
        self.0.computed(computed).fault(self.1)
    }

    fn fault(&self) -> Option<&RowFault> {
        self.0.fault(self.1)
    }
}

/// A row of a store.
pub(super) struct StoreRow<'b, 's>(pub(super) &'b RowStore<'s>, pub(super) u32);

impl RowSource for StoreRow<'_, '_> {
    fn rank(&self, slot: Slot) -> Option<u128> {
        self.0.rank(slot, self.1)
    }

    fn record(&self, slot: Slot) -> Option<RecordRef<'_>> {
        self.0.record(slot, self.1)
    }

    fn cell(&self, computed: Computed) -> Cell<'_> {
        self.0.cell(computed, self.1)
    }

    fn value_fault(&self, computed: Computed) -> Option<&RowFault> {
        self.0.value_fault(computed, self.1)
    }

    fn fault(&self) -> Option<&RowFault> {
        self.0.fault(self.1)
    }
}

/// What the rows of a plan have at one place of it.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// The slots of which something is read above, and whether that is more than the rank.
    slots: Vec<(Slot, bool)>,
    computed: Vec<(Computed, Type)>,
    _whole: Whole,
}

impl Shape {
    /// What no rows have.
    pub(super) fn of_nothing() -> Shape {
        let whole = Whole::build().expect("only such a build packs rows");
        Shape { slots: Vec::new(), computed: Vec::new(), _whole: whole }
    }

    /// What the rows of `batch` have, and every batch that comes from where it does. `None` in a build that packs no rows.
    pub(super) fn of(env: &Env<'_>, batch: &Batch<'_>) -> Option<Shape> {
        let whole = Whole::build()?;
        let (above, _) = env.sorted.as_ref()?;
        let read = batch.present().filter(|(slot, _)| *slot == ROOT || above.slots.contains(slot));
        // Of a record that may be absent the rank alone does not tell whether it is.
        let slots = read.map(|(slot, source)| {
            let wanted = slot != ROOT || above.records.contains(&slot);
            (slot, wanted && !matches!(source, Source::Ranks(_)))
        });
        let computed = batch.computed_values().map(|(computed, values)| (computed, values.ty()));
        Some(Shape { slots: slots.collect(), computed: computed.collect(), _whole: whole })
    }

    /// What the rows of `batch` have, and every batch that comes from where it does: all that is there, whatever is read of it.
    /// `None` in a build that packs no rows.
    #[cfg(not(feature = "small"))]
    pub(super) fn of_all(batch: &Batch<'_>) -> Option<Shape> {
        let whole = Whole::build()?;
        let slots = batch.present().map(|(slot, source)| (slot, !matches!(source, Source::Ranks(_))));
        let computed = batch.computed_values().map(|(computed, values)| (computed, values.ty()));
        Some(Shape { slots: slots.collect(), computed: computed.collect(), _whole: whole })
    }

    /// Appends a row, whose key is there already; to `faults`, what it and its values ran into.
    pub(super) fn append(
        &self,
        out: &mut Vec<u8>,
        row: &impl RowSource,
        copies: bool,
        faults: &mut Vec<RowFault>,
    ) -> Result<(), ExecError> {
        for (slot, fetched) in &self.slots {
            match row.record(*slot).filter(|_| copies && *fetched) {
                Some(record) => {
                    out.extend_from_slice(&[COPY, 0, 0, 0, 0]);
                    let start = out.len();
                    record.append_copy(out)?;
                    let len = (out.len() - start) as u32;
                    out[start - 4..start].copy_from_slice(&len.to_le_bytes());
                }
                None => match row.rank(*slot) {
                    None => out.push(ABSENT),
                    Some(_) if *slot == ROOT => out.push(RANK),
                    Some(rank) => {
                        out.push(RANK);
                        out.extend_from_slice(&rank.to_le_bytes());
                    }
                },
            }
        }
        for (computed, ty) in &self.computed {
            append_value(out, *ty, row.cell(*computed), row.value_fault(*computed), faults);
        }
        let fault = row.fault();
        out.push(u8::from(fault.is_some()));
        if let Some(fault) = fault {
            out.extend_from_slice(&number_of(fault, faults).to_le_bytes());
        }
        Ok(())
    }

    /// The same, with more values.
    #[cfg(not(feature = "small"))]
    pub(super) fn with(mut self, more: impl Iterator<Item = (Computed, Type)>) -> Shape {
        self.computed.extend(more);
        self
    }

    /// Whether the records of a row, whose key has so many bytes, have to be fetched.
    pub(super) fn is_fetched(&self, row: &[u8], key_len: usize) -> bool {
        let mut parts = Parts { root: 0, rest: &row[key_len..] };
        self.slots.iter().any(|(slot, fetched)| matches!(parts.record(*slot), Record::Rank(_)) && *fetched)
    }

    /// The number of what the predicates of a row, whose key has so many bytes, ran into.
    pub(super) fn fault(&self, row: &[u8], key_len: usize) -> Option<u32> {
        let mut parts = Parts { root: 0, rest: &row[key_len..] };
        for (slot, _) in &self.slots {
            parts.record(*slot);
        }
        for (_, ty) in &self.computed {
            parts.value(*ty);
        }
        parts.is_present().then(|| parts.number())
    }

    /// How many records, wherever they lie, may be fetched of each slot at once.
    pub(super) fn at_once(&self, env: &Env<'_>) -> usize {
        let fetched = self.slots.iter().filter(|(_, fetched)| *fetched);
        let count = fetched.clone().count().max(1);
        let least = fetched.map(|(slot, _)| env.view.records_at_once(env.collection(*slot))).min();
        (least.unwrap_or(usize::MAX) / count).max(1)
    }
}

/// Appends a value, and its fault to `faults`.
pub(super) fn append_value(
    out: &mut Vec<u8>,
    ty: Type,
    cell: Cell<'_>,
    fault: Option<&RowFault>,
    faults: &mut Vec<RowFault>,
) {
    if let Some(fault) = fault {
        out.push(FAULTY);
        return out.extend_from_slice(&number_of(fault, faults).to_le_bytes());
    }
    let Some(cell) = cell else { return out.push(ABSENT) };
    out.push(PRESENT);
    if ty.width().is_none() {
        out.extend_from_slice(&(cell.len() as u32).to_le_bytes());
    }
    out.extend_from_slice(cell);
}

/// Passes over the value at the front of `bytes`.
#[cfg(not(feature = "small"))]
pub(super) fn skip_value(ty: Type, bytes: &mut &[u8]) {
    let mut parts = Parts { root: 0, rest: bytes };
    parts.value(ty);
    *bytes = parts.rest;
}

/// The number of a fault. One that many rows have one after the other has one for all of them.
fn number_of(fault: &RowFault, faults: &mut Vec<RowFault>) -> u32 {
    if faults.last() != Some(fault) {
        faults.push(fault.clone());
    }
    faults.len() as u32 - 1
}

/// Rows that come out, packed.
#[derive(Default)]
pub(super) struct Pulled {
    bytes: Vec<u8>,
    /// Of each where its key ends, and where it does.
    ends: Vec<(usize, usize)>,
}

impl Pulled {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of the rows.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a row with a key of so many bytes.
    pub(super) fn push(&mut self, row: &[u8], key_len: usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(row);
        self.ends.push((start + key_len, self.bytes.len()));
    }

    fn parts(&self, row: usize) -> Parts<'_> {
        let (key_end, end) = self.ends[row];
        let rank = &self.bytes[key_end - RANK_LEN..key_end];
        Parts { root: u128::from_be_bytes(rank.try_into().expect("a rank")), rest: &self.bytes[key_end..end] }
    }
}

/// What is behind the key of a row.
struct Parts<'p> {
    root: u128,
    rest: &'p [u8],
}

impl<'p> Parts<'p> {
    fn take(&mut self, len: usize) -> &'p [u8] {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    /// Whether there is what comes next.
    fn is_present(&mut self) -> bool {
        self.take(1)[0] != 0
    }

    fn record(&mut self, slot: Slot) -> Record<'p> {
        match self.take(1)[0] {
            ABSENT => Record::Absent,
            RANK if slot == ROOT => Record::Rank(self.root),
            RANK => Record::Rank(u128::from_le_bytes(self.take(RANK_LEN).try_into().expect("a rank"))),
            _ => {
                let len = self.number() as usize;
                Record::Copy(self.take(len))
            }
        }
    }

    fn value(&mut self, ty: Type) -> Value<'p> {
        match self.take(1)[0] {
            ABSENT => Value::Absent,
            PRESENT => {
                let len = ty.width().unwrap_or_else(|| self.number() as usize);
                Value::Cell(self.take(len))
            }
            _ => Value::Fault(self.number()),
        }
    }

    fn number(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().expect("four bytes"))
    }
}

/// What a row has of a record.
enum Record<'p> {
    Absent,
    Rank(u128),
    Copy(&'p [u8]),
}

/// What a row has of a value.
enum Value<'p> {
    Absent,
    Cell(&'p [u8]),
    Fault(u32),
}

/// A batch that is made of rows pulled, some at a time.
pub(super) struct Unpacking<'s> {
    slots: Vec<Unpacked<'s>>,
    values: Vec<Values>,
    copies: CopiedRecords,
    /// The number of what a row's predicates ran into.
    faults: Vec<(usize, u32)>,
    rows: usize,
}

/// What rows have in one slot.
#[derive(Default)]
struct Unpacked<'s> {
    records: Vec<Option<RecordRef<'s>>>,
    /// In place of the records, when those are not wanted.
    ranks: Vec<u128>,
    /// Of rows with copies, where those are.
    copies: Vec<(usize, Range<usize>)>,
}

impl<'s> Unpacking<'s> {
    pub(super) fn new(shape: &Shape) -> Unpacking<'s> {
        Unpacking {
            slots: shape.slots.iter().map(|_| Unpacked::default()).collect(),
            values: shape.computed.iter().map(|_| Values::default()).collect(),
            copies: CopiedRecords::default(),
            faults: Vec::new(),
            rows: 0,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds rows, with their records.
    pub(super) fn add(&mut self, env: &Env<'s>, shape: &Shape, pulled: &Pulled) -> Result<(), ExecError> {
        let mut wanted: Vec<Vec<(u128, u32)>> = shape.slots.iter().map(|_| Vec::new()).collect();
        for row in 0..pulled.len() {
            let mut parts = pulled.parts(row);
            let slots = shape.slots.iter().zip(&mut self.slots).zip(&mut wanted);
            for (((slot, fetched), unpacked), wanted) in slots {
                match parts.record(*slot) {
                    Record::Absent => {}
                    Record::Rank(rank) if *fetched => wanted.push((rank, (self.rows + row) as u32)),
                    Record::Rank(rank) => unpacked.ranks.push(rank),
                    Record::Copy(copy) => {
                        let place = self.copies.push(&env.collection(*slot).layout, copy);
                        unpacked.copies.push((self.rows + row, place));
                    }
                }
            }
            for ((_, ty), values) in shape.computed.iter().zip(&mut self.values) {
                values.push(*ty, parts.value(*ty));
            }
            if parts.is_present() {
                self.faults.push((self.rows + row, parts.number()));
            }
        }
        self.rows += pulled.len();
        for (((slot, _), unpacked), wanted) in shape.slots.iter().zip(&mut self.slots).zip(wanted) {
            unpacked.records.resize(self.rows, None);
            fetch(env, env.collection(*slot), wanted, &mut unpacked.records)?;
        }
        Ok(())
    }

    /// Makes `batch` the rows added, of which `faults` are what they and their values ran into.
    pub(super) fn finish(self, env: &Env<'s>, shape: &Shape, faults: &[RowFault], batch: &mut Batch<'s>) {
        batch.reset(self.rows);
        let copies = env.view.keep_copies(self.copies);
        for ((slot, fetched), mut unpacked) in shape.slots.iter().zip(self.slots) {
            for (row, place) in unpacked.copies {
                let copies = copies.as_ref().expect("records are copied where copies can be kept");
                unpacked.records[row] = Some(copies.record(env.collection(*slot), place));
            }
            let (records, ranks) = (unpacked.records, unpacked.ranks);
            let source = if *fetched { Source::Records(records) } else { Source::Ranks(ranks) };
            batch.set_source(*slot, source);
        }
        for ((computed, ty), values) in shape.computed.iter().zip(self.values) {
            batch.set_computed(*computed, values.vector(*ty, faults));
        }
        for (row, fault) in self.faults {
            batch.add_fault(row, &faults[fault as usize]);
        }
    }
}

/// Values that come out of rows.
#[derive(Default)]
pub(super) struct Values {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    nulls: Vec<bool>,
    /// The numbers of what the calculation of some ran into.
    faults: Vec<(u32, u32)>,
}

impl Values {
    /// The bytes that they take in memory.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<u32>() + self.nulls.capacity()
    }

    /// Takes the value at the front of `bytes`.
    #[cfg(not(feature = "small"))]
    pub(super) fn read(&mut self, ty: Type, bytes: &mut &[u8]) {
        let mut parts = Parts { root: 0, rest: bytes };
        let value = parts.value(ty);
        *bytes = parts.rest;
        self.push(ty, value);
    }

    fn push(&mut self, ty: Type, value: Value<'_>) {
        match &value {
            Value::Cell(cell) => self.bytes.extend_from_slice(cell),
            Value::Absent => self.bytes.resize(self.bytes.len() + ty.width().unwrap_or(0), 0),
            Value::Fault(number) => {
                self.faults.push((self.nulls.len() as u32, *number));
                self.bytes.resize(self.bytes.len() + ty.width().unwrap_or(0), 0);
            }
        }
        self.nulls.push(!matches!(value, Value::Cell(_)));
        self.ends.push(self.bytes.len() as u32);
    }

    /// A vector of them.
    pub(super) fn vector<'s>(self, ty: Type, faults: &[RowFault]) -> Vector<'s> {
        let Values { bytes, ends, nulls, .. } = self;
        let rows = nulls.len();
        let cells = if ty.width().is_some() { Cells::Fixed(bytes) } else { Cells::Owned { bytes, ends } };
        let mut vector = Vector::new(ty, rows, cells, nulls.contains(&true).then_some(nulls));
        for (row, number) in self.faults {
            vector.add_fault(row, &faults[number as usize]);
        }
        vector
    }
}

/// Puts the records with these ranks into the rows beside them. Each is fetched once, by ascending rank: neighbours lie on
/// one page.
fn fetch<'s>(
    env: &Env<'s>,
    collection: &'s CollectionDef,
    mut wanted: Vec<(u128, u32)>,
    records: &mut [Option<RecordRef<'s>>],
) -> Result<(), ExecError> {
    if wanted.is_empty() {
        return Ok(());
    }
    wanted.sort_unstable();
    let mut ranks: Vec<u128> = wanted.iter().map(|(rank, _)| *rank).collect();
    ranks.dedup();
    let mut fetched = Vec::with_capacity(ranks.len());
    env.view.get_many(collection, &ranks, &mut fetched)?;
    let mut at = 0;
    for (rank, row) in wanted {
        at += usize::from(ranks[at] != rank);
        records[row as usize] = Some(fetched[at].ok_or_else(|| dangling(collection, rank))?);
    }
    Ok(())
}

/// Rows, packed, with keys of which the lowest comes first.
#[derive(Default)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

/// Where a row is.
#[derive(Clone, Copy)]
struct Row {
    /// The first bytes of its key.
    head: u64,
    start: usize,
    key_len: u32,
    len: u32,
}

impl Packed {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The bytes in use. No more than twice as many are taken.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.rows.len() * size_of::<Row>()
    }

    /// Adds a row: `append` gets where its bytes go, with the key there.
    pub(super) fn push(
        &mut self,
        key: &[u8],
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), ExecError>,
    ) -> Result<(), ExecError> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        append(&mut self.bytes)?;
        let len = (self.bytes.len() - start) as u32;
        self.rows.push(Row { head: head(key), start, key_len: key.len() as u32, len });
        Ok(())
    }

    /// The row at place `at`, and the length of its key.
    pub(super) fn row(&self, at: usize) -> (&[u8], usize) {
        let row = self.rows[at];
        (&self.bytes[row.start..][..row.len as usize], row.key_len as usize)
    }

    /// The key of the row at place `at`.
    pub(super) fn key(&self, at: usize) -> &[u8] {
        let (bytes, key_len) = self.row(at);
        &bytes[..key_len]
    }

    /// Puts the rows in the order of their keys; rows with one key stay as they are.
    pub(super) fn sort(&mut self) {
        let bytes = &self.bytes;
        let key = |row: &Row| &bytes[row.start..][..row.key_len as usize];
        let order = |a: &Row, b: &Row| {
            a.head.cmp(&b.head).then_with(|| key(a).cmp(key(b))).then(a.start.cmp(&b.start))
        };
        if !self.rows.is_sorted_by(|a, b| order(a, b).is_le()) {
            self.rows.sort_unstable_by(order);
        }
    }

    /// Keeps the first `count` rows, which are in order.
    pub(super) fn truncate(&mut self, count: usize) {
        self.rows.truncate(count);
        let mut bytes = Vec::with_capacity(self.rows.iter().map(|row| row.len as usize).sum());
        for row in &mut self.rows {
            let start = bytes.len();
            bytes.extend_from_slice(&self.bytes[row.start..][..row.len as usize]);
            row.start = start;
        }
        self.bytes = bytes;
    }

    /// Forgets all rows. The memory stays.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
    }
}

/// The first eight bytes as a number.
pub(super) fn head(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let len = key.len().min(8);
    bytes[..len].copy_from_slice(&key[..len]);
    u64::from_be_bytes(bytes)
}
