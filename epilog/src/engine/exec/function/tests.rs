//! Every function of the table, over every combination of types that it takes, against a reference that goes through the
//! values one by one and asks the standard library, `chrono` and `rust_decimal`; those of JSON against trees.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rust_decimal::{Decimal, RoundingStrategy};

use super::*;
use crate::engine::exec::columns::{Column, Outcome, ROWS, column_with};
use crate::expr::function::Span;
use crate::value::decimal::DecimalParts;
use crate::value::json::tests::{Tree, tree};
use crate::value::{Scalar, Value, fits};

pub(in crate::engine) const TYPES: [Type; 22] = [
    Type::Bool,
    Type::I8,
    Type::I16,
    Type::I32,
    Type::I64,
    Type::I128,
    Type::U8,
    Type::U16,
    Type::U32,
    Type::U64,
    Type::U128,
    Type::F32,
    Type::F64,
    Type::Char,
    Type::String,
    Type::Bytes,
    Type::Uuid,
    Type::Decimal,
    Type::Date,
    Type::Time,
    Type::DateTime,
    Type::Timestamp,
];

pub(in crate::engine) fn functions() -> Vec<Function> {
    use Function as F;
    let mut all = Vec::from([
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
        F::Abs,
        F::Round,
        F::Floor,
        F::Ceil,
        F::Trunc,
        F::Power,
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
        F::Sign,
        F::BitAnd,
        F::BitOr,
        F::BitXor,
        F::Split,
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
        F::AddDays,
        F::AddMonths,
        F::AddSeconds,
        F::AddMilliseconds,
        F::DaysSince,
        F::SecondsSince,
        F::MillisecondsSince,
        F::MonthsSince,
        F::ToText,
    ]);
    let spans = [Span::Year, Span::Quarter, Span::Month, Span::Week, Span::Day, Span::Hour, Span::Minute];
    all.extend(spans.map(F::StartOf));
    all.extend(
        TYPES.iter().flat_map(|ty| [F::Cast(*ty), F::TryCast(*ty), F::CastOrFail(*ty), F::Parse(*ty)]),
    );
    all
}

/// Those of lists, and of values of any type.
fn functions_of_lists() -> [Function; 8] {
    use Function as F;
    [F::Element, F::PlaceOf, F::Append, F::Chain, F::Without, F::Last, F::Join, F::Scatter]
}

/// Those of JSON.
fn functions_of_json() -> Vec<Function> {
    use Function as F;
    let mut all = Vec::from([
        F::JsonMember,
        F::JsonItem,
        F::JsonLen,
        F::JsonKind,
        F::JsonKeys,
        F::JsonHas,
        F::JsonContains,
    ]);
    let types = [Type::String, Type::I64, Type::F64, Type::Bool];
    all.extend(types.iter().flat_map(|ty| [F::JsonAs(*ty), F::JsonAsOrFail(*ty)]));
    all
}

/// What is called so. It does not compile where a function was added, which then is to be tried as well.
macro_rules! names_of_functions {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        fn name_of(function: Function) -> &'static str {
            match function {
                $(Function::$name { .. } => stringify!($name),)*
            }
        }
    };
}

names_of_functions! {
    Substring Left Right Trim TrimStart TrimEnd Replace Concat Repeat Reverse PadStart PadEnd PositionOf Split
    Element PlaceOf Append Chain Without Last Join
    JsonMember JsonItem JsonMalformed JsonAs JsonAsOrFail JsonLen JsonKind JsonKeys JsonHas JsonContains
    Abs Round Floor Ceil Trunc Sign Power BitAnd BitOr BitXor Sqrt Exp Ln Log10 Sin Cos Tan Asin Acos Atan Atan2
    Scatter Least Greatest
    Quarter Week WeekYear Weekday DayOfYear Hour Minute Second Nanosecond DaysOfMonth UnixSeconds At AndUtc NaiveUtc Date
    Time StartOf AddDays AddMonths AddSeconds AddMilliseconds DaysSince SecondsSince MillisecondsSince MonthsSince
    Cast TryCast CastOrFail ToText Parse
}

#[test]
fn no_function_is_left_out() {
    let all = functions().into_iter().chain(functions_of_lists()).chain(functions_of_json());
    let tried: BTreeSet<&str> = all.map(name_of).collect();
    let left_out: Vec<&&str> = NAMES.iter().filter(|name| !tried.contains(**name)).collect();
    // Which is refused when it is planned.
    assert_eq!(left_out, [&"JsonMalformed"]);
}

/// Every list of one or two types, those of lists too, or of three.
fn lists_of_types() -> Vec<Vec<Type>> {
    let with_lists: Vec<Type> =
        TYPES.iter().copied().chain(TYPES.iter().filter_map(|ty| ty.list())).collect();
    let one = with_lists.iter().map(|ty| Vec::from([*ty]));
    let two = with_lists.iter().flat_map(|a| with_lists.iter().map(|b| Vec::from([*a, *b])));
    let three = TYPES.iter().flat_map(|a| TYPES.iter().flat_map(|b| TYPES.map(|c| Vec::from([*a, *b, c]))));
    one.chain(two).chain(three).collect()
}

