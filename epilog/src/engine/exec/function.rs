//! Functions over the vectors of a batch.
//!
//! Here is what all functions share: a value that is absent, or a fault, among the arguments of a row makes the result so. What
//! is calculated is in `engine::function`.

use alloc::string::String;
use alloc::vec::Vec;

use super::Vector;
use super::arithmetic::{describe, either_null};
use super::evaluate::{compare, pick};
use super::vector::Cells;
use crate::engine::error::{Fault, RowFault};
use crate::engine::function::{self, Argument, Values};
use crate::engine::planted::{self, Bug};
use crate::expr::{BinaryOp, Function};
use crate::value::Type;

/// The values of a function, which are of type `ty`.
pub(super) fn call<'s>(function: Function, arguments: &[Vector<'s>], ty: Type) -> Vector<'s> {
    if let (Function::Least | Function::Greatest, [left, right]) = (function, arguments) {
        return extreme(function, left, right);
    }
    let len = arguments[0].len();
    let made = function::call(function, &arguments.iter().map(argument).collect::<Vec<_>>(), len);
    let mut nulls = made.absent;
    let looked_at = if planted::is(Bug::SecondAbsentForgotten) { 1 } else { arguments.len() };
    for of in arguments[..looked_at].iter().filter_map(|argument| argument.nulls.as_ref()) {
        match &mut nulls {
            Some(nulls) => nulls.iter_mut().zip(of).for_each(|(null, of)| *null |= of),
            None => nulls = Some(of.clone()),
        }
    }
    let cells = match made.values {
        Values::Fixed(bytes) => Cells::Fixed(bytes),
        Values::Texts { bytes, ends } => Cells::Owned { bytes, ends },
        Values::Parts(parts) => parts_of(&arguments[0], &parts),
    };
    let mut result = Vector::new(ty, len, cells, nulls);
    for (row, problem) in made.faults {
        let at = row as usize;
        let counts = !result.is_null(at) && arguments.iter().all(|argument| argument.fault(at).is_none());
        let fault = counts.then(|| fault_of(function, arguments, at, problem)).and_then(RowFault::new);
        result.faults.extend(fault.map(|fault| (row, fault)));
    }
    arguments.iter().for_each(|argument| result.inherit_faults(argument));
    result
}

fn argument<'v>(of: &'v Vector<'_>) -> Argument<'v> {
    let cells = match &of.cells {
        _ if of.ty().width().is_some() => {
            let column = of.strided();
            function::Cells::Fixed { bytes: column.bytes, stride: column.stride }
        }
        Cells::Slices(slices) => function::Cells::Slices(slices),
        Cells::Owned { bytes, ends } => function::Cells::Texts { bytes, ends },
        Cells::Constant(bytes) | Cells::Fixed(bytes) => function::Cells::Constant(bytes),
        Cells::Strided { bytes, .. } => function::Cells::Constant(bytes),
    };
    Argument { ty: of.ty(), cells }
}

/// Parts of texts: borrowed where the texts are.
fn parts_of<'s>(of: &Vector<'s>, parts: &[(u32, u32)]) -> Cells<'s> {
    if let Cells::Slices(slices) = &of.cells {
        let part = |(text, (start, end)): (&&'s [u8], &(u32, u32))| &text[*start as usize..*end as usize];
        return Cells::Slices(slices.iter().zip(parts).map(part).collect());
    }
    let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(parts.len()));
    for (row, (start, end)) in parts.iter().enumerate() {
        bytes.extend_from_slice(&of.bytes(row)[*start as usize..*end as usize]);
        ends.push(u32::try_from(bytes.len()).expect("the texts of a batch have less than 4 GiB"));
    }
    Cells::Owned { bytes, ends }
}

/// `Least` and `Greatest`.
fn extreme<'s>(function: Function, left: &Vector<'s>, right: &Vector<'s>) -> Vector<'s> {
    let op = if function == Function::Least { BinaryOp::Gt } else { BinaryOp::Lt };
    let beaten = compare(op, left, right);
    let mut result = pick(left, right, |row| beaten.bytes(row)[0] != 0);
    result.nulls = either_null(left, right);
    result.inherit_faults(left);
    result.inherit_faults(right);
    result
}

/// How much of an operand a fault tells.
const OPERAND_CHARACTERS_MAX: usize = 80;

fn fault_of(function: Function, arguments: &[Vector<'_>], row: usize, problem: &'static str) -> Fault {
    let operand = |argument: &Vector<'_>| -> String {
        let mut characters = describe(argument, row);
        if let Some((end, _)) = characters.char_indices().nth(OPERAND_CHARACTERS_MAX) {
            characters.truncate(end);
            characters.push('…');
        }
        characters
    };
    let operands = arguments.iter().map(operand).collect::<Vec<_>>().join(" and ");
    Fault { operation: function.name(), operands, ty: arguments[0].ty(), problem }
}

#[cfg(all(test, feature = "chrono", feature = "decimal", not(feature = "small")))]
pub(in crate::engine) mod tests;
