//! [`Error`]: the one error that users meet.
//!
//! Each layer has an enum of its own; only this module knows them all.

use alloc::boxed::Box;
use core::fmt;

#[cfg(not(feature = "small"))]
use crate::dynamic::Problem;
use crate::engine::{EngineError, ExecError, PlanError};
use crate::parts;
use crate::schema::SchemaError;
use crate::storage::records::ConstraintError;
use crate::storage::vfs::VfsError;
use crate::storage::{StorageError, StorageFault};
use crate::value::DecodeError;
#[cfg(not(feature = "small"))]
use crate::value::JsonError;

/// What went wrong.
///
/// One word wide. [`kind`](Error::kind) is for code that branches; `Display` is for people: one line that names the
/// thing, its value and, where there is one, the remedy. [`source`](core::error::Error::source) leads down the layers.
///
/// # Examples
///
/// ```
#[doc = include_str!("example.txt")]
/// let again = db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }));
/// let error = again.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::UniqueViolation);
/// assert_eq!(
///     error.to_string(),
///     "unique index `name` of `Artist` refuses (\"Saxon\") for record 4: record 2 has it"
/// );
/// # Ok::<(), Error>(())
/// ```
pub struct Error {
    cause: Box<Cause>,
}

/// What kind of thing went wrong.
///
/// More may be added: a `match` has an arm for the rest.
///
/// # Examples
///
/// ```
#[doc = include_str!("example.txt")]
/// let name = String::from("Saxon");
/// let id = match db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: name.clone() })) {
///     Err(error) if error.kind() == ErrorKind::UniqueViolation => {
///         Artist::query().filter(|a| a.name.eq(&name)).one(&db)?.id
///     }
///     other => other?,
/// };
/// assert_eq!(id, Id::new(2));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No record is where one was asked for ([`one`](crate::Query::one), [`update`](crate::WriteTransaction::update)),
    /// or no file is.
    NotFound,
    /// Several records are where exactly one was asked for ([`one`](crate::Query::one)).
    NotUnique,
    /// The file system failed. The message has what it said.
    Io,
    /// No space is left on the device, or no memory. Nothing that was committed is lost; it may be tried again.
    Full,
    /// The file is open already, in this process or another.
    Locked,
    /// The file or its journal is damaged, or the journal is missing. What is read is checked; nothing was guessed.
    Corruption,
    /// The file was made by something else, or a backup into it was interrupted. It is not touched.
    NotADatabase,
    /// The file is shorter than it says.
    Truncated,
    /// The file needs a newer version of this library, or one built with a cargo feature that this one lacks.
    NewerFormat,
    /// The file's schema differs from the declared one. The message has every difference.
    SchemaDiffers,
    /// The declared schema cannot be stored.
    Schema,
    /// A key, or the values of a unique index, are taken. Nothing of the statement was kept.
    UniqueViolation,
    /// A relation points at no record, or a record to be deleted is pointed at. Nothing of the statement was kept.
    ReferenceViolation,
    /// A value is longer than a record or an index can hold, a blob is another record's, an assigned key was to be changed,
    /// or no keys are left.
    /// Nothing of the statement was kept.
    Constraint,
    /// Arithmetic, or another function, has no result for a row that comes out: it overflows, divides by zero, or makes a
    /// number, date or text that its type does not have.
    Arithmetic,
    /// The query cannot be planned: a subquery looks into a collection that is not in the database's schema, no index
    /// serves a query that [requires](crate::Query::require_index) one, or one that is asked for by [pages](crate::Query::page) has
    /// the same row twice; a path of JSON is none; rows of a step are asked for outside of its
    /// [`recursive_with`](crate::Query::recursive_with); it has more than 128 subqueries, relations and limits, 16 queries
    /// or 128 operations within each other; or one of [`dynamic`](crate::dynamic) names what is not there, or does what its types do not allow.
    Plan,
    /// A [`Continuation`](crate::query::Continuation) is damaged, or of another query.
    Continuation,
    /// A text is no JSON.
    Json,
    /// What was asked for of an older commit is not kept any more, or the commit has not been made. The message has the
    /// oldest that can be asked for, and the option that keeps more.
    NotRetained,
    /// The archive is not one of this database as it is, or lacks what was to be applied.
    Archive,
    /// This build has not what was asked for: the cargo feature `small` leaves it out.
    LeftOut,
    /// The database was opened for reading only.
    ReadOnly,
    /// An earlier failure keeps the transaction, or the database, from taking changes. Of a database: close and open it
    /// again.
    Failed,
    /// A file that was to be made exists. It is left as it is.
    AlreadyExists,
    /// The program's own callback ended a check, a backup or a repair, or a [`CancelHandle`](crate::CancelHandle) a query.
    /// Nothing was changed.
    Cancelled,
    /// A query took longer than its [`timeout`](crate::Query::timeout). Nothing was changed.
    TimedOut,
    /// A query would keep more rows in memory than it may by [`memory`](crate::Query::memory) or
    /// [`query_memory`](crate::Options::query_memory), and cannot put them aside. Nothing was changed.
    Memory,
    /// An error of the program's own; see [`Error::custom`].
    Custom,
}

