//! Functions and operations on values of types that tell what is meant, in SQL: by SQLite's own functions where it has such.
//!
//! Booleans, integers, characters, dates and times are the integers that they are in cells: a date is a day's number, a time or a
//! moment has its seconds above 32 bits of nanoseconds. Decimals are thousandths.
//!
//! What SQLite has otherwise is helped by functions of the connection (see [`helpers`]): they have no result where there is none here
//! (SQLite goes on with floats after the greatest integer, and has `NULL` for what is divided by zero), for what it cannot say (`NaN`,
//! dates before the year 0), and add what it lacks (cases beyond ASCII, floats of 32 bits, roots, angles).
//!
//! No translation have: what rounds decimals and what multiplies them, as thousandths are too few; floats as texts (SQLite writes 15
//! digits and always a point), texts as values (SQLite's casts read as much as they can), `Round` to digits (SQLite's tells ties by
//! another text), `MonthsSince`, and lists.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::types::{Value, ValueRef};

use super::{BinaryOp, Function, Type, UnaryOp};
use crate::expr::function::Span;

/// The day that 1970 began.
const DAYS_TO_1970: i64 = 719_163;

/// What is told by an error where there is no result, or none that SQLite can say.
pub(in super::super) const NO_RESULT: &str = "no result";

/// Gives a connection the functions that the translations use.
pub(in super::super) fn helpers(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let none = || rusqlite::Error::UserFunctionError(NO_RESULT.into());
    // Integers within bounds.
    connection.create_scalar_function("fit", 3, flags, move |of| match of.get_raw(0) {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(value) if (of.get::<i64>(1)?..=of.get::<i64>(2)?).contains(&value) => {
            Ok(Some(value))
        }
        _ => Err(none()),
    })?;
    connection.create_scalar_function("nonzero", 1, flags, move |of| match of.get_raw(0) {
        ValueRef::Integer(0) => Err(none()),
        ValueRef::Real(0.0) => Err(none()),
        value => Ok(Value::try_from(value).map_err(|_| none())?),
    })?;
    connection.create_scalar_function("finite", 1, flags, move |of| match of.get_raw(0) {
        ValueRef::Null => Ok(None),
        ValueRef::Real(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(none()),
    })?;
    // What has been made of a value, which is absent only where that is.
    connection.create_scalar_function("made", 2, flags, move |of| match (of.get_raw(0), of.get_raw(1)) {
        (ValueRef::Null, _) => Ok(Value::Null),
        (_, ValueRef::Null) => Err(none()),
        (_, value) => Ok(Value::try_from(value).map_err(|_| none())?),
    })?;
    connection.create_scalar_function("single", 1, flags, move |of| match of.get::<Option<f64>>(0)? {
        Some(value) if !(value as f32).is_finite() => Err(none()),
        value => Ok(value.map(|value| f64::from(value as f32))),
    })?;
    let of_text = |name: &'static str, change: fn(&str) -> String| {
        connection.create_scalar_function(name, 1, flags, move |of: &mut Context<'_>| {
            Ok(of.get::<Option<String>>(0)?.map(|text| change(&text)))
        })
    };
    of_text("small_letters", |text| text.to_lowercase())?;
    of_text("great_letters", |text| text.to_uppercase())?;
    of_text("backwards", |text| text.chars().rev().collect())?;
    let of_real = |name: &'static str, of64: fn(f64) -> f64, of32: fn(f32) -> f32| {
        connection.create_scalar_function(name, 2, flags, move |of: &mut Context<'_>| {
            let Some(value) = of.get::<Option<f64>>(0)? else { return Ok(None) };
            let made = if of.get::<i64>(1)? == 32 { f64::from(of32(value as f32)) } else { of64(value) };
            if value.is_finite() && made.is_finite() { Ok(Some(made)) } else { Err(none()) }
        })
    };
    of_real("Sqrt", f64::sqrt, f32::sqrt)?;
    of_real("Exp", f64::exp, f32::exp)?;
    of_real("Ln", f64::ln, f32::ln)?;
    of_real("Log10", f64::log10, f32::log10)?;
    of_real("Sin", f64::sin, f32::sin)?;
    of_real("Cos", f64::cos, f32::cos)?;
    of_real("Tan", f64::tan, f32::tan)?;
    of_real("Asin", f64::asin, f32::asin)?;
    of_real("Acos", f64::acos, f32::acos)?;
    of_real("Atan", f64::atan, f32::atan)?;
    let gathered: [(&str, Making); 4] =
        [("median", median), ("variance", variance), ("deviation", deviation), ("different", different)];
    for (name, of) in gathered {
        connection.create_window_function(name, 1, flags, Gathered(of))?;
    }
    connection.create_scalar_function("power", 2, flags, move |of| {
        let (Some(base), Some(exponent)) = (of.get::<Option<i64>>(0)?, of.get::<Option<u32>>(1)?) else {
            return Ok(None);
        };
        base.checked_pow(exponent).map(Some).ok_or_else(none)
    })?;
    connection.create_scalar_function("rest", 2, flags, move |of| {
        let (Some(a), Some(b)) = (of.get::<Option<f64>>(0)?, of.get::<Option<f64>>(1)?) else {
            return Ok(None);
        };
        if (a % b).is_finite() && b.is_finite() { Ok(Some(a % b)) } else { Err(none()) }
    })
}

