//! [`Many`]: the reverse side of a relation.

use core::fmt;
use core::marker::PhantomData;

use crate::expr::op::Link;
use crate::expr::{BinaryOp, Expression, FieldPath, Quantifier, RowPath, Subquery};
use crate::schema::CollectionSchema;
use crate::value::Type;

/// That `Self` has a relation field to collection `C`, so that `#[has_many(albums: Album::artist)]` can be checked.
///
/// `FIELD` is the FNV-1a hash, 64 bits, of the field's name. The derive implements [`Relation`], and what is implemented
/// follows: with one implementation for all, rustc does not list numbers that would do.
#[diagnostic::on_unimplemented(
    message = "the field of `{Self}` named in `#[has_many(..)]` does not point at `{C}`",
    label = "no such relation from `{Self}` to `{C}`",
    note = "name a field of `{Self}` whose type is `Id<{C}>` or `Option<Id<{C}>>`"
)]
pub trait BelongsTo<C, const FIELD: u64> {
    /// The field's ordinal in `Self`.
    const ORDINAL: u16;
}

#[diagnostic::do_not_recommend]
impl<A, C, const FIELD: u64> BelongsTo<C, FIELD> for A
where
    Name<FIELD>: Relation<A, C>,
{
    const ORDINAL: u16 = <Name<FIELD> as Relation<A, C>>::ORDINAL;
}

/// The name of a field, by the FNV-1a hash, 64 bits, of it.
#[derive(Debug)]
pub struct Name<const FIELD: u64>;

/// That the field of this name leads from collection `A` to collection `C`. Made by the derive for each relation field.
pub trait Relation<A, C> {
    /// The field's ordinal in `A`.
    const ORDINAL: u16;
}

/// The records of collection `C` that point at a row of scope `S`.
///
/// Made by the methods that `#[has_many(..)]` declares. Asked with [`any`](Many::any), [`all`](Many::all),
/// [`none`](Many::none), [`count`](Many::count), [`is_empty`](Many::is_empty), it gives an expression;
/// [`filter`](Many::filter) narrows it first. The closures speak of the records only, not of the row: what needs both
/// is [`exists`](crate::query::Correlate::exists).
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let query = Artist::query().filter(|a| a.albums().any(|al| al.tracks().count().ge(2)));
/// assert_eq!(query.select(|a| (a.name, a.albums().count())).all(&db)?, [("Iron Maiden".to_string(), 2)]);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "say what is asked of the records: `any`, `all`, `none`, `count`"]
pub struct Many<S, C> {
    row: RowPath,
    ordinal: u16,
    filter: Option<Expression>,
    of: PhantomData<fn() -> (S, C)>,
}

impl<S, C> Many<S, C> {
    /// The records whose field with this ordinal points at `row`.
    pub fn new(row: RowPath, ordinal: u16) -> Many<S, C> {
        Many { row, ordinal, filter: None, of: PhantomData }
    }

    /// Keeps only the records that also satisfy `predicate`.
    pub(crate) fn restrict(&mut self, predicate: Expression) {
        self.filter = Some(match self.filter.take() {
            Some(filter) => filter.binary(BinaryOp::And, predicate),
            None => predicate,
        });
    }

    /// What the records satisfy.
    pub(crate) fn condition(&self) -> Option<&Expression> {
        self.filter.as_ref()
    }

    /// The field of the records, those of `collection`, that points, as that of source 0; and its type.
    pub(crate) fn pointing(&self, collection: &CollectionSchema) -> (Type, FieldPath) {
        let field = &collection.fields[usize::from(self.ordinal)];
        (field.ty, FieldPath { row: RowPath::source(0), ordinal: self.ordinal })
    }

    /// The field of the row that they point at: its key.
    pub(crate) fn key(&self, collection: &CollectionSchema) -> FieldPath {
        let field = &collection.fields[usize::from(self.ordinal)];
        let target = field.reference.map(|reference| (reference.target)());
        let ordinal = target.and_then(|target| target.key.ordinals().first().copied());
        FieldPath { row: self.row, ordinal: ordinal.unwrap_or_default() }
    }

    /// Takes off what was kept only.
    pub(crate) fn take_filter(&mut self) -> Option<Expression> {
        self.filter.take()
    }

    /// A question about the records.
    pub(crate) fn into_subquery(
        self,
        collection: fn() -> &'static CollectionSchema,
        quantifier: Quantifier,
    ) -> Subquery {
        let link = Link::Reverse { row: self.row, ordinal: self.ordinal };
        let predicate = self.filter.map(Expression::whole);
        Subquery { collection, link, quantifier, predicate, equal: None }
    }
}

impl<S, C> Clone for Many<S, C> {
    fn clone(&self) -> Self {
        Many { row: self.row, ordinal: self.ordinal, filter: self.filter.clone(), of: PhantomData }
    }
}

impl<S, C> fmt::Debug for Many<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Many")
            .field("row", &self.row)
            .field("ordinal", &self.ordinal)
            .field("filter", &self.filter)
            .finish()
    }
}
