//! Functions by their names: those that the typed methods have.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::problem::{Names, Problem};
use crate::engine::typed::Typed;
use crate::expr::function::Span;
use crate::expr::{Function, UnaryOp};
use crate::value::Type;

/// Operations on one value that are written as calls.
pub(super) const UNARY: [(&str, UnaryOp); 6] = [
    ("len", UnaryOp::Length),
    ("lower", UnaryOp::Lower),
    ("upper", UnaryOp::Upper),
    ("year", UnaryOp::Year),
    ("month", UnaryOp::Month),
    ("day", UnaryOp::Day),
];

/// What is called as they are, and made of others.
const MADE_OF_OTHERS: [&str; 3] = ["first", "is_empty", "is_null"];

/// All functions but casts, which are told a type.
pub(super) const ALL: &[Function] = {
    use Function as F;
    &[
        F::Substring,
        F::Left,
        F::Right,
        F::Trim,
        F::TrimStart,
        F::TrimEnd,
        F::Replace,
        F::Concat,
        F::Repeat,
        F::Reverse,
        F::PadStart,
        F::PadEnd,
        F::PositionOf,
        F::Split,
        F::Element,
        F::PlaceOf,
        F::Append,
        F::Chain,
        F::Without,
        F::Last,
        F::Join,
        F::JsonMember,
        F::JsonItem,
        F::JsonAs(Type::String),
        F::JsonAs(Type::I64),
        F::JsonAs(Type::F64),
        F::JsonAs(Type::Bool),
        F::JsonAsOrFail(Type::String),
        F::JsonAsOrFail(Type::I64),
        F::JsonAsOrFail(Type::F64),
        F::JsonAsOrFail(Type::Bool),
        F::JsonLen,
        F::JsonKind,
        F::JsonKeys,
        F::JsonHas,
        F::JsonContains,
        F::Abs,
        F::Round,
        F::Floor,
        F::Ceil,
        F::Trunc,
        F::Sign,
        F::Power,
        F::BitAnd,
        F::BitOr,
        F::BitXor,
        F::Sqrt,
        F::Exp,
        F::Ln,
        F::Log10,
        F::Sin,
        F::Cos,
        F::Tan,
        F::Asin,
        F::Acos,
        F::Atan,
        F::Atan2,
        F::Least,
        F::Greatest,
        F::Quarter,
        F::Week,
        F::WeekYear,
        F::Weekday,
        F::DayOfYear,
        F::Hour,
        F::Minute,
        F::Second,
        F::Nanosecond,
        F::DaysOfMonth,
        F::UnixSeconds,
        F::At,
        F::AndUtc,
        F::NaiveUtc,
        F::Date,
        F::Time,
        F::StartOf(Span::Year),
        F::StartOf(Span::Quarter),
        F::StartOf(Span::Month),
        F::StartOf(Span::Week),
        F::StartOf(Span::Day),
        F::StartOf(Span::Hour),
        F::StartOf(Span::Minute),
        F::AddDays,
        F::AddMonths,
        F::AddSeconds,
        F::AddMilliseconds,
        F::DaysSince,
        F::SecondsSince,
        F::MillisecondsSince,
        F::MonthsSince,
        F::ToText,
    ]
};

/// What a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Called {
    Unary(UnaryOp),
    Function(Function),
}

/// The calls of this name.
///
/// # Errors
///
/// When there is none.
pub(super) fn called(name: &str) -> Result<Vec<Called>, Problem> {
    let unary = UNARY.iter().filter(|(known, _)| *known == name).map(|(_, op)| Called::Unary(*op));
    let functions = ALL.iter().filter(|function| function.name() == name).copied().map(Called::Function);
    let found: Vec<Called> = unary.chain(functions).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let known = UNARY.iter().map(|(known, _)| *known).chain(ALL.iter().map(|function| function.name()));
    let mut known: Vec<&str> = known.chain(MADE_OF_OTHERS).collect();
    known.sort_unstable();
    known.dedup();
    let known = Names::beside(name, known.into_iter().map(ToString::to_string));
    Err(Problem::NoFunction { name: name.to_string(), known })
}

impl Called {
    /// What it makes of these arguments, if it takes them.
    pub(super) fn result(self, arguments: &[Typed]) -> Option<Typed> {
        match (self, arguments) {
            (Called::Unary(op), [argument]) => argument.unary(op).ok(),
            (Called::Unary(_), _) => None,
            (Called::Function(function), _) => Typed::call(function, arguments).ok(),
        }
    }
}
