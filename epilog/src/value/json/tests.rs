//! The form, what reads into it, and what is found in it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::value::Value;

/// A value as a tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Tree>),
    Object(BTreeMap<String, Tree>),
}

impl Tree {
    /// The value, put together.
    pub(crate) fn json(&self) -> Json {
        match self {
            Tree::Null => Json::null(),
            Tree::Bool(value) => Json::from(*value),
            Tree::Number(text) => Json::parse(text).expect("a number"),
            Tree::Text(text) => Json::from(text.as_str()),
            Tree::Array(items) => Json::array(items.iter().map(Tree::json)).expect("an array"),
            // In another order than that of the form.
            Tree::Object(members) => {
                Json::object(members.iter().rev().map(|(name, value)| (name, value.json())))
                    .expect("an object")
            }
        }
    }

    /// A text that says it, with spaces and escapes as `odd` has them.
    fn write(&self, odd: &mut impl Iterator<Item = bool>, out: &mut String) {
        let space = |odd: &mut dyn Iterator<Item = bool>, out: &mut String| {
            if odd.next() == Some(true) {
                out.push_str(" \n\t\r");
            }
        };
        space(odd, out);
        match self {
            Tree::Null => out.push_str("null"),
            Tree::Bool(value) => out.push_str(&value.to_string()),
            Tree::Number(text) => out.push_str(text),
            Tree::Text(text) => write_text(text, odd, out),
            Tree::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    item.write(odd, out);
                }
                space(odd, out);
                out.push(']');
            }
            Tree::Object(members) => {
                out.push('{');
                let mut members: Vec<_> = members.iter().collect();
                if odd.next() == Some(true) {
                    members.reverse();
                }
                for (at, (name, value)) in members.into_iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    space(odd, out);
                    write_text(name, odd, out);
                    space(odd, out);
                    out.push(':');
                    value.write(odd, out);
                }
                space(odd, out);
                out.push('}');
            }
        }
        space(odd, out);
    }
}

fn write_text(text: &str, odd: &mut impl Iterator<Item = bool>, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        if char < ' ' || matches!(char, '"' | '\\') || odd.next() == Some(true) {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                let digits = if odd.next() == Some(true) {
                    format!("\\u{unit:04x}")
                } else {
                    format!("\\u{unit:04X}")
                };
                out.push_str(&digits);
            }
        } else {
            out.push(char);
        }
    }
    out.push('"');
}

