//! Values as of their types, which scalars do not tell: what of an expression's operations is, and what is made of values of
//! types whose numbers mean something, calculated with the standard library, `chrono` and `rust_decimal`.

use alloc::vec::Vec;

use super::shrink::arity;
use super::{BinaryOp, FieldPath, Op, Type, UnaryOp};

/// The types of the values that an expression's operations leave, as far as these tell.
#[derive(Default)]
pub(super) struct Types(Vec<Option<Type>>);

impl Types {
    /// Goes on by an operation; the types of what it takes.
    pub(super) fn step(&mut self, op: &Op, field: &dyn Fn(FieldPath) -> Option<Type>) -> Vec<Option<Type>> {
        use BinaryOp as B;
        use UnaryOp as U;
        let operands = self.0.split_off(self.0.len() - arity(op));
        self.0.push(match op {
            Op::Field(path) => field(*path),
            Op::Literal(_, ty) => Some(*ty),
            Op::Unary(U::Length) => Some(Type::U64),
            Op::Unary(U::Year) => Some(Type::I32),
            Op::Unary(U::Month | U::Day) => Some(Type::U32),
            Op::Unary(U::Negate | U::Lower | U::Upper) => operands[0],
            Op::Binary(B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder | B::OrElse) => {
                operands[0]
            }
            Op::If => operands[1],
            Op::Call(function, _) => {
                let types = operands.iter().copied().collect::<Option<Vec<Type>>>();
                types.and_then(|types| function.signature(&types)).map(|made| made.result)
            }
            Op::Unary(_) | Op::Binary(_) | Op::Between | Op::In(_) | Op::InQuery(..) => Some(Type::Bool),
            #[cfg(not(feature = "small"))]
            Op::Each(..) => Some(Type::Bool),
            _ => None,
        });
        operands
    }
}

#[cfg(all(feature = "chrono", feature = "decimal", not(feature = "small")))]
pub(super) use known::{binary, call, unary};

#[cfg(all(feature = "chrono", feature = "decimal", not(feature = "small")))]
mod known {
    use alloc::vec::Vec;

    use chrono::Datelike;
    use rust_decimal::Decimal;

    use super::super::{BinaryOp, Function, Scalar, Type, UnaryOp, Value, json};
    use crate::engine::exec::function::tests::{decimal, moment, reference};
    use crate::value::{Value as _, fits};

    /// What an operation makes of a value, if that takes its type to be known.
    pub(in super::super) fn unary(op: UnaryOp, ty: Option<Type>, value: &Value) -> Option<Value> {
        use UnaryOp as U;
        let ty = ty?;
        let Ok(value) = value else { return Some(Err(())) };
        match op {
            U::Not | U::IsNone | U::IsSome => return None,
            U::Length if ty.is_list() => return None,
            _ if value.is_null() => return Some(Ok(Scalar::Null)),
            _ => {}
        }
        let integer = |value: i128| Ok(Scalar::Int(value));
        Some(match (op, value) {
            (U::Negate, Scalar::Int(value)) => {
                Some(-value).filter(|value| fits(*value, ty)).map(Scalar::Int).ok_or(())
            }
            (U::Negate, Scalar::Float(value)) => Ok(Scalar::Float(-value)),
            (U::Negate, value) => Ok((-decimal(value)).to_scalar()),
            (U::Length, Scalar::String(text)) => integer(text.chars().count() as i128),
            (U::Length, Scalar::Bytes(bytes)) => integer(bytes.len() as i128),
            (U::Lower, Scalar::String(text)) => Ok(Scalar::String(text.to_lowercase())),
            (U::Upper, Scalar::String(text)) => Ok(Scalar::String(text.to_uppercase())),
            (U::Year, value) => integer(moment(value, ty).year().into()),
            (U::Month, value) => integer(moment(value, ty).month().into()),
            (U::Day, value) => integer(moment(value, ty).day().into()),
            other => unreachable!("{other:?} is no operation on {ty}"),
        })
    }

    /// What an operation makes of two values, if that takes their type to be known.
    pub(in super::super) fn binary(
        op: BinaryOp,
        types: &[Option<Type>],
        left: &Value,
        right: &Value,
    ) -> Option<Value> {
        use BinaryOp as B;
        let is_pattern = matches!(op, B::Like | B::Matches);
        if !is_pattern && !matches!(op, B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder) {
            return None;
        }
        let ty = types[0]?;
        let (Ok(left), Ok(right)) = (left, right) else { return Some(Err(())) };
        if left.is_null() || right.is_null() {
            return Some(Ok(if is_pattern { Scalar::Bool(false) } else { Scalar::Null }));
        }
        let of_floats = |a: f64, b: f64| match op {
            B::Add => a + b,
            B::Subtract => a - b,
            B::Multiply => a * b,
            B::Divide => a / b,
            _ => a % b,
        };
        Some(match (left, right) {
            (Scalar::String(text), Scalar::String(pattern)) => {
                let (text, pattern): (Vec<char>, Vec<char>) =
                    (text.chars().collect(), pattern.chars().collect());
                Ok(Scalar::Bool(if op == B::Like { like(&text, &pattern) } else { glob(&text, &pattern) }))
            }
            // What is made of two of 24 binary digits is rounded to as many once more without harm.
            (Scalar::Float(a), Scalar::Float(b)) if ty == Type::F32 => {
                Ok(Scalar::Float(f64::from(of_floats(*a, *b) as f32)))
            }
            (Scalar::Float(a), Scalar::Float(b)) => Ok(Scalar::Float(of_floats(*a, *b))),
            (Scalar::Int(a), Scalar::Int(b)) => {
                let result = match op {
                    B::Add => a.checked_add(*b),
                    B::Subtract => a.checked_sub(*b),
                    B::Multiply => a.checked_mul(*b),
                    B::Divide => a.checked_div(*b),
                    // What has no quotient has no remainder either.
                    _ => a.checked_div(*b).filter(|quotient| fits(*quotient, ty)).and(a.checked_rem(*b)),
                };
                result.filter(|value| fits(*value, ty)).map(Scalar::Int).ok_or(())
            }
            (Scalar::Uint(a), Scalar::Uint(b)) => {
                let result = match op {
                    B::Add => a.checked_add(*b),
                    B::Subtract => a.checked_sub(*b),
                    B::Multiply => a.checked_mul(*b),
                    B::Divide => a.checked_div(*b),
                    _ => a.checked_rem(*b),
                };
                result.map(Scalar::Uint).ok_or(())
            }
            (a, b) => of_decimals(op, decimal(a), decimal(b)).map(|value| value.to_scalar()).ok_or(()),
        })
    }

