//! [`Json`]: a value of JSON, kept as the text that its cell is.
//!
//! - [`form`] has the one form of each value, so that equal values are equal bytes, and what is found in it.
//! - `parse` makes that form of any text of JSON, or says where it is none.
//! - [`path`] has the steps of `tags[0].name`.
//!
//! A [`Json`] holds nothing but the form, so that none can be stored that is not JSON.

pub mod form;
mod parse;
pub mod path;
#[cfg(all(test, not(feature = "small")))]
pub(crate) mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

pub use parse::{JsonError, JsonProblem};

use path::Step;

/// A value of JSON: null, a boolean, a number, a string, an array or an object.
///
/// Two are equal when they say the same: the order of an object's members, white space, and how characters are escaped make no
/// difference. Numbers keep their digits, all of them, and are equal when those are: `1` and `1.0` differ. The order of values is
/// one to sort by, and tells nothing else.
///
/// A field of type `Json` is compared and selected like any other; [`query`](crate::query) has what looks into one. Two things
/// differ: `None` in a field of type `Option<Json>`, which has no value, and [`Json::null`], which is one.
///
/// # Examples
///
/// ```
/// use epilog::Json;
/// use epilog::prelude::*;
///
/// #[derive(Collection, Clone, Debug, PartialEq)]
/// struct Event {
///     id: Id<Event>,
///     data: Json,
/// }
///
/// epilog::schema!(Events { Event });
///
/// let db = Events::in_memory()?;
/// let data = Json::parse(r#"{ "kind": "made", "size": 3, "tags": ["new", "big"] }"#)?;
/// db.write(|tx| tx.insert(&Event { id: Id::auto(), data: data.clone() }))?;
///
/// let big = Event::query().filter(|e| e.data.get("size").as_i64().gt(2)).select(|e| e.data.get("tags[1]"));
/// assert_eq!(big.one(&db)?, Some(Json::from("big")));
/// assert_eq!(data.to_string(), r#"{"kind":"made","size":3,"tags":["new","big"]}"#);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json {
    text: String,
}

impl Json {
    /// Reads JSON, as RFC 8259 has it.
    ///
    /// # Errors
    ///
    /// [`JsonError`] with the line and column where the text is none, where a name is in an object twice, where half of a
    /// surrogate pair is escaped, and where more than 127 arrays and objects are inside each other.
    ///
    /// # Examples
    ///
    /// ```
    /// # use epilog::Json;
    /// assert_eq!(Json::parse(" [1, 2] ")?, Json::parse("[1,2]")?);
    /// assert_eq!(
    ///     Json::parse("[1, 2").unwrap_err().to_string(),
    ///     "no JSON in line 1, column 6: the text ends where more should follow"
    /// );
    /// # Ok::<(), epilog::value::JsonError>(())
    /// ```
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Json, JsonError> {
        parse::parse(text.as_ref()).map(Json::of_form)
    }

    /// The value null.
    pub fn null() -> Json {
        Json { text: String::from("null") }
    }

