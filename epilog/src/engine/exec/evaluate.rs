//! Evaluation of expressions over the rows left of a batch: each node of an expression makes one [`Vector`].
//!
//! The interpreter's work is per batch and node, the kernels' per row. A vector has one value per row left, in their
//! order. A row whose arithmetic has no result carries a fault, which `&` and `|` drop where the other side decides.

use alloc::vec::Vec;

use super::batch::{Batch, Selected, Source, gather};
use super::cold::ColdColumn;
use super::kernel;
#[cfg(all(feature = "decimal", not(feature = "small")))]
use super::scaled::{self, Numbers};
use super::text::TextTest;
use super::vector::Cells;
use super::{Env, Vector};
use super::{arithmetic, function};
use crate::engine::error::ExecError;
use crate::engine::logical::{Expr, ExprKind, Slot};
use crate::engine::planted::{self, Bug};
use crate::expr::{BinaryOp, UnaryOp};
use crate::parts;
use crate::schema::{Place, Spot};
use crate::storage::facade::LeafBatch;
use crate::storage::records::FieldCell;
use crate::value::{Cell, Scalar, Type, calendar, case, is_signed_cell, key, list};

/// The values of `expr` over the rows left of `batch`.
pub(super) fn evaluate<'s>(env: &Env<'s>, expr: &Expr, batch: &Batch<'s>) -> Result<Vector<'s>, ExecError> {
    let selected = batch.selected();
    match &expr.kind {
        ExprKind::Field(slot, position) => field(env, *slot, *position, batch, &selected),
        ExprKind::Computed(computed) => Ok(gather(batch.computed(*computed), &selected)),
        ExprKind::Literal(literal) => Ok(Vector::constant(expr.ty, literal.peek(), selected.len())),
        ExprKind::Unary(op, operand) => Ok(unary(*op, &evaluate(env, operand, batch)?)),
        #[cfg(all(feature = "decimal", not(feature = "small")))]
        ExprKind::Binary(op, ..) if expr.ty == Type::Decimal && scaled::is_exact(*op) => {
            Ok(scaled::numbers(env, expr, batch, &[])?.into_vector())
        }
        #[cfg(all(feature = "decimal", not(feature = "small")))]
        ExprKind::Binary(op, left, right) if left.ty == Type::Decimal && kernel::is_comparison(*op) => {
            let numbers = |of: &Expr| scaled::numbers(env, of, batch, &[]);
            Ok(compare_numbers(*op, numbers(left)?, numbers(right)?))
        }
        ExprKind::Binary(op, left, right) => {
            let (left, right) = (evaluate(env, left, batch)?, evaluate(env, right, batch)?);
            Ok(binary(*op, left, right))
        }
        ExprKind::Between(parts) => {
            let [value, low, high] = &**parts;
            let value = evaluate(env, value, batch)?;
            let above = compare(BinaryOp::Ge, &value, &evaluate(env, low, batch)?);
            let below = compare(BinaryOp::Le, &value, &evaluate(env, high, batch)?);
            Ok(connect(BinaryOp::And, &above, &below))
        }
        ExprKind::In(value, candidates) => {
            let value = evaluate(env, value, batch)?;
            is_in(env, &value, candidates, batch)
        }
        ExprKind::Call(function, arguments, _) => {
            let arguments = arguments.iter().map(|argument| evaluate(env, argument, batch));
            let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
            Ok(function::call(*function, &arguments, expr.ty))
        }
        ExprKind::If(parts, _) => {
            let [condition, then, otherwise] = &**parts;
            let condition = evaluate(env, condition, batch)?;
            Ok(choose(&condition, &evaluate(env, then, batch)?, &evaluate(env, otherwise, batch)?))
        }
        #[cfg(not(feature = "small"))]
        ExprKind::Each(quantifier, parts) => {
            let [list, test] = &**parts;
            super::each::each(env, *quantifier, &evaluate(env, list, batch)?, test)
        }
        #[cfg(not(feature = "small"))]
        ExprKind::Element => Ok(gather(batch.computed(super::each::ELEMENT), &selected)),
    }
}

