//! Collections: what `#[derive(Collection)]` makes of a struct, and the typed names of its fields.
//!
//! The derive turns a struct into three things: an implementation of [`Collection`] (schema, key, record codec), a
//! *fields struct* with one typed [`Field`] per field, and methods on it for relations. The closures of a
//! [query](crate::query) receive fields structs. They are `Copy`, hold no data, and say where a value is: the source's
//! position, the relations followed, the field's ordinal.
//!
//! - A fields struct is `TrackFields<S, M>`: `S` is the scope, the sources that the closure may speak of; `M` is the
//!   [`Mode`], which says whether every field is optional (after an optional relation) or can be assigned (in an update).
//! - A field of another query has another scope, so that mixing two is a type error.
//! - Nothing here touches a page: the module builds [`expr`](crate::expr) and reads and writes cells.

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
/// Derive it: `#[derive(Collection)]`.
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

    /// The schema, as declared by the struct.
    fn schema() -> &'static CollectionSchema;

    /// The key of this record.
    fn key(&self) -> Self::Key;

    /// Hands each field's cell to `record`, in the order of the ordinals.
    fn encode(&self, record: &mut dyn RecordWriter);

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// When stored bytes are damaged or are not values of the fields' types.
    fn decode(record: &RecordReader<'_>) -> Result<Self, ReadError>;

    /// A query over all records.
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