/// Values of a type, those at which something changes more often.
fn value(ty: Type) -> BoxedStrategy<Scalar> {
    let floats = [
        0.0,
        -0.0,
        0.5,
        -0.5,
        1.0,
        1.5,
        2.5,
        -2.5,
        0.125,
        1.005,
        1.115,
        2.675,
        -0.285,
        3.7,
        -3.2,
        127.0,
        255.0,
        256.0,
        65535.5,
        1e-300,
        -1e300,
        1e22,
        4503599627370495.5,
        9007199254740992.0,
        9223372036854775808.0,
        -9223372036854775808.0,
        3.4e38,
        3.5e38,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        79228162514264337593543950335.0,
        79228162514264337593543950336.0,
        0.1,
        123.456,
    ];
    let int = |value: i128| Scalar::Int(value);
    let ints = move |of: &[i128]| prop::sample::select(of.to_vec()).prop_map(int).boxed();
    if let Some(element) = ty.element() {
        let list = move |of: Vec<Scalar>| Scalar::list(element, &of).expect("a list");
        return prop::collection::vec(value(element), 0..5).prop_map(list).boxed();
    }
    match ty {
        Type::Bool => any::<bool>().prop_map(Scalar::Bool).boxed(),
        // Some of decimals, and ties of the last of their binary digits.
        Type::F64 => prop_oneof![
            prop::sample::select(floats.to_vec()),
            any::<u64>().prop_map(f64::from_bits),
            (-100_000i32..100_000, prop::sample::select([1000.0, 100.0, 64.0, 16.0, 2.0].to_vec()))
                .prop_map(|(number, by)| f64::from(number) / by),
        ]
        .prop_map(Scalar::Float)
        .boxed(),
        Type::F32 => prop_oneof![
            prop::sample::select(floats.map(|of| of as f32).to_vec()),
            any::<u32>().prop_map(f32::from_bits),
            (-1000i16..1000, prop::sample::select([1000.0f32, 100.0, 64.0, 2.0].to_vec()))
                .prop_map(|(number, by)| f32::from(number) / by),
        ]
        .prop_map(|of| Scalar::Float(f64::from(of)))
        .boxed(),
        Type::U128 => {
            let known = [0, 1, 2, 10, 300, 1 << 64, i128::MAX as u128, u128::MAX - 1, u128::MAX];
            prop_oneof![3 => prop::sample::select(known.to_vec()), 1 => any::<u128>()]
                .prop_map(Scalar::Uint)
                .boxed()
        }
        Type::Char => {
            let known = prop::sample::select(['a', 'é', '日', '\0', '😀', char::MAX].to_vec());
            prop_oneof![known, any::<char>()].prop_map(move |of| int(of as i128)).boxed()
        }
        Type::String => {
            let words = [
                "",
                " ",
                "a",
                "é",
                "abc",
                "aXbXX",
                "X",
                "Xé",
                "日本語",
                "  x ",
                "\u{3000}y\u{a0}",
                "\tz\n",
                "12",
                "-7",
                "1.5",
                "true",
                "false",
                "1e3",
                "NaN",
                "inf",
                "256",
                "+5",
                "00",
                " 1",
                "1 ",
                "79228162514264337593543950336",
                "0.00000000000000000000000000005",
                "aaaa",
                "aa",
                "é日é",
                "340282366920938463463374607431768211455",
                "e\u{301}",
                "1984-08-09",
                "-0044-03-15",
                "1983-02-29",
                "20:05:30.25",
                "1984-08-09T20:05:30",
                "1984-08-09T20:05:30Z",
                "1984-08-09T20:05:30.000001-03:30",
                "67e55044-10b1-426f-9247-bb680e5fe0c8",
            ];
            let word = prop::sample::select(words.to_vec());
            prop_oneof![
                3 => word.clone().prop_map(String::from),
                2 => (word.clone(), word).prop_map(|(first, second)| format!("{first}{second}")),
                1 => "[aXé ]{0,6}",
                1 => "[+-]?[0-9]{1,4}(\\.[0-9]{1,3})?",
            ]
            .prop_map(Scalar::String)
            .boxed()
        }
        Type::Bytes => prop::collection::vec(prop::sample::select([0, 1, 255].to_vec()), 0..4)
            .prop_map(Scalar::Bytes)
            .boxed(),
        Type::Uuid => prop_oneof![3 => (0u8..3).prop_map(|of| [of; 16]), 1 => any::<[u8; 16]>()]
            .prop_map(Scalar::Uuid)
            .boxed(),
        Type::Decimal => {
            let most = (1i128 << 96) - 1;
            let known = [0, 1, -1, 5, -5, 15, 25, -25, 10_000, 123_456, -255, 256, most, -most];
            let mantissa =
                prop_oneof![4 => prop::sample::select(known.to_vec()), 1 => -1_000_000i128..1_000_000];
            (mantissa, prop::sample::select([0, 0, 1, 2, 3, 28].to_vec()))
                .prop_map(|(mantissa, scale)| Scalar::Decimal(DecimalParts { mantissa, scale }))
                .boxed()
        }
        Type::Date => date().prop_map(move |date| int(i128::from(date.num_days_from_ce()))).boxed(),
        Type::Time => time().prop_map(|time| time.to_scalar()).boxed(),
        Type::DateTime => (date(), time()).prop_map(|(date, time)| date.and_time(time).to_scalar()).boxed(),
        Type::Timestamp => {
            (date(), time()).prop_map(|(date, time)| date.and_time(time).and_utc().to_scalar()).boxed()
        }
        // Counts for functions of texts, which are to stay small, or are far too great.
        Type::U64 => ints(&[0, 0, 1, 1, 2, 3, 5, 9, 300, u64::MAX.into(), i128::from(u64::MAX) - 1]),
        _ => {
            let bits = ty.width().unwrap() as u32 * 8;
            let (least, most) = match (bits, ty.is_signed_integer()) {
                (128, _) => (i128::MIN, i128::MAX),
                (_, true) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
                (_, false) => (0, (1 << bits) - 1),
            };
            let known = ints(&[least, least + 1, most, most - 1, 0, 1, 2, 22, 23, most / 2]);
            let small = (-60i128..60).prop_map(move |of| int(of.max(least)));
            // Digits, and exponents.
            let digits = if ty == Type::U32 { 10 } else { 1 };
            prop_oneof![10 => known, 2 => small, digits => (0i128..5).prop_map(int)].boxed()
        }
    }
}

