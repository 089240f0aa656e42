//! [`Scaled`]: decimals of one scale, as integers.
//!
//! Decimals of one field have one scale as a rule. Then those of a batch are as many 64-bit integers, and `+ - *` are loops
//! over these. Beside them goes a bound that none exceeds: whether anything could overflow is asked of the bounds, once for
//! a batch. Where scales differ, or something might not fit, cells are calculated one by one ([`arithmetic`]), with the same
//! digits: the scale of a result depends on the scales it is made of alone, not on values.
//!
//! - None of a [`Scaled`]'s rows has a fault; an absent one is 0.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use super::batch::{Batch, Selected, Source};
use super::cold::ColdColumn;
use super::evaluate::{evaluate, in_row};
use super::kernel::split_decimal;
use super::tally::Members;
use super::vector::Cells;
use super::{Env, Vector, arithmetic};
use crate::engine::error::ExecError;
use crate::engine::logical::{AggregateTerm, Expr, ExprKind, Slot};
use crate::expr::{AggregateFunction, BinaryOp, UnaryOp};
use crate::value::Type;
use crate::value::decimal::{DecimalParts, SCALE_MAX};

/// The values of an expression of decimals.
pub(super) enum Numbers<'s> {
    /// Of one scale.
    Scaled(Scaled),
    /// Of any, or with faults.
    Cells(Vector<'s>),
}

/// An expression whose values over a batch are known.
pub(super) type Known<'e, 's> = (&'e Expr, Numbers<'s>);

/// What occurs more than once in the arguments of sums and means of decimals; what something is made of comes before it.
pub(super) fn repeated(terms: &[AggregateTerm]) -> Vec<Expr> {
    fn gather<'e>(expr: &'e Expr, all: &mut Vec<&'e Expr>) {
        match &expr.kind {
            ExprKind::Binary(op, left, right) if is_exact(*op) => {
                gather(left, all);
                gather(right, all);
            }
            ExprKind::Unary(UnaryOp::Negate, operand) => gather(operand, all),
            ExprKind::Literal(_) => return,
            _ => {}
        }
        all.push(expr);
    }
    let mut all = Vec::new();
    for term in
        terms.iter().filter(|term| matches!(term.function, AggregateFunction::Sum | AggregateFunction::Avg))
    {
        term.argument
            .iter()
            .filter(|argument| argument.ty == Type::Decimal)
            .for_each(|of| gather(of, &mut all));
    }
    let mut found: Vec<Expr> = Vec::new();
    for (at, expr) in all.iter().enumerate() {
        if all[..at].contains(expr) && !found.contains(expr) {
            found.push((*expr).clone());
        }
    }
    found
}

/// Decimals of one scale.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scaled {
    scale: u32,
    len: usize,
    mantissas: Mantissas,
    /// None is farther from zero; at most `i64::MAX`.
    bound: u64,
    nulls: Option<Vec<bool>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Mantissas {
    /// Shared, as an expression may occur more than once.
    Each(Rc<Vec<i64>>),
    /// The same for every row.
    All(i64),
}

impl Mantissas {
    fn each(mantissas: Vec<i64>) -> Mantissas {
        Mantissas::Each(Rc::new(mantissas))
    }
}

/// The values of `expr`, of decimals, over the rows left of `batch`. Those that are known already are not calculated again.
pub(super) fn numbers<'s>(
    env: &Env<'s>,
    expr: &Expr,
    batch: &Batch<'s>,
    known: &[Known<'_, 's>],
) -> Result<Numbers<'s>, ExecError> {
    if let Some(found) = known.iter().find(|(known, _)| *known == expr) {
        return Ok(found.1.clone());
    }
    let vector = match &expr.kind {
        ExprKind::Binary(op, left, right) if is_exact(*op) => {
            let (left, right) = (numbers(env, left, batch, known)?, numbers(env, right, batch, known)?);
            return Ok(combine(*op, left, right));
        }
        ExprKind::Unary(UnaryOp::Negate, operand) => {
            return Ok(match numbers(env, operand, batch, known)? {
                Numbers::Scaled(of) => Numbers::Scaled(of.negated()),
                Numbers::Cells(of) => Numbers::Cells(arithmetic::negate(&of)),
            });
        }
        ExprKind::Field(slot, position) => match field(env, *slot, *position, batch) {
            Some(scaled) => return Ok(Numbers::Scaled(scaled)),
            None => evaluate(env, expr, batch)?,
        },
        _ => evaluate(env, expr, batch)?,
    };
    Ok(match Scaled::read(&vector) {
        Some(scaled) => Numbers::Scaled(scaled),
        None => Numbers::Cells(vector),
    })
}