/// An aggregate that keeps all values of a group, or of a frame, and makes something of them.
struct Gathered(Making);

/// What is made of the values that are kept, none of which is absent.
type Making = fn(&[Value]) -> Value;

impl Aggregate<Vec<Value>, Value> for Gathered {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Vec<Value>> {
        Ok(Vec::new())
    }

    fn step(&self, of: &mut Context<'_>, values: &mut Vec<Value>) -> rusqlite::Result<()> {
        values.extend(Some(of.get::<Value>(0)?).filter(|value| *value != Value::Null));
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, values: Option<Vec<Value>>) -> rusqlite::Result<Value> {
        Ok((self.0)(&values.unwrap_or_default()))
    }
}

impl WindowAggregate<Vec<Value>, Value> for Gathered {
    fn value(&self, values: Option<&mut Vec<Value>>) -> rusqlite::Result<Value> {
        Ok((self.0)(values.map_or(&[], |values| values)))
    }

    fn inverse(&self, of: &mut Context<'_>, values: &mut Vec<Value>) -> rusqlite::Result<()> {
        let value = of.get::<Value>(0)?;
        if let Some(at) = values.iter().position(|known| *known == value) {
            values.remove(at);
        }
        Ok(())
    }
}

/// All of them are integers.
fn floats(values: &[Value]) -> Vec<f64> {
    values
        .iter()
        .map(|value| if let Value::Integer(value) = value { *value as f64 } else { f64::NAN })
        .collect()
}

fn median(values: &[Value]) -> Value {
    let mut sorted = floats(values);
    sorted.sort_by(f64::total_cmp);
    let Some(upper) = sorted.get(sorted.len() / 2) else { return Value::Null };
    Value::Real((sorted[(sorted.len() - 1) / 2] + upper) / 2.0)
}

fn variance(values: &[Value]) -> Value {
    let values = floats(values);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    if values.len() < 2 { Value::Null } else { Value::Real(squares / (values.len() as f64 - 1.0)) }
}

fn deviation(values: &[Value]) -> Value {
    match variance(values) {
        Value::Real(variance) => Value::Real(variance.sqrt()),
        other => other,
    }
}

fn different(values: &[Value]) -> Value {
    let firsts = values.iter().enumerate().filter(|(at, value)| !values[..*at].contains(value));
    Value::Integer(firsts.count() as i64)
}

/// The least and the greatest integer of the type, as far as SQLite has them.
fn bounds(ty: Type) -> (i64, i64) {
    match ty {
        Type::I8 => (i8::MIN.into(), i8::MAX.into()),
        Type::I16 => (i16::MIN.into(), i16::MAX.into()),
        Type::I32 => (i32::MIN.into(), i32::MAX.into()),
        Type::U8 => (0, u8::MAX.into()),
        Type::U16 => (0, u16::MAX.into()),
        Type::U32 => (0, u32::MAX.into()),
        _ if ty.is_unsigned_integer() => (0, i64::MAX),
        _ => (i64::MIN, i64::MAX),
    }
}

fn fit(ty: Type, value: &str) -> String {
    let (least, most) = bounds(ty);
    // The least one, written out, is a float of SQLite's.
    let least = if least == i64::MIN { "-9223372036854775807 - 1".to_string() } else { least.to_string() };
    format!("fit({value}, {least}, {most})")
}