/// A field of the records in a slot.
fn field<'s>(
    env: &Env<'s>,
    slot: Slot,
    position: u16,
    batch: &Batch<'s>,
    selected: &Selected<'_>,
) -> Result<Vector<'s>, ExecError> {
    let place = &env.collection(slot).layout.places[usize::from(position)];
    match batch.source(slot) {
        Source::Leaf(_) | Source::Records(_) if !parts::LOOPS => {
            from_records(place, selected, |row| batch.record(slot, row))
        }
        Source::Leaf(leaf) => from_leaf(leaf, place, selected),
        #[cfg(not(feature = "small"))]
        Source::Rows(leaf, rows) => {
            let mut picked = Vec::with_capacity(selected.len());
            selected.for_each(|row| picked.push(rows[row]));
            from_leaf(leaf, place, &Selected::Sparse(&picked))
        }
        #[cfg(not(feature = "small"))]
        Source::Picked(picked) => picked.field(env, position, place, selected),
        Source::Records(records) => from_records(place, selected, |row| records[row]),
        Source::Ranks(ranks) => {
            debug_assert_eq!(place.spot, Spot::Rank);
            let width = place.ty.width().expect("a clustering type");
            let mut bytes = Vec::with_capacity(width * selected.len());
            selected.for_each(|row| bytes.extend_from_slice(&key::from_rank(place.ty, ranks[row])[..width]));
            Ok(Vector::fixed(place.ty, selected.len(), bytes))
        }
        Source::Absent => unreachable!("a checked plan reads slots that are there"),
    }
}

/// A field of a leaf's records.
fn from_leaf<'s>(
    leaf: &LeafBatch<'s>,
    place: &Place,
    selected: &Selected<'_>,
) -> Result<Vector<'s>, ExecError> {
    match (in_row(place), ColdColumn::of(leaf, place)) {
        (Some(offset), _) => Ok(from_rows(leaf, offset, place, selected)),
        (None, Some(cold)) => from_blobs(leaf, &cold, place, selected),
        (None, None) => from_records(place, selected, |row| Some(leaf.record(row))),
    }
}

/// Where in the fixed row a field's cell lies as it is.
pub(super) fn in_row(place: &Place) -> Option<usize> {
    match place.spot {
        Spot::Hot(offset) => Some(usize::from(offset)),
        // The rank of an unsigned key is the key, widened.
        Spot::Rank if !is_signed_cell(place.ty) && place.ty != Type::Uuid => Some(0),
        _ => None,
    }
}

/// Which values of a field are absent.
fn nulls_of(leaf: &LeafBatch<'_>, place: &Place, selected: &Selected<'_>) -> Option<Vec<bool>> {
    let (rows, stride) = (leaf.rows(), leaf.stride());
    place.null.map(|(byte, bit)| {
        let mut nulls = Vec::with_capacity(selected.len());
        selected.for_each(|row| nulls.push(rows[row * stride + usize::from(byte)] & bit != 0));
        nulls
    })
}

/// A cold field. Absent values have their cells too.
fn from_blobs<'s>(
    leaf: &LeafBatch<'s>,
    cold: &ColdColumn<'s>,
    place: &Place,
    selected: &Selected<'_>,
) -> Result<Vector<'s>, ExecError> {
    let width = place.ty.width().expect("a cold field has a width");
    let mut bytes = Vec::with_capacity(width * selected.len());
    match width {
        1 => cold.copy::<1>(selected, &mut bytes)?,
        2 => cold.copy::<2>(selected, &mut bytes)?,
        4 => cold.copy::<4>(selected, &mut bytes)?,
        8 => cold.copy::<8>(selected, &mut bytes)?,
        12 => cold.copy::<12>(selected, &mut bytes)?,
        16 => cold.copy::<16>(selected, &mut bytes)?,
        _ => unreachable!("no cell is {width} bytes wide"),
    }
    Ok(Vector::new(place.ty, selected.len(), Cells::Fixed(bytes), nulls_of(leaf, place, selected)))
}

fn from_rows<'s>(leaf: &LeafBatch<'s>, offset: usize, place: &Place, selected: &Selected<'_>) -> Vector<'s> {
    let (rows, stride, len) = (leaf.rows(), leaf.stride(), selected.len());
    let nulls = nulls_of(leaf, place, selected);
    let cells = match selected {
        Selected::Range(range) if !range.is_empty() => {
            Cells::Strided { bytes: &rows[range.start * stride + offset..], stride }
        }
        _ => {
            let width = place.ty.width().expect("a field of the fixed row");
            let mut bytes = Vec::with_capacity(width * len);
            // A width that is known at each copy makes it a move, not a call.
            macro_rules! copy {
                ($($width:literal)*) => {
                    match width {
                        $($width => selected.for_each(|row| {
                            let cell: &[u8; $width] = rows[row * stride + offset..][..$width].try_into().expect("a cell");
                            bytes.extend_from_slice(cell);
                        }),)*
                        _ => unreachable!("no cell is {width} bytes wide"),
                    }
                };
            }
            copy!(1 2 4 8 12 16);
            Cells::Fixed(bytes)
        }
    };
    Vector::new(place.ty, len, cells, nulls)
}