/// Whether an operation on integers of one scale has a result of one scale.
pub(super) fn is_exact(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply)
}

fn combine<'s>(op: BinaryOp, left: Numbers<'s>, right: Numbers<'s>) -> Numbers<'s> {
    if let (Numbers::Scaled(left), Numbers::Scaled(right)) = (&left, &right)
        && let Some(result) = left.combined(op, right)
    {
        return Numbers::Scaled(result);
    }
    Numbers::Cells(arithmetic::binary(op, &left.into_vector(), &right.into_vector()))
}

/// A field where it lies on a leaf, read without copying its cells.
fn field(env: &Env<'_>, slot: Slot, position: u16, batch: &Batch<'_>) -> Option<Scaled> {
    let place = &env.collection(slot).layout.places[usize::from(position)];
    let (leaf, own) = match batch.source(slot) {
        Source::Leaf(leaf) => (leaf, None),
        Source::Rows(leaf, rows) => (leaf, Some(rows)),
        _ => return None,
    };
    if place.null.is_some() {
        return None;
    }
    let mut selected = batch.selected();
    let mut picked = Vec::new();
    if let Some(rows) = own {
        selected.for_each(|row| picked.push(rows[row]));
        selected = Selected::Sparse(&picked);
    }
    let (rows, stride) = (leaf.rows(), leaf.stride());
    let (in_row, cold) = (in_row(place), ColdColumn::of(leaf, place));
    // Each way to the cells, and each way to select them, is a loop of its own.
    macro_rules! read {
        ($rows:expr) => {
            match (in_row, cold) {
                (Some(offset), _) => Scaled::of_cells(
                    selected.len(),
                    $rows.map(|row| rows.get(row * stride + offset..)?.first_chunk::<16>()),
                ),
                (None, Some(cold)) => {
                    Scaled::of_cells(selected.len(), $rows.map(|row| cold.cell(row)?.first_chunk::<16>()))
                }
                (None, None) => None,
            }
        };
    }
    match selected.clone() {
        Selected::Range(range) => read!(range.clone()),
        Selected::Sparse(sparse) => read!(sparse.iter().map(|row| usize::from(*row))),
    }
}

impl<'s> Numbers<'s> {
    /// As cells.
    pub(super) fn into_vector(self) -> Vector<'s> {
        match self {
            Numbers::Scaled(scaled) => scaled.into_vector(),
            Numbers::Cells(vector) => vector,
        }
    }
}

impl Clone for Numbers<'_> {
    fn clone(&self) -> Self {
        match self {
            Numbers::Scaled(scaled) => Numbers::Scaled(scaled.clone()),
            Numbers::Cells(vector) => Numbers::Cells(vector.clone()),
        }
    }
}

impl Scaled {
    /// Decimals as integers, if they have one scale and 63 bits each.
    pub(super) fn read(of: &Vector<'_>) -> Option<Scaled> {
        if of.ty() != Type::Decimal || !of.faults().is_empty() {
            return None;
        }
        let column = of.strided();
        let cell = |row: usize| column.bytes[row * column.stride..].first_chunk::<16>();
        if column.stride == 0 {
            let absent = of.nulls.as_ref().is_some_and(|nulls| nulls.contains(&true));
            let first = if absent { None } else { Some(DecimalParts::from_cell(cell(0)?)?) };
            let first = first.unwrap_or_default();
            let mantissa = i64::try_from(first.mantissa).ok().filter(|mantissa| *mantissa != i64::MIN)?;
            return Some(Scaled {
                scale: first.scale,
                len: of.len(),
                mantissas: Mantissas::All(mantissa),
                bound: mantissa.unsigned_abs(),
                nulls: of.nulls.clone(),
            });
        }
        let Some(nulls) = &of.nulls else { return Scaled::of_cells(of.len(), (0..of.len()).map(cell)) };
        // The cell of something absent means nothing: it is taken for one of those beside it, then for zero.
        let Some(present) = nulls.iter().position(|null| !null) else {
            let mantissas = Mantissas::All(0);
            return Some(Scaled { scale: 0, len: of.len(), mantissas, bound: 0, nulls: of.nulls.clone() });
        };
        let cells = (0..of.len()).map(|row| cell(if nulls[row] { present } else { row }));
        let mut scaled = Scaled::of_cells(of.len(), cells)?;
        scaled.nulls = Some(nulls.clone());
        scaled.clear_absent();
        Some(scaled)
    }

