//! [`Function`]: scalar functions, and the table of their arguments and results.
//!
//! What each makes of its arguments is calculated in `engine::function`. A value that is absent among the arguments makes
//! the result absent, whatever the function.

use crate::value::Type;

/// A function of one value or several. Texts are counted in characters, and from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// Text, start, length: the part of the text from there, as much as there is.
    Substring,
    /// Text, count: its first characters.
    Left,
    /// Text, count: its last characters.
    Right,
    /// The text without white space at its ends.
    Trim,
    /// The text without white space at its start.
    TrimStart,
    /// The text without white space at its end.
    TrimEnd,
    /// Text, part, other: the text with the other wherever the part was. An empty part is nowhere.
    Replace,
    /// Two texts, one after the other.
    Concat,
    /// Text, count: the text so many times.
    Repeat,
    /// The characters of a text, last first.
    Reverse,
    /// Text, length, character: the text after as many of the character as it takes.
    PadStart,
    /// Text, length, character: the text before as many of the character as it takes.
    PadEnd,
    /// Text, part: how many characters are before the first place where the part is; absent if it is nowhere.
    PositionOf,
    /// Text, separator: the list of the texts between. An empty separator is nowhere.
    Split,

    /// List, number from 0: the element there; absent if there are not so many.
    Element,
    /// List, element: how many elements are before the first that equals it; absent if none does.
    PlaceOf,
    /// List, element: the list with the element at its end.
    Append,
    /// Two lists, one after the other.
    Chain,
    /// List, element: the list without the elements that equal it.
    Without,
    /// List: its last element; absent if it has none.
    Last,
    /// List of texts, separator: the texts, one after the other, with the separator between them.
    Join,

    /// JSON, name: the member of an object; absent if there is none.
    JsonMember,
    /// JSON, number from 0: the item of an array; absent if there is none.
    JsonItem,
    /// JSON, text: what is no path in it. There is no such function of anything: a query that has it is refused with the text.
    JsonMalformed,
    /// JSON as a value of the type; absent if it is none.
    JsonAs(Type),
    /// JSON as a value of the type; a fault if it is none.
    JsonAsOrFail(Type),
    /// How many items or members JSON has; absent if it is neither an array nor an object.
    JsonLen,
    /// What JSON is, as a text.
    JsonKind,
    /// The names of an object's members, in order; absent if it is none.
    JsonKeys,
    /// JSON, name: whether it is an object with such a member.
    JsonHas,
    /// Two of JSON: whether the first is an array, and an item of it equals the second.
    JsonContains,

    /// The number without its sign.
    Abs,
    /// Number, digits after the point: the nearest number of so many; of two, the one further from zero.
    Round,
    /// The greatest whole number that is not greater.
    Floor,
    /// The least whole number that is not less.
    Ceil,
    /// The number without what is after the point.
    Trunc,
    /// -1, 0 or 1, as the number is less than zero, zero, or greater; `NaN` of itself.
    Sign,
    /// Base, exponent.
    Power,
    /// The bits that two integers both have.
    BitAnd,
    /// The bits that one of two integers has.
    BitOr,
    /// The bits that one of two integers has, and the other has not.
    BitXor,
    /// The square root of a float.
    Sqrt,
    /// e to the power of a float.
    Exp,
    /// The natural logarithm of a float.
    Ln,
    /// The logarithm of a float to the base 10.
    Log10,
    /// The sine of an angle in radians.
    Sin,
    /// The cosine of an angle in radians.
    Cos,
    /// The tangent of an angle in radians.
    Tan,
    /// The angle that has the sine.
    Asin,
    /// The angle that has the cosine.
    Acos,
    /// The angle that has the tangent.
    Atan,
    /// y, x: the angle of the point.
    Atan2,

    /// A number that tells of the ones before, and a value: a number that both decide, as if by lot.
    Scatter,

    /// The lesser of two values.
    Least,
    /// The greater of two values.
    Greatest,

    /// The quarter of the year, 1..=4.
    Quarter,
    /// The week of ISO 8601, 1..=53.
    Week,
    /// The year that the week of ISO 8601 is of.
    WeekYear,
    /// The day of the week, Monday being 1 and Sunday 7.
    Weekday,
    /// The day of the year, 1..=366.
    DayOfYear,
    /// The hour, 0..=23.
    Hour,
    /// The minute, 0..=59.
    Minute,
    /// The second, 0..=59.
    Second,
    /// The nanosecond of the second, 0..=999,999,999; a thousand million more in a leap second.
    Nanosecond,
    /// How many days the month has.
    DaysOfMonth,
    /// The seconds since 1970 began, as whole ones that went by.
    UnixSeconds,
    /// Date, time: the two as one.
    At,
    /// The date and time as a moment of UTC.
    AndUtc,
    /// The moment as date and time in UTC.
    NaiveUtc,
    /// The date of a date and time.
    Date,
    /// The time of a date and time.
    Time,
    /// The first moment, or day, of the span of time that this one is in.
    StartOf(Span),
    /// Date or moment, number of days.
    AddDays,
    /// Date or moment, number of months: the same day of that month, or the last if it has fewer.
    AddMonths,
    /// Moment, number of seconds.
    AddSeconds,
    /// Moment, number of milliseconds.
    AddMilliseconds,
    /// Date, earlier date: the days between.
    DaysSince,
    /// Moment or time, earlier one: the whole seconds between.
    SecondsSince,
    /// Moment or time, earlier one: the whole milliseconds between.
    MillisecondsSince,
    /// Date or moment, earlier one: the whole months between.
    MonthsSince,

    /// The value as one of a type that has all values of its own.
    Cast(Type),
    /// The value as one of the type; absent where it has none such.
    TryCast(Type),
    /// The value as one of the type; a fault where it has none such.
    CastOrFail(Type),
    /// The value as a text.
    ToText,
    /// The value of the type that a text says; absent where it says none.
    Parse(Type),
}

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Span {
    Year,
    Quarter,
    Month,
    /// From Monday to Sunday.
    Week,
    Day,
    Hour,
    Minute,
}

