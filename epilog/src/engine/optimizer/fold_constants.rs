//! What is the same for every row is calculated once; booleans are simplified.
//!
//! ```text
//! before                                              after
//! filter milliseconds > 60 * 1000 & true              filter milliseconds > 60000
//! filter name in ("a", "a")                           filter name = "a"
//! filter editor = None                                filter is_none(editor)
//! filter active & false                               filter false
//! ```
//!
//! Must not fire on arithmetic without a result: `1 / 0` is an error only if a row gets that far. Nor may it lose the
//! faults of what it leaves out.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::function::{self, Argument, Made, Values};
#[cfg(not(feature = "small"))]
use crate::engine::logical::Computed;
use crate::engine::logical::{Expr, ExprKind, Filter, Literal, LogicalPlan, Node};
use crate::engine::planted::{self, Bug};
use crate::expr::{BinaryOp, Function, UnaryOp};
use crate::value::{Scalar, Type, case, fits};

pub(super) const RULE: Rule = Rule { name: "fold_constants", of: Kinds::ALL, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = plan.root.map(&mut |mut node| {
        node.map_expressions(&mut |expr| expr.map(&mut fold));
        match node {
            Node::Filter(filter) => simplify_filter(filter),
            other => other,
        }
    });
    plan
}

fn simplify_filter(filter: Filter) -> Node {
    let is_false =
        |predicate: &Expr| matches!(predicate.as_literal(), Some(Scalar::Bool(false) | Scalar::Null));
    let is_true = |predicate: &Expr| predicate.as_literal() == Some(&Scalar::Bool(true));
    if filter.predicates.iter().any(is_false) {
        return (*filter.input).filtered(Vec::from([Expr::bool(false)]));
    }
    let predicates: Vec<Expr> =
        filter.predicates.into_iter().filter(|predicate| !is_true(predicate)).collect();
    (*filter.input).filtered(predicates)
}

/// What an expression is where a value that it reads is this.
#[cfg(not(feature = "small"))]
pub(super) fn folded_with(expr: &Expr, value: Computed, is: &Scalar) -> Expr {
    expr.clone().map(&mut |part| match part.kind {
        ExprKind::Computed(computed) if computed == value => Expr::literal(is.clone(), part.ty),
        _ => fold(part),
    })
}

/// Folds an expression whose parts are folded.
fn fold(expr: Expr) -> Expr {
    let ty = expr.ty;
    let nullable = expr.nullable;
    match expr.kind {
        ExprKind::Unary(op, operand) => fold_unary(op, operand, ty, nullable),
        ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) => {
            fold_connective(op, *left, *right)
        }
        ExprKind::Binary(op, left, right) => fold_binary(op, left, right, ty, nullable),
        ExprKind::Between(parts) => {
            if !parts.iter().all(Expr::is_literal) {
                return Expr::test(ExprKind::Between(parts));
            }
            let [Some(value), Some(low), Some(high)] = parts.each_ref().map(Expr::as_literal) else {
                unreachable!("all are literals")
            };
            Expr::bool(compare(BinaryOp::Ge, value, low) && compare(BinaryOp::Le, value, high))
        }
        ExprKind::In(value, candidates) => fold_in(value, candidates),
        ExprKind::Call(function, arguments, whole) => match fold_call(function, &arguments, ty) {
            Some(value) => Expr::literal(value, ty),
            None => Expr { kind: ExprKind::Call(function, arguments, whole), ty, nullable },
        },
        kind => Expr { kind, ty, nullable },
    }
}

