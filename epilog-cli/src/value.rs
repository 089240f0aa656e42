//! Stored values as JSON, without loss.
//!
//! | type | JSON |
//! |---|---|
//! | absent | `null` |
//! | `bool` | `true`, `false` |
//! | integers to 64 bits, `Id` | a number, all digits |
//! | `i128`, `u128` | a string of decimal digits |
//! | `f32`, `f64` | the shortest number that reads back the same; `"NaN"`, `"inf"`, `"-inf"` |
//! | `char`, `String` | a string |
//! | `Vec<u8>` | a string of hexadecimal digits |
//! | `Vec<T>` | an array |
//! | `Json` | as it is, all digits; so is one that is null, like what is absent |
//! | `Uuid` | a string, as printed |
//! | `Decimal` | a string, all digits of its scale |
//! | `NaiveDate` | `"2026-11-25"` |
//! | `NaiveTime` | `"13:05:00.000000000"`; a leap second is `:60` |
//! | `NaiveDateTime` | `"2026-11-25T13:05:00.000000000"` |
//! | `DateTime<Utc>` | the same with `Z` behind |
//! | `Blob` | `{"id":3,"length":2,"bytes":"00ff"}`, its bytes as hexadecimal digits; `dump` writes them, as they are not of the value |

use epilog::Json;
use epilog::value::{Scalar, Type};
use serde_json::{Number, Value};

/// A value of type `ty` as JSON.
pub fn to_json(scalar: &Scalar, ty: Type) -> Value {
    match (scalar, ty) {
        (Scalar::Null, _) => Value::Null,
        (Scalar::Bool(value), _) => Value::Bool(*value),
        (Scalar::Float(value), Type::F32) => float(*value, &(*value as f32).to_string()),
        (Scalar::Float(value), _) => float(*value, &value.to_string()),
        (Scalar::String(text), Type::Json) => {
            Json::parse(text).map_or_else(|_| text.as_str().into(), document)
        }
        (Scalar::String(value), _) => value.clone().into(),
        (Scalar::Bytes(bytes), _) => match (scalar.elements(ty), ty.element()) {
            (Some(elements), Some(element)) => {
                elements.iter().map(|value| to_json(value, element)).collect::<Vec<Value>>().into()
            }
            _ => hexadecimal(bytes).into(),
        },
        (Scalar::Int(value), Type::Char) => {
            let char = u32::try_from(*value).ok().and_then(char::from_u32);
            char.map_or(Value::Null, |char| char.to_string().into())
        }
        (Scalar::Int(value), Type::I128) => value.to_string().into(),
        (Scalar::Int(_), Type::Date) => scalar.text(ty).into(),
        (Scalar::Int(value), Type::Time) => time(ty, *value).into(),
        (Scalar::Int(value), Type::DateTime) => time(ty, *value).into(),
        (Scalar::Int(value), Type::Timestamp) => format!("{}Z", time(Type::DateTime, *value)).into(),
        (Scalar::Int(value), _) => match (i64::try_from(*value), u64::try_from(*value)) {
            (Ok(value), _) => value.into(),
            (_, Ok(value)) => value.into(),
            _ => value.to_string().into(),
        },
        (other, _) => other.to_string().into(),
    }
}

/// JSON as it is, but for exponents, which get a sign. Not by reading its text as this library does, to which an object with a
/// certain name is a number.
fn document(json: Json) -> Value {
    match json.kind() {
        "array" => json.items().map(document).collect::<Vec<Value>>().into(),
        "object" => Value::Object(json.members().map(|(name, value)| (name, document(value))).collect()),
        "string" => json.as_str().into(),
        "boolean" => json.as_bool().into(),
        "number" => json.text().parse().map_or_else(|_| json.text().into(), Value::Number),
        _ => Value::Null,
    }
}

/// Two digits for each byte.
pub fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(digits).collect()
}