/// What a function makes of arguments of certain types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The type of the result.
    pub result: Type,
    /// Whether it can be absent where no argument is.
    pub optional: bool,
    /// Whether there are arguments that it has no result for.
    pub faulty: bool,
}

impl Function {
    /// What it makes of arguments of these types; `None` when it takes no such.
    pub fn signature(self, arguments: &[Type]) -> Option<Signature> {
        use Function as F;
        use Type as T;
        let always = |result| Some(Signature { result, optional: false, faulty: false });
        let perhaps = |result| Some(Signature { result, optional: true, faulty: false });
        // A text can be too long, a number too great, a date too late.
        let within = |result| Some(Signature { result, optional: false, faulty: true });
        match (self, arguments) {
            (F::Substring, [T::String, T::U64, T::U64]) => always(T::String),
            (F::Left | F::Right, [T::String, T::U64]) => always(T::String),
            (F::Trim | F::TrimStart | F::TrimEnd | F::Reverse, [T::String]) => always(T::String),
            (F::Replace, [T::String, T::String, T::String]) => within(T::String),
            (F::Concat, [T::String, T::String]) => within(T::String),
            (F::Repeat, [T::String, T::U64]) => within(T::String),
            (F::PadStart | F::PadEnd, [T::String, T::U64, T::Char]) => within(T::String),
            (F::PositionOf, [T::String, T::String]) => perhaps(T::U64),
            (F::Split, [T::String, T::String]) => T::String.list().and_then(within),

            (F::Element, [list, T::U64]) => list.element().and_then(perhaps),
            (F::PlaceOf, [list, element]) if list.element() == Some(*element) => perhaps(T::U64),
            (F::Append, [list, element]) if list.element() == Some(*element) => within(*list),
            (F::Without, [list, element]) if list.element() == Some(*element) => always(*list),
            (F::Chain, [a, b]) if a == b && a.is_list() => within(*a),
            (F::Last, [list]) => list.element().and_then(perhaps),
            (F::Join, [list, T::String]) if list.element() == Some(T::String) => within(T::String),

            (F::JsonMember, [json, T::String]) if json.is_json() => perhaps(*json),
            (F::JsonItem, [json, T::U64]) if json.is_json() => perhaps(*json),
            (F::JsonAs(to @ (T::String | T::I64 | T::F64 | T::Bool)), [json]) if json.is_json() => {
                perhaps(to)
            }
            (F::JsonAsOrFail(to @ (T::String | T::I64 | T::F64 | T::Bool)), [json]) if json.is_json() => {
                within(to)
            }
            (F::JsonLen, [json]) if json.is_json() => perhaps(T::U64),
            (F::JsonKind, [json]) if json.is_json() => always(T::String),
            (F::JsonKeys, [json]) if json.is_json() => T::String.list().and_then(perhaps),
            (F::JsonHas, [json, T::String]) if json.is_json() => always(T::Bool),
            (F::JsonContains, [json, item]) if json.is_json() && item.is_json() => always(T::Bool),

            (F::Abs, [ty @ (T::F32 | T::F64 | T::Decimal)]) => always(*ty),
            (F::Abs, [ty]) if ty.is_signed_integer() => within(*ty),
            (F::Round, [ty @ (T::F32 | T::F64 | T::Decimal), T::U32]) => always(*ty),
            (F::Floor | F::Ceil | F::Trunc, [ty @ (T::F32 | T::F64 | T::Decimal)]) => always(*ty),
            (F::Sign, [ty @ (T::F32 | T::F64 | T::Decimal)]) => always(*ty),
            (F::Sign, [ty]) if ty.is_signed_integer() => always(*ty),
            (F::BitAnd | F::BitOr | F::BitXor, [a, b]) if a == b && a.is_integer() => always(*a),
            (F::Power, [ty, T::U32]) if ty.is_integer() => within(*ty),
            (F::Power, [a @ (T::F32 | T::F64), b]) if a == b && HAS_FLOATS => always(*a),
            (F::Sqrt | F::Exp | F::Ln | F::Log10, [ty @ (T::F32 | T::F64)]) if HAS_FLOATS => always(*ty),
            (F::Sin | F::Cos | F::Tan, [ty @ (T::F32 | T::F64)]) if HAS_FLOATS => always(*ty),
            (F::Asin | F::Acos | F::Atan, [ty @ (T::F32 | T::F64)]) if HAS_FLOATS => always(*ty),
            (F::Atan2, [a @ (T::F32 | T::F64), b]) if a == b && HAS_FLOATS => always(*a),

            (F::Scatter, [T::U64, _]) => always(T::U64),
            (F::Least | F::Greatest, [a, b]) if a == b => always(*a),

            (F::Quarter | F::Week | F::Weekday | F::DayOfYear, [ty]) if has_date(*ty) => always(T::U32),
            (F::WeekYear, [ty]) if has_date(*ty) => always(T::I32),
            (F::DaysOfMonth, [ty]) if has_date(*ty) => always(T::U32),
            (F::UnixSeconds, [T::DateTime | T::Timestamp]) => always(T::I64),
            (F::At, [T::Date, T::Time]) => always(T::DateTime),
            (F::AndUtc, [T::DateTime]) => always(T::Timestamp),
            (F::NaiveUtc, [T::Timestamp]) => always(T::DateTime),
            (F::Hour | F::Minute | F::Second | F::Nanosecond, [ty]) if has_time(*ty) => always(T::U32),
            (F::Date, [T::DateTime | T::Timestamp]) => always(T::Date),
            (F::Time, [T::DateTime | T::Timestamp]) => always(T::Time),
            // A week can begin before the first day there is.
            (F::StartOf(Span::Week), [ty]) if has_date(*ty) => within(*ty),
            (F::StartOf(Span::Year | Span::Quarter | Span::Month), [ty]) if has_date(*ty) => always(*ty),
            (F::StartOf(Span::Day | Span::Hour | Span::Minute), [ty @ (T::DateTime | T::Timestamp)]) => {
                always(*ty)
            }
            (F::AddDays | F::AddMonths, [ty, T::I64]) if has_date(*ty) => within(*ty),
            (F::AddSeconds | F::AddMilliseconds, [ty @ (T::DateTime | T::Timestamp), T::I64]) => within(*ty),
            (F::DaysSince, [T::Date, T::Date]) => always(T::I64),
            (F::SecondsSince | F::MillisecondsSince, [a, b]) if has_time(*a) && a == b => always(T::I64),
            (F::MonthsSince, [a, b]) if has_date(*a) && a == b => always(T::I64),

            (F::Cast(to), [from]) if widens(*from, to) => always(to),
            (F::TryCast(to), [from]) if from.is_numeric() && to.is_numeric() => perhaps(to),
            (F::CastOrFail(to), [from]) if from.is_numeric() && to.is_numeric() => within(to),
            (F::ToText, [ty]) if is_written(*ty) => always(T::String),
            (F::Parse(to), [T::String]) if is_written(to) => perhaps(to),
            _ => None,
        }
    }

