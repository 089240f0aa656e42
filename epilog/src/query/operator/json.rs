//! What queries ask of JSON.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Operand, methods};
use crate::collection::Expr;
use crate::expr::{BinaryOp, Expression as Node, Function};
use crate::value::json::path::{Step, steps};
use crate::value::{Json, Scalar, Type};

/// The value at the end of a path.
fn follow(from: Node, path: &str) -> Node {
    let text = |text: &str| Node::literal(Scalar::String(String::from(text)), Type::String);
    // An expression cannot fail where it is built: the path is refused when the query is planned.
    if steps(path).any(|step| step.is_none()) {
        return from.call(Function::JsonMalformed, [text(path)]);
    }
    steps(path).flatten().fold(from, |node, step| match step {
        Step::Member(name) => node.call(Function::JsonMember, [text(name)]),
        Step::Item(number) => {
            node.call(Function::JsonItem, [Node::literal(Scalar::Int(number.into()), Type::U64)])
        }
    })
}

/// False where there is nothing to ask.
fn or_false(test: Node) -> Node {
    test.binary(BinaryOp::OrElse, Node::literal(Scalar::Bool(false), Type::Bool))
}

/// The methods of JSON, and of what may be absent; behind it, texts, integers, floats and booleans as optional as it is.
macro_rules! json {
    ($json:ty: $text:ty, $integer:ty, $float:ty, $bool:ty) => {
        methods! {
            [$json]

            /// The value at a path: names of members behind points, and numbers of items, from 0, in brackets. `None` where that
            /// leads nowhere. A name that has points or brackets is for [`member`](Self::member): a path that has brackets without
            /// a number in them, or something right behind them, is refused when the query is planned, by an error of kind
            /// [`Plan`](crate::ErrorKind::Plan) that names it.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let firsts = Event::query().select(|e| e.data.get("tags[0].name").as_str()).all(&db)?;
            /// assert_eq!(firsts, [Some("new".to_string()), None, None]);
            /// assert_eq!(Event::query().filter(|e| e.data.get("size").as_i64().gt(2)).count(&db)?, 1);
            ///
            /// let error = Event::query().select(|e| e.data.get("tags[first].name")).all(&db).unwrap_err();
            /// assert!(error.to_string().starts_with("`tags[first].name` is no path of JSON"));
            /// # Ok::<(), Error>(())
            /// ```
            pub fn get(self, path: &str) -> Expr<S, Option<Json>> {
                Expr::new(follow(self.erase(), path))
            }

            /// An object's member of this name; `None` where there is none.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let sizes = Event::query().select(|e| e.data.member("size")).all(&db)?;
            /// assert_eq!(sizes, [Some(Json::from(3)), Some(Json::parse("0.5")?), None]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn member(self, name: impl Operand<String, S>) -> Expr<S, Option<Json>> {
                Expr::new(self.erase().call(Function::JsonMember, [name.into_expression()]))
            }

            /// An array's item with this number, counted from 0; `None` where there is none.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let second = Event::query().select(|e| e.extra.item(1)).all(&db)?;
            /// assert_eq!(second, [Some(Json::from(2)), None, None]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn item(self, number: impl Operand<u64, S>) -> Expr<S, Option<Json>> {
                Expr::new(self.erase().call(Function::JsonItem, [number.into_expression()]))
            }

            /// The text, where it is a string; `None` of all else.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let kinds = Event::query().select(|e| e.data.get("kind").as_str()).all(&db)?;
            /// assert_eq!(kinds, [Some("made".to_string()), Some("\"lost\"".into()), None]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn as_str(self) -> Expr<S, Option<String>> {
                Expr::new(self.erase().call(Function::JsonAs(Type::String), []))
            }

            /// The number, where it is an integer of 64 bits, written without a point or an exponent; `None` of all else.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let sizes = Event::query().select(|e| e.data.get("size").as_i64()).all(&db)?;
            /// assert_eq!(sizes, [Some(3), None, None]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn as_i64(self) -> Expr<S, Option<i64>> {
                Expr::new(self.erase().call(Function::JsonAs(Type::I64), []))
            }

            /// The nearest float, where it is a number, and not beyond the greatest float; `None` of all else.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let sizes = Event::query().select(|e| e.data.get("size").as_f64()).all(&db)?;
            /// assert_eq!(sizes, [Some(3.0), Some(0.5), None]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn as_f64(self) -> Expr<S, Option<f64>> {
                Expr::new(self.erase().call(Function::JsonAs(Type::F64), []))
            }

            /// The truth, where it is `true` or `false`; `None` of all else.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// assert_eq!(Event::query().filter(|e| e.data.get("tags[0].main").as_bool().eq(true)).count(&db)?, 1);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn as_bool(self) -> Expr<S, Option<bool>> {
                Expr::new(self.erase().call(Function::JsonAs(Type::Bool), []))
            }

            /// The text, as by [`as_str`](Self::as_str); of a value that is no string, null among them, an error of kind
            /// [`Arithmetic`](crate::ErrorKind::Arithmetic) if the row comes out. Absent where there is no value.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let kinds = Event::query().select(|e| e.data.get("kind").str_or_fail()).all(&db)?;
            /// assert_eq!(kinds, [Some("made".to_string()), Some("\"lost\"".into()), None]);
            /// let error = Event::query().select(|e| e.data.get("size").str_or_fail()).all(&db).unwrap_err();
            /// assert_eq!(error.to_string(), "str_or_fail of 3 (Json) is no string");
            /// # Ok::<(), Error>(())
            /// ```
            pub fn str_or_fail(self) -> Expr<S, $text> {
                Expr::new(self.erase().call(Function::JsonAsOrFail(Type::String), []))
            }

            /// The number, as by [`as_i64`](Self::as_i64); of a value that is none, null among them, an error of kind
            /// [`Arithmetic`](crate::ErrorKind::Arithmetic) if the row comes out. Absent where there is no value.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let made = Event::query().filter(|e| e.data.get("kind").as_str().eq("made"));
            /// assert_eq!(made.select(|e| e.data.get("size").i64_or_fail()).all(&db)?, [Some(3)]);
            /// let error = Event::query().select(|e| e.data.get("size").i64_or_fail()).all(&db).unwrap_err();
            /// assert_eq!(error.to_string(), "i64_or_fail of 0.5 (Json) is no integer of 64 bits");
            /// # Ok::<(), Error>(())
            /// ```
            pub fn i64_or_fail(self) -> Expr<S, $integer> {
                Expr::new(self.erase().call(Function::JsonAsOrFail(Type::I64), []))
            }

            /// The number, as by [`as_f64`](Self::as_f64); of a value that is none, null among them, an error of kind
            /// [`Arithmetic`](crate::ErrorKind::Arithmetic) if the row comes out. Absent where there is no value.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let sizes = Event::query().select(|e| e.data.get("size").f64_or_fail()).all(&db)?;
            /// assert_eq!(sizes, [Some(3.0), Some(0.5), None]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn f64_or_fail(self) -> Expr<S, $float> {
                Expr::new(self.erase().call(Function::JsonAsOrFail(Type::F64), []))
            }

            /// The truth, as by [`as_bool`](Self::as_bool); of a value that is none, null among them, an error of kind
            /// [`Arithmetic`](crate::ErrorKind::Arithmetic) if the row comes out. Absent where there is no value.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let main = Event::query().select(|e| e.data.get("tags[0].main").bool_or_fail()).all(&db)?;
            /// assert_eq!(main, [Some(true), None, None]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn bool_or_fail(self) -> Expr<S, $bool> {
                Expr::new(self.erase().call(Function::JsonAsOrFail(Type::Bool), []))
            }

            /// How many items an array, or members an object, has; `None` of all else.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let lens = Event::query().select(|e| (e.data.len(), e.extra.len())).all(&db)?;
            /// assert_eq!(lens, [(Some(3), Some(2)), (Some(2), None), (None, None)]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn len(self) -> Expr<S, Option<u64>> {
                Expr::new(self.erase().call(Function::JsonLen, []))
            }

            /// What it is: `"null"`, `"boolean"`, `"number"`, `"string"`, `"array"` or `"object"`; absent where there is no value.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let kinds: Vec<(String, Option<String>)> = Event::query().select(|e| (e.data.kind(), e.extra.kind())).all(&db)?;
            /// assert_eq!(kinds[0], ("object".to_string(), Some("array".to_string())));
            /// assert_eq!(kinds[2], ("null".to_string(), None));
            /// # Ok::<(), Error>(())
            /// ```
            pub fn kind(self) -> Expr<S, $text> {
                Expr::new(self.erase().call(Function::JsonKind, []))
            }

            /// Whether it is the value null; false where there is no value.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// assert_eq!(Event::query().filter(|e| e.extra.is_null()).count(&db)?, 1);
            /// assert_eq!(Event::query().filter(|e| e.extra.is_none()).count(&db)?, 1);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn is_null(self) -> Expr<S, bool> {
                let null = Node::literal(Scalar::String(String::from("null")), Type::Json);
                Expr::new(self.erase().binary(BinaryOp::Eq, null))
            }

            /// The names of an object's members, in the order of their bytes as JSON writes them; `None` of all else.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// let keys = Event::query().select(|e| e.data.keys()).first(&db)?.flatten();
            /// assert_eq!(keys, Some(["kind", "size", "tags"].map(String::from).to_vec()));
            /// assert_eq!(Event::query().filter(|e| e.data.keys().contains("size")).count(&db)?, 2);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn keys(self) -> Expr<S, Option<Vec<String>>> {
                Expr::new(self.erase().call(Function::JsonKeys, []))
            }

            /// Whether it is an object with a member of this name; false where there is no value.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// assert_eq!(Event::query().filter(|e| e.data.has_key("tags")).count(&db)?, 1);
            /// assert_eq!(Event::query().filter(|e| !e.extra.has_key("tags")).count(&db)?, 3);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn has_key(self, name: impl Operand<String, S>) -> Expr<S, bool> {
                Expr::new(or_false(self.erase().call(Function::JsonHas, [name.into_expression()])))
            }

            /// Whether it is an array, and an item of it equals the value; false where there is no value.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_json.txt")]
            /// assert_eq!(Event::query().filter(|e| e.extra.contains(Json::from(2))).count(&db)?, 1);
            /// assert_eq!(Event::query().filter(|e| e.data.contains(Json::from(2))).count(&db)?, 0);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn contains(self, value: impl Operand<Json, S>) -> Expr<S, bool> {
                Expr::new(or_false(self.erase().call(Function::JsonContains, [value.into_expression()])))
            }
        }
    };
}

json!(Json: String, i64, f64, bool);
json!(Option<Json>: Option<String>, Option<i64>, Option<f64>, Option<bool>);