/// What an [`Error`] holds: the error of a layer, or a fault found at the top.
#[derive(Debug)]
enum Cause {
    Storage(StorageError),
    Engine(EngineError),
    NoRecord {
        collection: &'static str,
    },
    SeveralRecords {
        collection: &'static str,
    },
    Continuation {
        problem: &'static str,
    },
    #[cfg(not(feature = "small"))]
    Json(JsonError),
    #[cfg(not(feature = "small"))]
    Dynamic(Problem),
    Custom(Box<dyn core::error::Error + Send + Sync>),
}

impl Error {
    /// An error of the program's own, to end a transaction or a savepoint with: whatever turns into a boxed error, a text
    /// among them.
    ///
    /// # Examples
    ///
    /// ```
    /// # use epilog::{Error, ErrorKind};
    /// let error = Error::custom("out of stock");
    /// assert_eq!(error.kind(), ErrorKind::Custom);
    /// assert_eq!(error.to_string(), "out of stock");
    /// ```
    pub fn custom(error: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Error {
        Error::from(Cause::Custom(error.into()))
    }

    /// A query for one record of `collection` found none.
    pub(crate) fn no_record(collection: &'static str) -> Error {
        Error::from(Cause::NoRecord { collection })
    }

    /// A query for one record of `collection` found several.
    pub(crate) fn several_records(collection: &'static str) -> Error {
        Error::from(Cause::SeveralRecords { collection })
    }

    /// A query that is put together at run time cannot be asked, or a row of it has not what is asked for.
    #[cfg(not(feature = "small"))]
    pub(crate) fn dynamic(problem: Problem) -> Error {
        Error::from(Cause::Dynamic(problem))
    }

    /// A continuation cannot be gone on from.
    pub(crate) fn continuation(problem: &'static str) -> Error {
        Error::from(Cause::Continuation { problem })
    }

    /// A row that a required relation leads to was absent. The check of relations keeps that from happening.
    #[cold]
    pub(crate) fn missing_row(collection: &'static str) -> Error {
        let problem = format!("a record of `{collection}` that another points at is gone");
        Error::from(StorageError::damage("relation", problem))
    }

    /// What kind of thing went wrong.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let error = Artist::query().filter(|a| a.name.eq("Nobody")).one(&db).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn kind(&self) -> ErrorKind {
        match &*self.cause {
            Cause::Storage(error) => storage_kind(error),
            Cause::Engine(EngineError::Plan(PlanError::LeftOut { .. })) => ErrorKind::LeftOut,
            Cause::Engine(EngineError::Plan(_)) => ErrorKind::Plan,
            Cause::Engine(EngineError::Exec(ExecError::Storage(error))) => storage_kind(error),
            Cause::Engine(EngineError::Exec(ExecError::Arithmetic(_))) => ErrorKind::Arithmetic,
            Cause::Engine(EngineError::Exec(ExecError::Cancelled(_))) => ErrorKind::Cancelled,
            Cause::Engine(EngineError::Exec(ExecError::TimedOut { .. })) => ErrorKind::TimedOut,
            Cause::Engine(EngineError::Exec(ExecError::Memory { .. })) => ErrorKind::Memory,
            Cause::NoRecord { .. } => ErrorKind::NotFound,
            Cause::SeveralRecords { .. } => ErrorKind::NotUnique,
            Cause::Continuation { .. } => ErrorKind::Continuation,
            #[cfg(not(feature = "small"))]
            Cause::Json(_) => ErrorKind::Json,
            #[cfg(not(feature = "small"))]
            Cause::Dynamic(_) => ErrorKind::Plan,
            Cause::Custom(_) => ErrorKind::Custom,
        }
    }

