//! Aggregates over all rows.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::Operator;
use crate::engine::error::{ExecError, Fault};
use crate::engine::exec::batch::Batch;
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::kernel;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{AggregateTerm, Computed, Slot};
use crate::expr::AggregateFunction;
use crate::parts;
use crate::value::{Scalar, Type, fits, integer, key};

/// Aggregates on their way. They borrow nothing.
pub(in crate::engine::exec) struct Aggregates {
    items: Vec<AggregateTerm>,
    states: Vec<State>,
}

impl Aggregates {
    pub(in crate::engine::exec) fn new(items: Vec<AggregateTerm>) -> Aggregates {
        let states = items.iter().map(State::new).collect();
        Aggregates { items, states }
    }

    /// Adds all rows of `input`.
    pub(in crate::engine::exec) fn add<'s>(
        &mut self,
        input: &mut dyn Operator<'s>,
        env: &Env<'s>,
        batch: &mut Batch<'s>,
    ) -> Result<(), ExecError> {
        while input.next(env, batch)? {
            batch.raise(usize::MAX)?;
            for (state, item) in self.states.iter_mut().zip(&self.items) {
                match &item.argument {
                    None => state.count += batch.count() as u64,
                    Some(argument) => {
                        let values = evaluate(env, argument, batch)?;
                        if let Some((_, fault)) = values.faults.first() {
                            return Err(ExecError::Arithmetic(fault.0.clone()));
                        }
                        state.add(&values)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes `batch` the one row of results.
    pub(in crate::engine::exec) fn finish(self, batch: &mut Batch<'_>) -> Result<(), ExecError> {
        batch.reset(1);
        for (state, item) in self.states.into_iter().zip(&self.items) {
            let (ty, result) = state.finish()?;
            batch.set_computed(item.output, Vector::constant(ty, &result, 1));
        }
        Ok(())
    }
}

/// One row of aggregates.
pub(super) struct Aggregate<'s> {
    input: Box<dyn Operator<'s> + 's>,
    /// `None` after the row.
    aggregates: Option<Aggregates>,
}

impl<'s> Aggregate<'s> {
    pub(super) fn new(input: Box<dyn Operator<'s> + 's>, items: Vec<AggregateTerm>) -> Aggregate<'s> {
        Aggregate { input, aggregates: Some(Aggregates::new(items)) }
    }
}

impl<'s> Operator<'s> for Aggregate<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        let Some(mut aggregates) = self.aggregates.take() else { return Ok(false) };
        aggregates.add(&mut *self.input, env, batch)?;
        aggregates.finish(batch)?;
        Ok(true)
    }

    /// An aggregate reads everything, however little of it is wanted.
    fn expect(&mut self, _: usize) {}
}

/// The number of a collection's records.
pub(super) struct CountRecords {
    slot: Slot,
    outputs: Vec<Computed>,
    done: bool,
}

impl CountRecords {
    pub(super) fn new(slot: Slot, outputs: Vec<Computed>) -> CountRecords {
        CountRecords { slot, outputs, done: false }
    }
}

impl<'s> Operator<'s> for CountRecords {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        if core::mem::replace(&mut self.done, true) {
            return Ok(false);
        }
        let count = env.view.count(env.collection(self.slot).id)?;
        batch.reset(1);
        for output in &self.outputs {
            batch.set_computed(*output, Vector::constant(Type::U64, &Scalar::Int(count.into()), 1));
        }
        Ok(true)
    }

    fn expect(&mut self, _: usize) {}
}

/// An aggregate on its way.
struct State {
    function: AggregateFunction,
    /// The type of the argument.
    ty: Type,
    /// The values that were not absent; rows, when there is no argument.
    count: u64,
    total: Total,
    /// The least or greatest cell so far.
    best: Option<Vec<u8>>,
}

enum Total {
    None,
    Int(i128),
    Uint(u128),
    Float(f64),
    #[cfg(feature = "decimal")]
    Decimal(rust_decimal::Decimal),
}