/// A field of records; those of a leaf.
#[cfg(not(feature = "small"))]
pub(super) fn field_of_leaf<'s>(leaf: &LeafBatch<'s>, place: &Place) -> Result<Vector<'s>, ExecError> {
    from_leaf(leaf, place, &Selected::Range(0..leaf.len()))
}

/// A field of records, of which some rows have one each.
pub(super) fn from_records<'s>(
    place: &Place,
    selected: &Selected<'_>,
    record: impl Fn(usize) -> Option<crate::storage::records::RecordRef<'s>>,
) -> Result<Vector<'s>, ExecError> {
    #[cfg(not(feature = "small"))]
    if let Some(values) = super::cold::of_records(place, selected, &record) {
        return values;
    }
    let len = selected.len();
    let mut nulls: Option<Vec<bool>> = None;
    let mut failed = None;
    let mut at = 0;
    let mut set_null = |at: usize| nulls.get_or_insert_with(|| vec![false; len])[at] = true;
    let cells = match place.ty.width() {
        Some(width) => {
            let mut bytes = Vec::with_capacity(width * len);
            selected.for_each(|row| {
                match record(row).map(|record| record.field(place)) {
                    Some(Ok(FieldCell::Borrowed(cell))) => bytes.extend_from_slice(cell),
                    Some(Ok(FieldCell::Owned(cell, _))) => bytes.extend_from_slice(&cell[..width]),
                    Some(Ok(FieldCell::Null)) | None => set_null(at),
                    Some(Err(error)) => failed = Some(error),
                }
                at += 1;
                bytes.resize(at * width, 0);
            });
            Cells::Fixed(bytes)
        }
        None => {
            let mut slices: Vec<&'s [u8]> = Vec::with_capacity(len);
            selected.for_each(|row| {
                let cell = match record(row).map(|record| record.field(place)) {
                    Some(Ok(FieldCell::Borrowed(cell))) => cell,
                    Some(Err(error)) => {
                        failed = Some(error);
                        &[]
                    }
                    Some(Ok(_)) | None => {
                        set_null(at);
                        &[]
                    }
                };
                slices.push(cell);
                at += 1;
            });
            Cells::Slices(slices)
        }
    };
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(Vector::new(place.ty, len, cells, nulls)),
    }
}

fn unary<'s>(op: UnaryOp, of: &Vector<'s>) -> Vector<'s> {
    if op.is_left_out() {
        unreachable!("a plan with it was refused");
    }
    let len = of.len();
    let mut result = match op {
        UnaryOp::Negate => return arithmetic::negate(of),
        UnaryOp::IsNone | UnaryOp::IsSome => {
            let wanted = op == UnaryOp::IsNone;
            Vector::bools((0..len).map(|row| u8::from(of.is_null(row) == wanted)).collect())
        }
        UnaryOp::Not => {
            let bytes = (0..len).map(|row| of.bytes(row)[0] ^ 1).collect();
            Vector::new(Type::Bool, len, Cells::Fixed(bytes), of.nulls.clone())
        }
        UnaryOp::Length => {
            let count = |bytes: &[u8]| match of.ty() {
                // Every byte but those that continue a character begins one.
                Type::String => bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64,
                ty if ty.is_list() => list::len(ty.element().unwrap_or(ty), bytes) as u64,
                _ => bytes.len() as u64,
            };
            let bytes = (0..len).flat_map(|row| count(of.bytes(row)).to_le_bytes()).collect();
            Vector::new(Type::U64, len, Cells::Fixed(bytes), of.nulls.clone())
        }
        UnaryOp::Lower => change_case(of, case::lower),
        UnaryOp::Upper => change_case(of, case::upper),
        UnaryOp::Year | UnaryOp::Month | UnaryOp::Day => {
            let part = |row: usize| {
                let (year, month, day) = calendar::civil(day_of(of.ty(), of.bytes(row)));
                match op {
                    // No date that is stored has a year beyond 32 bits.
                    UnaryOp::Year => (year as i32).to_le_bytes(),
                    UnaryOp::Month => month.to_le_bytes(),
                    _ => day.to_le_bytes(),
                }
            };
            let ty = if op == UnaryOp::Year { Type::I32 } else { Type::U32 };
            Vector::new(ty, len, Cells::Fixed((0..len).flat_map(part).collect()), of.nulls.clone())
        }
    };
    result.inherit_faults(of);
    result
}

