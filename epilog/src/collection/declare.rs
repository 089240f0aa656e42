//! [`Schema`]: the list of what a database holds, made by [`schema!`](crate::schema!).

use core::marker::PhantomData;

use crate::schema::{CollectionSchema, DatabaseSchema};

/// What a database holds. Made by [`schema!`](crate::schema!).
///
/// # Examples
///
/// Code that works with any database that has a collection asks for [`Within`]:
///
/// ```
/// use epilog::Within;
/// use epilog::collection::Schema;
#[doc = include_str!("../example.txt")]
///
/// fn artists<D: Schema>(db: &Database<D>) -> Result<u64, Error>
/// where
///     Artist: Within<D>,
/// {
///     Artist::query().count(db)
/// }
/// assert_eq!(artists(&db)?, 3);
/// assert_eq!(Music::database().collections.len(), 3);
/// # Ok::<(), Error>(())
/// ```
pub trait Schema: Copy + 'static {
    /// The schema, as declared.
    fn database() -> &'static DatabaseSchema;
}

/// A collection that databases of schema `D` hold. Made by [`schema!`](crate::schema!).
#[diagnostic::on_unimplemented(
    message = "collection `{Self}` is not in schema `{D}`",
    label = "add `{Self}` to the list in `epilog::schema!`"
)]
pub trait Within<D> {}

/// A collection that can be in the list of schema `D`: its relations all point at collections of `D`. Made by the derive.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection",
    label = "not a collection",
    note = "add `#[derive(Collection)]` to the struct `{Self}`"
)]
pub trait Enlist<D> {
    /// Its schema.
    fn enlist() -> &'static CollectionSchema;
}

/// That schema `D` holds collection `C`: [`Within`] seen from the schema, for the bounds of [`Enlist`]. `Self` is
/// [`List<D>`]: of a type of the user's, rustc would show the whole definition.
#[diagnostic::on_unimplemented(
    message = "a relation points at `{C}`, which schema `{D}` does not hold",
    label = "`{C}` is missing from this list",
    note = "add `{C}` to the list in `epilog::schema!`"
)]
pub trait Holds<C, D> {}

/// The list of schema `D`.
#[derive(Debug)]
pub struct List<D>(PhantomData<fn() -> D>);

#[diagnostic::do_not_recommend]
impl<C: Within<D>, D> Holds<C, D> for List<D> {}

/// Declares what a database holds.
///
/// `schema!(pub Music { Artist, Album })` makes a unit struct `Music` that names the schema in types,
/// `Database<Music>`, and gives it the functions `Music::in_memory()` and, with the feature `std`, `Music::open(path)`.
/// rustc then checks that no relation leads out of the list, and that only collections of the list are read and
/// written. A collection can be in several schemas.
///
/// # Examples
///
/// ```
/// use epilog::prelude::*;
///
/// #[derive(Collection)]
/// struct Artist {
///     id: Id<Artist>,
///     name: String,
/// }
///
/// #[derive(Collection)]
/// struct Album {
///     id: Id<Album>,
///     artist: Id<Artist>,
/// }
///
/// epilog::schema! {
///     /// All there is to hear.
///     pub Music { Artist, Album }
/// }
///
/// let db: Database<Music> = Music::in_memory()?;
/// assert_eq!(Album::query().count(&db)?, 0);
/// # Ok::<(), Error>(())
/// ```
#[macro_export]
macro_rules! schema {
    ($(#[$meta:meta])* $visibility:vis $name:ident { $($collection:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        #[doc = "A database schema."]
        $visibility struct $name;

        #[automatically_derived]
        impl $crate::Schema for $name {
            fn database() -> &'static $crate::__private::DatabaseSchema {
                static DATABASE: $crate::__private::DatabaseSchema = $crate::__private::DatabaseSchema {
                    name: ::core::stringify!($name),
                    collections: &[$(<$collection as $crate::__private::Enlist<$name>>::enlist),*],
                };
                &DATABASE
            }
        }

        impl $name {
            /// Makes an empty database of this schema in memory; see `Database::in_memory`.
            ///
            /// # Errors
            ///
            /// When the schema cannot be stored.
            #[allow(dead_code, reason = "a program may only ever use files")]
            $visibility fn in_memory() -> ::core::result::Result<$crate::Database<$name>, $crate::Error> {
                $crate::Database::in_memory()
            }

            $crate::schema_open!($visibility $name);
        }

        $(
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl $crate::Within<$name> for $collection {}
        )*
    };
}

/// What [`schema!`](crate::schema!) adds where there are files. A macro of its own, so that the feature asked is Epilog's
/// and not that of the crate that calls it.
#[cfg(feature = "std")]
#[doc(hidden)]
#[macro_export]
macro_rules! schema_open {
    ($visibility:vis $name:ident) => {
        /// Opens the database of this schema in a file, or makes it; see `Database::open`.
        ///
        /// # Errors
        ///
        /// When the file is no such database, or cannot be read.
        #[allow(dead_code, reason = "a program may only ever use databases in memory")]
        $visibility fn open(
            path: impl ::core::convert::AsRef<$crate::__private::Path>,
        ) -> ::core::result::Result<$crate::Database<$name>, $crate::Error> {
            $crate::Database::open(path)
        }
    };
}

/// What [`schema!`](crate::schema!) adds where there are files: nothing here.
#[cfg(not(feature = "std"))]
#[doc(hidden)]
#[macro_export]
macro_rules! schema_open {
    ($visibility:vis $name:ident) => {};
}
