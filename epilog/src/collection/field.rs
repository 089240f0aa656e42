//! [`Field`]: the typed name of a field; [`OwnField`]: one that an update can assign.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use super::stored::Member;
use crate::expr::{FieldPath, NarrowPath};
use crate::value::Value;

/// The name of a field of type `T`, in a query of scope `S`.
///
/// A few inline bytes, `Copy`, no data. Its operators are those of [`Expr`](super::Expr). Where a field is compared
/// with others of its query, a field of another one has another scope and is refused by rustc.
///
/// # Examples
///
/// ```
/// use epilog::collection::{Expr, Field};
#[doc = include_str!("../example.txt")]
///
/// fn is_one_of<S>(name: Field<S, String>, names: &[&str]) -> Expr<S, bool> {
///     name.in_(names)
/// }
/// assert_eq!(Artist::query().filter(|a| is_one_of(a.name, &["Saxon", "Zappa"])).count(&db)?, 2);
/// # Ok::<(), Error>(())
/// ```
pub struct Field<S, T> {
    path: NarrowPath,
    scope: PhantomData<fn() -> (S, T)>,
}

/// A field of the record that an update changes: a [`Field`] that can be [`set`](OwnField::set).
pub struct OwnField<S, T> {
    field: Field<S, T>,
}

impl<S, T> Field<S, T> {
    /// The field at `path`.
    #[inline]
    pub(crate) const fn new(path: FieldPath) -> Field<S, T> {
        Field { path: NarrowPath::of(path), scope: PhantomData }
    }

    /// Where it is.
    #[inline]
    pub(crate) const fn path(&self) -> FieldPath {
        self.path.path()
    }

    /// The same in fewer words.
    #[inline]
    pub(crate) const fn narrow(&self) -> NarrowPath {
        self.path
    }
}

impl<S, T: Value> OwnField<S, T> {
    /// The field at `path`.
    pub(crate) const fn new(path: FieldPath) -> OwnField<S, T> {
        OwnField { field: Field::new(path) }
    }
}

impl<S, T> Member for Field<S, T> {
    fn at(path: FieldPath) -> Self {
        Field::new(path)
    }

    fn path(&self) -> FieldPath {
        self.path.path()
    }
}

impl<S, T: Value> Member for OwnField<S, T> {
    fn at(path: FieldPath) -> Self {
        OwnField::new(path)
    }

    fn path(&self) -> FieldPath {
        self.field.path()
    }
}

impl<S, T> Clone for Field<S, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, T> Copy for Field<S, T> {}

impl<S, T> Clone for OwnField<S, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, T> Copy for OwnField<S, T> {}

impl<S, T> Deref for OwnField<S, T> {
    type Target = Field<S, T>;

    fn deref(&self) -> &Field<S, T> {
        &self.field
    }
}

impl<S, T> fmt::Debug for Field<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Field").field(&self.path).finish()
    }
}

impl<S, T> fmt::Debug for OwnField<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnField").field(&self.field.path).finish()
    }
}
