//! [`ConstraintError`]: what the data of a change breaks.

use alloc::string::String;

use crate::value::Blob;

/// A change that the constraints of a collection refuse. Nothing of the change was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstraintError {
    /// A record with this key exists.
    #[error("`{collection}` already has a record with key {key}")]
    DuplicateKey {
        /// The collection.
        collection: String,
        /// The key.
        key: String,
    },
    /// A record to be replaced does not exist.
    #[error("`{collection}` has no record with key {key}: insert it instead")]
    NotFound {
        /// The collection.
        collection: String,
        /// The key.
        key: String,
    },
    /// Another record has these values in a unique index.
    #[error(
        "unique index `{index}` of `{collection}` refuses ({values}) for record {key}: record {existing} has it"
    )]
    Unique {
        /// The collection.
        collection: String,
        /// The index.
        index: String,
        /// The values of its fields.
        values: String,
        /// The key of the record refused.
        key: String,
        /// The key of the record that has the values.
        existing: String,
    },
    /// A relation points at a record that does not exist.
    #[error(
        "`{collection}.{field}` of record {key} points at record {target_key} of `{target}`, which does not exist: insert that first"
    )]
    MissingTarget {
        /// The collection that points.
        collection: String,
        /// Its field.
        field: String,
        /// The key of the record that points.
        key: String,
        /// The collection pointed at.
        target: String,
        /// The key that is missing there.
        target_key: String,
    },
    /// A relation was given no record to point at.
    #[cfg(not(feature = "small"))]
    #[error(
        "`{collection}.{field}` of record {key} is `Id::auto()`, which points at no record of `{target}`: give it the id that inserting that one returned"
    )]
    NoTarget {
        /// The collection that points.
        collection: String,
        /// Its field.
        field: String,
        /// The key of the record that points.
        key: String,
        /// The collection to be pointed at.
        target: String,
    },
    /// A record cannot be deleted while another points at it.
    #[error(
        "record {key} of `{collection}` cannot be deleted: `{referrer}.{field}` of record {referrer_key} points at it; delete that first, or declare `#[on_delete(cascade)]` or `#[on_delete(set_null)]` there"
    )]
    Restricted {
        /// The collection of the record to be deleted.
        collection: String,
        /// Its key.
        key: String,
        /// The collection that points at it.
        referrer: String,
        /// The field that does.
        field: String,
        /// The key of the record that does.
        referrer_key: String,
    },
    /// A key's encoding is too long for an index.
    #[error(
        "the values of index `{index}` of `{collection}` take {bytes} bytes for record {key}, the limit is {limit}: shorten {field}"
    )]
    KeyTooLong {
        /// The collection.
        collection: String,
        /// The index.
        index: String,
        /// Its fields, as `a`, `b`.
        field: String,
        /// The key of the record refused.
        key: String,
        /// What the values take.
        bytes: usize,
        /// What they may take.
        limit: usize,
    },
    /// A value is longer than a record can hold.
    #[error("`{collection}.{field}` of record {key} has {bytes} bytes, the limit is {limit}")]
    ValueTooLong {
        /// The collection.
        collection: String,
        /// The field.
        field: String,
        /// The key of the record refused.
        key: String,
        /// What the value has.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// A blob belongs to another record, or to none any more.
    #[cfg_attr(
        not(feature = "small"),
        error(
            "`{collection}.{field}` of record {key} names {blob}, which is not that record's: a blob belongs to one record, so write the bytes again with `blob_writer` in this transaction"
        )
    )]
    #[cfg_attr(
        feature = "small",
        error("`{collection}.{field}` of record {key} names {blob}, which is not that record's")
    )]
    ForeignBlob {
        /// The collection.
        collection: String,
        /// The field.
        field: String,
        /// The key of the record refused.
        key: String,
        /// The blob.
        blob: Blob,
    },
    /// An assigned key was to be changed.
    #[error(
        "the key of record {key} of `{collection}` was assigned by the database and does not change: delete the record and insert another"
    )]
    KeyAssigned {
        /// The collection.
        collection: String,
        /// The key.
        key: String,
    },
    /// All numbers were given out.
    #[error("`{collection}` has no keys left to assign")]
    KeysExhausted {
        /// The collection.
        collection: String,
    },
}