impl State {
    fn new(item: &AggregateTerm) -> State {
        let ty = item.argument.as_ref().map_or(Type::U64, |argument| argument.ty);
        let total = match (item.function, ty) {
            (AggregateFunction::Count | AggregateFunction::Min | AggregateFunction::Max, _) => Total::None,
            (_, Type::F32 | Type::F64) => Total::Float(0.0),
            (_, Type::U128) => Total::Uint(0),
            #[cfg(feature = "decimal")]
            (_, Type::Decimal) => Total::Decimal(rust_decimal::Decimal::ZERO),
            _ => Total::Int(0),
        };
        State { function: item.function, ty, count: 0, total, best: None }
    }

    fn add(&mut self, values: &Vector<'_>) -> Result<(), ExecError> {
        let present = match &values.nulls {
            None => values.len(),
            Some(nulls) => nulls.iter().filter(|null| !**null).count(),
        };
        self.count += present as u64;
        match self.function {
            AggregateFunction::Count => Ok(()),
            AggregateFunction::Min | AggregateFunction::Max => {
                self.add_extreme(values);
                Ok(())
            }
            AggregateFunction::Sum | AggregateFunction::Avg => self.add_total(values),
        }
    }

    fn add_extreme(&mut self, values: &Vector<'_>) {
        let last = self.function == AggregateFunction::Max;
        let row = match values.ty().width() {
            Some(_) => {
                kernel::extreme(values.ty(), values.strided(), values.len(), values.nulls.as_deref(), last)
            }
            None => {
                let present = (0..values.len()).filter(|row| !values.is_null(*row));
                present.reduce(|best, row| {
                    let order = values.bytes(row).cmp(values.bytes(best));
                    if order == wanted(last) { row } else { best }
                })
            }
        };
        let Some(row) = row else { return };
        let candidate = values.bytes(row);
        let better = match &self.best {
            None => true,
            Some(best) => compare_cells(self.ty, candidate, best) == wanted(last),
        };
        if better {
            self.best = Some(candidate.to_vec());
        }
    }

    fn add_total(&mut self, values: &Vector<'_>) -> Result<(), ExecError> {
        let len = values.len();
        let nulls = values.nulls.as_deref();
        let (ty, function) = (self.ty, self.function);
        let column = values.strided();
        // Absent cells are zero, and add nothing.
        debug_assert!(nulls.is_none_or(|nulls| nulls.len() == len));
        let present = |row: usize| nulls.is_none_or(|nulls| !nulls[row]);
        macro_rules! add {
            ($of:ident, $total:expr, |$sum:ident, $value:ident| $add:expr) => {{
                const WIDTH: usize = size_of::<$of>();
                let mut $sum = *$total;
                for row in 0..len {
                    let cell = &column.bytes[row * column.stride..][..WIDTH];
                    if present(row) {
                        let $value = $of::from_le_bytes(cell.try_into().expect("a cell"));
                        $sum = $add;
                    }
                }
                *$total = $sum;
            }};
        }
        let overflow = || ExecError::Arithmetic(overflow(function, ty));
        match (&mut self.total, ty) {
            // One loop for all that an `i128` holds.
            (Total::Int(total), _) if !parts::LOOPS => {
                for row in (0..len).filter(|row| present(*row)) {
                    *total = total.checked_add(integer(ty, values.bytes(row))).ok_or_else(overflow)?;
                }
            }
            // So many narrower integers as would overflow 128 bits do not exist.
            (Total::Int(total), Type::I8) => add!(i8, total, |sum, value| sum + i128::from(value)),
            (Total::Int(total), Type::I16) => add!(i16, total, |sum, value| sum + i128::from(value)),
            (Total::Int(total), Type::I32) => add!(i32, total, |sum, value| sum + i128::from(value)),
            (Total::Int(total), Type::I64) => add!(i64, total, |sum, value| sum + i128::from(value)),
            (Total::Int(total), Type::U8) => add!(u8, total, |sum, value| sum + i128::from(value)),
            (Total::Int(total), Type::U16) => add!(u16, total, |sum, value| sum + i128::from(value)),
            (Total::Int(total), Type::U32) => add!(u32, total, |sum, value| sum + i128::from(value)),
            (Total::Int(total), Type::U64) => add!(u64, total, |sum, value| sum + i128::from(value)),
            (Total::Int(total), Type::I128) => {
                add!(i128, total, |sum, value| sum.checked_add(value).ok_or_else(overflow)?);
            }
            (Total::Uint(total), Type::U128) => {
                add!(u128, total, |sum, value| sum.checked_add(value).ok_or_else(overflow)?);
            }
            (Total::Float(total), Type::F32) => add!(f32, total, |sum, value| sum + f64::from(value)),
            (Total::Float(total), Type::F64) => add!(f64, total, |sum, value| sum + value),
            #[cfg(feature = "decimal")]
            (Total::Decimal(total), Type::Decimal) => {
                use crate::engine::exec::arithmetic::decimal::read;
                for row in (0..len).filter(|row| present(*row)) {
                    *total = total.checked_add(read(values.bytes(row))).ok_or_else(overflow)?;
                }
            }
            _ => unreachable!("a checked plan sums numbers"),
        }
        Ok(())
    }