fn date() -> impl Strategy<Value = NaiveDate> {
    let known =
        ["1984-08-09", "2000-02-29", "1900-02-28", "1970-01-01", "1969-12-31", "2021-01-03", "2020-12-31"];
    let days = |of| NaiveDate::from_num_days_from_ce_opt(of).expect("a day that there is");
    prop_oneof![
        3 => prop::sample::select(known.to_vec()).prop_map(|date| date.parse().expect("a date")),
        1 => (-200_000i32..800_000).prop_map(days),
        1 => prop::sample::select([NaiveDate::MIN, NaiveDate::MAX].to_vec()),
    ]
}

fn time() -> impl Strategy<Value = NaiveTime> {
    let known = ["00:00:00", "23:59:59.999999999", "12:30:05", "00:00:00.5"];
    let seconds = |of| NaiveTime::from_num_seconds_from_midnight_opt(of, 7).expect("a second of the day");
    prop_oneof![
        prop::sample::select(known.to_vec()).prop_map(|time| time.parse().expect("a time")),
        (0u32..86_400).prop_map(seconds),
    ]
}

fn text(value: &Scalar) -> &str {
    let Scalar::String(text) = value else { panic!("{value:?}") };
    text
}

fn float(value: &Scalar) -> f64 {
    let Scalar::Float(float) = value else { panic!("{value:?}") };
    *float
}

fn int(value: &Scalar) -> i128 {
    match value {
        Scalar::Int(int) => *int,
        _ => panic!("{value:?}"),
    }
}

pub(in crate::engine) fn decimal(value: &Scalar) -> Decimal {
    value.with_cell(Type::Decimal, Decimal::read).unwrap()
}

pub(in crate::engine) fn moment(value: &Scalar, ty: Type) -> NaiveDateTime {
    match ty {
        Type::Date => value.with_cell(ty, NaiveDate::read).unwrap().and_time(NaiveTime::MIN),
        Type::Time => NaiveDate::default().and_time(value.with_cell(ty, NaiveTime::read).unwrap()),
        _ => value.with_cell(ty, NaiveDateTime::read).unwrap_or_else(|error| panic!("{value:?}: {error}")),
    }
}

/// A moment as a value of a type that has a date.
fn made_of(moment: Option<NaiveDateTime>, ty: Type) -> Result<Scalar, ()> {
    let moment = moment.ok_or(())?;
    Ok(if ty == Type::Date { moment.date().to_scalar() } else { moment.to_scalar() })
}