    /// The error of the layer beneath, when one is.
    fn layer(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &*self.cause {
            Cause::Storage(error) => Some(error),
            Cause::Engine(error) => Some(error),
            Cause::Custom(error) => Some(&**error),
            #[cfg(not(feature = "small"))]
            Cause::Json(error) => Some(error),
            #[cfg(not(feature = "small"))]
            Cause::Dynamic(problem) => Some(problem),
            Cause::NoRecord { .. } | Cause::SeveralRecords { .. } | Cause::Continuation { .. } => None,
        }
    }
}

fn storage_kind(error: &StorageError) -> ErrorKind {
    match &**error {
        StorageFault::Corruption(_) | StorageFault::Decode(_) => ErrorKind::Corruption,
        StorageFault::Schema(SchemaError::Differs { .. }) => ErrorKind::SchemaDiffers,
        StorageFault::Schema(_) => ErrorKind::Schema,
        StorageFault::NotADatabase { .. } | StorageFault::Unfinished { .. } => ErrorKind::NotADatabase,
        StorageFault::Exists { .. } => ErrorKind::AlreadyExists,
        StorageFault::Cancelled => ErrorKind::Cancelled,
        StorageFault::UnsoundCopy { .. } => ErrorKind::Corruption,
        StorageFault::SmallPages { .. } => ErrorKind::Schema,
        StorageFault::Truncated { .. } => ErrorKind::Truncated,
        StorageFault::NewerFormat { .. }
        | StorageFault::NewerRules { .. }
        | StorageFault::FeatureMissing { .. } => ErrorKind::NewerFormat,
        StorageFault::ReadOnly => ErrorKind::ReadOnly,
        StorageFault::ChangesGone { .. }
        | StorageFault::VersionsGone { .. }
        | StorageFault::NotCommitted { .. } => ErrorKind::NotRetained,
        StorageFault::ForeignArchive { .. }
        | StorageFault::ArchiveIncomplete { .. }
        | StorageFault::ArchivedTogether { .. } => ErrorKind::Archive,
        StorageFault::LeftOut { .. } => ErrorKind::LeftOut,
        StorageFault::NoBlob { .. } => ErrorKind::NotFound,
        StorageFault::TransactionFailed | StorageFault::Poisoned { .. } => ErrorKind::Failed,
        StorageFault::NoPagesLeft | StorageFault::OutOfMemory { .. } => ErrorKind::Full,
        StorageFault::Constraint(error) => match **error {
            ConstraintError::DuplicateKey { .. } | ConstraintError::Unique { .. } => {
                ErrorKind::UniqueViolation
            }
            ConstraintError::MissingTarget { .. } | ConstraintError::Restricted { .. } => {
                ErrorKind::ReferenceViolation
            }
            #[cfg(not(feature = "small"))]
            ConstraintError::NoTarget { .. } => ErrorKind::ReferenceViolation,
            ConstraintError::NotFound { .. } => ErrorKind::NotFound,
            ConstraintError::KeyTooLong { .. }
            | ConstraintError::ValueTooLong { .. }
            | ConstraintError::ForeignBlob { .. }
            | ConstraintError::KeyAssigned { .. }
            | ConstraintError::KeysExhausted { .. } => ErrorKind::Constraint,
        },
        StorageFault::Vfs(error) => match error {
            VfsError::NotFound { .. } => ErrorKind::NotFound,
            VfsError::Locked { .. } => ErrorKind::Locked,
            VfsError::Full { .. } => ErrorKind::Full,
            VfsError::UnexpectedEnd { .. } => ErrorKind::Corruption,
            VfsError::Io { .. } => ErrorKind::Io,
        },
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.cause {
            cause if !parts::EXPLAINED => in_short(cause, f),
            Cause::Storage(error) => error.fmt(f),
            Cause::Engine(error) => error.fmt(f),
            Cause::Custom(error) => error.fmt(f),
            #[cfg(not(feature = "small"))]
            Cause::Json(error) => error.fmt(f),
            #[cfg(not(feature = "small"))]
            Cause::Dynamic(problem) => problem.fmt(f),
            Cause::Continuation { problem } => {
                write!(f, "the continuation {problem}: ask for the first page again")
            }
            Cause::NoRecord { collection } => write!(
                f,
                "no record of collection `{collection}` satisfies the query; `first` gives an `Option`"
            ),
            Cause::SeveralRecords { collection } => write!(
                f,
                "more than one record of collection `{collection}` satisfies the query; `first` takes the first, `all` all of them"
            ),
        }
    }
}