/// A number by its digits, so that an `f32` does not get those of the nearest `f64`.
fn float(value: f64, digits: &str) -> Value {
    let whole = value
        .is_finite()
        .then(|| if digits.contains(['.', 'e']) { digits.into() } else { format!("{digits}.0") });
    match whole.and_then(|digits| digits.parse::<f64>().ok()).and_then(Number::from_f64) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "inf".into(),
        None => "-inf".into(),
    }
}

/// A time with all nine digits of its nanoseconds. A leap second's go on behind 10⁹.
fn time(ty: Type, value: i128) -> String {
    let text = Scalar::Int(value >> 32 << 32).text(ty);
    let nanoseconds = value as u32;
    match (nanoseconds.checked_sub(1_000_000_000), text.strip_suffix("59")) {
        (None, _) => format!("{text}.{nanoseconds:09}"),
        (Some(leap), Some(minute)) => format!("{minute}60.{leap:09}"),
        // No calendar has it, but it is what is stored.
        (Some(_), None) => format!("{text}+{nanoseconds}ns"),
    }
}

#[cfg(test)]
mod tests {
    use epilog::value::Value as _;

    use super::*;

    #[test]
    fn every_type_is_rendered_without_loss() {
        let cases = [
            (Scalar::Null, Type::I8, "null"),
            (Scalar::Bool(true), Type::Bool, "true"),
            (Scalar::Int(i128::from(u64::MAX)), Type::U64, "18446744073709551615"),
            (Scalar::Int(i128::from(i64::MIN)), Type::I64, "-9223372036854775808"),
            (Scalar::Int(i128::MIN), Type::I128, "\"-170141183460469231731687303715884105728\""),
            (Scalar::Uint(u128::MAX), Type::U128, "\"340282366920938463463374607431768211455\""),
            (Scalar::Float(f64::from(0.1f32)), Type::F32, "0.1"),
            (Scalar::Float(0.1), Type::F64, "0.1"),
            (Scalar::Float(-0.0), Type::F64, "-0.0"),
            (Scalar::Float(1e300), Type::F64, "1e+300"),
            (Scalar::Float(f64::NAN), Type::F64, "\"NaN\""),
            (Scalar::Float(f64::NEG_INFINITY), Type::F64, "\"-inf\""),
            (Scalar::Int('ß' as i128), Type::Char, "\"ß\""),
            (Scalar::String("a\"b\n".into()), Type::String, "\"a\\\"b\\n\""),
            (
                Scalar::String(
                    "[1e400,0.10,{\"$serde_json::private::Number\":\"\\u0001\"},true,null]".into(),
                ),
                Type::Json,
                "[1e+400,0.10,{\"$serde_json::private::Number\":\"\\u0001\"},true,null]",
            ),
            (Scalar::Bytes(vec![0, 255, 16]), Type::Bytes, "\"00ff10\""),
            (vec![1.5f32, 2.0].to_scalar(), Type::F32List, "[1.5,2.0]"),
            (vec![vec![0u8], vec![]].to_scalar(), Type::BytesList, "[\"00\",\"\"]"),
            (Scalar::Uuid([0x11; 16]), Type::Uuid, "\"11111111-1111-1111-1111-111111111111\""),
            (Scalar::Int(719_163), Type::Date, "\"1970-01-01\""),
            (Scalar::Int((3_661 << 32) + 5), Type::Time, "\"01:01:01.000000005\""),
            (Scalar::Int((59 << 32) + 1_500_000_000), Type::Time, "\"00:00:60.500000000\""),
            (Scalar::Int((1 << 32) + 7), Type::DateTime, "\"1970-01-01T00:00:01.000000007\""),
            (Scalar::Int(-1 << 32), Type::Timestamp, "\"1969-12-31T23:59:59.000000000Z\""),
        ];
        for (scalar, ty, expected) in cases {
            assert_eq!(to_json(&scalar, ty).to_string(), expected, "{ty}");
        }
    }
}