    /// As [`read`](Scaled::read), of `len` cells that are all there.
    fn of_cells<'c>(len: usize, cells: impl Iterator<Item = Option<&'c [u8; 16]>>) -> Option<Scaled> {
        let mut mantissas = Vec::with_capacity(len);
        let (mut scales, mut common, mut bound, mut beyond, mut first) = (0, u32::MAX, 0, 0, None);
        for cell in cells {
            let (scale, mantissa, magnitude, more) = split_decimal(cell?);
            scales |= scale;
            common &= scale;
            bound |= magnitude;
            beyond |= more;
            first.get_or_insert(scale);
            mantissas.push(mantissa);
        }
        let flags = first.unwrap_or(0);
        let scale = flags >> 16;
        let same = mantissas.is_empty() || scales == common;
        if !same || beyond != 0 || flags & 0xFFFF != 0 || scale > SCALE_MAX {
            return None;
        }
        Some(Scaled { scale, len, mantissas: Mantissas::each(mantissas), bound, nulls: None })
    }

    pub(super) fn nulls(&self) -> Option<&[bool]> {
        self.nulls.as_deref()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn negated(mut self) -> Scaled {
        match &mut self.mantissas {
            Mantissas::Each(mantissas) => {
                Rc::make_mut(mantissas).iter_mut().for_each(|mantissa| *mantissa = -*mantissa);
            }
            Mantissas::All(mantissa) => *mantissa = -*mantissa,
        }
        self
    }

    /// The results of `+`, `-` or `*`, if none can overflow.
    fn combined(&self, op: BinaryOp, other: &Scaled) -> Option<Scaled> {
        let (a, b) = (u128::from(self.bound), u128::from(other.bound));
        let scale =
            if op == BinaryOp::Multiply { self.scale + other.scale } else { self.scale.max(other.scale) };
        let factor = |of: &Scaled| 10u64.checked_pow(scale - of.scale).filter(|of| *of <= i64::MAX as u64);
        let (mantissas, bound) = match op {
            BinaryOp::Multiply => (self.each(other, a * b, |x, y| x.wrapping_mul(y))?, a * b),
            _ => {
                let (left, right) = (factor(self)?, factor(other)?);
                let bound = a * u128::from(left) + b * u128::from(right);
                let (left, right) = (left as i64, right as i64);
                let mantissas = match (op, left, right) {
                    (BinaryOp::Add, 1, 1) => self.each(other, bound, |x, y| x.wrapping_add(y))?,
                    (BinaryOp::Add, ..) => self.each(other, bound, |x, y| {
                        x.wrapping_mul(left).wrapping_add(y.wrapping_mul(right))
                    })?,
                    (_, 1, 1) => self.each(other, bound, |x, y| x.wrapping_sub(y))?,
                    _ => self.each(other, bound, |x, y| {
                        x.wrapping_mul(left).wrapping_sub(y.wrapping_mul(right))
                    })?,
                };
                (mantissas, bound)
            }
        };
        if scale > SCALE_MAX {
            return None;
        }
        let nulls = match (&self.nulls, &other.nulls) {
            (None, None) => None,
            (Some(nulls), None) | (None, Some(nulls)) => Some(nulls.clone()),
            (Some(a), Some(b)) => Some(a.iter().zip(b).map(|(a, b)| *a || *b).collect()),
        };
        let mut result = Scaled { scale, len: self.len, mantissas, bound: bound as u64, nulls };
        result.clear_absent();
        Some(result)
    }

    /// `apply` to each pair of mantissas, if what comes out, and so far from zero at most, fits.
    #[inline(always)]
    fn each(&self, other: &Scaled, bound: u128, apply: impl Fn(i64, i64) -> i64) -> Option<Mantissas> {
        if bound > i64::MAX as u128 {
            return None;
        }
        Some(match (&self.mantissas, &other.mantissas) {
            (Mantissas::All(x), Mantissas::All(y)) => Mantissas::All(apply(*x, *y)),
            (Mantissas::All(x), Mantissas::Each(ys)) => {
                Mantissas::each(ys.iter().map(|y| apply(*x, *y)).collect())
            }
            (Mantissas::Each(xs), Mantissas::All(y)) => {
                Mantissas::each(xs.iter().map(|x| apply(*x, *y)).collect())
            }
            (Mantissas::Each(xs), Mantissas::Each(ys)) => {
                Mantissas::each(xs.iter().zip(&**ys).map(|(x, y)| apply(*x, *y)).collect())
            }
        })
    }

    /// Makes what is absent zero.
    fn clear_absent(&mut self) {
        let Some(nulls) = &self.nulls else { return };
        if let Mantissas::Each(mantissas) = &mut self.mantissas {
            let mantissas = Rc::make_mut(mantissas).iter_mut().zip(nulls);
            mantissas.filter(|(_, null)| **null).for_each(|(mantissa, _)| *mantissa = 0);
        }
    }

    /// As cells.
    pub(super) fn into_vector<'s>(self) -> Vector<'s> {
        let flags = u128::from(self.scale << 16);
        let cell = |mantissa: i64| {
            let sign = u128::from(u32::from(mantissa < 0) << 31);
            (u128::from(mantissa.unsigned_abs()) << 32 | flags | sign).to_le_bytes()
        };
        let cells = match self.mantissas {
            Mantissas::All(mantissa) => Cells::Constant(cell(mantissa).to_vec()),
            Mantissas::Each(mantissas) => {
                let mut bytes = Vec::with_capacity(16 * mantissas.len());
                mantissas.iter().for_each(|mantissa| bytes.extend_from_slice(&cell(*mantissa)));
                Cells::Fixed(bytes)
            }
        };
        Vector::new(Type::Decimal, self.len, cells, self.nulls)
    }

    /// Which rows `op` holds for, if the two can be brought to one scale; what is absent is not looked at.
    pub(super) fn compared(&self, op: BinaryOp, other: &Scaled) -> Option<Vec<u8>> {
        let scale = self.scale.max(other.scale);
        let factor = |of: &Scaled| {
            let factor = 10u64.checked_pow(scale - of.scale)?;
            of.bound.checked_mul(factor).filter(|bound| *bound <= i64::MAX as u64)?;
            i64::try_from(factor).ok()
        };
        let (left, right) = (factor(self)?, factor(other)?);
        macro_rules! compare {
            ($op:tt) => {
                self.each(other, 0, |x, y| i64::from(x.wrapping_mul(left) $op y.wrapping_mul(right)))?
            };
        }
        let outcomes = match op {
            BinaryOp::Eq => compare!(==),
            BinaryOp::Ne => compare!(!=),
            BinaryOp::Lt => compare!(<),
            BinaryOp::Le => compare!(<=),
            BinaryOp::Gt => compare!(>),
            BinaryOp::Ge => compare!(>=),
            _ => return None,
        };
        Some(match outcomes {
            Mantissas::All(outcome) => vec![outcome as u8; self.len],
            Mantissas::Each(outcomes) => outcomes.iter().map(|outcome| *outcome as u8).collect(),
        })
    }
}