/// What went wrong, and with what, in a few words. The documentation of [`ErrorKind`] has the rest.
fn in_short(cause: &Cause, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (what, about) = match cause {
        Cause::Storage(error) => return storage_in_short(error, f),
        Cause::Engine(error) => return engine_in_short(error, f),
        Cause::Custom(error) => return fmt::Display::fmt(error, f),
        #[cfg(not(feature = "small"))]
        Cause::Json(error) => return fmt::Display::fmt(error, f),
        #[cfg(not(feature = "small"))]
        Cause::Dynamic(problem) => return fmt::Display::fmt(problem, f),
        Cause::Continuation { problem } => ("the continuation", problem),
        Cause::NoRecord { collection } => ("no such record", collection),
        Cause::SeveralRecords { collection } => ("several records", collection),
    };
    write!(f, "{what}: {about}")
}

/// What went wrong beneath, and with what: in full where it is about the program's data and schema, and in a few words
/// otherwise. The documentation of [`ErrorKind`] and [`StorageFault`] has the rest.
fn storage_in_short(fault: &StorageFault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use StorageFault as F;
    use fmt::Display as _;
    let (what, about): (&str, &dyn fmt::Display) = match fault {
        F::Corruption(error) => return error.fmt(f),
        F::Vfs(error) => return error.fmt(f),
        F::Schema(error) => return error.fmt(f),
        F::Constraint(error) => return error.fmt(f),
        F::Decode(error) => return error.fmt(f),
        F::LeftOut { what } => ("left out of this build", what),
        F::Poisoned { path, .. } => ("failed earlier, close it and open it again", path),
        F::NotADatabase { path } => ("not an Epilog database", path),
        F::Unfinished { path } => ("unfinished, make the copy again", path),
        F::Truncated { path, .. } => ("truncated, restore a backup", path),
        F::NewerFormat { path, .. } | F::NewerRules { path, .. } => ("needs a newer version of epilog", path),
        F::FeatureMissing { feature, .. } => ("needs a cargo feature of epilog", feature),
        F::OutOfMemory { bytes } => ("no memory, in bytes", bytes),
        F::ReadOnly => ("cannot be changed", &"opened to be read"),
        F::TransactionFailed => ("cannot commit", &"a statement failed half-way"),
        _ => ("refused", &"see its kind"),
    };
    write!(f, "{what}: {about}")
}

/// As [`storage_in_short`], of a query: what the typed face rules out has no words.
fn engine_in_short(error: &EngineError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (what, about): (&str, &dyn fmt::Display) = match error {
        EngineError::Exec(ExecError::Storage(error)) => return storage_in_short(error, f),
        EngineError::Exec(ExecError::Arithmetic(fault)) => return fmt::Display::fmt(fault, f),
        EngineError::Exec(
            ExecError::Cancelled(_) | ExecError::TimedOut { .. } | ExecError::Memory { .. },
        ) => ("ended", &"as asked"),
        EngineError::Plan(PlanError::NotInSchema { collection }) => ("not in the schema", collection),
        EngineError::Plan(PlanError::LeftOut { what }) => ("left out of this build", what),
        EngineError::Plan(
            PlanError::TooDeep { limit }
            | PlanError::NestsTooDeep { limit, .. }
            | PlanError::TooLong { limit },
        ) => ("make the query shorter, the limit is", limit),
        EngineError::Plan(_) => ("no query", &"ill-formed"),
    };
    write!(f, "{what}: {about}")
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.kind()).field("cause", &self.cause).finish()
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // The top layer prints the message of the layer beneath, so that the chain goes on below that one.
        self.layer().and_then(core::error::Error::source)
    }
}

impl From<Cause> for Error {
    #[cold]
    fn from(cause: Cause) -> Error {
        Error { cause: Box::new(cause) }
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Error {
        Error::from(Cause::Storage(error))
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Error {
        Error::from(Cause::Engine(error))
    }
}

impl From<ExecError> for Error {
    fn from(error: ExecError) -> Error {
        Error::from(EngineError::from(error))
    }
}

impl From<VfsError> for Error {
    fn from(error: VfsError) -> Error {
        Error::from(StorageError::from(error))
    }
}

impl From<SchemaError> for Error {
    fn from(error: SchemaError) -> Error {
        Error::from(StorageError::from(error))
    }
}

impl From<ConstraintError> for Error {
    fn from(error: ConstraintError) -> Error {
        Error::from(StorageError::from(error))
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Error {
        Error::from(StorageError::from(error))
    }
}

#[cfg(not(feature = "small"))]
impl From<JsonError> for Error {
    fn from(error: JsonError) -> Error {
        Error::from(Cause::Json(error))
    }
}