/// Values of every kind.
pub(crate) fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,4})?".prop_map(Tree::Number),
        "[\0-\u{20}a\"\\\\/é𝄞\u{7f}]{0,6}".prop_map(Tree::Text),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::Array),
            prop::collection::btree_map("[a\"\\\\\né𝄞]{0,3}", inner, 0..5).prop_map(Tree::Object),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_has_one_form_however_it_is_written(tree in tree(), odd in prop::collection::vec(any::<bool>(), 200)) {
        let json = tree.json();
        prop_assert!(form::is_valid(json.text().as_bytes()), "{json}");
        let mut text = String::new();
        tree.write(&mut odd.into_iter(), &mut text);
        prop_assert_eq!(Json::parse(&text), Ok(json.clone()), "{}", text);
        prop_assert_eq!(Json::parse(json.text()), Ok(json.clone()));
        prop_assert_eq!(json.with_cell(Json::read), Ok(json));
    }

    #[test]
    fn what_is_asked_of_a_value_is_what_the_tree_has(tree in tree()) {
        let json = tree.json();
        prop_assert_eq!(json.is_null(), tree == Tree::Null);
        prop_assert_eq!(json.as_bool(), if let Tree::Bool(value) = tree { Some(value) } else { None });
        prop_assert_eq!(json.as_str(), if let Tree::Text(text) = &tree { Some(text.clone()) } else { None });
        let number = if let Tree::Number(text) = &tree { Some(text) } else { None };
        prop_assert_eq!(json.as_i64(), number.and_then(|text| text.parse().ok()));
        let float = number.and_then(|text| text.parse().ok()).filter(|float: &f64| float.is_finite());
        prop_assert_eq!(json.as_f64(), float);
        match &tree {
            Tree::Array(items) => {
                let items: Vec<Json> = items.iter().map(Tree::json).collect();
                prop_assert_eq!(json.items().collect::<Vec<_>>(), &*items);
                prop_assert_eq!((json.kind(), json.len()), ("array", Some(items.len() as u64)));
                for (at, item) in items.iter().enumerate() {
                    prop_assert_eq!(json.get(&format!("[{at}]")), Some(item.clone()));
                    prop_assert!(form::contains(json.text().as_bytes(), item.text().as_bytes()));
                }
                prop_assert_eq!(json.get(&format!("[{}]", items.len())), None);
            }
            Tree::Object(members) => {
                let of_tree: BTreeMap<String, Json> =
                    members.iter().map(|(name, value)| (name.clone(), value.json())).collect();
                prop_assert_eq!(json.members().collect::<BTreeMap<_, _>>(), of_tree.clone());
                prop_assert_eq!((json.kind(), json.len()), ("object", Some(members.len() as u64)));
                for (name, value) in &of_tree {
                    prop_assert_eq!(json.member(name), Some(value.clone()));
                }
                prop_assert_eq!(json.member("not there"), None);
            }
            _ => prop_assert_eq!((json.len(), json.items().count(), json.members().count()), (None, 0, 0)),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop_oneof![
        "[\\[\\]{},:\"\\\\u0a1dD8. -]{0,16}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..12),
    ]) {
        let _ = (form::len(&bytes), form::member(&bytes, "a"), form::item(&bytes, 1), form::as_text(&bytes));
        let _ = (form::contains(&bytes, b"1"), form::as_f64(&bytes), form::as_i64(&bytes), form::kind(&bytes));
        match Json::parse(&bytes) {
            Ok(json) => prop_assert!(form::is_valid(json.text().as_bytes())),
            Err(error) => {
                prop_assert!(error.offset().is_some_and(|offset| offset <= bytes.len()));
                prop_assert!(!form::is_valid(&bytes), "{}", error);
            }
        }
    }
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    let check = |text: &str, line: usize, column: usize, problem: JsonProblem| {
        let error = Json::parse(text).expect_err(text);
        assert_eq!(error.problem(), problem, "{text}: {error}");
        let place = format!("in line {line}, column {column}:");
        assert!(error.to_string().contains(&place), "{text}: {error}");
    };
    check("", 1, 1, JsonProblem::End);
    check("  ", 1, 3, JsonProblem::End);
    check("[1,", 1, 4, JsonProblem::End);
    check("{\"a\"", 1, 5, JsonProblem::End);
    check("\"é", 1, 3, JsonProblem::End);
    check("\"\\", 1, 2, JsonProblem::End);
    check("nul", 1, 1, JsonProblem::Value);
    check("[1,]", 1, 4, JsonProblem::Value);
    check("[,1]", 1, 2, JsonProblem::Value);
    check("NaN", 1, 1, JsonProblem::Value);
    check("+1", 1, 1, JsonProblem::Value);
    check("'a'", 1, 1, JsonProblem::Value);
    check("\u{feff}1", 1, 1, JsonProblem::Value);
    check("{\"a\":1,}", 1, 8, JsonProblem::Name);
    check("{\n a: 1}", 2, 2, JsonProblem::Name);
    check("{\"a\" 1}", 1, 6, JsonProblem::Colon);
    check("[1 2]", 1, 4, JsonProblem::Comma);
    check("{\"a\":1 \"b\":2}", 1, 8, JsonProblem::Comma);
    check("[1}", 1, 3, JsonProblem::Comma);
    check("1 2", 1, 3, JsonProblem::More);
    check("{}]", 1, 3, JsonProblem::More);
    check("nullx", 1, 5, JsonProblem::More);
    check("-", 1, 1, JsonProblem::Number);
    check("01", 1, 1, JsonProblem::Number);
    check("1.", 1, 1, JsonProblem::Number);
    check(".5", 1, 1, JsonProblem::Value);
    check("1e", 1, 1, JsonProblem::Number);
    check("-Infinity", 1, 1, JsonProblem::Number);
    check("0x10", 1, 2, JsonProblem::Number);
    check("\"\\x41\"", 1, 2, JsonProblem::Escape);
    check("\"\\u00g0\"", 1, 2, JsonProblem::Escape);
    check("\"\\u12\"", 1, 2, JsonProblem::Escape);
    check("\"a\nb\"", 1, 3, JsonProblem::Control);
    check("\"\u{1}\"", 1, 2, JsonProblem::Control);
    check("\"\\ud800\"", 1, 2, JsonProblem::Surrogate);
    check("\"\\ud800\\u0041\"", 1, 2, JsonProblem::Surrogate);
    check("\"\\udc00\\ud800\"", 1, 2, JsonProblem::Surrogate);
    check("{\"a\":1,\"\\u0061\":2}", 1, 8, JsonProblem::Twice);
    check("{\"b\":1,\"a\":1,\"c\":{\"x\":1},\n\"b\":2}", 2, 1, JsonProblem::Twice);
    let error = Json::parse(b"[\"a\", \"\xff\"]").unwrap_err();
    assert_eq!((error.problem(), error.offset()), (JsonProblem::Unicode, Some(7)));
    // An overlong slash, and half of a surrogate pair as UTF-8 would have it.
    for bytes in [&b"\"\xc0\xaf\""[..], b"\"\xed\xa0\x80\""] {
        assert_eq!(Json::parse(bytes).unwrap_err().problem(), JsonProblem::Unicode);
    }
}