/// What a function makes of values none of which is absent; `Err` for a fault.
pub(in crate::engine) fn reference(
    function: Function,
    types: &[Type],
    values: &[Scalar],
) -> Result<Scalar, ()> {
    use Function as F;
    let of = &values[0];
    let characters = || text(of).chars().collect::<Vec<char>>();
    let count = |value: &Scalar| usize::try_from(int(value)).unwrap();
    let string = |text: &str| Ok(Scalar::String(text.to_string()));
    let number = |number: u32| Ok(Scalar::Int(number.into()));
    let is_float = matches!(types[0], Type::F32 | Type::F64);
    let floats = |of64: fn(f64) -> f64, of32: fn(f32) -> f32| {
        let value = float(of);
        Ok(Scalar::Float(if types[0] == Type::F32 { f64::from(of32(value as f32)) } else { of64(value) }))
    };
    let decimals = |apply: &dyn Fn(Decimal) -> Decimal| Ok(apply(decimal(of)).to_scalar());
    match function {
        F::Substring => {
            Ok(Scalar::String(characters().iter().skip(count(&values[1])).take(count(&values[2])).collect()))
        }
        F::Left => Ok(Scalar::String(characters().iter().take(count(&values[1])).collect())),
        F::Right => {
            let skipped = characters().len().saturating_sub(count(&values[1]));
            Ok(Scalar::String(characters().iter().skip(skipped).collect()))
        }
        F::Trim => string(text(of).trim()),
        F::TrimStart => string(text(of).trim_start()),
        F::TrimEnd => string(text(of).trim_end()),
        F::Replace if text(&values[1]).is_empty() => string(text(of)),
        F::Replace => string(&text(of).replace(text(&values[1]), text(&values[2]))),
        F::Concat => string(&format!("{}{}", text(of), text(&values[1]))),
        F::Repeat => match text(of).len().checked_mul(count(&values[1])) {
            Some(0..=0x4000_0000) if text(of).is_empty() => string(""),
            Some(0..=0x4000_0000) => string(&text(of).repeat(count(&values[1]))),
            _ => Err(()),
        },
        F::Reverse => Ok(Scalar::String(text(of).chars().rev().collect())),
        F::PadStart | F::PadEnd => {
            let missing = count(&values[1]).saturating_sub(characters().len());
            if missing > 1000 {
                return Err(());
            }
            let fill = char::from_u32(int(&values[2]) as u32).unwrap().to_string().repeat(missing);
            let (start, end) = if function == F::PadStart { (&*fill, text(of)) } else { (text(of), &*fill) };
            string(&format!("{start}{end}"))
        }
        F::PositionOf => Ok(text(of)
            .find(text(&values[1]))
            .map_or(Scalar::Null, |at| Scalar::Int(text(of)[..at].chars().count() as i128))),
        F::Abs if is_float => floats(f64::abs, f32::abs),
        F::Abs if types[0] == Type::Decimal => decimals(&|value| value.abs()),
        F::Abs => int(of).checked_abs().filter(|value| fits(*value, types[0])).map(Scalar::Int).ok_or(()),
        F::Floor if is_float => floats(f64::floor, f32::floor),
        F::Floor => decimals(&|value| value.floor()),
        F::Ceil if is_float => floats(f64::ceil, f32::ceil),
        F::Ceil => decimals(&|value| value.ceil()),
        F::Trunc if is_float => floats(f64::trunc, f32::trunc),
        F::Trunc => decimals(&|value| value.trunc()),
        F::Round if is_float => {
            let rounded = rounded(float(of), count(&values[1]));
            Ok(Scalar::Float(if types[0] == Type::F32 { f64::from(rounded as f32) } else { rounded }))
        }
        F::Round => {
            let digits = u32::try_from(int(&values[1])).unwrap();
            decimals(&|value| value.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero))
        }
        F::Power if types[0] == Type::F32 => {
            Ok(Scalar::Float(f64::from((float(of) as f32).powf(float(&values[1]) as f32))))
        }
        F::Power if is_float => Ok(Scalar::Float(float(of).powf(float(&values[1])))),
        F::Power => {
            let exponent = u32::try_from(int(&values[1])).unwrap();
            if let Scalar::Uint(base) = of {
                return base.checked_pow(exponent).map(Scalar::Uint).ok_or(());
            }
            int(of).checked_pow(exponent).filter(|value| fits(*value, types[0])).map(Scalar::Int).ok_or(())
        }
        F::Sin => floats(f64::sin, f32::sin),
        F::Cos => floats(f64::cos, f32::cos),
        F::Tan => floats(f64::tan, f32::tan),
        F::Asin => floats(f64::asin, f32::asin),
        F::Acos => floats(f64::acos, f32::acos),
        F::Atan => floats(f64::atan, f32::atan),
        F::Atan2 if types[0] == Type::F32 => {
            Ok(Scalar::Float(f64::from((float(of) as f32).atan2(float(&values[1]) as f32))))
        }
        F::Atan2 => Ok(Scalar::Float(float(of).atan2(float(&values[1])))),
        F::Sign if is_float => Ok(Scalar::Float(match float(of) {
            value if value < 0.0 => -1.0,
            value if value > 0.0 => 1.0,
            value => value,
        })),
        F::Sign if types[0] == Type::Decimal => {
            let value = decimal(of);
            Ok(Decimal::from(i32::from(value > Decimal::ZERO) - i32::from(value < Decimal::ZERO)).to_scalar())
        }
        F::Sign => Ok(Scalar::Int(int(of).signum())),
        F::BitAnd | F::BitOr | F::BitXor => {
            macro_rules! bits {
                ($a:expr, $b:expr) => {
                    match function {
                        F::BitAnd => $a & $b,
                        F::BitOr => $a | $b,
                        _ => $a ^ $b,
                    }
                };
            }
            Ok(match (of, &values[1]) {
                (Scalar::Uint(a), Scalar::Uint(b)) => Scalar::Uint(bits!(a, b)),
                // Whatever the width: what is in front of a number's bits is its sign.
                (a, b) => Scalar::Int(bits!(int(a), int(b))),
            })
        }
        F::Split => {
            let separator = text(&values[1]);
            let parts: Vec<&str> = match separator.is_empty() {
                true => Vec::from([text(of)]),
                false => text(of).split(separator).collect(),
            };
            let parts: Vec<Scalar> = parts.into_iter().map(|part| Scalar::String(part.to_string())).collect();
            Ok(Scalar::list(Type::String, &parts).unwrap())
        }
        F::Element | F::PlaceOf | F::Append | F::Chain | F::Without | F::Last | F::Join => {
            let ty = types[0].element().expect("a list");
            let elements = |of: &Scalar| of.elements(types[0]).expect("a list");
            let (own, is_equal) = (elements(of), |one: &Scalar| one.compare(&values[1]).is_eq());
            let list = |of: &[Scalar]| Ok(Scalar::list(ty, of).expect("a list"));
            match function {
                F::Element => Ok(usize::try_from(int(&values[1]))
                    .ok()
                    .and_then(|at| own.get(at).cloned())
                    .unwrap_or(Scalar::Null)),
                F::Last => Ok(own.last().cloned().unwrap_or(Scalar::Null)),
                F::PlaceOf => {
                    Ok(own.iter().position(is_equal).map_or(Scalar::Null, |at| Scalar::Int(at as i128)))
                }
                F::Append => list(&[own, Vec::from([values[1].clone()])].concat()),
                F::Chain => list(&[own, elements(&values[1])].concat()),
                F::Without => list(&own.into_iter().filter(|one| !is_equal(one)).collect::<Vec<_>>()),
                _ => string(&own.iter().map(text).collect::<Vec<_>>().join(text(&values[1]))),
            }
        }
        F::Scatter => values[1].with_cell(types[1], |cell| {
            // The bytes with zeros to make words of them, and how many there are: each makes of the number before the next.
            let bytes = cell.expect("a value");
            let mut words: Vec<u64> = Vec::new();
            for (at, byte) in bytes.iter().enumerate() {
                words.resize(at / 8 + 1, 0);
                words[at / 8] += u64::from(*byte) << (at % 8 * 8);
            }
            let mut number = int(of) as u64;
            for word in words.into_iter().chain([bytes.len() as u64]) {
                let mut bits = u128::from(number ^ word) + 0x9E37_79B9_7F4A_7C15;
                for (shift, factor) in [(30, 0xBF58_476D_1CE4_E5B9u128), (27, 0x94D0_49BB_1331_11EB), (31, 1)]
                {
                    bits &= u128::from(u64::MAX);
                    bits = (bits ^ bits >> shift) * factor;
                }
                number = bits as u64;
            }
            Ok(Scalar::Int(number.into()))
        }),
        F::Sqrt => floats(f64::sqrt, f32::sqrt),
        F::Exp => floats(f64::exp, f32::exp),
        F::Ln => floats(f64::ln, f32::ln),
        F::Log10 => floats(f64::log10, f32::log10),
        F::Least => Ok(if of.compare(&values[1]).is_le() { of.clone() } else { values[1].clone() }),
        F::Greatest => Ok(if of.compare(&values[1]).is_ge() { of.clone() } else { values[1].clone() }),
        F::Cast(to) | F::CastOrFail(to) => converted(of, types[0], to).ok_or(()),
        F::TryCast(to) => Ok(converted(of, types[0], to).unwrap_or(Scalar::Null)),
        F::ToText => string(&written(of, types[0])),
        F::Parse(to) => Ok(parsed(text(of), to).unwrap_or(Scalar::Null)),
        _ => {
            let moment = moment(of, types[0]);
            match function {
                F::Quarter => number(moment.month0() / 3 + 1),
                F::Week => number(moment.iso_week().week()),
                F::WeekYear => Ok(Scalar::Int(moment.iso_week().year().into())),
                F::Weekday => number(moment.weekday().number_from_monday()),
                F::DayOfYear => number(moment.ordinal()),
                F::Hour => number(moment.hour()),
                F::Minute => number(moment.minute()),
                F::Second => number(moment.second()),
                F::Nanosecond => number(moment.nanosecond()),
                F::DaysOfMonth => {
                    let next = moment.date().with_day(1).unwrap().checked_add_months(Months::new(1));
                    number(next.and_then(|next| next.pred_opt()).unwrap_or(NaiveDate::MAX).day())
                }
                F::UnixSeconds => Ok(Scalar::Int(moment.and_utc().timestamp().into())),
                F::At => Ok(moment.date().and_time(self::moment(&values[1], types[1]).time()).to_scalar()),
                F::AndUtc => Ok(moment.and_utc().to_scalar()),
                F::NaiveUtc => Ok(moment.to_scalar()),
                F::Date => Ok(moment.date().to_scalar()),
                F::Time => Ok(moment.time().to_scalar()),
                F::StartOf(span) => made_of(start_of(span, moment), types[0]),
                F::AddDays => {
                    let days = Days::new(int(&values[1]).unsigned_abs() as u64);
                    let sum = if int(&values[1]) < 0 {
                        moment.checked_sub_days(days)
                    } else {
                        moment.checked_add_days(days)
                    };
                    made_of(sum, types[0])
                }
                F::AddMonths => {
                    let months = u32::try_from(int(&values[1]).unsigned_abs()).map(Months::new);
                    let sum = months.ok().and_then(|months| match int(&values[1]) < 0 {
                        true => moment.checked_sub_months(months),
                        false => moment.checked_add_months(months),
                    });
                    made_of(sum, types[0])
                }
                F::AddSeconds => {
                    let delta = TimeDelta::try_seconds(int(&values[1]) as i64);
                    made_of(delta.and_then(|delta| moment.checked_add_signed(delta)), types[0])
                }
                F::AddMilliseconds => {
                    let delta = TimeDelta::try_milliseconds(int(&values[1]) as i64);
                    made_of(delta.and_then(|delta| moment.checked_add_signed(delta)), types[0])
                }
                F::MonthsSince => {
                    let other = self::moment(&values[1], types[1]);
                    let of = |later: NaiveDateTime, earlier: NaiveDateTime| {
                        let years = i128::from(later.year() - earlier.year());
                        let months = years * 12 + i128::from(later.month()) - i128::from(earlier.month());
                        months - i128::from((later.day(), later.time()) < (earlier.day(), earlier.time()))
                    };
                    Ok(Scalar::Int(if moment >= other { of(moment, other) } else { -of(other, moment) }))
                }
                _ => {
                    let delta = moment.signed_duration_since(self::moment(&values[1], types[1]));
                    let difference = match function {
                        F::DaysSince => delta.num_days(),
                        F::SecondsSince => delta.num_seconds(),
                        _ => delta.num_milliseconds(),
                    };
                    Ok(Scalar::Int(difference.into()))
                }
            }
        }
    }
}

