//! The types of operations: what may be done to what, and what comes out.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::super::error::PlanError;
use super::expression::types;
use super::{Expr, ExprKind, Literal};
use crate::expr::{BinaryOp, Function, UnaryOp};
use crate::parts::{self, Whole};
#[cfg(not(feature = "small"))]
use crate::value::Scalar;
use crate::value::{Type, is_of};

/// Whether decimals can be calculated with in this build.
const HAS_DECIMALS: bool = cfg!(feature = "decimal");

/// Checks a literal.
pub(super) fn literal(literal: Literal, ty: Type) -> Result<Expr, PlanError> {
    // Of a plan that is kept this is asked again of each value that it is run with.
    if is_of(literal.peek(), ty) {
        let nullable = literal.is_null();
        Ok(Expr { kind: ExprKind::Literal(literal), ty, nullable })
    } else {
        Err(PlanError::BadLiteral { value: literal.peek().to_string(), ty })
    }
}

/// Makes an operation on one value.
pub(super) fn unary(op: UnaryOp, operand: Expr) -> Result<Expr, PlanError> {
    if op.is_left_out() {
        return Err(PlanError::LeftOut { what: unary_name(op) });
    }
    let ty = operand.ty;
    let has_calendar = matches!(ty, Type::Date | Type::DateTime | Type::Timestamp);
    let result = match op {
        UnaryOp::Not if ty == Type::Bool => Some(Type::Bool),
        UnaryOp::Negate if ty.is_numeric() && !ty.is_unsigned_integer() => Some(ty),
        UnaryOp::IsNone | UnaryOp::IsSome => Some(Type::Bool),
        UnaryOp::Length if matches!(ty, Type::String | Type::Bytes) || ty.is_list() => Some(Type::U64),
        UnaryOp::Lower | UnaryOp::Upper if ty == Type::String => Some(Type::String),
        UnaryOp::Year if has_calendar => Some(Type::I32),
        UnaryOp::Month | UnaryOp::Day if has_calendar => Some(Type::U32),
        _ => None,
    };
    let result = result.ok_or(PlanError::NotDefined { operation: unary_name(op), ty })?;
    let nullable = operand.nullable && !matches!(op, UnaryOp::IsNone | UnaryOp::IsSome);
    Ok(Expr { kind: ExprKind::Unary(op, Box::new(operand)), ty: result, nullable })
}

/// Makes an operation on two values.
pub(super) fn binary(op: BinaryOp, left: Expr, right: Expr) -> Result<Expr, PlanError> {
    use BinaryOp as B;
    let operation = binary_name(op);
    if op.is_left_out() {
        return Err(PlanError::LeftOut { what: operation });
    }
    let is_element = op == BinaryOp::Has && left.ty.element() == Some(right.ty);
    if left.ty != right.ty && !is_element {
        return Err(PlanError::TypeMismatch { operation, left: left.ty, right: right.ty });
    }
    let ty = left.ty;
    let (result, nullable) = match op {
        B::And | B::Or if ty == Type::Bool => (Type::Bool, false),
        B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge => (Type::Bool, false),
        B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder if ty.is_numeric() => {
            if ty == Type::Decimal && !HAS_DECIMALS {
                return Err(PlanError::DecimalFeature { operation });
            }
            (ty, left.nullable || right.nullable)
        }
        B::StartsWith | B::EndsWith | B::Contains if matches!(ty, Type::String | Type::Bytes) => {
            (Type::Bool, false)
        }
        B::Like | B::Matches if ty == Type::String => (Type::Bool, false),
        B::OrElse => (ty, left.nullable && right.nullable),
        B::Has if is_element => (Type::Bool, false),
        B::HasAny | B::HasAll if ty.is_list() => (Type::Bool, false),
        _ => return Err(PlanError::NotDefined { operation, ty }),
    };
    Ok(Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), ty: result, nullable })
}

