//! What the reference makes of JSON: trees, searched one member after the other, and written again.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Function, Scalar, Type};

/// Values that members and items of each other are found in, and some that are alike but not equal.
pub(super) const VALUES: [&str; 14] = [
    "null",
    "true",
    "3",
    "3.0",
    "-1e400",
    "\"a\"",
    "\"\\u0001\\n\\\"Ä\"",
    "[]",
    "{}",
    "[3,\"a\",null,[false]]",
    "[{\"a\":3},3]",
    "{\"a\":\"a\",\"b\":[3,{}]}",
    "{\"a\":{\"a\":true,\"b\":null},\"Ä\":-2}",
    "{\"\":2.5,\"a\\\"b\":3,\"b\":\"]}\"}",
];

/// Names that some of them have.
pub(super) const NAMES: [&str; 5] = ["a", "b", "Ä", "a\"b", ""];

/// A value as a tree; numbers as they are written.
#[derive(Clone, PartialEq)]
enum Tree {
    Word(String),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// Reads a value that is known to be JSON, without spaces.
fn read(text: &mut core::iter::Peekable<core::str::Chars<'_>>) -> Tree {
    match text.peek().expect("a value") {
        '"' => Tree::Text(read_text(text)),
        '[' => {
            text.next();
            let mut items = Vec::new();
            while text.peek() != Some(&']') {
                text.next_if_eq(&',');
                items.push(read(text));
            }
            text.next();
            Tree::Array(items)
        }
        '{' => {
            text.next();
            let mut members = Vec::new();
            while text.peek() != Some(&'}') {
                text.next_if_eq(&',');
                let name = read_text(text);
                assert_eq!(text.next(), Some(':'));
                members.push((name, read(text)));
            }
            text.next();
            Tree::Object(members)
        }
        _ => {
            let mut word = String::new();
            while let Some(char) = text.next_if(|char| !matches!(char, ',' | ']' | '}')) {
                word.push(char);
            }
            Tree::Word(word)
        }
    }
}

fn read_text(text: &mut core::iter::Peekable<core::str::Chars<'_>>) -> String {
    assert_eq!(text.next(), Some('"'));
    let mut out = String::new();
    loop {
        match text.next().expect("the end of a text") {
            '"' => return out,
            '\\' => out.push(match text.next().expect("an escape") {
                'n' => '\n',
                'u' => {
                    let digits: String = text.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).expect("digits")).expect("a character")
                }
                other => other,
            }),
            other => out.push(other),
        }
    }
}

fn write(tree: &Tree) -> String {
    match tree {
        Tree::Word(word) => word.clone(),
        Tree::Text(text) => {
            // The only control characters that there are here.
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("\"{}\"", text.replace('\u{1}', "\\u0001"))
        }
        Tree::Array(items) => format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(",")),
        Tree::Object(members) => {
            let member = |(name, value): &(String, Tree)| {
                format!("{}:{}", write(&Tree::Text(name.clone())), write(value))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
    }
}

/// Whether a function is one of JSON.
pub(super) fn asks_json(function: Function) -> bool {
    use Function as F;
    matches!(
        function,
        F::JsonMember
            | F::JsonItem
            | F::JsonAs(_)
            | F::JsonAsOrFail(_)
            | F::JsonLen
            | F::JsonKind
            | F::JsonKeys
            | F::JsonHas
            | F::JsonContains
    )
}

/// What a function of JSON gives; `None` for one that is none.
pub(super) fn call(function: Function, arguments: &[Scalar]) -> Option<super::Value> {
    use Function as F;
    let (Some(Scalar::String(text)), second) = (arguments.first(), arguments.get(1)) else { return None };
    if !asks_json(function) {
        return None;
    }
    let tree = read(&mut text.chars().peekable());
    let found = |tree: Option<&Tree>| tree.map_or(Scalar::Null, |tree| Scalar::String(write(tree)));
    let count = |count: usize| Scalar::Int(count as i128);
    let cast = |to: Type| match (&tree, to) {
        (Tree::Text(text), Type::String) => Scalar::String(text.clone()),
        (Tree::Word(word), Type::I64) => {
            word.parse::<i64>().map_or(Scalar::Null, |value| Scalar::Int(value.into()))
        }
        (Tree::Word(word), Type::F64) => {
            word.parse().ok().filter(|value: &f64| value.is_finite()).map_or(Scalar::Null, Scalar::Float)
        }
        (Tree::Word(word), Type::Bool) => word.parse().map_or(Scalar::Null, Scalar::Bool),
        _ => Scalar::Null,
    };
    let member = |name: &Scalar| match (&tree, name) {
        (Tree::Object(members), Scalar::String(name)) => {
            members.iter().find(|(own, _)| own == name).map(|(_, value)| value)
        }
        _ => None,
    };
    Some(Ok(match (function, second) {
        (F::JsonMember, Some(name)) => found(member(name)),
        (F::JsonHas, Some(name)) => Scalar::Bool(member(name).is_some()),
        (F::JsonItem, Some(Scalar::Int(number))) => match &tree {
            Tree::Array(items) => found(items.get(*number as usize)),
            _ => Scalar::Null,
        },
        (F::JsonAs(to), _) => cast(to),
        (F::JsonAsOrFail(to), _) => match cast(to) {
            Scalar::Null => return Some(Err(())),
            value => value,
        },
        (F::JsonLen, _) => match &tree {
            Tree::Array(items) => count(items.len()),
            Tree::Object(members) => count(members.len()),
            _ => Scalar::Null,
        },
        (F::JsonKind, _) => {
            let kind = match &tree {
                Tree::Word(word) if word == "null" => "null",
                Tree::Word(word) if word == "true" || word == "false" => "boolean",
                Tree::Word(_) => "number",
                Tree::Text(_) => "string",
                Tree::Array(_) => "array",
                Tree::Object(_) => "object",
            };
            Scalar::String(kind.to_string())
        }
        (F::JsonKeys, _) => match &tree {
            Tree::Object(members) => {
                let names: Vec<Scalar> =
                    members.iter().map(|(name, _)| Scalar::String(name.clone())).collect();
                Scalar::list(Type::String, &names).expect("a list of texts")
            }
            _ => Scalar::Null,
        },
        (F::JsonContains, Some(Scalar::String(other))) => {
            let other = read(&mut other.chars().peekable());
            Scalar::Bool(matches!(&tree, Tree::Array(items) if items.contains(&other)))
        }
        other => unreachable!("{other:?} is not made here"),
    }))
}

#[test]
fn the_values_are_in_form() {
    for value in VALUES {
        assert!(crate::value::json::form::is_valid(value.as_bytes()), "{value}");
        assert_eq!(write(&read(&mut value.chars().peekable())), value);
    }
}
