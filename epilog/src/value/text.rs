//! A scalar as text, as people write it: in messages and plans.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::calendar::{DAYS_TO_1970, civil};
use super::{Scalar, Type};
use crate::parts;

impl Scalar {
    /// The value as people write it. `Display` knows no types, and prints dates and characters as the numbers they are
    /// stored as.
    pub fn text(&self, ty: Type) -> String {
        if let (true, Scalar::String(text)) = (ty.is_json(), self) {
            return text.clone();
        }
        if let (true, Some(element)) = (parts::EXPLAINED, ty.element())
            && let Some(elements) = self.elements(ty)
        {
            let elements: Vec<String> = elements.iter().map(|value| value.text(element)).collect();
            return format!("[{}]", elements.join(", "));
        }
        let Scalar::Int(number) = self else { return self.to_string() };
        match ty {
            _ if !parts::EXPLAINED => self.to_string(),
            Type::Date => date(*number as i64),
            Type::Time => time((*number >> 32) as u64, *number as u32),
            Type::DateTime | Type::Timestamp => {
                let seconds = (*number >> 32) as i64;
                let zone = if ty == Type::Timestamp { "Z" } else { "" };
                let date = date(seconds.div_euclid(86_400) + DAYS_TO_1970);
                format!("{date}T{}{zone}", time(seconds.rem_euclid(86_400) as u64, *number as u32))
            }
            Type::Char => char::from_u32(*number as u32).map_or_else(String::new, |char| format!("{char:?}")),
            _ => self.to_string(),
        }
    }

    /// As [`text`](Scalar::text); of a long one the beginning.
    #[cfg(not(feature = "small"))]
    pub fn told(&self, ty: Type) -> String {
        beginning(self.text(ty), TOLD_MAX)
    }

    /// As [`text`](Scalar::text).
    #[cfg(feature = "small")]
    pub fn told(&self, ty: Type) -> String {
        self.text(ty)
    }
}

/// So many characters of a value are told at most.
#[cfg(not(feature = "small"))]
const TOLD_MAX: usize = 200;

/// A text that is told to people: of one with more characters than `most` so many, and what says that there are others.
#[cfg(not(feature = "small"))]
pub(crate) fn beginning(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn date(days: i64) -> String {
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}")
}

fn time(seconds: u64, nanoseconds: u32) -> String {
    // A leap second is kept as nanoseconds beyond the second before it.
    let (leap, nanoseconds) = (u64::from(nanoseconds / 1_000_000_000), nanoseconds % 1_000_000_000);
    let fraction = match nanoseconds {
        0 => String::new(),
        _ if nanoseconds % 1_000_000 == 0 => format!(".{:03}", nanoseconds / 1_000_000),
        _ if nanoseconds % 1000 == 0 => format!(".{:06}", nanoseconds / 1000),
        _ => format!(".{nanoseconds:09}"),
    };
    format!("{:02}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60 + leap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_characters_read_as_written() {
        let int = |number: i128, ty| Scalar::Int(number).text(ty);
        assert_eq!(int(719_163, Type::Date), "1970-01-01");
        assert_eq!(int(86_399 << 32, Type::DateTime), "1970-01-01T23:59:59");
        assert_eq!(int(-1 << 32, Type::Timestamp), "1969-12-31T23:59:59Z");
        assert_eq!(int(0, Type::Char), "'\\0'");
        let within = |second: i128, nanoseconds: i128| second << 32 | nanoseconds;
        assert_eq!(int(within(1, 500_000_000), Type::Time), "00:00:01.500");
        assert_eq!(int(within(-1, 1), Type::Timestamp), "1969-12-31T23:59:59.000000001Z");
        assert_eq!(int(within(59, 1_000_250_000), Type::DateTime), "1970-01-01T00:00:60.000250");
        assert_eq!(int(-5, Type::I8), "-5");
        assert_eq!(Scalar::String("a".into()).text(Type::String), "\"a\"");
    }

    #[cfg(not(feature = "small"))]
    #[test]
    fn of_what_is_long_the_beginning_is_told() {
        let text = |len: usize| Scalar::String("ß".repeat(len)).told(Type::String);
        assert_eq!(text(198), format!("\"{}\"", "ß".repeat(198)));
        assert_eq!(text(199), format!("\"{}…", "ß".repeat(199)));
        assert_eq!(text(100_000), text(199));
    }

    #[cfg(not(feature = "small"))]
    #[test]
    fn lists_read_as_their_elements_do() {
        let list = |element: Type, values: &[Scalar]| {
            Scalar::list(element, values).map(|list| list.text(element.list().unwrap())).unwrap()
        };
        assert_eq!(
            list(Type::Date, &[Scalar::Int(719_163), Scalar::Int(719_164)]),
            "[1970-01-01, 1970-01-02]"
        );
        assert_eq!(list(Type::String, &[Scalar::String("a\0".into())]), "[\"a\\0\"]");
        assert_eq!(list(Type::I8, &[]), "[]");
    }
}
