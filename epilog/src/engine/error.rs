//! [`PlanError`], [`ExecError`] and [`EngineError`]: what can go wrong between a draft and its rows.

use alloc::string::String;
use core::time::Duration;

use crate::parts::{InWhole, Whole};
use crate::storage::StorageError;
use crate::value::{DecodeError, Type};

/// A query that cannot be planned. The typed face rules most of these out: not what depends on a database's schema, as
/// [`NotInSchema`](PlanError::NotInSchema), on a build or on a text, nor how long a query is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A collection is named that the database does not hold.
    #[error("collection `{collection}` is not in this database's schema: add it to `epilog::schema!`")]
    NotInSchema {
        /// Its name.
        collection: String,
    },
    /// A field is named by an ordinal that its collection does not have.
    #[error("collection `{collection}` has {count} fields, none with ordinal {ordinal}")]
    NoSuchField {
        /// The collection.
        collection: String,
        /// The ordinal.
        ordinal: u16,
        /// How many fields it has.
        count: usize,
    },
    /// A path follows a field that points at nothing.
    #[error("field `{field}` of collection `{collection}` is not a relation")]
    NotARelation {
        /// The collection.
        collection: String,
        /// The field.
        field: String,
    },
    /// A path begins at a source that its scope does not have.
    #[error("an expression names source {position}, its scope has {count}")]
    NoSuchSource {
        /// The position named.
        position: u8,
        /// How many sources there are.
        count: usize,
    },
    /// An operation on two values of different types.
    #[error("`{operation}` takes two values of one type, not {left} and {right}")]
    TypeMismatch {
        /// The operation.
        operation: &'static str,
        /// The type on its left.
        left: Type,
        /// The type on its right.
        right: Type,
    },
    /// An operation that the type does not have.
    #[error("`{operation}` is not defined for {ty}")]
    NotDefined {
        /// The operation.
        operation: &'static str,
        /// The type.
        ty: Type,
    },
    /// A filter that is not a boolean.
    #[error("a predicate is a bool, not {ty}")]
    NotAPredicate {
        /// What it is.
        ty: Type,
    },
    /// A value that may be absent where one is required.
    #[error(
        "field `{field}` of collection `{collection}` is required, the value assigned to it may be `None`"
    )]
    MayBeAbsent {
        /// The collection.
        collection: String,
        /// The field.
        field: String,
    },
    /// A literal that is not of the type it is given with.
    #[error("{value} is not a value of type {ty}")]
    BadLiteral {
        /// The literal as text.
        value: String,
        /// The type.
        ty: Type,
    },
    /// A text that is no path in JSON.
    #[cfg(not(feature = "small"))]
    #[error(
        "`{path}` is no path of JSON: write names of members behind points and numbers of items in brackets, as in `tags[0].name`; a name that has points or brackets is for `member`"
    )]
    BadPath {
        /// The text.
        path: String,
    },
    /// An expression whose operations do not add up.
    #[error("an expression leaves {values} values, not one")]
    Malformed {
        /// How many.
        values: usize,
    },
    /// Operations nest too deeply.
    #[error(
        "an expression nests more than {limit} operations, one in the other; `&` and `|` in a row do not count: make it flatter"
    )]
    TooDeep {
        /// How deeply they may.
        limit: usize,
    },
    /// Queries, or tests of elements, nest too deeply.
    #[error(
        "a query has more than {limit} {what} within each other: join what they ask about, or make two queries of it"
    )]
    NestsTooDeep {
        /// What nests.
        what: &'static str,
        /// How deeply they may.
        limit: usize,
    },
    /// A query has too many subqueries, limits and lookups, one after the other.
    #[error(
        "a query has more than {limit} steps: subqueries, relations, limits; make it shorter, or two of it"
    )]
    TooLong {
        /// How many it may have.
        limit: usize,
    },
    /// A compiled query is run without values, or a parameter of it stands in another query.
    #[cfg(not(feature = "small"))]
    #[error(
        "parameter {number} of a compiled query has no value: it is given one by `with`, and stands in that query alone"
    )]
    Unbound {
        /// Which.
        number: u8,
    },
    /// A key of groups is named that they do not have.
    #[error("an expression names key {number} of groups that have {count}")]
    NoSuchKey {
        /// The number named.
        number: u16,
        /// How many there are.
        count: usize,
    },
    /// A window's value is named that no window has calculated.
    #[error("an expression names value {number} of windows that have calculated {count}")]
    NoSuchWindow {
        /// The number named.
        number: u16,
        /// How many there are.
        count: usize,
    },
    /// An aggregate where there are no groups.
    #[error(
        "`{operation}` is over the rows of a group: make groups with `group_by`, or one of all rows with `aggregate`"
    )]
    NoGroups {
        /// The aggregate.
        operation: &'static str,
    },
    /// A clause after the records were grouped that needs them again.
    #[error("`{clause}` cannot follow `group_by` or `aggregate`: there are groups, and no record left")]
    OfGroups {
        /// The clause.
        clause: &'static str,
    },
    /// A frame that is told by distances, of rows that are ordered otherwise.
    #[error("a frame told by distances is of rows ordered by one value, and there are {terms}")]
    RangeOfOneTerm {
        /// How many.
        terms: usize,
    },
    /// A frame that is told by a distance which is none.
    #[error("a frame is told by a distance that is no number (`NaN`)")]
    RangeWithoutDistance,
    /// Values are needed, and there are records.
    #[error("`{clause}` is about values, and the query gives records: name their fields with `select` first")]
    OfRecords {
        /// The clause.
        clause: &'static str,
    },
    /// Rows with different numbers of values.
    #[error("`{operation}` takes rows of as many values on both sides, not {left} and {right}")]
    NotAsMany {
        /// The operation.
        operation: &'static str,
        /// How many are on its left.
        left: usize,
        /// How many are on its right.
        right: usize,
    },
    /// Something that the cargo feature `small` leaves out.
    #[error("`{what}` is left out of this build: build epilog without the cargo feature `small`")]
    LeftOut {
        /// What it is.
        what: &'static str,
    },
    /// A query that is to be served by indexes reads all records of a collection.
    #[error("`require_index` forbids to read all of `{collection}`, and {what}: {remedy}")]
    FullScan {
        /// The collection.
        collection: String,
        /// What is asked of its records that no index serves.
        what: String,
        /// What would change that.
        remedy: String,
        /// Other builds do not look for it.
        whole: Whole,
    },
    /// The rows before a step, outside of one.
    #[error(
        "the rows that a step of `recursive_with` is given are used outside of it: build the step from them, and return it"
    )]
    NoRecursion,
    /// A query whose rows have no order that a page could end in.
    #[error("the query cannot be asked for by pages: {why}")]
    NoPages {
        /// Why they have none, and the remedy.
        why: &'static str,
    },
    /// Decimal arithmetic in a build that has none.
    #[error("`{operation}` of decimals needs the feature `decimal`: turn it on for `epilog`")]
    DecimalFeature {
        /// The operation.
        operation: &'static str,
    },
}

