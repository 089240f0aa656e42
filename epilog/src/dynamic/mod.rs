//! Queries whose collections and fields are named when the program runs: for servers, studios and tools, which learn what to ask
//! from somebody else.
//!
//! ```
//! use epilog::dynamic::{Collections, count, field, pointing, sum};
#![doc = include_str!("../example.txt")]
//! let collections = Collections::of::<Music>();
//! let long = collections
//!     .query("Track")
//!     .filter(field("seconds").gt(240) & field("album.artist.name").eq("Iron Maiden"))
//!     .order_by([field("seconds").desc()])
//!     .select(["name", "album.title"]);
//! let rows = long.all(&db)?;
//! assert_eq!(rows.len(), 2);
//! assert_eq!(rows[0].get::<String>("name")?, "Aces High");
//! assert_eq!(rows[0].at::<String>(1)?, "Powerslave");
//!
//! let per_artist = collections
//!     .query("Track")
//!     .group_by([field("album.artist.name").named("artist")])
//!     .having(count().gt(1))
//!     .select([field("artist").into(), sum(field("seconds")).named("seconds")]);
//! let row = per_artist.one(&db)?;
//! assert_eq!((row.get::<String>("artist")?, row.get::<i64>("seconds")?), ("Iron Maiden".into(), 690));
//!
//! // The other side of a relation, and whole records.
//! let without = collections.query("Artist").filter(pointing("Album", "artist").is_empty());
//! assert_eq!(without.one(&db)?.get::<String>("name")?, "Zappa");
//!
//! // What is wrong is told with its clause, and what there is.
//! let error = collections.query("Track").filter(field("secnds").gt(240)).check().unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Plan);
//! assert_eq!(
//!     error.to_string(),
//!     "`filter`, clause 1 of the query over `Track`: `Track` has no field `secnds`: is it `seconds`? there is `id`, `name`, \
//!      `album`, `seconds`, `composer` in `secnds`"
//! );
//! # Ok::<(), Error>(())
//! ```
//!
//! A query says what a typed one does ([`query`](crate::query) has the meaning of every clause), makes the same draft, and is planned
//! and carried out in the same way. What differs:
//!
//! - **Names are looked up, and types checked, when a clause is given.** The first problem stays with the query, each terminal gives it as an
//!   error, and [`DynamicQuery::check`] before.
//! - **A literal takes the type of what it stands beside** where that has its value: an integer that of any integer, float, decimal or id, a float that of
//!   `f32`, a text of one character that of a `char`. Where it has not it is an error, as it is for other types: dates, `Uuid`s and decimals
//!   are told by their Rust values. [`literal`] has a type of its own.
//! - **A text alone names a field** where columns, keys, orders and what is added up are given: `select(["name"])`, `sum("seconds")`, `partition_by(["album"])`. Beside
//!   an expression it is a literal: `field("name").eq("Crusader")`.
//! - **Sources have names**: that of the collection for the first ([`DynamicQuery::named`] gives another), and for others those that their clause
//!   gives. A field is named alone where only one source has it, and otherwise with its source: `b.title`, `of("b").field("title")`.
//! - **Values have names** too: keys of groups, values of windows and of queries that were joined, and, behind `distinct`, `common`, sets and recursions, what was selected. A field has its
//!   path, and `named` gives any; what has none is known by its place in a [`Row`] only.
//!
//! Not said by names: tests in the program's own code (`filter_fn`), `with`, `page`, `watch`, `for_each`, parameters, recursion along a relation (`recursive`; `recursive_with` is), and changes.
//!
//! # How it is made
//!
//! ```text
//! expression, records, window   what is said, as data
//! scope, resolve, literal       what it means where it is said: operations and types
//! query                         the draft grows by one clause
//! run, row                      terminals, and what comes out
//! ```
//!
//! A type whose plain name belongs to a typed one begins with `Dynamic`: rustc says `Query` in its errors, and not `epilog::Query`,
//! as long as one type alone is called so.

mod expression;
mod function;
mod literal;
mod problem;
mod query;
mod records;
mod resolve;
mod row;
mod run;
mod scope;
mod window;

#[cfg(all(test, feature = "derive", feature = "std"))]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

pub use expression::{
    DynamicExpression, Item, Of, Subject, Term, array_agg, avg, call, count, count_distinct, count_of,
    element, field, literal, max, median, min, none, none_of, of, record, scalar, stddev, string_agg, sum,
    variance,
};
pub(crate) use problem::Problem;
pub use query::DynamicQuery;
pub use records::{Records, from, pointing};
pub use row::{Cell, Record, Row};
pub use run::DynamicStream;
pub use window::{Distance, DynamicWindow, WindowValue};

use crate::collection::Schema;
use crate::schema::DatabaseSchema;
use crate::value::Type;

/// The collections of a schema, by their names.
///
/// # Examples
///
/// ```
/// use epilog::dynamic::Collections;
#[doc = include_str!("../example.txt")]
/// let collections = Collections::of::<Music>();
/// assert_eq!(collections.names().collect::<Vec<_>>(), ["Artist", "Album", "Track"]);
/// let fields = collections.fields("Album")?;
/// assert_eq!(fields[2].name, "artist");
/// assert_eq!(fields[2].points_at, Some("Artist"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Collections {
    database: &'static DatabaseSchema,
}

/// What is known of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldOf {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Whether it is an `Option`.
    pub optional: bool,
    /// The collection that it points at, if it is a relation.
    pub points_at: Option<&'static str>,
}

impl Collections {
    /// Those of schema `D`.
    pub fn of<D: Schema>() -> Collections {
        Collections { database: D::database() }
    }

    /// Those of a schema that tests have made.
    #[cfg(test)]
    pub(crate) fn of_schema(database: &'static DatabaseSchema) -> Collections {
        Collections { database }
    }

    /// Their names, in the order that they were declared in.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.database.collections.iter().map(|collection| collection().name)
    }

    /// The fields of a collection, in the order declared.
    ///
    /// # Errors
    ///
    /// [`Plan`](crate::ErrorKind::Plan) when there is no such collection.
    pub fn fields(self, collection: impl Into<String>) -> Result<Vec<FieldOf>, crate::Error> {
        let found = scope::collection(self.database, &collection.into()).map_err(crate::Error::dynamic)?;
        let fields = found().fields.iter().map(|field| FieldOf {
            name: field.name,
            ty: field.ty,
            optional: field.optional,
            points_at: field.reference.map(|reference| (reference.target)().name),
        });
        Ok(fields.collect())
    }

    /// A query over all records of a collection.
    pub fn query(self, collection: impl Into<String>) -> DynamicQuery {
        DynamicQuery::over(self.database, &collection.into())
    }
}