/// An operation on a value.
pub(super) fn unary(op: UnaryOp, ty: Option<Type>, of: &str) -> Option<String> {
    use UnaryOp as U;
    let ty = ty?;
    Some(match op {
        U::Negate => match ty {
            Type::F32 | Type::F64 => format!("finite(-finite({of}))"),
            Type::Decimal => format!("(-({of}))"),
            _ => fit(ty, &format!("(-({of}))")),
        },
        U::Length if matches!(ty, Type::String | Type::Bytes) => format!("length({of})"),
        U::Lower => format!("small_letters({of})"),
        U::Upper => format!("great_letters({of})"),
        U::Year => number(ty, of, "%Y", ""),
        U::Month => number(ty, of, "%m", ""),
        U::Day => number(ty, of, "%d", ""),
        _ => return None,
    })
}

/// An operation on two values.
pub(super) fn binary(op: BinaryOp, ty: Option<Type>, a: &str, b: &str) -> Option<String> {
    use BinaryOp as B;
    let ty = ty?;
    let word = match op {
        B::Add => "+",
        B::Subtract => "-",
        B::Multiply => "*",
        B::Divide => "/",
        B::Remainder => "%",
        B::Like => return Some(format!("coalesce(({a}) LIKE ({b}) ESCAPE '\\', 0)")),
        // What SQLite begins a set of others with; no pattern here has a `[!` of another meaning.
        B::Matches => return Some(format!("coalesce(({a}) GLOB replace({b}, '[!', '[^'), 0)")),
        _ => return None,
    };
    let divides = matches!(op, B::Divide | B::Remainder);
    let b = if divides { format!("nonzero({b})") } else { format!("({b})") };
    let is_sum = matches!(op, B::Add | B::Subtract | B::Remainder);
    Some(match ty {
        Type::F32 | Type::F64 => {
            let result = match op {
                B::Remainder => format!("rest(finite({a}), {b})"),
                _ => format!("(finite({a}) {word} finite({b}))"),
            };
            if ty == Type::F32 { format!("single({result})") } else { format!("finite({result})") }
        }
        Type::Decimal if is_sum => fit(Type::I64, &format!("(({a}) {word} {b})")),
        _ if ty.is_integer() => {
            // What is too great makes a float of both.
            fit(ty, &format!("(({a}) {word} {b})"))
        }
        _ => return None,
    })
}

/// A value's seconds since 1970 began, or since midnight.
fn seconds(ty: Type, of: &str) -> String {
    match ty {
        Type::Date => format!("((({of}) - {DAYS_TO_1970}) * 86400)"),
        _ => format!("(({of}) >> 32)"),
    }
}

/// What SQLite writes of a value with a date.
fn written(ty: Type, of: &str, format: &str, changes: &str) -> String {
    format!("made({of}, strftime('{format}', {}, 'unixepoch'{changes}))", seconds(ty, of))
}

fn number(ty: Type, of: &str, format: &str, changes: &str) -> String {
    format!("CAST({} AS INTEGER)", written(ty, of, format, changes))
}

/// A value of the type, by SQLite's changes of a value's seconds, at this part of a second.
fn changed(ty: Type, of: &str, changes: &str, nanoseconds: &str) -> String {
    let seconds = number(ty, of, "%s", changes);
    match ty {
        Type::Date => format!("({seconds} / 86400 + {DAYS_TO_1970})"),
        _ => moment(&seconds, nanoseconds),
    }
}

/// The cell of a moment, if SQLite's integers have it: those of our own are longer.
fn moment(seconds: &str, nanoseconds: &str) -> String {
    fit(Type::I64, &format!("(({seconds}) * 4294967296 + {nanoseconds})"))
}

fn nanoseconds(of: &str) -> String {
    format!("(({of}) & 4294967295)")
}

