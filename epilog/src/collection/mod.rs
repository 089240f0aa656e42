//! Collections: what `#[derive(Collection)]` makes of a struct, and the typed names of its fields.
//!
//! A collection is a struct whose values are records. The struct is the one truth: it is what is inserted and loaded,
//! and the schema is read off it. [`derive@crate::Collection`] has the attributes; [`schema!`](crate::schema!) lists
//! the collections that a database holds.
//!
//! ```
//! use epilog::prelude::*;
//!
//! #[derive(Collection, Clone, Debug, PartialEq)]
//! struct Country {
//!     #[key]
//!     code: String, // a natural key
//!     name: String,
//! }
//!
//! #[derive(Collection, Clone, Debug, PartialEq)]
//! struct City {
//!     id: Id<City>, // a key that the database assigns
//!     name: String,
//!     #[unique]
//!     post_code: Option<String>,
//!     country: Option<Id<Region>>, // a relation
//! }
//!
//! #[derive(Collection, Clone, Debug, PartialEq)]
//! struct Region {
//!     id: Id<Region>,
//!     name: String,
//! }
//!
//! epilog::schema!(Atlas { Country, City, Region });
//!
//! let db = Atlas::in_memory()?;
//! db.write(|tx| {
//!     tx.insert(&Country { code: "CH".into(), name: "Switzerland".into() })?;
//!     // Two cities without a post code: `None` is exempt from `#[unique]`.
//!     for name in ["Atlantis", "Vineta"] {
//!         tx.insert(&City { id: Id::auto(), name: name.into(), post_code: None, country: None })?;
//!     }
//!     Ok(())
//! })?;
//! assert_eq!(db.get::<Country>("CH")?.map(|country| country.name), Some("Switzerland".into()));
//! assert_eq!(City::query().filter(|c| c.country().name.is_none()).count(&db)?, 2);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Keys
//!
//! - A field of type [`Id<Self>`](Id) is a key that the database assigns: 1, 2, 3, and so on. A number is never given
//!   out again once the transaction that took it has committed, whatever becomes of the record.
//! - A field marked `#[key]`, or up to four named by `#[key(a, b)]`, are a natural key: the program gives it.
//! - Records are stored, and come out of a query without an ordering, in the order of an assigned key and of a natural
//!   one of an integer, `bool`, `char`, date, time or `Uuid`; with any other key in the order in which they were
//!   inserted.
//! - The values of a key that is a text, bytes, a float, a decimal or of several fields, and those of each index, take
//!   at most 960 bytes together.
//!
//! # Relations and uniqueness
//!
//! - A field of type `Id<Other>` or `Option<Id<Other>>` points at a record. Each statement checks that it does: insert
//!   what is pointed at first, or both in one [`insert_all`](crate::WriteTransaction::insert_all).
//! - A unique index refuses a second record with its values. A record with `None` in one of its fields is exempt from it.
//!
//! # Fields structs
//!
//! The derive turns a struct into four things: an implementation of [`Collection`] (schema, key, record codec), a
//! *fields struct* with one typed [`Field`] per field, methods on it for relations, and a [borrowed record](Borrowed), which
//! has a method for each field and reads it where it is stored. The closures of a [query](crate::query) receive fields structs. They are `Copy`, hold no data, and say where a value is: the source's
//! position, the relations followed, the field's ordinal.
//!
//! - A fields struct is `TrackFields<S, M>`: `S` is the scope, the sources that the closure may speak of; `M` is the
//!   [`Mode`], which says whether every field is optional (after an optional relation) or can be assigned (in an
//!   update).
//! - A field of another query has another scope, so that mixing two is a type error.
//! - Nothing here touches a page: the module builds expressions, and reads and writes cells.

mod borrowed;
mod codec;
mod declare;
mod expression;
mod field;
mod id;
mod key;
mod mode;
mod relation;
#[cfg(all(test, feature = "derive"))]
pub(crate) mod sample;
mod stored;

pub(crate) use borrowed::Lending;
pub use borrowed::{Borrowed, BorrowedRecord};
pub use codec::{ReadError, RecordReader, RecordWriter};
pub use declare::{Enlist, Holds, List, Schema, Within};
pub use expression::Expr;
pub use field::{Field, OwnField};
pub use id::Id;
pub use key::Key;
pub use mode::{Mode, Opt, Own, Req};
pub use relation::{BelongsTo, Many, Name, Relation};
pub use stored::{Member, NotStored, Stored, Target, member, row_of};

use crate::expr::RowPath;
use crate::query::Query;
use crate::schema::CollectionSchema;

/// A struct whose values are the records of a collection.
///
/// Derive it: `#[derive(Collection)]`. What is implemented by hand may break with any version.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let saxon = Artist { id: Id::new(2), name: "Saxon".into() };
/// assert_eq!(saxon.key(), Id::new(2));
/// assert_eq!(Artist::query().filter(|a| a.id.eq(saxon.key())).one(&db)?, saxon);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection",
    label = "not a collection",
    note = "add `#[derive(Collection)]` to the struct `{Self}`"
)]
pub trait Collection: Sized + 'static {
    /// What identifies a record: [`Id<Self>`](Id), the type of the key field, or a tuple of those of its fields.
    type Key: Key;
    /// The fields struct.
    type Fields<S, M: Mode>: Proxy<Scope = S, Mode = M, Collection = Self>;
    /// A record where it is stored, with a method for each field: see [`Borrowed`].
    type Borrowed<'a>: Copy;

    /// The schema, as declared by the struct.
    fn schema() -> &'static CollectionSchema;

    /// The key of this record: an [`Id`], the value of the key field, or a tuple of those of its fields.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// assert_eq!(Artist { id: Id::auto(), name: "Saxon".into() }.key(), Id::auto());
    /// # Ok::<(), Error>(())
    /// ```
    fn key(&self) -> Self::Key;

    /// Hands each field's cell to `record`, in the order of the ordinals.
    fn encode(&self, record: &mut dyn RecordWriter);

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// When stored bytes are damaged or are not values of the fields' types.
    fn decode(record: &RecordReader<'_>) -> Result<Self, ReadError>;

    /// A record where it is stored.
    #[doc(hidden)]
    fn lent(record: BorrowedRecord<'_>) -> Self::Borrowed<'_>;

    /// A query over all records.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// assert_eq!(Artist::query().count(&db)?, 3);
    /// # Ok::<(), Error>(())
    /// ```
    fn query() -> Query<Self, Self> {
        Query::over()
    }
}

/// A fields struct: the typed names of the fields of one row.
pub trait Proxy: Copy {
    /// The scope it belongs to.
    type Scope;
    /// Its mode.
    type Mode: Mode;
    /// The collection whose fields it names.
    type Collection: Collection;

    /// The fields of a row.
    fn at(row: RowPath) -> Self;

    /// The row.
    fn row(&self) -> RowPath;
}
