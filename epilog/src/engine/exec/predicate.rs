//! [`Predicate`]: what a filter tries on a batch, on the page's bytes where it can.

use alloc::boxed::Box;
#[cfg(not(feature = "small"))]
use alloc::sync::Arc;
use alloc::vec::Vec;
#[cfg(not(feature = "small"))]
use core::cell::{Cell, OnceCell};

use super::Env;
use super::batch::{Batch, Selected, Source};
use super::cold::damage;
use super::evaluate::{evaluate, in_row};
use super::kernel;
use super::kernel::{At, RowTest};
#[cfg(not(feature = "small"))]
use super::sieve::{self, Known};
#[cfg(not(feature = "small"))]
use super::starts::Starts;
use super::text::TextTest;
use crate::engine::error::ExecError;
use crate::engine::logical::{Expr, ExprKind, Slot};
#[cfg(not(feature = "small"))]
use crate::engine::physical::has_words;
use crate::engine::planted::{self, Bug};
#[cfg(not(feature = "small"))]
use crate::expr::Function;
use crate::expr::{BinaryOp, UnaryOp};
use crate::parts;
use crate::schema::{CollectionDef, Place, Spot};
use crate::storage::StorageError;
use crate::storage::records::{FieldCell, RecordRef};
#[cfg(not(feature = "small"))]
use crate::value::is_signed_cell;
use crate::value::{Scalar, Type, key};

/// One predicate of a filter.
pub(super) struct Predicate {
    expr: Expr,
    quick: Option<Quick>,
    /// For a sieve: the keys of which the values' own is to be one.
    #[cfg(not(feature = "small"))]
    keys: Option<Keys>,
}

/// What a sieve knows.
#[cfg(not(feature = "small"))]
struct Keys {
    known: Known,
    /// The values behind the predicate's own, if there are several.
    others: Vec<Expr>,
    /// Where on a page the field is, and whether it is eight bytes there, not four; if it can be tested there.
    place: Option<(Slot, At, bool)>,
    test: OnceCell<Box<dyn RowTest>>,
    /// How many rows it looked at, and let through.
    tried: Cell<(usize, usize)>,
    is_off: Cell<bool>,
}

/// After so many rows it is looked at whether most got through: then no more are looked at.
#[cfg(not(feature = "small"))]
const TRIED: usize = if cfg!(test) { 16 } else { 1 << 14 };

/// A predicate about one field and constants.
struct Quick {
    slot: Slot,
    test: QuickTest,
    /// As [`Predicate::cost`].
    cost: u32,
}

enum QuickTest {
    /// On the fixed row.
    Row(Box<dyn RowTest>),
    /// On a string or bytes; an absent one fails.
    Text(Place, TextTest),
    /// On the first characters of a string; an absent one fails.
    #[cfg(not(feature = "small"))]
    Start(Place, Starts),
}