/// A function of arguments of these types; of what SQLite has without help, the rest is told by `call`.
pub(super) fn call(function: Function, types: &[Type], arguments: &[String]) -> Option<String> {
    use Function as F;
    let (ty, of) = (*types.first()?, arguments.first()?);
    let (second, third) = (arguments.get(1), arguments.get(2));
    let is_float = matches!(ty, Type::F32 | Type::F64);
    let bits = if ty == Type::F32 { 32 } else { 64 };
    // What Unicode takes for white space, of that which drafts have.
    const SPACE: &str = "' ' || char(9, 10, 13)";
    Some(match (function, second, third) {
        (F::Trim, ..) => format!("trim({of}, {SPACE})"),
        (F::TrimStart, ..) => format!("ltrim({of}, {SPACE})"),
        (F::TrimEnd, ..) => format!("rtrim({of}, {SPACE})"),
        (F::Reverse, ..) => format!("backwards({of})"),
        (F::Substring, Some(start), Some(count)) => {
            format!("substr({of}, min({start}, 1000000) + 1, min({count}, 1000000))")
        }
        (F::Left, Some(count), _) => format!("substr({of}, 1, min({count}, 1000000))"),
        (F::Right, Some(count), _) => format!("substr({of}, length({of}) - min({count}, length({of})) + 1)"),
        (F::Repeat, Some(count), _) => format!("replace(hex(zeroblob({count})), '00', {of})"),
        (F::PadStart | F::PadEnd, Some(count), Some(fill)) => {
            let missing = format!("max(({count}) - length({of}), 0)");
            let fill =
                format!("replace(hex(zeroblob({missing})), '00', iif({fill} IS NULL, NULL, char({fill})))");
            match function {
                F::PadStart => format!("({fill} || {of})"),
                _ => format!("({of} || {fill})"),
            }
        }
        (F::Abs, ..) if is_float => format!("abs(finite({of}))"),
        (F::Abs, ..) => fit(if ty == Type::Decimal { Type::I64 } else { ty }, &format!("abs({of})")),
        (F::Sign, ..) if is_float => format!("(sign(finite({of})) + 0.0)"),
        (F::Sign, ..) if ty == Type::Decimal => format!("(sign({of}) * 1000)"),
        (F::Sign, ..) => format!("sign({of})"),
        (F::Floor | F::Ceil | F::Trunc, ..) if is_float => {
            let whole = format!("CAST(finite({of}) AS INTEGER)");
            match function {
                F::Floor => format!("(({whole}) - (({whole}) > ({of})) + 0.0)"),
                F::Ceil => format!("(({whole}) + (({whole}) < ({of})) + 0.0)"),
                _ => format!("({whole} + 0.0)"),
            }
        }
        (F::Floor | F::Ceil | F::Trunc, ..) => {
            let whole = format!("(({of}) / 1000)");
            match function {
                F::Floor => format!("(({whole} - (({of}) % 1000 < 0)) * 1000)"),
                F::Ceil => format!("(({whole} + (({of}) % 1000 > 0)) * 1000)"),
                _ => format!("({whole} * 1000)"),
            }
        }
        (F::Power, Some(exponent), _) if ty.is_integer() => fit(ty, &format!("power({of}, {exponent})")),
        (F::BitAnd, Some(other), _) => format!("(({of}) & ({other}))"),
        (F::BitOr, Some(other), _) => format!("(({of}) | ({other}))"),
        (F::BitXor, Some(other), _) => format!("((({of}) | ({other})) - (({of}) & ({other})))"),
        (
            F::Sqrt | F::Exp | F::Ln | F::Log10 | F::Sin | F::Cos | F::Tan | F::Asin | F::Acos | F::Atan,
            ..,
        ) => {
            format!("{function:?}({of}, {bits})")
        }

        (F::Quarter, ..) => format!("((2 + {}) / 3)", number(ty, of, "%m", "")),
        (F::Week, ..) => number(ty, of, "%V", ""),
        (F::WeekYear, ..) => number(ty, of, "%G", ""),
        (F::Weekday, ..) => number(ty, of, "%u", ""),
        (F::DayOfYear, ..) => number(ty, of, "%j", ""),
        (F::Hour, ..) => number(ty, of, "%H", ""),
        (F::Minute, ..) => number(ty, of, "%M", ""),
        (F::Second, ..) => number(ty, of, "%S", ""),
        (F::Nanosecond, ..) => nanoseconds(of),
        (F::DaysOfMonth, ..) => number(ty, of, "%d", ", 'start of month', '+1 month', '-1 day'"),
        (F::UnixSeconds, ..) => seconds(ty, of),
        (F::At, Some(time), _) => fit(Type::I64, &format!("({} * 4294967296 + ({time}))", seconds(ty, of))),
        (F::AndUtc | F::NaiveUtc, ..) => of.clone(),
        (F::Date, ..) => format!("({} / 86400 + {DAYS_TO_1970})", number(ty, of, "%s", ", 'start of day'")),
        (F::Time, ..) => {
            let seconds = seconds(ty, of);
            format!("((({seconds} % 86400 + 86400) % 86400 << 32) + {})", nanoseconds(of))
        }
        (F::StartOf(span), ..) => {
            let of_clock = |unit: i64| {
                let at = seconds(ty, of);
                Some(moment(&format!("{at} - ({at} % {unit} + {unit}) % {unit}"), "0"))
            };
            let changes = match span {
                Span::Year => ", 'start of year'".to_string(),
                Span::Quarter => {
                    let month = number(ty, of, "%m", "");
                    format!(", 'start of month', '-' || (({month} - 1) % 3) || ' months'")
                }
                Span::Month => ", 'start of month'".to_string(),
                Span::Week => ", '-6 days', 'weekday 1', 'start of day'".to_string(),
                Span::Day => ", 'start of day'".to_string(),
                Span::Hour => return of_clock(3600),
                Span::Minute => return of_clock(60),
            };
            changed(ty, of, &changes, "0")
        }
        (F::AddDays, Some(count), _) if ty == Type::Date => fit(Type::I32, &format!("(({of}) + ({count}))")),
        (F::AddDays, Some(count), _) => fit(Type::I64, &format!("(({of}) + ({count}) * 86400 * 4294967296)")),
        (F::AddSeconds, Some(count), _) => fit(Type::I64, &format!("(({of}) + ({count}) * 4294967296)")),
        (F::AddMilliseconds, Some(count), _) => {
            let all = format!("({} + ({count}) * 1000000)", total(ty, of));
            let rest = format!("(({all} % 1000000000 + 1000000000) % 1000000000)");
            fit(Type::I64, &format!("(({all} - {rest}) / 1000000000 * 4294967296 + {rest})"))
        }
        (F::AddMonths, Some(count), _) => {
            let changes = format!(", ({count}) || ' months', 'floor'");
            changed(ty, of, &changes, &nanoseconds(of))
        }
        (F::DaysSince, Some(earlier), _) => format!("(({of}) - ({earlier}))"),
        (F::SecondsSince, Some(earlier), _) => {
            format!("(({} - {}) / 1000000000)", total(ty, of), total(ty, earlier))
        }
        (F::MillisecondsSince, Some(earlier), _) => {
            format!("(({} - {}) / 1000000)", total(ty, of), total(ty, earlier))
        }

        (F::Cast(to) | F::TryCast(to) | F::CastOrFail(to), ..) => return cast(function, ty, to, of),
        (F::ToText, ..) => return text(ty, of),
        (F::Parse(Type::Char), ..) => format!("iif(length({of}) = 1, unicode({of}), NULL)"),

        (F::JsonMember, Some(name), _) => format!("(({of}) -> {})", member(name)),
        (F::JsonHas, Some(name), _) => {
            format!("made({of}, coalesce(json_type({of}, {}) IS NOT NULL, 0))", member(name))
        }
        (F::JsonItem, Some(number), _) => format!("(({of}) -> ('$[' || ({number}) || ']'))"),
        (F::JsonLen, ..) => {
            let members = format!("(SELECT count(*) FROM json_each({of}))");
            format!(
                "CASE json_type({of}) WHEN 'array' THEN json_array_length({of}) WHEN 'object' THEN {members} END"
            )
        }
        (F::JsonKind, ..) => format!(
            "CASE json_type({of}) WHEN 'true' THEN 'boolean' WHEN 'false' THEN 'boolean' WHEN 'text' THEN 'string' \
             WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number' ELSE json_type({of}) END"
        ),
        (F::JsonContains, Some(item), _) => format!(
            "iif(({of}) IS NULL OR ({item}) IS NULL, NULL, coalesce(json_type({of}) = 'array' AND EXISTS (SELECT 1 FROM \
             json_each({of}) AS e WHERE (({of}) -> e.fullkey) = ({item})), 0))"
        ),
        (F::JsonAs(to) | F::JsonAsOrFail(to), ..) => {
            let value = match to {
                Type::String => format!("iif(json_type({of}) = 'text', ({of}) ->> '$', NULL)"),
                Type::I64 => format!("iif(json_type({of}) = 'integer', ({of}) ->> '$', NULL)"),
                Type::F64 => {
                    let value = format!("(({of}) ->> '$')");
                    format!(
                        "iif(json_type({of}) IN ('integer', 'real') AND abs({value}) < 9e999, {value} + 0.0, NULL)"
                    )
                }
                _ => format!("CASE json_type({of}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"),
            };
            if matches!(function, F::JsonAs(_)) { value } else { format!("made({of}, {value})") }
        }
        _ => return None,
    })
}