fn start_of(span: Span, moment: NaiveDateTime) -> Option<NaiveDateTime> {
    let date = moment.date();
    let hour = |hour, minute| date.and_hms_opt(hour, minute, 0);
    let first = match span {
        Span::Year => date.with_ordinal(1),
        Span::Quarter => date.with_day(1)?.with_month0(date.month0() / 3 * 3),
        Span::Month => date.with_day(1),
        Span::Week => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into())),
        Span::Day => Some(date),
        Span::Hour => return hour(moment.hour(), 0),
        Span::Minute => return hour(moment.hour(), moment.minute()),
    };
    Some(first?.and_time(NaiveTime::MIN))
}

/// A float rounded by the digits of its exact decimal.
fn rounded(value: f64, digits: usize) -> f64 {
    if !value.is_finite() || digits > 22 {
        return value;
    }
    let exact = format!("{:.1100}", value.abs());
    let point = exact.find('.').unwrap();
    let (kept, rest) = exact.split_at(point + 1 + digits);
    let mut kept: Vec<u8> = kept.bytes().collect();
    if rest.as_bytes()[0] >= b'5' {
        let mut carry = true;
        for digit in kept.iter_mut().rev().filter(|digit| **digit != b'.') {
            carry = *digit == b'9' && carry && {
                *digit = b'0';
                true
            } || carry && {
                *digit += 1;
                false
            };
            if !carry {
                break;
            }
        }
        if carry {
            kept.insert(0, b'1');
        }
    }
    String::from_utf8(kept).unwrap().parse::<f64>().unwrap().copysign(value)
}