impl Predicate {
    pub(super) fn new<'c>(expr: Expr, collection: impl Fn(Slot) -> &'c CollectionDef) -> Predicate {
        let quick = if parts::QUICK_TESTS { Quick::of(&expr, &collection) } else { None };
        Predicate {
            expr,
            quick,
            #[cfg(not(feature = "small"))]
            keys: None,
        }
    }

    /// Whether these values are among the keys of a table above, as far as that is known.
    #[cfg(not(feature = "small"))]
    pub(super) fn in_set<'c>(
        by: Vec<Expr>,
        known: Known,
        collection: impl Fn(Slot) -> &'c CollectionDef,
    ) -> Predicate {
        let mut by = by.into_iter();
        let expr = by.next().expect("a value that rows are sieved by");
        let others: Vec<Expr> = by.collect();
        let word = if others.is_empty() && has_words(expr.ty) { expr.as_field() } else { None };
        let place = word.and_then(|(slot, position)| {
            let collection = collection(slot);
            let place = &collection.layout.places[usize::from(position)];
            let is_rank = place.spot == Spot::Rank;
            // A rank is the number that an unsigned key is.
            if is_rank && (collection.layout.rank_width != 8 || is_signed_cell(place.ty)) {
                return None;
            }
            Some((slot, at(place, collection)?, is_rank || place.ty.width() == Some(8)))
        });
        let (test, tried, is_off) = Default::default();
        Predicate { expr, quick: None, keys: Some(Keys { known, others, place, test, tried, is_off }) }
    }

    /// Something that costs so much.
    #[cfg(test)]
    pub(super) fn of_cost(expr: Expr, cost: u32) -> Predicate {
        let test = QuickTest::Row(kernel::is_null((0, 1), true));
        Predicate {
            expr,
            quick: Some(Quick { slot: Slot(0), test, cost }),
            #[cfg(not(feature = "small"))]
            keys: None,
        }
    }

    /// What it costs to try it on a row, in the time that a field of the row takes; `None` for what is evaluated, which may have
    /// faults.
    pub(super) fn cost(&self) -> Option<u32> {
        #[cfg(not(feature = "small"))]
        if let Some(keys) = &self.keys {
            return Some(keys.cost(&self.expr));
        }
        self.quick.as_ref().map(|quick| quick.cost)
    }

    /// Drops the rows of `batch` for which this does not hold.
    pub(super) fn apply<'s>(&self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        #[cfg(not(feature = "small"))]
        if let Some(keys) = &self.keys {
            return keys.apply(&self.expr, env, batch);
        }
        if let (true, Some(quick)) = (parts::QUICK_TESTS, &self.quick)
            && quick.apply(batch)?
        {
            return Ok(());
        }
        let outcome = evaluate(env, &self.expr, batch)?;
        if !outcome.faults().is_empty() {
            let selected = batch.selected();
            let rows: Vec<usize> =
                outcome.faults().iter().map(|(at, _)| selected.row(*at as usize)).collect();
            for (row, (_, fault)) in rows.into_iter().zip(outcome.faults()) {
                batch.add_fault(row, fault);
            }
        }
        batch.retain(|at, _| match outcome.cell(at) {
            _ if outcome.fault(at).is_some() => true,
            Some(cell) => cell[0] != 0,
            None => false,
        });
        Ok(())
    }
}

