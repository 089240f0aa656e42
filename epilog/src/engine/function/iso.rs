//! Dates, times and moments as texts, in the form of ISO 8601, and `Uuid`s in that of RFC 9562.
//!
//! | type | text |
//! |---|---|
//! | date | `1984-08-09`; years beyond four digits, and before the year 0, have a sign: `-0044-03-15` |
//! | time | `20:05:30`, and `.5`, `.05` .. where it has a fraction; a leap second is the second 60 |
//! | date and time | `1984-08-09T20:05:30`; a space is read for the `T` |
//! | moment | the same with `Z`; `+02:00` is read too |
//! | `Uuid` | `67e55044-10b1-426f-9247-bb680e5fe0c8`; also read without hyphens, and with capitals |
//!
//! What is written is what `chrono` writes for people who debug, and it is read by both. Reading is strict: two digits are two,
//! a fraction has nine at most, a day is one that there is.

use alloc::string::String;
use core::fmt::Write;

use super::cell::Moment;
use crate::value::Type;
use crate::value::calendar::{self, DAYS_TO_1970};

const SECONDS_OF_DAY: i64 = 86_400;
const SECOND: u32 = 1_000_000_000;

/// Writes a value of a type with a date, or with a time. A `String` takes whatever is written to it.
pub(super) fn write(out: &mut String, ty: Type, moment: Moment) {
    let (day, second) =
        (moment.seconds.div_euclid(SECONDS_OF_DAY), moment.seconds.rem_euclid(SECONDS_OF_DAY));
    if ty != Type::Time {
        let (year, month, day) = calendar::civil(day + DAYS_TO_1970);
        let _ = match year {
            0..=9999 => write!(out, "{year:04}-{month:02}-{day:02}"),
            _ => write!(out, "{year:+05}-{month:02}-{day:02}"),
        };
    }
    if ty == Type::Date {
        return;
    }
    if ty != Type::Time {
        out.push('T');
    }
    let (leap, nanoseconds) = (i64::from(moment.nanoseconds >= SECOND), moment.nanoseconds % SECOND);
    let _ = write!(out, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60 + leap);
    let _ = match nanoseconds {
        0 => Ok(()),
        _ if nanoseconds % 1_000_000 == 0 => write!(out, ".{:03}", nanoseconds / 1_000_000),
        _ if nanoseconds % 1_000 == 0 => write!(out, ".{:06}", nanoseconds / 1_000),
        _ => write!(out, ".{nanoseconds:09}"),
    };
    if ty == Type::Timestamp {
        out.push('Z');
    }
}

/// Reads a value of a type with a date, or with a time, which is on the first day of 1970.
pub(super) fn read(ty: Type, text: &str) -> Option<Moment> {
    let mut rest = text.as_bytes();
    let day = if ty == Type::Time { DAYS_TO_1970 } else { read_date(&mut rest)? };
    let mut moment = Moment { seconds: (day - DAYS_TO_1970) * SECONDS_OF_DAY, nanoseconds: 0 };
    if ty != Type::Date {
        if ty != Type::Time {
            rest = rest.strip_prefix(b"T").or_else(|| rest.strip_prefix(b" "))?;
        }
        let (second, nanoseconds) = read_time(&mut rest)?;
        moment = Moment { seconds: moment.seconds + second, nanoseconds };
    }
    if ty == Type::Timestamp {
        moment.seconds -= read_offset(&mut rest)?;
        let day = moment.seconds.div_euclid(SECONDS_OF_DAY) + DAYS_TO_1970;
        calendar::YEARS.contains(&calendar::civil(day).0).then_some(())?;
    }
    rest.is_empty().then_some(moment)
}

/// The number of a day.
fn read_date(rest: &mut &[u8]) -> Option<i64> {
    let sign = take_sign(rest);
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // Four, and more after a sign.
    let is_whole = digits == 4 || digits > 4 && digits <= 6 && sign.is_some();
    let year = number(rest, if is_whole { digits } else { 0 })? * sign.unwrap_or(1);
    calendar::YEARS.contains(&year).then_some(())?;
    take(rest, b'-')?;
    let month = number(rest, 2).filter(|month| (1..=12).contains(month))? as u32;
    take(rest, b'-')?;
    let days = calendar::days_of_month(year, month);
    let day = number(rest, 2).filter(|day| (1..=i64::from(days)).contains(day))? as u32;
    Some(calendar::day_number(year, month, day))
}

/// Seconds of the day, and nanoseconds.
fn read_time(rest: &mut &[u8]) -> Option<(i64, u32)> {
    let hour = number(rest, 2).filter(|hour| *hour < 24)?;
    take(rest, b':')?;
    let minute = number(rest, 2).filter(|minute| *minute < 60)?;
    if rest.first() != Some(&b':') {
        return Some((hour * 3600 + minute * 60, 0));
    }
    take(rest, b':')?;
    let second = number(rest, 2).filter(|second| *second <= 60)?;
    let mut nanoseconds = 0;
    if rest.first() == Some(&b'.') {
        take(rest, b'.')?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let fraction = number(rest, if digits <= 9 { digits } else { 0 })?;
        nanoseconds = fraction as u32 * 10u32.pow(9 - digits as u32);
    }
    let leap = u32::from(second == 60);
    Some((hour * 3600 + minute * 60 + second - i64::from(leap), nanoseconds + leap * SECOND))
}