    /// How plans' texts call it.
    pub fn name(self) -> &'static str {
        match self {
            Function::Substring => "substring",
            Function::Left => "left",
            Function::Right => "right",
            Function::Trim => "trim",
            Function::TrimStart => "trim_start",
            Function::TrimEnd => "trim_end",
            Function::Replace => "replace",
            Function::Concat => "concat",
            Function::Repeat => "repeat",
            Function::Reverse => "reverse",
            Function::PadStart => "pad_start",
            Function::PadEnd => "pad_end",
            Function::PositionOf => "position_of",
            Function::Split => "split",
            Function::Element => "get",
            Function::PlaceOf => "place_of",
            Function::Append => "append",
            Function::Chain => "append_all",
            Function::Without => "without",
            Function::Last => "last",
            Function::Join => "join",
            Function::JsonMember => "member",
            Function::JsonItem => "item",
            Function::JsonMalformed => "get",
            Function::JsonAs(Type::String) => "as_str",
            Function::JsonAs(Type::I64) => "as_i64",
            Function::JsonAs(Type::F64) => "as_f64",
            Function::JsonAs(_) => "as_bool",
            Function::JsonAsOrFail(Type::String) => "str_or_fail",
            Function::JsonAsOrFail(Type::I64) => "i64_or_fail",
            Function::JsonAsOrFail(Type::F64) => "f64_or_fail",
            Function::JsonAsOrFail(_) => "bool_or_fail",
            Function::JsonLen => "len",
            Function::JsonKind => "kind",
            Function::JsonKeys => "keys",
            Function::JsonHas => "has_key",
            Function::JsonContains => "contains",
            Function::Abs => "abs",
            Function::Round => "round",
            Function::Floor => "floor",
            Function::Ceil => "ceil",
            Function::Trunc => "trunc",
            Function::Sign => "sign",
            Function::Power => "pow",
            Function::BitAnd => "bit_and",
            Function::BitOr => "bit_or",
            Function::BitXor => "bit_xor",
            Function::Sqrt => "sqrt",
            Function::Exp => "exp",
            Function::Ln => "ln",
            Function::Log10 => "log10",
            Function::Sin => "sin",
            Function::Cos => "cos",
            Function::Tan => "tan",
            Function::Asin => "asin",
            Function::Acos => "acos",
            Function::Atan => "atan",
            Function::Atan2 => "atan2",
            Function::Scatter => "scatter",
            Function::Least => "min_of",
            Function::Greatest => "max_of",
            Function::Quarter => "quarter",
            Function::Week => "week",
            Function::WeekYear => "week_year",
            Function::Weekday => "weekday",
            Function::DayOfYear => "day_of_year",
            Function::Hour => "hour",
            Function::Minute => "minute",
            Function::Second => "second",
            Function::Nanosecond => "nanosecond",
            Function::DaysOfMonth => "days_of_month",
            Function::UnixSeconds => "unix_seconds",
            Function::At => "at",
            Function::AndUtc => "and_utc",
            Function::NaiveUtc => "naive_utc",
            Function::Date => "date",
            Function::Time => "time",
            Function::StartOf(Span::Year) => "start_of_year",
            Function::StartOf(Span::Quarter) => "start_of_quarter",
            Function::StartOf(Span::Month) => "start_of_month",
            Function::StartOf(Span::Week) => "start_of_week",
            Function::StartOf(Span::Day) => "start_of_day",
            Function::StartOf(Span::Hour) => "start_of_hour",
            Function::StartOf(Span::Minute) => "start_of_minute",
            Function::AddDays => "add_days",
            Function::AddMonths => "add_months",
            Function::AddSeconds => "add_seconds",
            Function::AddMilliseconds => "add_milliseconds",
            Function::DaysSince => "days_since",
            Function::SecondsSince => "seconds_since",
            Function::MillisecondsSince => "milliseconds_since",
            Function::MonthsSince => "months_since",
            Function::Cast(_) => "cast",
            Function::TryCast(_) => "try_cast",
            Function::CastOrFail(_) => "cast_or_fail",
            Function::ToText => "to_text",
            Function::Parse(_) => "parse",
        }
    }

    /// The type that it is asked for by name, which its arguments do not tell.
    pub fn target(self) -> Option<Type> {
        match self {
            Function::Cast(to) | Function::TryCast(to) | Function::CastOrFail(to) | Function::Parse(to) => {
                Some(to)
            }
            _ => None,
        }
    }
}