/// The sums of many groups.
#[derive(Debug)]
pub(super) enum Totals {
    /// As integers of one scale.
    Scaled(Sums),
    /// As decimals.
    Each(Vec<rust_decimal::Decimal>),
}

/// Sums as integers of one scale. So many values as would overflow 128 bits do not exist.
#[derive(Debug)]
pub(super) struct Sums {
    /// `None` when nothing has been added.
    scale: Option<u32>,
    totals: Vec<i128>,
    /// For each group whether it has had a value: one that has not has no scale yet, whatever that of others is.
    begun: Vec<bool>,
    /// How many have not.
    unbegun: usize,
}

impl Sums {
    fn new(groups: usize) -> Sums {
        Sums { scale: None, totals: vec![0; groups], begun: vec![false; groups], unbegun: groups }
    }

    fn grow(&mut self, groups: usize) {
        self.unbegun += groups.saturating_sub(self.totals.len());
        self.totals.resize(groups, 0);
        self.begun.resize(groups, false);
    }

    /// Notes which groups have values.
    fn begin(&mut self, len: usize, members: Members<'_>) {
        // As a rule all have, but for those that the rows themselves have made.
        if self.unbegun > 0 {
            members.for_each(len, |_, group| {
                self.unbegun -= usize::from(!core::mem::replace(&mut self.begun[group], true));
            });
        }
    }