    /// The type and value of the aggregate.
    fn finish(self) -> Result<(Type, Scalar), ExecError> {
        use AggregateFunction::{Avg, Count, Max, Min, Sum};
        Ok(match (self.function, self.total) {
            (Count, _) => (Type::U64, Scalar::Int(self.count.into())),
            (Min | Max, _) => {
                let best = self.best.as_deref();
                (self.ty, Scalar::from_cell(self.ty, best).ok_or(crate::value::DecodeError { ty: self.ty })?)
            }
            (Sum, Total::Int(total)) => {
                let ty = match self.ty {
                    Type::I128 => Type::I128,
                    ty if ty.is_signed_integer() => Type::I64,
                    _ => Type::U64,
                };
                if !fits(total, ty) {
                    return Err(overflow(Sum, ty).into());
                }
                (ty, Scalar::Int(total))
            }
            (Sum, Total::Uint(total)) => (Type::U128, Scalar::Uint(total)),
            (Sum, Total::Float(total)) => (Type::F64, Scalar::Float(total)),
            #[cfg(feature = "decimal")]
            (Sum, Total::Decimal(total)) => (Type::Decimal, decimal(total)),
            #[cfg(feature = "decimal")]
            (Avg, Total::Decimal(total)) => match total.checked_div(self.count.into()) {
                Some(average) => (Type::Decimal, decimal(average)),
                None => (Type::Decimal, Scalar::Null),
            },
            (Avg, _) if self.count == 0 => (Type::F64, Scalar::Null),
            (Avg, Total::Int(total)) => (Type::F64, Scalar::Float(total as f64 / self.count as f64)),
            (Avg, Total::Uint(total)) => (Type::F64, Scalar::Float(total as f64 / self.count as f64)),
            (Avg, Total::Float(total)) => (Type::F64, Scalar::Float(total / self.count as f64)),
            (Sum | Avg, Total::None) => unreachable!("sums and averages have a total"),
        })
    }
}

#[cfg(feature = "decimal")]
fn decimal(value: rust_decimal::Decimal) -> Scalar {
    crate::value::Value::to_scalar(&value)
}

fn wanted(last: bool) -> Ordering {
    if last { Ordering::Greater } else { Ordering::Less }
}

fn compare_cells(ty: Type, a: &[u8], b: &[u8]) -> Ordering {
    let encode = |cell: &[u8]| {
        let mut bytes = Vec::new();
        key::append(&mut bytes, ty, false, Some(cell));
        bytes
    };
    encode(a).cmp(&encode(b))
}

fn overflow(function: AggregateFunction, ty: Type) -> Fault {
    let operation = if function == AggregateFunction::Sum { "sum" } else { "average" };
    Fault { operation, operands: "the values".to_string(), ty, problem: "overflows" }
}