/// The day that a date, or a moment's 96 bits, falls on.
fn day_of(ty: Type, cell: &[u8]) -> i64 {
    if ty == Type::Date {
        return i64::from(i32::from_le_bytes(cell.try_into().expect("a date")));
    }
    let seconds = i64::from_le_bytes(cell[4..].try_into().expect("a moment"));
    seconds.div_euclid(86_400) + calendar::DAYS_TO_1970
}

fn change_case<'s>(of: &Vector<'s>, change: fn(&str) -> alloc::string::String) -> Vector<'s> {
    let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(of.len()));
    for row in 0..of.len() {
        let text = alloc::string::String::from_utf8_lossy(of.bytes(row));
        bytes.extend_from_slice(change(&text).as_bytes());
        ends.push(bytes.len() as u32);
    }
    Vector::new(Type::String, of.len(), Cells::Owned { bytes, ends }, of.nulls.clone())
}

fn binary<'s>(op: BinaryOp, left: Vector<'s>, right: Vector<'s>) -> Vector<'s> {
    use BinaryOp as B;
    if op.is_left_out() {
        unreachable!("a plan with it was refused");
    }
    match op {
        B::And | B::Or => connect(op, &left, &right),
        B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge => compare(op, &left, &right),
        B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder => {
            arithmetic::binary(op, &left, &right)
        }
        B::StartsWith | B::EndsWith | B::Contains | B::Like | B::Matches => text_test(op, &left, &right),
        B::OrElse => or_else(left, &right),
        B::Has | B::HasAny | B::HasAll => list_test(op, &left, &right),
    }
}

/// `&` and `|`. An absent value counts as false; a fault counts only where the other side does not decide.
fn connect<'s>(op: BinaryOp, left: &Vector<'s>, right: &Vector<'s>) -> Vector<'s> {
    let truth = |of: &Vector<'_>, row: usize| !of.is_null(row) && of.bytes(row)[0] != 0;
    let both = op == BinaryOp::And;
    let bytes = (0..left.len()).map(|row| {
        let (left, right) = (truth(left, row), truth(right, row));
        u8::from(if both { left && right } else { left || right })
    });
    let mut result = Vector::bools(bytes.collect());
    for (of, other) in [(left, right), (right, left)] {
        for (row, fault) in of.faults() {
            let at = *row as usize;
            let decided =
                other.fault(at).is_none() && (truth(other, at) != both || planted::is(Bug::FaultForgotten));
            if !decided {
                result.add_fault(*row, fault);
            }
        }
    }
    result
}

/// A comparison: `None` equals `None`, and orders against nothing.
pub(super) fn compare<'s>(op: BinaryOp, left: &Vector<'s>, right: &Vector<'s>) -> Vector<'s> {
    let len = left.len();
    let mut bytes = match left.ty().width() {
        // A constant on the left would be read anew for every row: exchange the sides.
        Some(_) if left.is_constant() && !right.is_constant() => {
            let mirrored = op.mirrored().expect("a comparison");
            kernel::compare(left.ty(), mirrored, right.strided(), left.strided(), len)
        }
        Some(_) => kernel::compare(left.ty(), op, left.strided(), right.strided(), len),
        None => (0..len).map(|row| u8::from(holds(op, left.bytes(row).cmp(right.bytes(row))))).collect(),
    };
    compare_absent(op, left.nulls.as_deref(), right.nulls.as_deref(), &mut bytes);
    let mut result = Vector::bools(bytes);
    result.inherit_faults(left);
    result.inherit_faults(right);
    result
}

/// Sets the outcomes where one side or both are absent.
fn compare_absent(op: BinaryOp, left: Option<&[bool]>, right: Option<&[bool]>, outcomes: &mut [u8]) {
    if left.is_none() && right.is_none() {
        return;
    }
    let is_null = |nulls: Option<&[bool]>, row: usize| nulls.is_some_and(|nulls| nulls[row]);
    for (row, outcome) in outcomes.iter_mut().enumerate() {
        *outcome = match (is_null(left, row), is_null(right, row)) {
            (false, false) => continue,
            (true, false) if planted::is(Bug::AbsentCompares) => u8::from(op == BinaryOp::Lt),
            (true, true) => u8::from(op == BinaryOp::Eq),
            _ => u8::from(op == BinaryOp::Ne),
        };
    }
}

