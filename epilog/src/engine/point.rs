//! [`Point`]: the queries that at most one record can satisfy by one comparison, which are carried out without a plan.
//!
//! ```text
//! User::query().filter(|user| user.email.eq("ada@example.com"))      a unique index of one field
//! User::query().filter(|user| user.id.eq(7))                         the clustering key
//! ```
//!
//! There is one sensible way to carry such a query out, and finding it out by the stages of the engine takes several
//! times longer than going it. What comes out is what the plan would give; whatever is not surely of this form (and
//! whatever a plan would be refused for) is left to planning.

use alloc::vec::Vec;

use super::error::ExecError;
use super::exec::dangling;
use crate::expr::draft::Equality;
use crate::expr::{Draft, RowPath};
use crate::parts;
use crate::schema::{CollectionDef, IndexDef};
use crate::storage::facade::View;
use crate::storage::records::RecordRef;
use crate::value::{Scalar, buffers, is_of, key};

/// A query for one record.
pub(super) struct Point<'s> {
    view: View<'s>,
    collection: &'s CollectionDef,
    by: By<'s>,
}

/// How the record is found.
enum By<'s> {
    /// It has this rank.
    Rank(u128),
    /// The index has this key for it.
    Key(&'s IndexDef, Key),
    /// Not at all: no row is wanted.
    Nothing,
}

impl<'s> Point<'s> {
    /// The query for one record that a draft is, if it is one.
    pub(super) fn of(view: View<'s>, draft: &Draft) -> Option<Point<'s>> {
        if !parts::SHORTCUTS {
            return None;
        }
        let Equality { path, value, ty, rows_max } = draft.equality()?;
        let collection = view.catalog().bound((draft.root)())?;
        let position = *collection.positions.get(usize::from(path.ordinal))?;
        let field = &collection.fields[usize::from(position)];
        if path.row != RowPath::source(0) || field.ty != ty || value.is_null() || !is_of(value, ty) {
            return None;
        }
        let by = if rows_max == 0 {
            By::Nothing
        } else if collection.clustered == Some(position) {
            By::Rank(value.with_cell(ty, |cell| key::rank(ty, cell.expect("present, as checked above"))))
        } else {
            let is_found = |index: &&IndexDef| index.tells_apart() && index.fields == [position];
            let index = collection.indexes.iter().find(is_found)?;
            By::Key(index, encoded(value, field.optional, ty))
        };
        Some(Point { view, collection, by })
    }

    /// The collection that the record is of.
    pub(super) fn collection(&self) -> &'s CollectionDef {
        self.collection
    }

    /// The record, if there is one.
    pub(super) fn record(&self) -> Result<Option<RecordRef<'s>>, ExecError> {
        match &self.by {
            By::Rank(rank) => Ok(self.view.get(self.collection, *rank)?),
            By::Key(index, key) => {
                let Some(rank) = self.view.rank_by_key(self.collection, index, &key.0)? else {
                    return Ok(None);
                };
                let record = self.view.get(self.collection, rank)?;
                Ok(Some(record.ok_or_else(|| dangling(self.collection, rank))?))
            }
            By::Nothing => Ok(None),
        }
    }
}

/// A key, in a buffer that was another's before and will be again.
struct Key(Vec<u8>);

impl Drop for Key {
    fn drop(&mut self) {
        buffers::give_back(core::mem::take(&mut self.0));
    }
}

/// The key of a value in an index of its field alone.
fn encoded(value: &Scalar, optional: bool, ty: crate::value::Type) -> Key {
    let len = match value {
        Scalar::String(text) => text.len(),
        Scalar::Bytes(bytes) => bytes.len(),
        _ => 24,
    };
    let mut key = buffers::take(len + 3);
    key::append_scalar(&mut key, ty, optional, value);
    Key(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fixture::{self as f, DraftBuilder, draft, field, id, int, null, text, through};
    use crate::expr::BinaryOp::{And, Eq, Gt};
    use crate::storage::facade::Reading;
    use crate::storage::store::Store;

    /// Whether a query is carried out without a plan.
    fn is_point(draft: DraftBuilder) -> bool {
        let store = Store::in_memory(&f::DATABASE).expect("a sound schema");
        let snapshot = store.snapshot();
        Point::of(snapshot.operation().view(), &draft.build()).is_some()
    }

    #[test]
    fn keys_and_unique_fields_are_points() {
        let by_id = || field(f::track::ID).binary(Eq, id(7));
        assert!(is_point(draft(f::Track).filter(by_id())));
        assert!(is_point(draft(f::Track).filter(by_id()).limit(3).limit(0)));
        assert!(is_point(draft(f::Country).filter(field(f::country::CODE).binary(Eq, text("NZ")))));
    }

    #[test]
    fn everything_else_is_planned() {
        let by_id = || field(f::track::ID).binary(Eq, id(7));
        assert!(!is_point(draft(f::Track)));
        assert!(!is_point(draft(f::Track).filter(field(f::track::ID).binary(Gt, id(7)))));
        assert!(!is_point(draft(f::Track).filter(by_id().binary(And, field(f::track::ACTIVE)))));
        assert!(!is_point(draft(f::Track).filter(field(f::track::NAME).binary(Eq, text("x")))));
        assert!(!is_point(
            draft(f::Track).filter(through(&[f::track::ALBUM], f::album::ID).binary(Eq, id(7)))
        ));
        assert!(!is_point(draft(f::Track).filter(by_id()).offset(1)));
        assert!(!is_point(draft(f::Track).filter(by_id()).select([field(f::track::NAME)])));
        assert!(!is_point(draft(f::Track).limit(1).filter(by_id())));
        // Refused by planning, which says why.
        assert!(!is_point(draft(f::Track).filter(field(f::track::ID).binary(Eq, int(7)))));
        assert!(!is_point(
            draft(f::Country).filter(field(f::country::CODE).binary(Eq, null(crate::value::Type::String)))
        ));
    }
}