/// The value as one of another type, by the texts of both.
fn converted(value: &Scalar, from: Type, to: Type) -> Option<Scalar> {
    if from == Type::Char {
        return Some(value.clone());
    }
    let text = match value {
        Scalar::Bool(value) => u8::from(*value).to_string(),
        // Every digit of it, for another float.
        Scalar::Float(value) if value.is_finite() && matches!(to, Type::F32 | Type::F64) => {
            format!("{value:.1100}")
        }
        Scalar::Float(value) if value.is_finite() && value.fract() == 0.0 && to != Type::Decimal => {
            format!("{value:.1}")
        }
        _ => written(value, from),
    };
    let is_float = matches!(to, Type::F32 | Type::F64);
    match to {
        Type::Decimal if from == Type::Decimal => Some(value.clone()),
        // With no digit lost: what it reads as is written as it was, but for zeros at the end.
        Type::Decimal if matches!(from, Type::F32 | Type::F64) => {
            Decimal::from_str_exact(&text).ok().map(|found| found.to_scalar())
        }
        Type::Decimal => text
            .parse::<Decimal>()
            .ok()
            .filter(|found| found.to_string() == text)
            .map(|found| found.to_scalar()),
        _ if is_float => parsed(&text, to).filter(|found| {
            float(found).is_finite() || matches!(value, Scalar::Float(value) if !value.is_finite())
        }),
        // A whole number, whatever stands after its point.
        _ => match text.split_once('.') {
            Some((whole, rest)) if rest.bytes().all(|digit| digit == b'0') => parsed(whole, to),
            Some(_) => None,
            None => parsed(&text, to),
        }
        .or_else(|| {
            text.starts_with("-0.")
                .then(|| converted(&Scalar::Float(0.0), from, to))?
                .filter(|_| *value == Scalar::Float(0.0))
        }),
    }
}

fn written(value: &Scalar, ty: Type) -> String {
    match (value, ty) {
        (Scalar::Float(value), Type::F32) => (*value as f32).to_string(),
        (Scalar::Float(value), _) => value.to_string(),
        (Scalar::Int(value), Type::Char) => char::from_u32(*value as u32).unwrap().to_string(),
        (Scalar::Decimal(_), _) => decimal(value).to_string(),
        (_, Type::Date) => format!("{:?}", moment(value, ty).date()),
        (_, Type::Time) => format!("{:?}", moment(value, ty).time()),
        (_, Type::DateTime) => format!("{:?}", moment(value, ty)),
        (_, Type::Timestamp) => format!("{:?}", moment(value, ty).and_utc()),
        (Scalar::Uuid(bytes), _) => uuid::Uuid::from_bytes(*bytes).to_string(),
        _ => value.to_string(),
    }
}