/// As [`compare`], of decimals.
#[cfg(all(feature = "decimal", not(feature = "small")))]
fn compare_numbers<'s>(op: BinaryOp, left: Numbers<'s>, right: Numbers<'s>) -> Vector<'s> {
    if let (Numbers::Scaled(left), Numbers::Scaled(right)) = (&left, &right)
        && let Some(mut outcomes) = left.compared(op, right)
    {
        compare_absent(op, left.nulls(), right.nulls(), &mut outcomes);
        return Vector::bools(outcomes);
    }
    compare(op, &left.into_vector(), &right.into_vector())
}

fn holds(op: BinaryOp, order: core::cmp::Ordering) -> bool {
    match op {
        BinaryOp::Eq => order.is_eq(),
        BinaryOp::Ne => order.is_ne(),
        BinaryOp::Lt => order.is_lt(),
        BinaryOp::Le => order.is_le(),
        BinaryOp::Gt => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn text_test<'s>(op: BinaryOp, left: &Vector<'s>, right: &Vector<'s>) -> Vector<'s> {
    let len = left.len();
    let absent = |row: usize| left.is_null(row) || right.is_null(row);
    let prepared = (right.is_constant() && len > 0).then(|| test(op, right.bytes(0)));
    let passes = |row: usize| match &prepared {
        Some(test) => test.passes(left.bytes(row)),
        None => test(op, right.bytes(row)).passes(left.bytes(row)),
    };
    let mut result = Vector::bools((0..len).map(|row| u8::from(!absent(row) && passes(row))).collect());
    result.inherit_faults(left);
    result.inherit_faults(right);
    result
}

/// A test of a list, false of what is absent.
fn list_test<'s>(op: BinaryOp, left: &Vector<'s>, right: &Vector<'s>) -> Vector<'s> {
    let element = left.ty().element().expect("a checked plan tests lists");
    let mut wanted = Vec::new();
    let mut is_prepared = false;
    let mut passes = |row: usize| {
        let (list, other) = (left.bytes(row), right.bytes(row));
        match op {
            BinaryOp::HasAny => list::elements(element, other).any(|key| list::contains(element, list, key)),
            BinaryOp::HasAll => list::elements(element, other).all(|key| list::contains(element, list, key)),
            _ => {
                if !is_prepared {
                    wanted.clear();
                    list::push(&mut wanted, element, other);
                    is_prepared = right.is_constant();
                }
                list::contains(element, list, &wanted)
            }
        }
    };
    let absent = |row: usize| left.is_null(row) || right.is_null(row);
    let bytes = (0..left.len()).map(|row| u8::from(!absent(row) && passes(row)));
    let mut result = Vector::bools(bytes.collect());
    result.inherit_faults(left);
    result.inherit_faults(right);
    result
}

fn test(op: BinaryOp, right: &[u8]) -> TextTest {
    TextTest::new(op, right).expect("a test on text")
}

/// The left value, or the right one where it is absent. The fault of a right value that is not needed is none.
fn or_else<'s>(mut left: Vector<'s>, right: &Vector<'s>) -> Vector<'s> {
    let Some(absent) = &left.nulls else { return left };
    if !absent.contains(&true) && left.faults().is_empty() {
        left.nulls = None;
        return left;
    }
    let mut result = pick(&left, right, |row| absent[row]);
    // What is absent may have one as well: something absent and a division by zero.
    result.inherit_faults(&left);
    result
}

/// The one value where a condition holds, the other where it does not or is absent.
fn choose<'s>(condition: &Vector<'s>, then: &Vector<'s>, otherwise: &Vector<'s>) -> Vector<'s> {
    let mut result = pick(then, otherwise, |row| condition.is_null(row) || condition.bytes(row)[0] == 0);
    if !condition.faults().is_empty() {
        result.faults.retain(|(row, _)| condition.fault(*row as usize).is_none());
        result.inherit_faults(condition);
    }
    result
}

