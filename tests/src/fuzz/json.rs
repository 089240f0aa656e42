//! JSON: what is read has one form, which is read as the same; what is none is refused with its place, and found nothing in.

use epilog::Json;
use epilog::value::json::form;
use epilog::value::{Scalar, Type, Value};

/// Runs one input.
pub(super) fn run(bytes: &[u8]) {
    // As a cell of a file that was made by something else.
    let _ = (form::len(bytes), form::item(bytes, 0), form::member(bytes, "a"), form::as_text(bytes));
    let _ = (form::as_i64(bytes), form::as_f64(bytes), form::as_bool(bytes), form::contains(bytes, b"1"));
    let is_cell = form::is_valid(bytes);
    assert_eq!(Json::read(Some(bytes)).is_ok(), is_cell);
    assert_eq!(Scalar::from_cell(Type::Json, Some(bytes)).is_some(), is_cell);
    let json = match Json::parse(bytes) {
        Ok(json) => json,
        Err(error) => {
            assert!(!is_cell, "{error}");
            assert!(error.offset().is_some_and(|offset| offset <= bytes.len()), "{error}");
            return;
        }
    };
    assert!(form::is_valid(json.text().as_bytes()), "{json}");
    assert!(!is_cell || json.text().as_bytes() == bytes, "{json}");
    assert_eq!(Json::parse(json.text()), Ok(json.clone()));
    // Put together of its parts it is the same.
    let again = match json.kind() {
        "array" => Json::array(json.items()),
        "object" => Json::object(json.members()),
        "string" => Ok(Json::from(json.as_str().expect("a string"))),
        _ => Json::parse(json.text()),
    };
    assert_eq!(again, Ok(json));
}