impl Quick {
    fn of<'c>(expr: &Expr, collection: &impl Fn(Slot) -> &'c CollectionDef) -> Option<Quick> {
        let place = |expr: &Expr| {
            let (slot, position) = expr.as_field()?;
            let collection = collection(slot);
            Some((slot, collection.layout.places[usize::from(position)], collection))
        };
        let row = |slot, test: Box<dyn RowTest>, place: &Place| {
            // The blob lies elsewhere on the page.
            let cost = if matches!(place.spot, Spot::Cold(_)) { 4 } else { 1 };
            Some(Quick { slot, test: QuickTest::Row(test), cost })
        };
        match &expr.kind {
            ExprKind::Field(..) => {
                let (slot, place, collection) = place(expr)?;
                row(slot, kernel::compared(Type::Bool, BinaryOp::Eq, at(&place, collection)?, &[1]), &place)
            }
            ExprKind::Unary(UnaryOp::Not, operand) if operand.as_field().is_some() => {
                let (slot, place, collection) = place(operand)?;
                // The negation of an absent value is absent too, and fails.
                row(slot, kernel::compared(Type::Bool, BinaryOp::Eq, at(&place, collection)?, &[0]), &place)
            }
            ExprKind::Unary(op @ (UnaryOp::IsNone | UnaryOp::IsSome), operand) => {
                let (slot, place, _) = place(operand)?;
                let test = kernel::is_null(place.null?, *op == UnaryOp::IsNone);
                row(slot, test, &Place { spot: Spot::Rank, ..place })
            }
            ExprKind::Binary(op, left, right) => {
                if right.as_field().is_some() {
                    let ((slot, left, collection), (other, right, _)) = (place(left)?, place(right)?);
                    // A rank is not in the form that a field has.
                    let suits = |of: &Place| of.null.is_none() && of.spot != Spot::Rank;
                    let same = slot == other && left.ty == right.ty && left.ty.width().is_some();
                    if !same || !suits(&left) || !suits(&right) || !kernel::is_comparison(*op) {
                        return None;
                    }
                    let test = kernel::pair(left.ty, *op, at(&left, collection)?, at(&right, collection)?);
                    let farther = if matches!(left.spot, Spot::Cold(_)) { left } else { right };
                    return row(slot, test, &farther);
                }
                let ((slot, place, collection), literal) = (place(left)?, right.peek_literal()?);
                if place.ty.width().is_some() {
                    if !kernel::is_comparison(*op) || literal.is_null() {
                        return None;
                    }
                    let (ty, cell) = stored(&place, literal, collection);
                    return row(slot, kernel::compared(ty, *op, at(&place, collection)?, &cell), &place);
                }
                let bytes = match literal {
                    Scalar::String(text) => text.as_bytes(),
                    Scalar::Bytes(bytes) => bytes,
                    _ => return None,
                };
                let test = TextTest::new(*op, bytes)?;
                let cost = if test.is_at_a_place() { 8 } else { 24 };
                Some(Quick { slot, test: QuickTest::Text(place, test), cost })
            }
            ExprKind::Between(parts) => {
                let [value, low, high] = &**parts;
                let (slot, place, collection) = place(value)?;
                let (low, high) = (low.peek_literal()?, high.peek_literal()?);
                if low.is_null() || high.is_null() {
                    return None;
                }
                let at = at(&place, collection)?;
                let ((ty, low), (_, high)) =
                    (stored(&place, low, collection), stored(&place, high, collection));
                row(slot, kernel::between(ty, at, &low, &high), &place)
            }
            ExprKind::In(value, candidates) => {
                let literals = candidates.iter().map(Expr::peek_literal).collect::<Option<Vec<&Scalar>>>()?;
                #[cfg(not(feature = "small"))]
                if let ExprKind::Call(Function::Left, arguments, _) = &value.kind {
                    let [text, count] = arguments.as_slice() else { return None };
                    let (slot, place, _) = place(text)?;
                    let test = QuickTest::Start(place, Starts::of(count.peek_literal()?, &literals)?);
                    return Some(Quick { slot, test, cost: 8 });
                }
                let (slot, place, collection) = place(value)?;
                let at = at(&place, collection)?;
                let present = literals.iter().filter(|literal| !literal.is_null());
                let (mut ty, mut cells) = (place.ty, Vec::new());
                for literal in present {
                    let (stored_ty, cell) = stored(&place, literal, collection);
                    ty = stored_ty;
                    cells.push(cell);
                }
                let absent = literals.iter().any(|literal| literal.is_null());
                let absent = absent && !planted::is(Bug::AbsentNotInList);
                row(slot, kernel::one_of(ty, at, &cells, absent), &place)
            }
            _ => None,
        }
    }

    /// Applies the test if the records are in a form that it works on; whether they are.
    fn apply(&self, batch: &mut Batch<'_>) -> Result<bool, ExecError> {
        if !has_rows(batch, self.slot) {
            return Ok(false);
        }
        match &self.test {
            QuickTest::Row(test) => apply_to_rows(self.slot, &**test, batch)?,
            QuickTest::Text(place, test) => self.apply_to_text(place, |text| test.passes(text), batch)?,
            #[cfg(not(feature = "small"))]
            QuickTest::Start(place, test) => self.apply_to_text(place, |text| test.passes(text), batch)?,
        }
        Ok(true)
    }

    fn apply_to_text(
        &self,
        place: &Place,
        test: impl Fn(&[u8]) -> bool,
        batch: &mut Batch<'_>,
    ) -> Result<(), StorageError> {
        let slot = usize::from(self.slot.0);
        let mut failed = None;
        let mut passes = |record: RecordRef<'_>| match record.field(place) {
            Ok(FieldCell::Borrowed(text)) => test(text),
            Ok(_) => false,
            Err(error) => {
                failed = Some(error);
                false
            }
        };
        batch.narrow(|slots, range, sparse| {
            let record = |row: usize| match &slots[slot] {
                Source::Leaf(leaf) => leaf.record(row),
                Source::Records(records) => records[row].expect("checked before"),
                _ => unreachable!("checked before"),
            };
            match range {
                Some(range) => sparse.extend(range.filter(|row| passes(record(*row))).map(|row| row as u16)),
                None => sparse.retain(|row| passes(record(usize::from(*row)))),
            }
        });
        failed.map_or(Ok(()), Err)
    }
}

/// Whether the records in a slot have fixed rows to be tested. One that is absent has none: what then holds is the evaluator's to say.
fn has_rows(batch: &Batch<'_>, slot: Slot) -> bool {
    match batch.source(slot) {
        Source::Leaf(_) => true,
        Source::Records(records) => {
            let mut present = true;
            batch.selected().for_each(|row| present &= records[row].is_some());
            present
        }
        // Fields of these are read better in columns.
        #[cfg(not(feature = "small"))]
        Source::Rows(..) | Source::Picked(_) => false,
        Source::Absent | Source::Ranks(_) => false,
    }
}