/// The values of `left`, those of `right` where `is_right` says so; with the faults of those that are taken.
pub(super) fn pick<'s>(
    left: &Vector<'s>,
    right: &Vector<'s>,
    is_right: impl Fn(usize) -> bool,
) -> Vector<'s> {
    let (ty, len) = (left.ty(), left.len());
    let of = |row: usize| if is_right(row) { right } else { left };
    let absent = left.nulls.is_some() || right.nulls.is_some();
    let nulls = absent.then(|| (0..len).map(|row| of(row).is_null(row)).collect());
    let cells = match (ty.width(), &left.cells, &right.cells) {
        (None, Cells::Slices(a), Cells::Slices(b)) => {
            Cells::Slices((0..len).map(|row| if is_right(row) { b[row] } else { a[row] }).collect())
        }
        (None, ..) => {
            let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(len));
            for row in 0..len {
                bytes.extend_from_slice(of(row).bytes(row));
                ends.push(bytes.len() as u32);
            }
            Cells::Owned { bytes, ends }
        }
        (Some(width), ..) => {
            let mut bytes = Vec::with_capacity(width * len);
            (0..len).for_each(|row| bytes.extend_from_slice(of(row).bytes(row)));
            Cells::Fixed(bytes)
        }
    };
    let mut result = Vector::new(ty, len, cells, nulls);
    for (side, on_right) in [(left, false), (right, true)] {
        for (row, fault) in side.faults() {
            if is_right(*row as usize) == on_right {
                result.add_fault(*row, fault);
            }
        }
    }
    result
}

fn is_in<'s>(
    env: &Env<'s>,
    value: &Vector<'s>,
    candidates: &[Expr],
    batch: &Batch<'s>,
) -> Result<Vector<'s>, ExecError> {
    // Texts are told by their beginnings, many literals found by their keys, few of anything else one after the other.
    let literals: Option<Vec<&Scalar>> = candidates.iter().map(Expr::peek_literal).collect();
    if let (true, Some(literals), Type::String | Type::Bytes) = (parts::LOOPS, &literals, value.ty()) {
        let texts = Texts::new(value.ty(), literals);
        let found = (0..value.len()).map(|row| u8::from(texts.contains(value.cell(row))));
        let mut result = Vector::bools(found.collect());
        result.inherit_faults(value);
        return Ok(result);
    }
    if let (Some(literals), true) = (literals, candidates.len() > 8) {
        let encode = |literal: &&Scalar| {
            let mut bytes = Vec::new();
            key::append_scalar(&mut bytes, value.ty(), true, literal);
            bytes
        };
        let mut keys: Vec<Vec<u8>> = literals.iter().map(encode).collect();
        keys.sort_unstable();
        let mut scratch = Vec::new();
        let found = (0..value.len()).map(|row| {
            scratch.clear();
            value.append_key(row, &mut scratch);
            u8::from(keys.binary_search(&scratch).is_ok())
        });
        let mut result = Vector::bools(found.collect());
        result.inherit_faults(value);
        return Ok(result);
    }
    let mut result = Vector::bools(vec![0; value.len()]);
    result.inherit_faults(value);
    for candidate in candidates {
        let equal = compare(BinaryOp::Eq, value, &evaluate(env, candidate, batch)?);
        result = connect(BinaryOp::Or, &result, &equal);
    }
    Ok(result)
}

/// Texts, or bytes, to find others among.
struct Texts {
    /// The first eight bytes of each, and all of them; ascending.
    texts: Vec<(u64, Vec<u8>)>,
    has_absent: bool,
}

impl Texts {
    fn new(ty: Type, literals: &[&Scalar]) -> Texts {
        let mut texts = Vec::with_capacity(literals.len());
        let mut has_absent = false;
        for literal in literals {
            literal.with_cell(ty, |cell| match cell {
                Some(text) => texts.push((head(text), text.to_vec())),
                None => has_absent = true,
            });
        }
        texts.sort_unstable();
        Texts { texts, has_absent }
    }

    fn contains(&self, cell: Cell<'_>) -> bool {
        let Some(text) = cell else { return self.has_absent };
        let word = head(text);
        let is_it = |(head, other): &(u64, Vec<u8>)| {
            *head == word
                && other.len() == text.len()
                && other[text.len().min(8)..] == text[text.len().min(8)..]
        };
        // To compare a few words takes less time than to mispredict a branch.
        if self.texts.len() <= 16 {
            return self.texts.iter().any(is_it);
        }
        let first = self.texts.partition_point(|(head, _)| *head < word);
        self.texts[first..].iter().take_while(|(head, _)| *head == word).any(is_it)
    }
}

/// The first eight bytes as a number, zeros where there are fewer.
fn head(text: &[u8]) -> u64 {
    if let Some(head) = text.first_chunk() {
        return u64::from_le_bytes(*head);
    }
    text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(all(test, feature = "decimal", not(feature = "small")))]
mod tests;