fn parsed(text: &str, to: Type) -> Option<Scalar> {
    fn read<T: Value + core::str::FromStr>(text: &str) -> Option<Scalar> {
        text.parse::<T>().ok().map(|value| value.to_scalar())
    }
    match to {
        // `chrono` passes over white space, and over digits beyond nanoseconds.
        Type::Date | Type::Time | Type::DateTime | Type::Timestamp if is_loose(text) => None,
        Type::Bool => read::<bool>(text),
        Type::Char => read::<char>(text),
        Type::I8 => read::<i8>(text),
        Type::I16 => read::<i16>(text),
        Type::I32 => read::<i32>(text),
        Type::I64 => read::<i64>(text),
        Type::I128 => read::<i128>(text),
        Type::U8 => read::<u8>(text),
        Type::U16 => read::<u16>(text),
        Type::U32 => read::<u32>(text),
        Type::U64 => read::<u64>(text),
        Type::U128 => read::<u128>(text),
        Type::F32 => read::<f32>(text),
        Type::F64 => read::<f64>(text),
        Type::Decimal => read::<Decimal>(text),
        Type::Uuid => read::<uuid::Uuid>(text),
        Type::Date => read::<NaiveDate>(text),
        Type::Time => read::<NaiveTime>(text),
        Type::DateTime => read::<NaiveDateTime>(text),
        Type::Timestamp => read::<DateTime<Utc>>(text),
        other => panic!("no {other} is read from a text"),
    }
}

/// Whether a text has white space, or a fraction of more than nine digits.
fn is_loose(text: &str) -> bool {
    let fraction = text.split_once('.').map_or("", |(_, rest)| rest);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    text.contains(char::is_whitespace) || digits > 9
}

/// The sign of zero, and how many digits a decimal has, count too.
fn same(got: &Scalar, expected: &Scalar) -> bool {
    match (got, expected) {
        (Scalar::Float(a), Scalar::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (Scalar::Decimal(a), Scalar::Decimal(b)) => a.compare(*b).is_eq(),
        _ => got == expected,
    }
}

/// Checks what `function` makes of columns, of all rows, of some, and of none, against what it is to make of the values of each.
fn check(
    function: Function,
    columns: &[Column],
    reference: &dyn Fn(&[Scalar]) -> Outcome,
) -> Result<(), TestCaseError> {
    let types: Vec<Type> = columns.iter().map(|column| column.ty).collect();
    let signature = function.signature(&types).expect("it takes these");
    let some: Vec<usize> = (0..ROWS).rev().step_by(3).collect();
    for rows in [(0..ROWS).collect(), some, Vec::new()] {
        let vectors: Vec<Vector<'_>> = match rows.len() {
            ROWS => columns.iter().map(Column::vector).collect(),
            _ => columns.iter().map(|column| column.vector().gather(rows.iter().copied())).collect(),
        };
        let made = call(function, &vectors, signature.result);
        prop_assert_eq!((made.ty(), made.len()), (signature.result, rows.len()));
        for (at, row) in rows.into_iter().enumerate() {
            let arguments = columns.iter().map(|column| column.at(row).cloned());
            let arguments = arguments.collect::<Result<Vec<Scalar>, ()>>();
            let told = || format!("{function:?} of {arguments:?} ({types:?})");
            let got = match made.fault(at) {
                Some(fault) => Err(fault.0.operation),
                None => Ok(Scalar::from_cell(made.ty(), made.cell(at)).expect("a cell of its type")),
            };
            let Ok(values) = &arguments else {
                // What is absent as well may be so, and what failed before is why it fails.
                prop_assert!(got == Err("a trial"), "{}: {:?}", told(), got);
                continue;
            };
            let expected = match values.iter().any(Scalar::is_null) {
                true => Ok(Scalar::Null),
                false => reference(values),
            };
            match (&got, &expected) {
                (Ok(got), Ok(expected)) => {
                    prop_assert!(same(got, expected), "{}: {:?}, not {:?}", told(), got, expected)
                }
                (Err(_), Err(())) => prop_assert!(signature.faulty, "{}", told()),
                _ => prop_assert!(false, "{}: {:?}, not {:?}", told(), got, expected),
            }
            let is_present = values.iter().all(|value| !value.is_null());
            prop_assert!(signature.optional || !is_present || !made.is_null(at), "{}", told());
        }
    }
    Ok(())
}

/// So many cases, or as many times more as `PROPTEST_CASES` asks for.
fn runner(cases: u32) -> TestRunner {
    let cases = cases * (ProptestConfig::default().cases / 256).max(1);
    TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() })
}

#[test]
fn functions_agree_with_a_reference_whatever_the_form_of_their_arguments() {
    let mut combinations = 0;
    let lists = lists_of_types();
    for function in functions().into_iter().chain(functions_of_lists()) {
        for types in &lists {
            if function.signature(types).is_none() {
                continue;
            }
            combinations += 1;
            let columns: Vec<_> = types.iter().map(|ty| column_with(*ty, value(*ty)).boxed()).collect();
            let outcome = runner(24).run(&columns, |columns| {
                check(function, &columns, &|values| reference(function, types, values))
            });
            outcome.unwrap_or_else(|failed| panic!("{failed}"));
        }
    }
    // Every function, and every pair of types of a cast.
    assert!(combinations > 600, "{combinations}");
}

/// Some values of JSON, and what is in them.
struct Trees(Vec<(String, Tree)>);

impl Trees {
    fn of(&self, value: &Scalar) -> &Tree {
        let is_it = |(form, _): &&(String, Tree)| form == text(value);
        &self.0.iter().find(is_it).expect("one of them").1
    }