/// Makes a test for lying between two values.
pub(super) fn between(value: Expr, low: Expr, high: Expr) -> Result<Expr, PlanError> {
    for bound in [&low, &high] {
        same_type("between", &value, bound)?;
    }
    Ok(Expr::test(ExprKind::Between(Box::new([value, low, high]))))
}

/// Makes a test for being one of several values.
pub(super) fn is_in(value: Expr, candidates: Vec<Expr>) -> Result<Expr, PlanError> {
    for candidate in &candidates {
        same_type("in", &value, candidate)?;
    }
    Ok(Expr::test(ExprKind::In(Box::new(value), candidates)))
}

/// Makes a choice between two values.
pub(super) fn choose(condition: Expr, then: Expr, otherwise: Expr) -> Result<Expr, PlanError> {
    let whole = Whole::build().ok_or(PlanError::LeftOut { what: "if" })?;
    if condition.ty != Type::Bool {
        return Err(PlanError::NotAPredicate { ty: condition.ty });
    }
    same_type("if", &then, &otherwise)?;
    let (ty, nullable) = (then.ty, then.nullable || otherwise.nullable);
    Ok(Expr { kind: ExprKind::If(Box::new([condition, then, otherwise]), whole), ty, nullable })
}

/// Makes a call of a function.
pub(super) fn call(function: Function, arguments: Vec<Expr>) -> Result<Expr, PlanError> {
    let whole = Whole::build().ok_or(PlanError::LeftOut { what: "a function" })?;
    let operation = function.name();
    let ty = arguments.first().map_or(Type::Bool, |argument| argument.ty);
    #[cfg(not(feature = "small"))]
    if let (Function::JsonMalformed, [_, path]) = (function, &*arguments)
        && let Some(Scalar::String(path)) = path.as_literal()
    {
        return Err(PlanError::BadPath { path: path.clone() });
    }
    let signature = function.signature(&types(&arguments)).ok_or(PlanError::NotDefined { operation, ty })?;
    if function.target() == Some(Type::Decimal) && !HAS_DECIMALS {
        return Err(PlanError::DecimalFeature { operation });
    }
    let nullable = signature.optional || arguments.iter().any(|argument| argument.nullable);
    Ok(Expr { kind: ExprKind::Call(function, arguments, whole), ty: signature.result, nullable })
}

fn same_type(operation: &'static str, left: &Expr, right: &Expr) -> Result<(), PlanError> {
    if left.ty == right.ty {
        Ok(())
    } else {
        Err(PlanError::TypeMismatch { operation, left: left.ty, right: right.ty })
    }
}

/// How users write an operation. Of one that a build without plans in words refuses there is no more to say.
pub(crate) fn unary_name(op: UnaryOp) -> &'static str {
    match op {
        _ if !parts::EXPLAINED => "an operation",
        UnaryOp::Not => "!",
        UnaryOp::Negate => "-",
        UnaryOp::IsNone => "is_none",
        UnaryOp::IsSome => "is_some",
        UnaryOp::Length => "len",
        UnaryOp::Lower => "lower",
        UnaryOp::Upper => "upper",
        UnaryOp::Year => "year",
        UnaryOp::Month => "month",
        UnaryOp::Day => "day",
    }
}

/// How plans' texts write an operation.
pub(crate) fn binary_name(op: BinaryOp) -> &'static str {
    match op {
        _ if !parts::EXPLAINED => "an operation",
        BinaryOp::And => "&",
        BinaryOp::Or => "|",
        BinaryOp::Eq => "=",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::Remainder => "%",
        BinaryOp::StartsWith => "starts_with",
        BinaryOp::EndsWith => "ends_with",
        BinaryOp::Contains => "contains",
        BinaryOp::Like => "like",
        BinaryOp::Matches => "matches",
        BinaryOp::OrElse => "or_else",
        BinaryOp::Has => "has",
        BinaryOp::HasAny => "has_any",
        BinaryOp::HasAll => "has_all",
    }
}