#[test]
fn depth_is_limited_and_no_input_overflows_the_stack() {
    let nested = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    let run = move || {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deepest = Json::parse(nested(open, "1", close, form::DEPTH_MAX)).expect("as deep as may be");
            assert!(deepest.with_cell(Json::read).is_ok());
            assert_eq!(Json::array([deepest.clone()]).unwrap_err().problem(), JsonProblem::Deep);
            assert_eq!(Json::object([("a", deepest)]).unwrap_err().problem(), JsonProblem::Deep);
            for depth in [form::DEPTH_MAX + 1, 1_000_000] {
                let error = Json::parse(nested(open, "1", close, depth)).unwrap_err();
                assert_eq!(error.problem(), JsonProblem::Deep);
                assert_eq!(error.offset(), Some(form::DEPTH_MAX * open.len()));
                assert_eq!(Json::parse(open.repeat(depth)).unwrap_err().problem(), JsonProblem::Deep);
                // A cell of a file that was made by something else.
                assert!(!form::is_valid(nested(open, "1", close, depth).as_bytes()));
                let _ = form::len(nested(open, "1", close, depth).as_bytes());
            }
        }
    };
    // As little stack as a thread of a small service has.
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn huge_numbers_keep_their_digits_and_are_no_others() {
    let long = "9".repeat(100_000);
    for text in ["1e999999999999", "-1e400", &long, "9223372036854775808"] {
        let json = Json::parse(text).unwrap();
        assert_eq!(json.text(), text);
        assert_eq!(json.as_i64(), None);
    }
    assert_eq!(Json::parse("1e400").unwrap().as_f64(), None);
    assert_eq!(Json::parse(&long).unwrap().as_f64(), None);
    assert_eq!(Json::parse("1e-400").unwrap().as_f64(), Some(0.0));
    assert_eq!(Json::parse("-9223372036854775808").unwrap().as_i64(), Some(i64::MIN));
    assert_eq!(Json::parse("1.0").unwrap().as_i64(), None);
    assert_ne!(Json::parse("1.0"), Json::parse("1"));
    assert_eq!(Json::from(u128::MAX).text(), u128::MAX.to_string());
    assert_eq!(Json::try_from(1e300).unwrap().as_f64(), Some(1e300));
    assert_eq!(Json::try_from(-0.0).unwrap().text(), "-0");
    assert_eq!(Json::try_from(f64::NAN).unwrap_err().problem(), JsonProblem::Infinite);
}

#[test]
fn other_forms_are_no_cells() {
    for text in [
        "",
        " 1",
        "1 ",
        "01",
        "1.",
        "+1",
        "{\"b\":1,\"a\":1}",
        "{\"a\":1,\"a\":1}",
        "[1,]",
        "[1",
        "\"\\/\"",
        "\"\\u000a\"",
        "\"\\u0041\"",
        "\"\\u001F\"",
        "\"\n\"",
        "nul",
        "{1:2}",
        "[}",
        "1]",
        "{\"a\":1,}",
    ] {
        assert!(!form::is_valid(text.as_bytes()), "{text}");
        assert!(Json::read(Some(text.as_bytes())).is_err(), "{text}");
        assert_eq!(crate::value::Scalar::from_cell(crate::value::Type::Json, Some(text.as_bytes())), None);
    }
    assert!(Json::read(None).is_err());
    assert_eq!(Option::<Json>::read(None), Ok(None));
    assert_eq!(Option::<Json>::read(Some(b"null")), Ok(Some(Json::null())));
}

#[test]
fn objects_have_each_name_once() {
    let twice = Json::object([("a", Json::null()), ("b", Json::null()), ("a", Json::null())]);
    assert_eq!(twice.unwrap_err().to_string(), "no JSON: a member of this name is there already");
    assert_eq!(Json::object::<&str>([]).unwrap().text(), "{}");
    assert_eq!(Json::array([]).unwrap().text(), "[]");
    assert_eq!(Json::from(None::<i32>), Json::default());
    assert_eq!("[true]".parse::<Json>().unwrap().get("[0]"), Some(Json::from(true)));
}