    fn reference(&self, function: Function, values: &[Scalar]) -> Outcome {
        use Function as F;
        let tree = self.of(&values[0]);
        let form = |tree: Option<&Tree>| {
            Ok(tree.map_or(Scalar::Null, |tree| Scalar::String(tree.json().to_string())))
        };
        let number = |of: Option<usize>| Ok(of.map_or(Scalar::Null, |of| Scalar::Int(of as i128)));
        match (function, tree) {
            (F::JsonMember, Tree::Object(members)) => form(members.get(text(&values[1]))),
            (F::JsonItem, Tree::Array(items)) => {
                form(usize::try_from(int(&values[1])).ok().and_then(|at| items.get(at)))
            }
            (F::JsonMember | F::JsonItem, _) => Ok(Scalar::Null),
            (F::JsonLen, Tree::Array(items)) => number(Some(items.len())),
            (F::JsonLen, Tree::Object(members)) => number(Some(members.len())),
            (F::JsonLen, _) => number(None),
            (F::JsonKind, _) => Ok(Scalar::String(String::from(match tree {
                Tree::Null => "null",
                Tree::Bool(_) => "boolean",
                Tree::Number(_) => "number",
                Tree::Text(_) => "string",
                Tree::Array(_) => "array",
                Tree::Object(_) => "object",
            }))),
            (F::JsonKeys, Tree::Object(members)) => {
                // In the order of the form, which is that of names as they are written.
                let mut names: Vec<&String> = members.keys().collect();
                names.sort_by_key(|name| Tree::Text((*name).clone()).json().to_string());
                let names: Vec<Scalar> = names.into_iter().map(|name| Scalar::String(name.clone())).collect();
                Ok(Scalar::list(Type::String, &names).expect("a list"))
            }
            (F::JsonKeys, _) => Ok(Scalar::Null),
            (F::JsonHas, Tree::Object(members)) => Ok(Scalar::Bool(members.contains_key(text(&values[1])))),
            (F::JsonContains, Tree::Array(items)) => Ok(Scalar::Bool(items.contains(self.of(&values[1])))),
            (F::JsonHas | F::JsonContains, _) => Ok(Scalar::Bool(false)),
            (F::JsonAs(ty), _) => Ok(read(tree, ty).unwrap_or(Scalar::Null)),
            (F::JsonAsOrFail(ty), _) => read(tree, ty).ok_or(()),
            _ => panic!("{function:?} is none of JSON"),
        }
    }
}

/// A value of JSON as one of another type, if it is one.
fn read(tree: &Tree, ty: Type) -> Option<Scalar> {
    match (tree, ty) {
        (Tree::Bool(value), Type::Bool) => Some(Scalar::Bool(*value)),
        (Tree::Text(text), Type::String) => Some(Scalar::String(text.clone())),
        (Tree::Number(text), Type::I64) => text.parse::<i64>().ok().map(|number| Scalar::Int(number.into())),
        (Tree::Number(text), Type::F64) => {
            text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Scalar::Float)
        }
        _ => None,
    }
}

/// All of a tree's parts, and itself.
fn parts_of_tree(tree: &Tree, all: &mut Vec<Tree>) {
    match tree {
        Tree::Array(items) => items.iter().for_each(|item| parts_of_tree(item, all)),
        Tree::Object(members) => members.values().for_each(|member| parts_of_tree(member, all)),
        _ => {}
    }
    all.push(tree.clone());
}

#[test]
fn functions_of_json_agree_with_trees() {
    // Values with all that they are made of, so that some have others as items, and the names of their members.
    let values = prop::collection::vec(tree(), 1..4).prop_map(|trees| {
        let mut all = Vec::new();
        trees.iter().for_each(|tree| parts_of_tree(tree, &mut all));
        all
    });
    let cases = values.prop_flat_map(|all| {
        let members =
            all.iter().filter_map(|tree| if let Tree::Object(members) = tree { Some(members) } else { None });
        let mut names: Vec<String> = members.flat_map(|members| members.keys().cloned()).collect();
        names.extend([String::new(), String::from("not there")]);
        let forms: Vec<String> = all.iter().map(|tree| tree.json().to_string()).collect();
        let one_of = |texts: Vec<String>| prop::sample::select(texts).prop_map(Scalar::String).boxed();
        let json = || column_with(Type::Json, one_of(forms.clone()));
        let numbers = prop_oneof![0i128..5, Just(i128::from(u64::MAX))].prop_map(Scalar::Int).boxed();
        let columns =
            (json(), json(), column_with(Type::String, one_of(names)), column_with(Type::U64, numbers));
        (Just(forms.into_iter().zip(all).collect::<Vec<_>>()), columns)
    });
    let outcome = runner(200).run(&cases, |(trees, (json, other, name, number))| {
        let trees = Trees(trees);
        for function in functions_of_json() {
            let columns = match function {
                Function::JsonMember | Function::JsonHas => Vec::from([json.clone(), name.clone()]),
                Function::JsonItem => Vec::from([json.clone(), number.clone()]),
                Function::JsonContains => Vec::from([json.clone(), other.clone()]),
                _ => Vec::from([json.clone()]),
            };
            check(function, &columns, &|values| trees.reference(function, values))?;
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failed| panic!("{failed}"));
}