fn fold_unary(op: UnaryOp, operand: Box<Expr>, ty: Type, nullable: bool) -> Expr {
    let literal = match (op, operand.literal_itself()) {
        (UnaryOp::IsNone | UnaryOp::IsSome, Some(literal)) => {
            return Expr::literal(Scalar::Bool(literal.is_null() == (op == UnaryOp::IsNone)), ty);
        }
        (_, Some(literal)) if literal.is_null() => return Expr::literal(Scalar::Null, ty),
        (_, literal) => literal.map(Literal::value),
    };
    let folded = match (op, literal) {
        (UnaryOp::IsNone, None) if !operand.nullable && operand.is_sure() => Some(Scalar::Bool(false)),
        (UnaryOp::IsSome, None) if !operand.nullable && operand.is_sure() => Some(Scalar::Bool(true)),
        (UnaryOp::Not, Some(Scalar::Bool(value))) => Some(Scalar::Bool(!value)),
        (UnaryOp::Negate, Some(Scalar::Int(value))) => {
            value.checked_neg().filter(|value| fits(*value, ty)).map(Scalar::Int)
        }
        (UnaryOp::Negate, Some(Scalar::Float(value))) => Some(Scalar::Float(-value)),
        (UnaryOp::Lower, Some(Scalar::String(value))) => Some(Scalar::String(case::lower(value))),
        (UnaryOp::Upper, Some(Scalar::String(value))) => Some(Scalar::String(case::upper(value))),
        (UnaryOp::Length, Some(Scalar::String(value))) => Some(Scalar::Int(value.chars().count() as i128)),
        _ => None,
    };
    match folded {
        Some(value) => Expr::literal(value, ty),
        None => Expr { kind: ExprKind::Unary(op, operand), ty, nullable },
    }
}

/// `And` and `Or`, where an absent value counts as false.
fn fold_connective(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    let known = |expr: &Expr| match expr.as_literal() {
        Some(Scalar::Bool(value)) => Some(*value),
        Some(Scalar::Null) => Some(false),
        _ => None,
    };
    // The value that decides the whole, and is neutral in the other connective.
    let decisive = op == BinaryOp::Or;
    match (known(&left), known(&right)) {
        (Some(value), _) | (_, Some(value)) if value == decisive => Expr::bool(decisive),
        (Some(_), Some(_)) => Expr::bool(!decisive),
        // An optional boolean by itself could be absent where the connective is false.
        (Some(_), None) if !right.nullable => right,
        (None, Some(_)) if !left.nullable => left,
        _ => Expr::binary_test(op, left, right),
    }
}

fn fold_binary(op: BinaryOp, left: Box<Expr>, right: Box<Expr>, ty: Type, nullable: bool) -> Expr {
    let unfolded = |left, right| Expr { kind: ExprKind::Binary(op, left, right), ty, nullable };
    match (left.is_literal(), right.is_literal()) {
        (true, true) => {
            let folded = match (left.as_literal(), right.as_literal()) {
                (Some(a), Some(b)) => fold_literals(op, a, b, ty),
                _ => None,
            };
            match folded {
                Some(value) => Expr::literal(value, ty),
                None => unfolded(left, right),
            }
        }
        // Literals stand on the right, where the access paths look for them.
        (true, false) if op.mirrored().is_some() => {
            let op = op.mirrored().expect("just checked");
            fold_binary(op, right, left, ty, nullable)
        }
        (false, true) if right.is_null() => match op {
            BinaryOp::Eq => fold_unary(UnaryOp::IsNone, left, Type::Bool, false),
            BinaryOp::Ne => fold_unary(UnaryOp::IsSome, left, Type::Bool, false),
            BinaryOp::OrElse => *left,
            // What the left side runs into is not for this to hide.
            _ if !left.is_sure() => unfolded(left, right),
            _ if ty == Type::Bool => Expr::bool(false),
            _ => Expr::literal(Scalar::Null, ty),
        },
        (false, _) if op == BinaryOp::OrElse && !left.nullable => *left,
        // A test of a boolean is the boolean, when it cannot be absent.
        (false, true)
            if left.ty == Type::Bool && matches!(op, BinaryOp::Eq | BinaryOp::Ne) && !left.nullable =>
        {
            let is_itself = right.as_literal() == Some(&Scalar::Bool(op == BinaryOp::Eq));
            if is_itself || planted::is(Bug::FalseForTrue) { *left } else { left.negated() }
        }
        _ => unfolded(left, right),
    }
}