/// A plan that failed while it ran.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecError {
    /// Reading what is stored failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Arithmetic without a result, on a row that is part of the answer.
    #[error("{0}")]
    Arithmetic(#[from] Fault),
    /// A handle that the query has was cancelled.
    #[error("the query was cancelled: a `CancelHandle` that was given to `cancel_with` says so")]
    Cancelled(Whole),
    /// What an operator keeps in memory, and cannot put aside, takes more than the query may keep.
    #[error(
        "`{operator}` keeps rows of {used} bytes in memory, beyond the query's {budget} bytes, and {why}: allow it more with `memory` or `Options::query_memory`"
    )]
    Memory {
        /// The operator.
        operator: &'static str,
        /// The bytes that the query keeps with it.
        used: usize,
        /// How many it may keep.
        budget: usize,
        /// Why they are not put aside.
        why: &'static str,
        /// Other builds have no such limit.
        whole: Whole,
    },
    /// The query took longer than it may.
    #[error(
        "the query took longer than its timeout of {timeout:?}: allow it more, or ask `explain_analyze` what takes so long"
    )]
    TimedOut {
        /// How long it may take.
        timeout: Duration,
        /// Other builds have no timeouts.
        whole: Whole,
    },
}

impl From<DecodeError> for ExecError {
    fn from(error: DecodeError) -> ExecError {
        ExecError::Storage(StorageError::from(error))
    }
}

/// An operation that has no result for its operands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} of {operands} ({ty}) {problem}")]
pub struct Fault {
    /// The operation: "addition", "division", "sum", …
    pub operation: &'static str,
    /// What it was done to, as text.
    pub operands: String,
    /// The type it was done in.
    pub ty: Type,
    /// "overflows", "divides by zero", …
    pub problem: &'static str,
}

/// The fault of a row, which may come out or not. Without calculations there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct RowFault(pub(super) InWhole<Fault>);

impl RowFault {
    /// The fault as one of a row.
    pub(super) fn new(fault: Fault) -> Option<RowFault> {
        Whole::build().map(|whole| RowFault(InWhole::new(fault, whole)))
    }

    /// The fault.
    pub(super) fn itself(&self) -> Fault {
        (*self.0).clone()
    }
}

/// Anything that can go wrong between a draft and its rows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The query cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The plan failed while it ran.
    #[error(transparent)]
    Exec(#[from] ExecError),
}

impl From<StorageError> for EngineError {
    fn from(error: StorageError) -> EngineError {
        EngineError::Exec(ExecError::Storage(error))
    }
}