    /// With as many digits after the point as the longer of two has in a sum, and both together have in a product.
    fn of_decimals(op: BinaryOp, a: Decimal, b: Decimal) -> Option<Decimal> {
        let digits = |value: Decimal, digits: u32| {
            let mut value = value;
            if value.scale() < digits || value.is_zero() {
                value.rescale(digits);
            }
            // No zero has a sign.
            if value.is_zero() { Decimal::new(0, digits) } else { value }
        };
        let longer = a.scale().max(b.scale());
        match op {
            BinaryOp::Add => a.checked_add(b).map(|sum| digits(sum, longer)),
            BinaryOp::Subtract => a.checked_sub(b).map(|sum| digits(sum, longer)),
            BinaryOp::Multiply => {
                a.checked_mul(b).map(|product| digits(product, (a.scale() + b.scale()).min(28)))
            }
            BinaryOp::Divide => a.checked_div(b),
            _ => a.checked_rem(b),
        }
    }

    /// `%` any run, `_` one character, `\` makes the next one literal; at the very end it stands for itself.
    fn like(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|run| like(&text[run..], rest)),
            ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
            ['\\', char, rest @ ..] | [char, rest @ ..] => {
                text.first() == Some(char) && like(&text[1..], rest)
            }
        }
    }

    /// `*` any run, `?` one character, `[a-z]` one of a set, `[!a-z]` one not of it.
    fn glob(text: &[char], pattern: &[char]) -> bool {
        let (is_negated, set) = match pattern {
            [] => return text.is_empty(),
            ['*', rest @ ..] => return (0..=text.len()).any(|run| glob(&text[run..], rest)),
            ['?', rest @ ..] => return !text.is_empty() && glob(&text[1..], rest),
            ['[', '!', set @ ..] => (true, set),
            ['[', set @ ..] => (false, set),
            [char, rest @ ..] => return text.first() == Some(char) && glob(&text[1..], rest),
        };
        // A bracket that comes first is one of the set.
        let Some(end) = (1..set.len()).find(|at| set[*at] == ']') else {
            return text.first() == Some(&'[') && glob(&text[1..], &pattern[1..]);
        };
        let Some(char) = text.first() else { return false };
        let (mut members, mut is_there) = (&set[..end], false);
        while let [first, rest @ ..] = members {
            let (last, rest) = match rest {
                ['-', last, rest @ ..] => (last, rest),
                _ => (first, rest),
            };
            is_there |= (first..=last).contains(&char);
            members = rest;
        }
        is_there != is_negated && glob(&text[1..], &set[end + 1..])
    }

    /// What a function makes of values, if it is none of JSON or of lists, which tell what they are.
    pub(in super::super) fn call(
        function: Function,
        types: &[Option<Type>],
        values: &[Scalar],
    ) -> Option<Value> {
        let types = types.iter().copied().collect::<Option<Vec<Type>>>()?;
        let compares = matches!(function, Function::Least | Function::Greatest);
        if json::asks_json(function) || types.iter().any(|ty| ty.is_list()) && !compares {
            return None;
        }
        match values.iter().any(Scalar::is_null) {
            true => Some(Ok(Scalar::Null)),
            false => Some(reference(function, &types, values)),
        }
    }

    #[test]
    fn patterns_are_told_apart_from_what_they_are_made_of() {
        let check = |test: fn(&[char], &[char]) -> bool, text: &str, pattern: &str| {
            test(&text.chars().collect::<Vec<_>>(), &pattern.chars().collect::<Vec<_>>())
        };
        assert!(check(like, "a%b", "a\\%_") && !check(like, "axb", "a\\%_"));
        assert!(check(like, "a\\", "%\\") && check(like, "", "%"));
        assert!(check(glob, "b]", "[a-c]]") && !check(glob, "b", "[!a-c]"));
        assert!(check(glob, "[a", "[a") && check(glob, "]", "[]]"));
    }
}

/// Nothing: without the crates there is nobody to ask.
#[cfg(not(all(feature = "chrono", feature = "decimal", not(feature = "small"))))]
mod unknown {
    use super::super::{BinaryOp, Function, Scalar, Type, UnaryOp, Value};

    pub(in super::super) fn unary(_: UnaryOp, _: Option<Type>, _: &Value) -> Option<Value> {
        None
    }

    pub(in super::super) fn binary(_: BinaryOp, _: &[Option<Type>], _: &Value, _: &Value) -> Option<Value> {
        None
    }

    pub(in super::super) fn call(_: Function, _: &[Option<Type>], _: &[Scalar]) -> Option<Value> {
        None
    }
}

#[cfg(not(all(feature = "chrono", feature = "decimal", not(feature = "small"))))]
pub(super) use unknown::{binary, call, unary};