/// By how many seconds a zone is before UTC.
fn read_offset(rest: &mut &[u8]) -> Option<i64> {
    if take(rest, b'Z').is_some() {
        return Some(0);
    }
    let sign = take_sign(rest)?;
    let hours = number(rest, 2).filter(|hours| *hours < 24)?;
    take(rest, b':')?;
    let minutes = number(rest, 2).filter(|minutes| *minutes < 60)?;
    Some(sign * (hours * 3600 + minutes * 60))
}

fn take(rest: &mut &[u8], byte: u8) -> Option<()> {
    *rest = rest.strip_prefix(&[byte])?;
    Some(())
}

fn take_sign(rest: &mut &[u8]) -> Option<i64> {
    take(rest, b'-').map(|()| -1).or_else(|| take(rest, b'+').map(|()| 1))
}

/// The number that so many digits say, of which there is one at least.
fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (digits, others) = rest.split_at_checked(digits).filter(|(digits, _)| !digits.is_empty())?;
    *rest = others;
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

/// The bytes of a `Uuid`: 32 digits, in groups of 8, 4, 4, 4 and 12 if there are hyphens.
pub(super) fn read_uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    let is_hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let is_grouped = bytes.len() == 36;
    (is_grouped || bytes.len() == 32).then_some(())?;
    let mut uuid = [0; 16];
    let mut digits = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if is_grouped && is_hyphen(at) {
            (*byte == b'-').then_some(())?;
            continue;
        }
        let digit = char::from(*byte).to_digit(16)? as u8;
        uuid[digits / 2] |= if digits % 2 == 0 { digit << 4 } else { digit };
        digits += 1;
    }
    Some(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(ty: Type, text: &str) -> Option<String> {
        let mut out = String::new();
        write(&mut out, ty, read(ty, text)?);
        Some(out)
    }

    #[test]
    fn what_is_read_is_written() {
        let same = [
            (Type::Date, "1984-08-09"),
            (Type::Date, "2000-02-29"),
            (Type::Date, "0000-01-01"),
            (Type::Date, "-0044-03-15"),
            (Type::Date, "+10000-01-01"),
            (Type::Date, "-262143-01-01"),
            (Type::Date, "+262142-12-31"),
            (Type::Time, "00:00:00"),
            (Type::Time, "23:59:60.500"),
            (Type::Time, "12:30:05.000007"),
            (Type::Time, "12:30:05.000000007"),
            (Type::DateTime, "1969-12-31T23:59:59.999999999"),
            (Type::Timestamp, "1969-12-31T23:59:59Z"),
        ];
        for (ty, text) in same {
            assert_eq!(again(ty, text).as_deref(), Some(text));
        }
        let others = [
            (Type::Date, "+1984-08-09", "1984-08-09"),
            (Type::Time, "18:30", "18:30:00"),
            (Type::Time, "18:30:00.5", "18:30:00.500"),
            (Type::DateTime, "1984-08-09 18:30", "1984-08-09T18:30:00"),
            (Type::Timestamp, "1984-08-09 00:30:00+02:00", "1984-08-08T22:30:00Z"),
            (Type::Timestamp, "1984-12-31T23:30:00-00:30", "1985-01-01T00:00:00Z"),
        ];
        for (ty, text, expected) in others {
            assert_eq!(again(ty, text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_or_time_is_not_read() {
        let cases = [
            (Type::Date, "1900-02-29"),
            (Type::Date, "1984-13-01"),
            (Type::Date, "1984-00-01"),
            (Type::Date, "1984-04-31"),
            (Type::Date, "1984-04-00"),
            (Type::Date, "84-04-01"),
            (Type::Date, "1984-4-1"),
            (Type::Date, "10000-01-01"),
            (Type::Date, "+262143-01-01"),
            (Type::Date, "1984-08-09T00:00"),
            (Type::Date, "1984-08-09 "),
            (Type::Date, "１984-08-09"),
            (Type::Date, ""),
            (Type::Time, "24:00:00"),
            (Type::Time, "23:60"),
            (Type::Time, "23:59:61"),
            (Type::Time, "23:59:59."),
            (Type::Time, "23:59:59.0000000001"),
            (Type::Time, "7:00"),
            (Type::DateTime, "1984-08-09"),
            (Type::DateTime, "1984-08-09T18:30Z"),
            (Type::Timestamp, "1984-08-09T18:30"),
            (Type::Timestamp, "1984-08-09T18:30+2"),
            (Type::Timestamp, "1984-08-09T18:30+24:00"),
            (Type::Timestamp, "+262142-12-31T23:30:00-01:00"),
        ];
        for (ty, text) in cases {
            assert_eq!(again(ty, text), None, "{text}");
        }
    }

    #[test]
    fn uuids_are_read_with_hyphens_or_without() {
        let bytes =
            [0x67, 0xe5, 0x50, 0x44, 0x10, 0xb1, 0x42, 0x6f, 0x92, 0x47, 0xbb, 0x68, 0x0e, 0x5f, 0xe0, 0xc8];
        assert_eq!(read_uuid("67e55044-10b1-426f-9247-bb680e5fe0c8"), Some(bytes));
        assert_eq!(read_uuid("67E5504410B1426F9247BB680E5FE0C8"), Some(bytes));
        for text in [
            "",
            "67e55044-10b1-426f-9247-bb680e5fe0c",
            "67e5504410b1-426f-9247-bb680e5fe0c80-",
            "g7e5504410b1426f9247bb680e5fe0c8",
        ] {
            assert_eq!(read_uuid(text), None, "{text}");
        }
    }
}
