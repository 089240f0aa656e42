//! Every function of the table, over every combination of types that it takes, against a reference that goes through the
//! values one by one and asks the standard library, `chrono` and `rust_decimal`.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc,
};
use rust_decimal::{Decimal, RoundingStrategy};

use super::*;
use crate::expr::function::Span;
use crate::value::decimal::DecimalParts;
use crate::value::{Scalar, Value, fits};

/// xorshift64*, seeded.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        (self.bits() >> 33) as usize % limit
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

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

/// Every list of one, two or three types.
fn lists_of_types() -> Vec<Vec<Type>> {
    let mut all: Vec<Vec<Type>> = TYPES.iter().map(|ty| Vec::from([*ty])).collect();
    let mut from = 0;
    for _ in 0..2 {
        let longest = all.split_off(from);
        from += longest.len();
        let longer = |list: &Vec<Type>| TYPES.map(|ty| list.iter().copied().chain([ty]).collect::<Vec<_>>());
        let longer: Vec<Vec<Type>> = longest.iter().flat_map(longer).collect();
        all.extend(longest);
        all.extend(longer);
    }
    all
}

fn value(random: &mut Random, ty: Type) -> Scalar {
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
    match ty {
        Type::Bool => Scalar::Bool(random.below(2) == 0),
        Type::F64 if random.below(4) == 0 => Scalar::Float(f64::from_bits(random.bits())),
        // Decimals, and ties of the last of their binary digits.
        Type::F64 if random.below(2) == 0 => {
            let number = random.below(200_000) as f64 - 100_000.0;
            Scalar::Float(number / random.pick(&[1000.0, 100.0, 64.0, 16.0, 2.0]))
        }
        Type::F64 => Scalar::Float(random.pick(&floats)),
        Type::F32 if random.below(4) == 0 => Scalar::Float(f64::from(f32::from_bits(random.bits() as u32))),
        Type::F32 if random.below(2) == 0 => {
            let number = random.below(2000) as f32 - 1000.0;
            Scalar::Float(f64::from(number / random.pick(&[1000.0, 100.0, 64.0, 2.0])))
        }
        Type::F32 => Scalar::Float(f64::from(random.pick(&floats) as f32)),
        Type::U128 => Scalar::Uint(random.pick(&[
            0,
            1,
            2,
            10,
            300,
            1 << 64,
            i128::MAX as u128,
            u128::MAX - 1,
            u128::MAX,
        ])),
        Type::Char => int(random.pick(&['a', 'é', '日', '\0', '😀', char::MAX]) as i128),
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
            let (first, second) = (random.pick(&words), random.pick(&words));
            Scalar::String(if random.below(3) == 0 { format!("{first}{second}") } else { first.to_string() })
        }
        Type::Bytes => Scalar::Bytes(random.pick(&[Vec::new(), vec![0], vec![0, 255], vec![255]])),
        Type::Uuid => Scalar::Uuid([random.below(3) as u8; 16]),
        Type::Decimal => {
            let most = (1i128 << 96) - 1;
            let mantissa =
                random.pick(&[0, 1, -1, 5, -5, 15, 25, -25, 10_000, 123_456, -255, 256, most, -most]);
            Scalar::Decimal(DecimalParts { mantissa, scale: random.pick(&[0, 0, 1, 2, 3, 28]) })
        }
        Type::Date => int(i128::from(date(random).num_days_from_ce())),
        Type::Time => time(random).to_scalar(),
        Type::DateTime => date(random).and_time(time(random)).to_scalar(),
        Type::Timestamp => date(random).and_time(time(random)).and_utc().to_scalar(),
        // Counts for functions of texts, which are to stay small, or are far too great.
        Type::U64 => {
            int(random.pick(&[0, 0, 1, 1, 2, 3, 5, 9, 300, u64::MAX.into(), i128::from(u64::MAX) - 1]))
        }
        // Digits, and exponents.
        Type::U32 if random.below(2) == 0 => int(random.below(5) as i128),
        _ => {
            let bits = ty.width().unwrap() as u32 * 8;
            let (least, most) = match (bits, ty.is_signed_integer()) {
                (128, _) => (i128::MIN, i128::MAX),
                (_, true) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
                (_, false) => (0, (1 << bits) - 1),
            };
            let small = random.below(60) as i128;
            int(random.pick(&[
                least,
                least + 1,
                most,
                most - 1,
                0,
                1,
                2,
                22,
                23,
                small,
                (-small).max(least),
                most / 2,
            ]))
        }
    }
}

fn date(random: &mut Random) -> NaiveDate {
    let known =
        ["1984-08-09", "2000-02-29", "1900-02-28", "1970-01-01", "1969-12-31", "2021-01-03", "2020-12-31"];
    match random.below(5) {
        0 => random.pick(&[NaiveDate::MIN, NaiveDate::MAX]),
        1 => NaiveDate::from_num_days_from_ce_opt(random.below(1_000_000) as i32 - 200_000).unwrap(),
        _ => random.pick(&known).parse().unwrap(),
    }
}