    /// An array.
    ///
    /// # Errors
    ///
    /// [`JsonError`] when more than 127 arrays and objects would be inside each other.
    ///
    /// # Examples
    ///
    /// ```
    /// # use epilog::Json;
    /// assert_eq!(Json::array([Json::from(1), Json::null()])?, Json::parse("[1, null]")?);
    /// # Ok::<(), epilog::value::JsonError>(())
    /// ```
    pub fn array(items: impl IntoIterator<Item = Json>) -> Result<Json, JsonError> {
        let mut text = Vec::from(b"[");
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            text.extend_from_slice(item.text.as_bytes());
        }
        text.push(b']');
        Json::of_depth(text)
    }

    /// An object.
    ///
    /// # Errors
    ///
    /// [`JsonError`] when a name is there twice, or more than 127 arrays and objects would be inside each other.
    ///
    /// # Examples
    ///
    /// ```
    /// # use epilog::Json;
    /// let point = Json::object([("y", Json::from(2)), ("x", Json::from(1))])?;
    /// assert_eq!(point.to_string(), r#"{"x":1,"y":2}"#);
    /// # Ok::<(), epilog::value::JsonError>(())
    /// ```
    pub fn object<N: AsRef<str>>(members: impl IntoIterator<Item = (N, Json)>) -> Result<Json, JsonError> {
        let mut text = Vec::from(b"{");
        let mut places = Vec::new();
        for (at, (name, value)) in members.into_iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            let start = text.len();
            form::append_string(&mut text, name.as_ref());
            let name_end = text.len();
            text.push(b':');
            text.extend_from_slice(value.text.as_bytes());
            places.push((start, name_end, text.len()));
        }
        form::order_members(&mut text, 1, &places)
            .map_err(|_| JsonError { place: None, problem: JsonProblem::Twice })?;
        text.push(b'}');
        Json::of_depth(text)
    }

    /// The value of a text that is in form.
    fn of_form(text: Vec<u8>) -> Json {
        Json { text: String::from_utf8(text).expect("the parts of texts are texts") }
    }

    /// The value of a text that is in form, but perhaps too deep.
    fn of_depth(text: Vec<u8>) -> Result<Json, JsonError> {
        match form::is_valid(&text) {
            true => Ok(Json::of_form(text)),
            false => Err(JsonError { place: None, problem: JsonProblem::Deep }),
        }
    }

    /// The value of a cell; `None` when that is none.
    #[cfg(not(feature = "small"))]
    pub(crate) fn from_cell(cell: &[u8]) -> Option<Json> {
        form::is_valid(cell).then(|| Json::of_form(cell.to_vec()))
    }

    /// The text, without white space, the members of objects in order.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn part(&self, (start, end): (usize, usize)) -> Json {
        Json { text: String::from(&self.text[start..end]) }
    }

    /// The value at a path: names of members behind points, and numbers of items, from 0, in brackets. `None` where that leads
    /// nowhere, and where brackets are otherwise: a name that has some, or points, is for [`member`](Json::member).
    ///
    /// # Examples
    ///
    /// ```
    /// # use epilog::Json;
    /// let order = Json::parse(r#"{ "items": [{ "name": "tea" }] }"#)?;
    /// assert_eq!(order.get("items[0].name"), Some(Json::from("tea")));
    /// assert_eq!(order.get("items[1]"), None);
    /// assert_eq!(order.get("items[first]"), None);
    /// # Ok::<(), epilog::value::JsonError>(())
    /// ```
    pub fn get(&self, path: &str) -> Option<Json> {
        let (mut start, mut end) = (0, self.text.len());
        for step in path::steps(path) {
            let own = &self.text.as_bytes()[start..end];
            let (from, to) = match step? {
                Step::Member(name) => form::member(own, name)?,
                Step::Item(number) => form::item(own, number)?,
            };
            (start, end) = (start + from, start + to);
        }
        Some(self.part((start, end)))
    }

    /// An object's member of this name; `None` where there is none.
    pub fn member(&self, name: &str) -> Option<Json> {
        form::member(self.text.as_bytes(), name).map(|place| self.part(place))
    }

    /// An array's items; none of anything else.
    pub fn items(&self) -> impl Iterator<Item = Json> + '_ {
        form::items(self.text.as_bytes()).map(|place| self.part(place))
    }

    /// The members of an object, in the order of their names; none of anything else.
    ///
    /// # Examples
    ///
    /// ```
    /// # use epilog::Json;
    /// let names = |json: &Json| json.members().map(|(name, _)| name).collect::<Vec<_>>();
    /// assert_eq!(names(&Json::parse(r#"{ "b": 1, "a": 2 }"#)?), ["a", "b"]);
    /// # Ok::<(), epilog::value::JsonError>(())
    /// ```
    pub fn members(&self) -> impl Iterator<Item = (String, Json)> + '_ {
        form::members(self.text.as_bytes())
            .map(|(name, place)| (form::as_text(name).unwrap_or_default(), self.part(place)))
    }

    /// How many items an array, or members an object, has; `None` of all else.
    #[allow(clippy::len_without_is_empty, reason = "most values have no length")]
    pub fn len(&self) -> Option<u64> {
        form::len(self.text.as_bytes())
    }

    /// What it is: `"null"`, `"boolean"`, `"number"`, `"string"`, `"array"` or `"object"`.
    pub fn kind(&self) -> &'static str {
        form::kind(self.text.as_bytes())
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.text == "null"
    }

    /// The text, where it is a string.
    pub fn as_str(&self) -> Option<String> {
        form::as_text(self.text.as_bytes())
    }

    /// The number, where it is an integer of 64 bits, written without a point or an exponent.
    pub fn as_i64(&self) -> Option<i64> {
        form::as_i64(self.text.as_bytes())
    }

    /// The nearest float, where it is a number, and not beyond the greatest float.
    pub fn as_f64(&self) -> Option<f64> {
        form::as_f64(self.text.as_bytes())
    }

    /// The truth, where it is `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        form::as_bool(self.text.as_bytes())
    }
}

impl Default for Json {
    /// The value null.
    fn default() -> Json {
        Json::null()
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Json {
    type Err = JsonError;

    fn from_str(text: &str) -> Result<Json, JsonError> {
        Json::parse(text)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        let mut form = Vec::with_capacity(text.len() + 2);
        form::append_string(&mut form, text);
        Json::of_form(form)
    }
}

impl From<String> for Json {
    fn from(text: String) -> Json {
        Json::from(text.as_str())
    }
}

macro_rules! as_written {
    ($($value:ty)*) => {$(
        impl From<$value> for Json {
            fn from(value: $value) -> Json {
                Json { text: alloc::format!("{value}") }
            }
        }
    )*};
}

as_written!(bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128);

impl TryFrom<f64> for Json {
    type Error = JsonError;

    /// The shortest number that is read as the float.
    fn try_from(float: f64) -> Result<Json, JsonError> {
        match float.is_finite() {
            true => Ok(Json { text: alloc::format!("{float}") }),
            false => Err(JsonError { place: None, problem: JsonProblem::Infinite }),
        }
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    /// Null for `None`.
    fn from(value: Option<T>) -> Json {
        value.map_or_else(Json::null, T::into)
    }
}

#[cfg(not(feature = "small"))]
mod stored {
    use super::Json;
    use crate::value::{Cell, DecodeError, Scalar, Type, Value};

    #[diagnostic::do_not_recommend]
    impl Value for Json {
        const TYPE: Type = Type::Json;
        type Optional = Option<Json>;
        type Required = Json;

        fn with_cell<R>(&self, then: impl FnOnce(Cell<'_>) -> R) -> R {
            then(Some(self.text.as_bytes()))
        }

        fn read(cell: Cell<'_>) -> Result<Self, DecodeError> {
            cell.and_then(Json::from_cell).ok_or(DecodeError { ty: Type::Json })
        }

        fn to_scalar(&self) -> Scalar {
            Scalar::String(self.text.clone())
        }
    }
}