    /// The sum of a group; `None` when it has too many digits.
    fn of(&self, group: usize) -> Option<rust_decimal::Decimal> {
        let scale = self.scale.filter(|_| self.begun[group]).unwrap_or(0);
        arithmetic::decimal::of_total(self.totals[group], scale)
    }
}

impl Totals {
    pub(super) fn new(groups: usize) -> Totals {
        Totals::Scaled(Sums::new(groups))
    }

    /// The bytes that they take in memory.
    pub(super) fn size(&self) -> usize {
        match self {
            Totals::Scaled(sums) => sums.totals.capacity() * size_of::<i128>() + sums.begun.capacity(),
            Totals::Each(totals) => totals.capacity() * size_of::<rust_decimal::Decimal>(),
        }
    }

    /// Forgets all groups but the last.
    pub(super) fn keep_last(&mut self) {
        match self {
            Totals::Scaled(sums) => {
                let before = sums.totals.len().saturating_sub(1);
                sums.totals.drain(..before);
                sums.begun.drain(..before);
                sums.unbegun = sums.begun.iter().filter(|begun| !**begun).count();
            }
            Totals::Each(totals) => {
                totals.drain(..totals.len().saturating_sub(1));
            }
        }
    }

    pub(super) fn grow(&mut self, groups: usize) {
        match self {
            Totals::Scaled(sums) => sums.grow(groups),
            Totals::Each(totals) => totals.resize(groups, rust_decimal::Decimal::ZERO),
        }
    }

    /// Adds to each member's group, without absent ones among them. Values of another scale than those before are left: then
    /// they are to be added as cells.
    pub(super) fn add(&mut self, values: &Scaled, members: Members<'_>) -> bool {
        let Totals::Scaled(sums) = self else { return false };
        let len = values.len;
        // What is absent has no scale.
        if !members.any(len) {
            return true;
        }
        if *sums.scale.get_or_insert(values.scale) != values.scale {
            return false;
        }
        sums.begin(len, members);
        let totals = &mut sums.totals;
        match (&values.mantissas, members) {
            (Mantissas::All(value), Members::One(None)) => {
                totals[0] += i128::from(*value) * len as i128;
            }
            (Mantissas::Each(mantissas), Members::One(None)) => {
                let narrow = u128::from(values.bound) * len as u128 <= i64::MAX as u128;
                totals[0] += if narrow {
                    i128::from(mantissas.iter().fold(0i64, |sum, value| sum.wrapping_add(*value)))
                } else {
                    mantissas.iter().map(|value| i128::from(*value)).sum()
                };
            }
            (Mantissas::Each(mantissas), Members::Of(groups, _)) => {
                for (value, group) in mantissas.iter().zip(groups) {
                    // No group has the number that says that there is none.
                    if let Some(total) = totals.get_mut(*group as usize) {
                        *total += i128::from(*value);
                    }
                }
            }
            (mantissas, members) => members.for_each(len, |row, group| {
                totals[group] += i128::from(match mantissas {
                    Mantissas::All(value) => *value,
                    Mantissas::Each(values) => values[row],
                });
            }),
        }
        true
    }