/// All nanoseconds of a value.
fn total(ty: Type, of: &str) -> String {
    format!("({} * 1000000000 + {})", seconds(ty, of), nanoseconds(of))
}

/// The path to a member; SQLite reads names in quotes, and takes a backslash for itself.
fn member(name: &str) -> String {
    format!("('$.\"' || made({name}, iif(instr({name}, '\"') > 0 OR {name} = '', NULL, {name})) || '\"')")
}

fn cast(function: Function, from: Type, to: Type, of: &str) -> Option<String> {
    let is_float = |ty| matches!(ty, Type::F32 | Type::F64);
    let is_wide = |ty| matches!(ty, Type::I128 | Type::U128 | Type::U64);
    // An integer, or absent where there is none.
    let (integer, is_one) = match from {
        _ if is_float(from) && is_wide(to) => return None,
        _ if is_float(from) => {
            let whole = format!("CAST({of} AS INTEGER)");
            (whole.clone(), format!("{whole} = ({of})"))
        }
        Type::Decimal => (format!("(({of}) / 1000)"), format!("({of}) % 1000 = 0")),
        _ => (format!("({of})"), "1".to_string()),
    };
    Some(match to {
        Type::F64 if from == Type::F32 => format!("finite({of})"),
        Type::F64 if from == Type::Decimal => format!("(({of}) / 1000.0)"),
        Type::F64 => format!("(({of}) + 0.0)"),
        // Twice rounded is not once.
        Type::F32 if from == Type::F64 => format!("single(finite({of}))"),
        Type::F32 if matches!(from, Type::I8 | Type::I16 | Type::U8 | Type::U16) => format!("(({of}) + 0.0)"),
        Type::F32 => return None,
        Type::Decimal if is_float(from) => return None,
        Type::Decimal if from == Type::Decimal => of.to_string(),
        Type::Decimal => fit(Type::I64, &format!("(({of}) * 1000)")),
        _ => {
            let (least, most) = bounds(to);
            let least =
                if least == i64::MIN { "-9223372036854775807 - 1".to_string() } else { least.to_string() };
            let value = format!("iif({is_one} AND {integer} BETWEEN {least} AND {most}, {integer}, NULL)");
            match function {
                Function::TryCast(_) => value,
                _ => format!("made({of}, {value})"),
            }
        }
    })
}