/// Whether roots, powers and logarithms of floats can be calculated in this build.
const HAS_FLOATS: bool = cfg!(feature = "std");

fn has_date(ty: Type) -> bool {
    matches!(ty, Type::Date | Type::DateTime | Type::Timestamp)
}

fn has_time(ty: Type) -> bool {
    matches!(ty, Type::Time | Type::DateTime | Type::Timestamp)
}

/// Whether the values are written as texts, and read from them: as Rust does it, dates and times as ISO 8601 does.
fn is_written(ty: Type) -> bool {
    use Type as T;
    ty.is_numeric() || matches!(ty, T::Bool | T::Char | T::Uuid) || has_date(ty) || ty == T::Time
}

/// Whether every value of one type is one of the other, another type.
fn widens(from: Type, to: Type) -> bool {
    use Type as T;
    let bits = |ty: Type| ty.width().unwrap_or(0) * 8;
    match (from, to) {
        _ if from == to => false,
        (T::Bool, _) => to.is_integer(),
        (T::Char, _) => to == T::U32,
        (T::F32, _) => to == T::F64,
        // A float has all integers of as many bits as its significand: 24, 53.
        (_, T::F32) => from.is_integer() && bits(from) <= 16,
        (_, T::F64) => from.is_integer() && bits(from) <= 32,
        (_, T::Decimal) => from.is_integer() && bits(from) <= 64,
        _ if from.is_signed_integer() => to.is_signed_integer() && bits(from) < bits(to),
        _ => from.is_unsigned_integer() && to.is_integer() && bits(from) < bits(to),
    }
}