    /// Adds cells of any scale to each member's group.
    pub(super) fn add_cells<E>(
        &mut self,
        values: &Vector<'_>,
        members: Members<'_>,
        mut overflows: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<(), E> {
        if !members.any(values.len()) {
            return Ok(());
        }
        let totals = self.as_decimals(&mut overflows)?;
        members.try_for_each(values.len(), |row, group| {
            match arithmetic::decimal::sum(totals[group], arithmetic::decimal::read(values.bytes(row))) {
                Some(sum) => {
                    totals[group] = sum;
                    Ok(())
                }
                None => overflows(group),
            }
        })
    }

    fn as_decimals<E>(
        &mut self,
        overflows: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<&mut Vec<rust_decimal::Decimal>, E> {
        if let Totals::Scaled(sums) = self {
            let mut decimals = Vec::with_capacity(sums.totals.len());
            for group in 0..sums.totals.len() {
                let rounded = sums.of(group);
                if rounded.is_none() {
                    overflows(group)?;
                }
                decimals.push(rounded.unwrap_or_default());
            }
            *self = Totals::Each(decimals);
        }
        match self {
            Totals::Each(totals) => Ok(totals),
            Totals::Scaled(..) => unreachable!("made decimals of them"),
        }
    }

    /// Whether [`merge`](Totals::merge) comes to the same digits as adding all values to one.
    #[cfg(feature = "std")]
    pub(super) fn can_merge(&self, part: &Totals) -> bool {
        match (self, part) {
            (Totals::Scaled(all), Totals::Scaled(part)) => {
                all.scale.is_none() || part.scale.is_none() || all.scale == part.scale
            }
            _ => false,
        }
    }

    /// Adds the sums of a part of the values, of one scale as these. The number of each of its groups is in `numbers`.
    #[cfg(feature = "std")]
    pub(super) fn merge(&mut self, part: &Totals, numbers: &[u32]) {
        let (Totals::Scaled(all), Totals::Scaled(part)) = (self, part) else {
            unreachable!("both are of one scale")
        };
        all.scale = all.scale.or(part.scale);
        for (from, to) in numbers.iter().enumerate().filter(|(from, _)| part.begun[*from]) {
            let to = *to as usize;
            all.totals[to] += part.totals[from];
            all.unbegun -= usize::from(!core::mem::replace(&mut all.begun[to], true));
        }
    }

    /// The sum of a group; `None` when it has too many digits.
    pub(super) fn of(&self, group: usize) -> Option<rust_decimal::Decimal> {
        match self {
            Totals::Scaled(sums) => sums.of(group),
            Totals::Each(totals) => Some(totals[group]),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::parts::Whole;
    use crate::value::Value;

    /// Values of a batch, absent ones among them: of one scale as a rule, and small as a rule.
    fn values() -> impl Strategy<Value = Vec<Option<DecimalParts>>> {
        let mantissa = prop_oneof![
            8 => -1_000_000i128..1_000_000,
            1 => Just(0i128),
            1 => Just(i128::from(i64::MAX)),
            1 => Just(i128::from(i64::MIN)),
            1 => Just((1 << 96) - 1),
        ];
        let small = -1_000_000i128..1_000_000;
        let of_one = |mantissa: BoxedStrategy<i128>, absent| {
            (0u32..5, prop::collection::vec((prop::option::weighted(1.0 - absent, mantissa), 0u32..4), 12))
                .prop_map(|(scale, values)| {
                    values
                        .into_iter()
                        .map(|(value, _)| Some(DecimalParts { mantissa: value?, scale }))
                        .collect()
                })
        };
        let of_many = prop::collection::vec(prop::option::weighted(0.8, (mantissa.clone(), 0u32..29)), 12)
            .prop_map(|values| {
                let parts = |(mantissa, scale)| DecimalParts { mantissa, scale };
                values.into_iter().map(|value| value.map(parts)).collect()
            });
        prop_oneof![
            of_one(small.clone().boxed(), 0.01),
            of_one(small.boxed(), 0.3),
            of_one(mantissa.boxed(), 0.2),
            of_many,
        ]
    }

    fn vector<'s>(values: &[Option<DecimalParts>]) -> Vector<'s> {
        // What is absent may have any bytes.
        let bytes = values.iter().flat_map(|value| value.map_or([0xFF; 16], DecimalParts::to_cell));
        let nulls: Vec<bool> = values.iter().map(Option::is_none).collect();
        let nulls = nulls.contains(&true).then_some(nulls);
        Vector::new(Type::Decimal, values.len(), Cells::Fixed(bytes.collect()), nulls)
    }

    fn constant<'s>(value: DecimalParts, len: usize) -> Vector<'s> {
        Vector::new(Type::Decimal, len, Cells::Constant(value.to_cell().to_vec()), None)
    }

    fn numbers_of(vector: Vector<'_>) -> Numbers<'_> {
        match Scaled::read(&vector) {
            Some(scaled) => Numbers::Scaled(scaled),
            None => Numbers::Cells(vector),
        }
    }

    fn decimal(value: DecimalParts) -> Decimal {
        Decimal::read(Some(&value.to_cell())).unwrap()
    }

    /// What the library says, and how many digits a result has after the point unless it was rounded.
    fn reference(op: BinaryOp, a: Decimal, b: Decimal) -> (Option<Decimal>, u32) {
        let longer = a.scale().max(b.scale());
        match op {
            BinaryOp::Add => (a.checked_add(b), longer),
            BinaryOp::Subtract => (a.checked_sub(b), longer),
            _ => (a.checked_mul(b), (a.scale() + b.scale()).min(28)),
        }
    }

    /// Compares the value of `row` with what the library makes of the two sides' values.
    fn check(
        op: BinaryOp,
        result: &Vector<'_>,
        row: usize,
        a: Option<DecimalParts>,
        b: Option<DecimalParts>,
    ) -> Result<(), TestCaseError> {
        let (Some(a), Some(b)) = (a, b) else {
            prop_assert!(result.is_null(row) && result.fault(row).is_none());
            return Ok(());
        };
        let (want, scale) = reference(op, decimal(a), decimal(b));
        prop_assert!(!result.is_null(row));
        match want {
            None => prop_assert!(result.fault(row).is_some(), "{:?} {:?}", a, b),
            Some(want) => {
                prop_assert!(result.fault(row).is_none(), "{:?} {:?}", a, b);
                let got = decimal(DecimalParts::from_cell(result.bytes(row)).unwrap());
                prop_assert_eq!(got, want);
                // A result that was rounded has fewer digits than asked for, and needs all of 96 bits.
                let rounded = got.mantissa().unsigned_abs() > (1 << 96) / 11;
                prop_assert!(got.scale() == scale || rounded, "{} has not {} digits", got, scale);
                prop_assert!(!(got.is_zero() && got.is_sign_negative()));
            }
        }
        Ok(())
    }

    const OPS: [BinaryOp; 3] = [BinaryOp::Add, BinaryOp::Subtract, BinaryOp::Multiply];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn calculations_agree_with_decimals(left in values(), right in values()) {
            for op in OPS {
                let result = combine(op, numbers_of(vector(&left)), numbers_of(vector(&right))).into_vector();
                // Cell by cell, nothing is different from the general way.
                let general = arithmetic::binary(op, &vector(&left), &vector(&right));
                for row in 0..left.len() {
                    check(op, &result, row, left[row], right[row])?;
                    if !result.is_null(row) && result.fault(row).is_none() {
                        prop_assert_eq!(result.bytes(row), general.bytes(row));
                    }
                }
                if let Some(value) = right[0] {
                    let right = constant(value, left.len());
                    let result = combine(op, numbers_of(vector(&left)), numbers_of(right.clone())).into_vector();
                    let reversed = combine(op, numbers_of(right), numbers_of(vector(&left))).into_vector();
                    for (row, other) in left.iter().enumerate() {
                        check(op, &result, row, *other, Some(value))?;
                        check(op, &reversed, row, Some(value), *other)?;
                    }
                }
            }
        }

        #[test]
        fn comparisons_agree_with_decimals(left in values(), right in values()) {
            let (Some(a), Some(b)) = (Scaled::read(&vector(&left)), Scaled::read(&vector(&right))) else {
                return Ok(());
            };
            use BinaryOp::{Eq, Ge, Gt, Le, Lt, Ne};
            for (op, holds) in [
                (Eq, core::cmp::Ordering::is_eq as fn(core::cmp::Ordering) -> bool),
                (Ne, core::cmp::Ordering::is_ne),
                (Lt, core::cmp::Ordering::is_lt),
                (Le, core::cmp::Ordering::is_le),
                (Gt, core::cmp::Ordering::is_gt),
                (Ge, core::cmp::Ordering::is_ge),
            ] {
                let Some(outcomes) = a.compared(op, &b) else { continue };
                for (row, outcome) in outcomes.iter().enumerate() {
                    if let (Some(x), Some(y)) = (left[row], right[row]) {
                        prop_assert_eq!(*outcome == 1, holds(x.compare(y)));
                    }
                }
            }
        }

        #[test]
        fn what_is_read_is_what_is_written(values in values()) {
            let vector = vector(&values);
            if let Some(scaled) = Scaled::read(&vector) {
                let back = scaled.into_vector();
                for (row, value) in values.iter().enumerate() {
                    prop_assert_eq!(back.is_null(row), value.is_none());
                    if let Some(value) = value {
                        prop_assert_eq!(back.bytes(row), value.to_cell());
                    }
                }
            }
        }

        #[test]
        fn totals_agree_with_decimals(
            batches in prop::collection::vec((values(), prop::collection::vec(0u32..4, 12)), 1..4),
            one in any::<bool>(),
        ) {
            let Some(whole) = Whole::build() else { return Ok(()) };
            let mut totals = Totals::new(if one { 1 } else { 3 });
            let mut want: Vec<Option<Decimal>> = vec![Some(Decimal::ZERO); 3];
            let mut overflowed = [false; 3];
            for (values, groups) in &batches {
                let of = vector(values);
                let nulls: Vec<bool> = values.iter().map(Option::is_none).collect();
                let members: Vec<u32> = groups
                    .iter()
                    .zip(&nulls)
                    .map(|(group, null)| if *null || *group == 3 { super::super::tally::NO_GROUP } else { *group })
                    .collect();
                let members = if one { Members::One(Some(&nulls)) } else { Members::Of(&members, whole) };
                let overflows = |group: usize| {
                    overflowed[group] = true;
                    Ok::<(), ()>(())
                };
                let scaled = Scaled::read(&of);
                if !scaled.is_some_and(|scaled| totals.add(&scaled, members)) {
                    totals.add_cells(&of, members, overflows).unwrap();
                }
                members.for_each(values.len(), |row, group| {
                    let value = decimal(values[row].unwrap());
                    want[group] = want[group].and_then(|sum| sum.checked_add(value));
                });
            }
            for (group, want) in want.iter().enumerate().take(if one { 1 } else { 3 }) {
                // Sums that were rounded on the way are not looked at: which digits are lost depends on the order.
                let exact = want.filter(|want| want.mantissa().unsigned_abs() < 1 << 90);
                if let (Some(want), false) = (exact, overflowed[group]) {
                    let got = totals.of(group).unwrap();
                    let off = (got - want).abs();
                    prop_assert!(off.is_zero() || !off.is_zero() && want.scale() < 20 && off < Decimal::new(1, 9),
                        "{} and {}", got, want);
                }
            }
        }
    }

    #[test]
    fn digits_of_totals_do_not_depend_on_the_order_of_rows() {
        let Some(whole) = Whole::build() else { return };
        let part = |mantissa, scale| Some(DecimalParts { mantissa, scale });
        // Of the three groups one has hundredths, one none, and one nothing.
        let batches = [
            ([part(100, 2), part(250, 2)], [0, 0]),
            ([part(5, 0), part(7, 0)], [1, 1]),
            ([None, None], [super::super::tally::NO_GROUP; 2]),
            ([part(0, 2), part(1, 2)], [3, 3]),
            ([part(4, 0), part(4, 0)], [3, 3]),
        ];
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 3, 1, 4, 0], [1, 4, 0, 2, 3]] {
            let mut totals = Totals::new(1);
            totals.grow(4);
            for at in order {
                let (values, groups) = &batches[at];
                let (of, members) = (vector(values), Members::Of(groups, whole));
                let scaled = Scaled::read(&of).expect("of one scale");
                if !totals.add(&scaled, members) {
                    totals.add_cells(&of, members, |_| Err(())).expect("small sums");
                }
            }
            let of = |group| totals.of(group).expect("small sums").to_string();
            assert_eq!([of(0), of(1), of(2), of(3)], ["3.50", "12", "0", "8.01"], "{order:?}");
        }
    }

    #[test]
    fn totals_are_rounded_once() {
        let largest = (1i128 << 96) - 1;
        assert_eq!(
            arithmetic::decimal::of_total(largest, 2),
            Decimal::try_from_i128_with_scale(largest, 2).ok()
        );
        assert_eq!(
            arithmetic::decimal::of_total(largest, 0),
            Decimal::try_from_i128_with_scale(largest, 0).ok()
        );
        assert_eq!(arithmetic::decimal::of_total(largest + 1, 0), None);
        for (last, up) in [(4, 0), (5, 0), (6, 1), (15, 2), (25, 2), (-5, 0), (-6, -1)] {
            // An even number of tens, and something behind them.
            let tens = 8_000_000_000_000_000_000_000_000_000i128 * if last < 0 { -1 } else { 1 };
            let got = arithmetic::decimal::of_total(tens * 10 + last, 1).unwrap();
            assert_eq!((got.mantissa(), got.scale()), (tens + up, 0), "{last}");
        }
    }
}