fn fold_literals(op: BinaryOp, a: &Scalar, b: &Scalar, ty: Type) -> Option<Scalar> {
    use BinaryOp as B;
    Some(match (op, a, b) {
        (B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge, ..) => Scalar::Bool(compare(op, a, b)),
        (B::OrElse, Scalar::Null, _) => b.clone(),
        (B::OrElse, ..) => a.clone(),
        (B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder, Scalar::Null, _)
        | (B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder, _, Scalar::Null) => Scalar::Null,
        (_, Scalar::Int(a), Scalar::Int(b)) => {
            let result = match op {
                B::Add => a.checked_add(*b),
                B::Subtract => a.checked_sub(*b),
                B::Multiply => a.checked_mul(*b),
                B::Divide => a.checked_div(*b),
                B::Remainder => a.checked_rem(*b),
                _ => None,
            };
            // The smallest number by -1 has the remainder 0 in the wider type, and none in its own.
            let faulty = op == B::Remainder && *b == -1;
            Scalar::Int(result.filter(|result| fits(*result, ty) && !faulty)?)
        }
        (_, Scalar::Float(a), Scalar::Float(b)) if ty == Type::F64 => Scalar::Float(match op {
            B::Add => a + b,
            B::Subtract => a - b,
            B::Multiply => a * b,
            B::Divide => a / b,
            _ => return None,
        }),
        (B::StartsWith, Scalar::String(a), Scalar::String(b)) => Scalar::Bool(a.starts_with(b.as_str())),
        (B::EndsWith, Scalar::String(a), Scalar::String(b)) => Scalar::Bool(a.ends_with(b.as_str())),
        (B::Contains, Scalar::String(a), Scalar::String(b)) => Scalar::Bool(a.contains(b.as_str())),
        _ => return None,
    })
}

/// A two-valued comparison of scalars.
fn compare(op: BinaryOp, a: &Scalar, b: &Scalar) -> bool {
    let order = a.compare(b);
    match op {
        BinaryOp::Eq => order.is_eq(),
        BinaryOp::Ne => order.is_ne(),
        _ if a.is_null() || b.is_null() => false,
        BinaryOp::Lt => order.is_lt(),
        BinaryOp::Le => order.is_le(),
        BinaryOp::Gt => order.is_gt(),
        BinaryOp::Ge => order.is_ge(),
        _ => false,
    }
}

fn fold_in(value: Box<Expr>, candidates: Vec<Expr>) -> Expr {
    let constant = candidates.iter().all(Expr::is_literal);
    if constant && let Some(constant) = value.as_literal() {
        let mut literals = candidates.iter().filter_map(Expr::as_literal);
        return Expr::bool(literals.any(|candidate| compare(BinaryOp::Eq, constant, candidate)));
    }
    let mut distinct: Vec<Expr> = Vec::with_capacity(candidates.len());
    if constant
        && candidates.iter().any(|candidate| candidate.literal_itself().is_some_and(Literal::is_parameter))
    {
        // Which of them are alike would make the plan one for these values.
        distinct = candidates;
    } else if constant {
        distinct = candidates;
        let scalar = |expr: &Expr| expr.as_literal().cloned().expect("just checked");
        distinct.sort_by(|a, b| scalar(a).compare(&scalar(b)));
        distinct.dedup_by(|a, b| scalar(a).compare(&scalar(b)).is_eq());
    } else {
        for candidate in candidates {
            if !distinct.contains(&candidate) {
                distinct.push(candidate);
            }
        }
    }
    match distinct.len() {
        0 if value.is_sure() => Expr::bool(false),
        1 => {
            let candidate = Box::new(distinct.remove(0));
            fold_binary(BinaryOp::Eq, value, candidate, Type::Bool, false)
        }
        _ => Expr::test(ExprKind::In(value, distinct)),
    }
}