/// Drops the rows of whose records in `slot` a test does not hold.
fn apply_to_rows(slot: Slot, test: &dyn RowTest, batch: &mut Batch<'_>) -> Result<(), ExecError> {
    let slot = usize::from(slot.0);
    batch.narrow(|slots, range, sparse| match (&slots[slot], range) {
        (Source::Leaf(leaf), Some(range)) => {
            test.select_dense(leaf.page(), leaf.rows(), leaf.stride(), range, sparse);
        }
        (Source::Leaf(leaf), None) => {
            test.select_sparse(leaf.page(), leaf.rows(), leaf.stride(), sparse);
        }
        (Source::Records(records), range) => {
            let passes =
                |row: usize| records[row].is_some_and(|record| test.passes(record.page(), record.row()));
            match range {
                Some(range) => sparse.extend(range.filter(|row| passes(*row)).map(|row| row as u16)),
                None => sparse.retain(|row| passes(usize::from(*row))),
            }
        }
        _ => unreachable!("checked before"),
    });
    if test.met_damage() { Err(damage().into()) } else { Ok(()) }
}

#[cfg(not(feature = "small"))]
impl Keys {
    /// As [`Predicate::cost`].
    fn cost(&self, expr: &Expr) -> u32 {
        // What is no number is read and hashed.
        let cost = |expr: &Expr| if expr.ty.width().is_some() { 4 } else { 8 };
        if self.place.is_some() { 2 } else { cost(expr) + self.others.iter().map(cost).sum::<u32>() }
    }

    /// Drops the rows of `batch` in which `expr` has no value among the keys.
    fn apply<'s>(&self, expr: &Expr, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        let Some(keys) = self.known.get().filter(|_| !self.is_off.get()) else { return Ok(()) };
        let before = batch.count();
        match self.place {
            Some((slot, at, wide)) if has_rows(batch, slot) => {
                let test = self.test.get_or_init(|| kernel::in_set(wide, at, Arc::clone(keys)));
                apply_to_rows(slot, &**test, batch)?;
            }
            _ if self.others.is_empty() => {
                let values = evaluate(env, expr, batch)?;
                let mut numbers = Vec::new();
                sieve::numbers(&values, &mut numbers);
                batch.retain(|at, _| match values.is_null(at) {
                    true => keys.has_absent(),
                    false => keys.may_have(numbers[at]),
                });
            }
            _ => {
                let mut values = Vec::with_capacity(1 + self.others.len());
                for expr in core::iter::once(expr).chain(&self.others) {
                    values.push(evaluate(env, expr, batch)?);
                }
                let mut numbers = Vec::new();
                sieve::numbers_of_all(&values.iter().collect::<Vec<_>>(), &mut numbers);
                batch.retain(|at, _| keys.may_have(numbers[at]));
            }
        }
        let (tried, passed) = self.tried.get();
        let after = batch.count();
        self.known.note_dropped(before - after);
        let (tried, passed) = (tried + before, passed + after);
        self.tried.set((tried, passed));
        if tried >= TRIED {
            self.is_off.set(passed > tried / 8 * 7);
            self.tried.set((0, 0));
        }
        Ok(())
    }
}

/// Where in the fixed row, or among the cold fields, the field's own bytes are, or its rank.
fn at(place: &Place, collection: &CollectionDef) -> Option<At> {
    let (offset, cold) = match place.spot {
        Spot::Rank => (0, None),
        Spot::Cold(offset) => (usize::from(offset), Some(collection.layout.blob_offset?)),
        _ => (in_row(place)?, None),
    };
    Some(At { offset, null: place.null, cold })
}

/// A constant in the form that the fixed row has the field in.
fn stored(place: &Place, literal: &Scalar, collection: &CollectionDef) -> (Type, Vec<u8>) {
    literal.with_cell(place.ty, |cell| {
        let cell = cell.expect("a present literal");
        if place.spot != Spot::Rank {
            return (place.ty, cell.to_vec());
        }
        let rank = key::rank(place.ty, cell).to_le_bytes();
        match collection.layout.rank_width {
            8 => (Type::U64, rank[..8].to_vec()),
            _ => (Type::U128, rank.to_vec()),
        }
    })
}

/// The rows left of a batch, as the records of a slot.
pub(super) fn records_of<'s>(
    batch: &Batch<'s>,
    slot: Slot,
    selected: &Selected<'_>,
) -> Vec<Option<RecordRef<'s>>> {
    let mut records = Vec::with_capacity(selected.len());
    selected.for_each(|row| records.push(batch.record(slot, row)));
    records
}

#[cfg(all(test, feature = "decimal", not(feature = "small")))]
mod tests;