fn time(random: &mut Random) -> NaiveTime {
    let known = ["00:00:00", "23:59:59.999999999", "12:30:05", "00:00:00.5"];
    match random.below(2) {
        0 => random.pick(&known).parse().unwrap(),
        _ => NaiveTime::from_num_seconds_from_midnight_opt(random.below(86_400) as u32, 7).unwrap(),
    }
}

/// A vector in one of the forms that they have, and its values; `Err` for faults.
fn vector(random: &mut Random, ty: Type, len: usize) -> (Vector<'static>, Vec<Result<Scalar, ()>>) {
    let form = random.below(3);
    let (nulls, faulty) = (random.pick(&[0, 0, 3, 1]), random.below(4) == 0);
    let first = value(random, ty);
    let constant = form == 0;
    let mut values: Vec<Result<Scalar, ()>> = Vec::new();
    let mut cells: Vec<Vec<u8>> = Vec::new();
    let mut absent = Vec::new();
    for _ in 0..len {
        let value = if constant { first.clone() } else { value(random, ty) };
        cells.push(value.with_cell(ty, |cell| cell.unwrap().to_vec()));
        absent.push(nulls > 0 && random.below(nulls) == 0);
        values.push(Ok(if absent[absent.len() - 1] { Scalar::Null } else { value }));
    }
    let all: &'static [u8] = Box::leak(cells.concat().into_boxed_slice());
    let mut at = 0;
    let slices: Vec<&'static [u8]> = cells
        .iter()
        .map(|cell| {
            at += cell.len();
            &all[at - cell.len()..at]
        })
        .collect();
    let forms = match (form, ty.width()) {
        (0, _) => Cells::Constant(first.with_cell(ty, |cell| cell.unwrap().to_vec())),
        (1, Some(_)) => Cells::Fixed(all.to_vec()),
        (_, Some(width)) => {
            // On a page: with something between the cells.
            let apart =
                slices.iter().flat_map(|cell| cell.iter().copied().chain([0xAA; 3])).collect::<Vec<u8>>();
            Cells::Strided { bytes: Box::leak(apart.into_boxed_slice()), stride: width + 3 }
        }
        (1, None) => Cells::Slices(slices),
        (_, None) => {
            let mut end = 0;
            let ends = cells.iter().map(|cell| {
                end += cell.len() as u32;
                end
            });
            Cells::Owned { ends: ends.collect(), bytes: all.to_vec() }
        }
    };
    let mut vector = Vector::new(ty, len, forms, (nulls > 0).then_some(absent));
    for (row, value) in values.iter_mut().enumerate().filter(|_| faulty) {
        if random.below(4) == 0 {
            let fault =
                Fault { operation: "test", operands: String::new(), ty, problem: "is a fault before" };
            vector.add_fault(row as u32, &RowFault::new(fault).unwrap());
            *value = Err(());
        }
    }
    (vector, values)
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

/// The sign of zero, and how many digits a decimal has, count too.
fn same(got: &Scalar, expected: &Scalar) -> bool {
    match (got, expected) {
        (Scalar::Float(a), Scalar::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (Scalar::Decimal(a), Scalar::Decimal(b)) => a.compare(*b).is_eq(),
        _ => got == expected,
    }
}

#[test]
fn functions_agree_with_a_reference_whatever_the_form_of_their_arguments() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut combinations = 0;
    let lists = lists_of_types();
    for function in functions() {
        for types in &lists {
            let Some(signature) = function.signature(types) else { continue };
            combinations += 1;
            for _ in 0..12 {
                let len = random.below(24);
                let (vectors, values): (Vec<_>, Vec<_>) =
                    types.iter().map(|ty| vector(&mut random, *ty, len)).unzip();
                let made = call(function, &vectors, signature.result);
                assert_eq!((made.ty(), made.len()), (signature.result, len));
                for row in 0..len {
                    let arguments = values.iter().map(|values| values[row].clone());
                    let arguments = arguments.collect::<Result<Vec<Scalar>, ()>>();
                    let got = match made.fault(row) {
                        Some(fault) => Err(fault.clone()),
                        None => Ok(Scalar::from_cell(made.ty(), made.cell(row)).expect("a cell of its type")),
                    };
                    let told = || format!("{function:?} of {arguments:?} ({types:?})");
                    let Ok(values) = &arguments else {
                        assert!(got.is_err_and(|fault| fault.0.problem == "is a fault before"), "{}", told());
                        continue;
                    };
                    let expected = match values.iter().any(Scalar::is_null) {
                        true => Ok(Scalar::Null),
                        false => reference(function, types, values),
                    };
                    match (&got, &expected) {
                        (Ok(got), Ok(expected)) => {
                            assert!(same(got, expected), "{}: {got:?}, not {expected:?}", told())
                        }
                        (Err(_), Err(())) => assert!(signature.faulty, "{}", told()),
                        _ => panic!("{}: {got:?}, not {expected:?}", told()),
                    }
                    let is_present = values.iter().all(|value| !value.is_null());
                    assert!(signature.optional || !is_present || !made.is_null(row), "{}", told());
                }
            }
        }
    }
    // Every function, and every pair of types of a cast.
    assert!(combinations > 500, "{combinations}");
}
