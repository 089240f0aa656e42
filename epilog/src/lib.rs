//! A typed, embedded database: put `#[derive(Collection)]` on a struct and ask with closures.
//!
//! ```
//! use epilog::prelude::*;
//!
//! #[derive(Collection, Clone, Debug, PartialEq)]
//! #[has_many(albums: Album::artist)]
//! struct Artist {
//!     id: Id<Artist>, // the key, given out by the database
//!     #[unique]
//!     name: String,
//! }
//!
//! #[derive(Collection, Clone, Debug, PartialEq)]
//! struct Album {
//!     id: Id<Album>,
//!     #[index]
//!     title: String,
//!     #[on_delete(cascade)]
//!     artist: Id<Artist>, // a relation: checked and indexed
//!     year: Option<i32>,
//! }
//!
//! epilog::schema!(Music { Artist, Album });
//!
//! # fn main() -> Result<(), Error> {
//! let db = Music::in_memory()?; // or Music::open("music.epilog")?
//! db.write(|tx| {
//!     let artist = tx.insert(&Artist { id: Id::auto(), name: "Iron Maiden".into() })?;
//!     tx.insert(&Album { id: Id::auto(), title: "Powerslave".into(), artist, year: Some(1984) })?;
//!     tx.insert(&Album { id: Id::auto(), title: "Live After Death".into(), artist, year: Some(1985) })
//! })?;
//!
//! let tx = db.read()?; // a snapshot: never waits, nobody waits for it
//! let titles: Vec<String> = Album::query()
//!     .filter(|al| al.artist().name.eq("Iron Maiden") & al.year.gt(1980))
//!     .order_by(|al| al.title.asc())
//!     .select(|al| al.title)
//!     .all(&tx)?;
//! assert_eq!(titles, ["Live After Death", "Powerslave"]);
//!
//! let busy = Artist::query().filter(|a| a.albums().count().ge(2)).count(&tx)?;
//! assert_eq!(busy, 1);
//! # Ok(())
//! # }
//! ```
//!
//! - [`derive@Collection`] and [`derive@View`]: what can be put on structs.
//! - [`query`]: what can be asked, and [`collection`]: of what.
//! - [`dynamic`]: the same, where collections and fields are named when the program runs.
//! - [`database`]: opening, transactions, durability.
//! - [`Error`]: what can go wrong.
//!
//! # Features
//!
//! Features only add, but for `small`. None changes the file format; a file that an option of `lz4` has compressed says so,
//! and needs it.
//!
//! | feature | |
//! |---|---|
//! | `std` (default) | databases in files of the operating system |
//! | `derive` (default) | the derive macros |
//! | `small` | less memory and code, and less speed: for devices that have tens of KiB |
//! | `chrono` | `NaiveDate`, `NaiveTime`, `NaiveDateTime`, `DateTime<Utc>` as fields |
//! | `uuid` | `Uuid` as a field |
//! | `decimal` | `rust_decimal::Decimal` as a field |
//! | `lz4` | compressed files: [`Options::compression`] |
//!
//! `small` gives and takes the same values in the same files, but for lists, JSON, and partial and covering indexes: rustc refuses `Json`, and
//! a `Vec` of anything but `u8`, as a field, and such an index; a file that has such a field or index is not opened. It refuses with [`LeftOut`](ErrorKind::LeftOut):
//!
//! - [archives](Options::archive), [write transactions beside each other](Database::write_concurrent), and
//!   [compaction](Database::compact);
//! - in queries, when they are planned: arithmetic and negation of numbers, functions and casts, `len`, `lower`, `upper`, `year`,
//!   `month`, `day`, `or_else`, `like` and `matches`; groups and joins, choices, aggregates of subqueries, `in_query` and `scalar`;
//!   `distinct`, unions and their like; windows, and limits for each key; `common` rows and those of other queries, recursions and samples.
//!
//! It keeps no plans and no statistics: [`statistics`](Database::statistics), [`Compiled`](query::Compiled), and the options of plans
//! and of the memory and threads of queries, are not there.
//!
//! It answers all other queries alike, with less choice of ways, and so slower where there are many records: constants are
//! not folded, negations and alternatives stay as they are written, what nobody reads is read all the same, and relations
//! are followed before rows are dropped or counted; they are followed from the records that point, and for a subquery all
//! records of its collection are read once; an index is asked for one value or range at a time, and gives no descending order
//! if it is not unique; a query for one record by its key is planned like any other; tests are made in the order they are
//! written, and look at values, not at pages' bytes; estimates have half the digits; sums, copies and sorts have one loop for
//! all types and numbers of rows. What index scans and sorts read stays in memory until they end. Pages are searched by halves. Records that are inserted
//! together, or by a recovery, have their index entries put in one by one. What grows with a page cache or a transaction in
//! memory is kept in sorted vectors, so that many tens of thousands of pages or records at a time are slow.
//!
//! It has no `Query::timeout`, `cancel_with`, `memory`, `threads`, `require_index`, `explain_analyze`, `filter_fn` and `watch`, no `returning`, no
//! `Options::on_slow_query`, `plan_costs`, `query_memory` and `query_threads`, and plans in no other form than text.
//!
//! It says less: `explain` has of an access its kind only, and no names of values; [`Stats::choices`] is empty; an error
//! that is not about the program's own data and schema is a few words and a name, says that something is damaged, and which
//! page, not how, and shows dates, times, characters and decimals as the numbers they are stored as.
//!
//! Without `std` the crate needs `alloc` only; a database is then in memory, or in a file system given by [`vfs::Vfs`].
#![no_std]
#[macro_use]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;
// Generated code says `::epilog`, in this crate's own tests too.
#[cfg(test)]
extern crate self as epilog;

pub mod collection;
pub mod database;
#[cfg(not(feature = "small"))]
pub mod dynamic;
pub mod error;
pub mod prelude;
pub mod query;
#[cfg(not(feature = "small"))]
pub mod statistics;
pub mod value;

// The floors below the face. Public to this repository's tests and to generated code; no part of what a version promises.
#[doc(hidden)]
pub mod __private;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod expr;
#[doc(hidden)]
pub mod schema;
#[doc(hidden)]
pub mod storage;
#[doc(hidden)]
pub mod sync;

mod ordered;
mod parts;

pub use collection::{Collection, Id, Schema, Within};
pub use database::integrity;
pub use database::{BlobReader, BlobWriter, Choice, Commit, CommitNumber, Compaction, Compression};
pub use database::{Database, Durability, Options, ReadTransaction, Stats, WriteTransaction};
#[cfg(not(feature = "small"))]
pub use engine::Alternative;
#[cfg(all(feature = "std", not(feature = "small")))]
pub use engine::estimate::PlanCosts;
pub use engine::{Actual, CancelHandle, Plan, PlanNode};
#[cfg(not(feature = "small"))]
pub use engine::{
    PlanAccess, PlanIndex, PlanLink, PlanMethod, PlanOperator, PlanQuestion, PlanReads, PlanSet, PlanTerm,
    PlanWay,
};
pub use error::{Error, ErrorKind};
pub use query::{Query, SlowQuery};
pub use storage::vfs;
pub use value::Blob;
#[cfg(not(feature = "small"))]
pub use value::Json;

#[cfg(feature = "derive")]
#[doc = include_str!("collection/derive.md")]
pub use epilog_derive::Collection;
#[cfg(feature = "derive")]
#[doc = include_str!("collection/view.md")]
pub use epilog_derive::View;

/// The README's example, compiled.
#[cfg(all(doctest, feature = "std", feature = "derive"))]
#[doc = include_str!("../../README.md")]
struct Readme;