/// What a function makes of constants. It has no row to be a fault of.
fn fold_call(function: Function, arguments: &[Expr], ty: Type) -> Option<Scalar> {
    // These make much of little, which may be asked for by no row.
    if matches!(function, Function::Repeat | Function::PadStart | Function::PadEnd) {
        return None;
    }
    if !arguments.iter().all(Expr::is_literal) {
        return None;
    }
    let literals: Vec<&Scalar> = arguments.iter().map(Expr::as_literal).collect::<Option<_>>()?;
    if literals.iter().any(|literal| literal.is_null()) {
        return Some(Scalar::Null);
    }
    if let (Function::Least | Function::Greatest, [a, b]) = (function, literals.as_slice()) {
        let is_second = if function == Function::Least { a.compare(b).is_gt() } else { a.compare(b).is_lt() };
        return Some(Scalar::clone(if is_second { b } else { a }));
    }
    let cells = literals.iter().zip(arguments).map(|(literal, argument)| {
        literal.with_cell(argument.ty, |cell| cell.map(<[u8]>::to_vec).unwrap_or_default())
    });
    let cells: Vec<Vec<u8>> = cells.collect();
    let constants = cells.iter().zip(arguments).map(|(cell, argument)| Argument::constant(argument.ty, cell));
    let made = function::call(function, &constants.collect::<Vec<_>>(), 1);
    match made {
        Made { faults, .. } if !faults.is_empty() => None,
        Made { absent: Some(_), .. } => Some(Scalar::Null),
        Made { values: Values::Fixed(bytes) | Values::Texts { bytes, .. }, .. } => {
            Scalar::from_cell(ty, Some(&bytes))
        }
        Made { values: Values::Parts(parts), .. } => {
            let (start, end) = parts[0];
            Scalar::from_cell(ty, Some(&cells[0][start as usize..end as usize]))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, int, null, text};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Divide, Eq, Gt, Lt, Multiply, Or};
    use crate::expr::Postfix;
    use crate::value::{Scalar, Type};

    fn check(predicate: Postfix, expected: &str) {
        let (_, after) = before_and_after(&draft(f::Track).filter(predicate).build(), "fold_constants", &[]);
        assert_eq!(after.lines().nth(1).map_or("", str::trim), expected);
    }

    fn literal(value: bool) -> Postfix {
        Postfix::literal(Scalar::Bool(value), Type::Bool)
    }

    #[test]
    fn constants_are_folded() {
        let long = field(f::track::MILLISECONDS).binary(Gt, int(60).binary(Multiply, int(1000)));
        check(long.clone().binary(And, literal(true)), "filter milliseconds > 60000");
        check(long.clone().binary(Or, literal(true)), "scan Track");
        check(long.binary(And, literal(false)), "filter false");
        check(int(5).binary(Lt, field(f::track::MILLISECONDS)), "filter milliseconds > 5");
        check(field(f::track::NAME).is_in([text("a"), text("a")]), "filter name = \"a\"");
        check(field(f::track::NAME).is_in([]), "filter false");
        check(field(f::track::EDITOR).binary(Eq, null(Type::Id)), "filter is_none(editor)");
        check(field(f::track::EDITOR).binary(Lt, null(Type::Id)), "filter false");
        check(field(f::track::ALBUM).binary(Eq, null(Type::Id)), "filter false");
        check(field(f::track::ACTIVE).binary(Eq, literal(false)), "filter !active");
    }

    #[test]
    fn functions_of_constants_are_folded_unless_one_has_no_result_or_makes_much() {
        use crate::expr::Function as F;
        let name = || field(f::track::NAME);
        let count = |count: i128| Postfix::literal(Scalar::Int(count), Type::U64);
        let folded = text("  été ").call(F::Trim, []).call(F::Substring, [count(1), count(9)]);
        check(name().binary(Eq, folded), "filter name = \"té\"");
        check(
            name().binary(Eq, int(7).call(F::Greatest, [int(9)]).call(F::ToText, [])),
            "filter name = \"9\"",
        );
        let none = text("x").call(F::Parse(Type::I64), []);
        check(field(f::track::MILLISECONDS).binary(Lt, none), "filter false");
        let absent = name().call(F::Concat, [null(Type::String)]);
        check(name().binary(Eq, absent), "filter name = concat(name, None)");
        let fault = int(i64::MIN).call(F::Abs, []);
        check(
            field(f::track::MILLISECONDS).binary(Gt, fault),
            "filter milliseconds > abs(-9223372036854775808)",
        );
        let long = text("ab").call(F::Repeat, [count(1 << 40)]);
        check(name().binary(Eq, long), "filter name = repeat(\"ab\", 1099511627776)");
    }

    #[test]
    fn arithmetic_without_a_result_is_left_for_the_rows() {
        check(
            field(f::track::MILLISECONDS).binary(Gt, int(1).binary(Divide, int(0))),
            "filter milliseconds > (1 / 0)",
        );
        let huge = int(i64::MAX).binary(Multiply, int(2));
        check(
            field(f::track::MILLISECONDS).binary(Gt, huge),
            "filter milliseconds > (9223372036854775807 * 2)",
        );
    }
}
