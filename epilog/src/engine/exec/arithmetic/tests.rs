//! Arithmetic against that of single values.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::engine::exec::columns::{NUMBERS, Outcome, ROWS, column, is_same, outcome};
use crate::value::decimal::DecimalParts;
use crate::value::{Value, fits};

const OPS: [BinaryOp; 5] =
    [BinaryOp::Add, BinaryOp::Subtract, BinaryOp::Multiply, BinaryOp::Divide, BinaryOp::Remainder];

fn decimal(of: DecimalParts) -> Decimal {
    Decimal::read(Some(&of.to_cell())).expect("a decimal")
}

/// One operation on two values, by the widest arithmetic that there is.
fn calculated(ty: Type, op: BinaryOp, a: Result<&Scalar, ()>, b: Result<&Scalar, ()>) -> Outcome {
    let ints = |a: i128, b: i128| match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Subtract => a.checked_sub(b),
        BinaryOp::Multiply => a.checked_mul(b),
        BinaryOp::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    match (a?, b?) {
        (Scalar::Null, _) | (_, Scalar::Null) => Ok(Scalar::Null),
        // The least number has no remainder when divided by -1, of any width: the division overflows.
        (Scalar::Int(a), Scalar::Int(-1))
            if op == BinaryOp::Remainder && a.checked_neg().is_none_or(|number| !fits(number, ty)) =>
        {
            Err(())
        }
        (Scalar::Int(a), Scalar::Int(b)) => {
            ints(*a, *b).filter(|result| fits(*result, ty)).map(Scalar::Int).ok_or(())
        }
        (Scalar::Uint(a), Scalar::Uint(b)) => {
            let result = match op {
                BinaryOp::Add => a.checked_add(*b),
                BinaryOp::Subtract => a.checked_sub(*b),
                BinaryOp::Multiply => a.checked_mul(*b),
                BinaryOp::Divide => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            result.map(Scalar::Uint).ok_or(())
        }
        (Scalar::Float(a), Scalar::Float(b)) => {
            let result = match op {
                BinaryOp::Add => a + b,
                BinaryOp::Subtract => a - b,
                BinaryOp::Multiply => a * b,
                BinaryOp::Divide => a / b,
                _ => a % b,
            };
            // Twice the digits and some are enough to round the result of one operation once.
            Ok(Scalar::Float(if ty == Type::F32 { f64::from(result as f32) } else { result }))
        }
        (Scalar::Decimal(a), Scalar::Decimal(b)) => {
            let (a, b) = (decimal(*a), decimal(*b));
            let result = match op {
                BinaryOp::Add => a.checked_add(b),
                BinaryOp::Subtract => a.checked_sub(b),
                BinaryOp::Multiply => a.checked_mul(b),
                BinaryOp::Divide => a.checked_div(b),
                _ => a.checked_rem(b),
            };
            result.map(|result| result.to_scalar()).ok_or(())
        }
        (a, b) => panic!("{a:?} and {b:?} are no pair"),
    }
}

fn negated(ty: Type, of: Result<&Scalar, ()>) -> Outcome {
    Ok(match of? {
        Scalar::Null => Scalar::Null,
        Scalar::Int(value) => Scalar::Int(value.checked_neg().filter(|value| fits(*value, ty)).ok_or(())?),
        Scalar::Float(value) => Scalar::Float(-value),
        Scalar::Decimal(value) => (-decimal(*value)).to_scalar(),
        other => panic!("{other:?} has no sign"),
    })
}

proptest! {
    #[test]
    fn operations_agree_with_those_on_single_values(
        (left, right) in prop::sample::select(NUMBERS.to_vec()).prop_flat_map(|ty| (column(ty), column(ty)))
    ) {
        for op in OPS {
            let result = binary(op, &left.vector(), &right.vector());
            prop_assert_eq!((result.ty(), result.len()), (left.ty, ROWS));
            for row in 0..ROWS {
                let want = calculated(left.ty, op, left.at(row), right.at(row));
                let got = outcome(&result, row);
                prop_assert!(is_same(&got, &want), "{:?} of row {}: {:?}, not {:?}", op, row, got, want);
            }
        }
    }

    #[test]
    fn negations_agree_with_those_of_single_values(
        of in prop::sample::select(NUMBERS.to_vec()).prop_filter("signed", |ty| !ty.is_unsigned_integer()).prop_flat_map(column)
    ) {
        let result = negate(&of.vector());
        for row in 0..ROWS {
            let (got, want) = (outcome(&result, row), negated(of.ty, of.at(row)));
            prop_assert!(is_same(&got, &want), "row {}: {:?}, not {:?}", row, got, want);
        }
    }
}
