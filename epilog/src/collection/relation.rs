//! [`Many`]: the reverse side of a relation.

use core::marker::PhantomData;

use crate::expr::RowPath;

/// That `Self` has a relation field to collection `C`. Made by the derive for each such field, so that
/// `#[has_many(albums: Album::artist)]` can be checked.
///
/// `FIELD` is the FNV-1a hash, 64 bits, of the field's name.
#[diagnostic::on_unimplemented(
    message = "the field of `{Self}` named in `#[has_many(..)]` does not point at `{C}`",
    label = "no such relation from `{Self}` to `{C}`",
    note = "name a field of `{Self}` whose type is `Id<{C}>` or `Option<Id<{C}>>`"
)]
pub trait BelongsTo<C, const FIELD: u64> {
    /// The field's ordinal in `Self`.
    const ORDINAL: u16;
}

/// The records of collection `C` that point at a row of scope `S`.
#[derive(Clone)]
pub struct Many<S, C> {
    row: RowPath,
    ordinal: u16,
    of: PhantomData<fn() -> (S, C)>,
}

impl<S, C> Many<S, C> {
    /// The records whose field with this ordinal points at `row`.
    pub fn new(row: RowPath, ordinal: u16) -> Many<S, C> {
        Many { row, ordinal, of: PhantomData }
    }
}