fn text(ty: Type, of: &str) -> Option<String> {
    let fraction = || {
        let of = nanoseconds(of);
        format!(
            "CASE WHEN {of} = 0 THEN '' WHEN {of} % 1000000 = 0 THEN printf('.%03d', {of} / 1000000) WHEN {of} % 1000 = 0 \
             THEN printf('.%06d', {of} / 1000) ELSE printf('.%09d', {of}) END"
        )
    };
    Some(match ty {
        Type::Bool => format!("CASE ({of}) WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"),
        Type::Char => format!("iif(({of}) IS NULL, NULL, char({of}))"),
        Type::Uuid => {
            let digits = format!("hex({of})");
            let part = |at: usize, count: usize| format!("substr({digits}, {at}, {count})");
            let parts = [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)].join(" || '-' || ");
            format!("iif(({of}) IS NULL, NULL, lower({parts}))")
        }
        Type::Date => written(ty, of, "%Y-%m-%d", ""),
        Type::Time => format!("({} || {})", written(ty, of, "%H:%M:%S", ""), fraction()),
        Type::DateTime => format!("({} || {})", written(ty, of, "%Y-%m-%dT%H:%M:%S", ""), fraction()),
        Type::Timestamp => format!("({} || {} || 'Z')", written(ty, of, "%Y-%m-%dT%H:%M:%S", ""), fraction()),
        _ if ty.is_integer() => format!("CAST({of} AS TEXT)"),
        _ => return None,
    })
}
