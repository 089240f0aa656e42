//! [`Correlate`]: subqueries over any collection, seen from a row.

use super::{Condition, Predicate, Push, Scope};
use crate::collection::{Collection, Expr, Proxy};
use crate::expr::op::Link;
use crate::expr::{Expression as Node, Quantifier, Subquery};

/// What every fields struct can ask of other collections. In the prelude; a relation or field called `exists` takes
/// precedence, and the method is then `Correlate::exists::<C>(&row, ..)`.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// // Artists who have a namesake among the tracks: none.
/// let query = Artist::query().filter(|a| a.exists::<Track>(|(a, t)| t.name.eq(a.name)));
/// assert!(!query.exists(&db)?);
/// # Ok::<(), Error>(())
/// ```
pub trait Correlate: Proxy {
    /// Whether there is a record of `C` that the predicate is true of.
    ///
    /// The closure is given the rows of this scope as seen from inside, and then the record of `C`: from a query over
    /// customers, `c.exists::<Invoice>(|(c, i)| i.customer.eq(c.id))`. Use the rows it gives, not those of the closure
    /// around it. It nests, to the depth that queries may have within each other (16), each with one source more. An equality between a field of the record and one
    /// of the rows is looked up through an index or a hash table; without one, every pair is looked at.
    ///
    /// That `C` is in the database's schema is found out when the query runs: otherwise it is
    /// [`Plan`](crate::ErrorKind::Plan).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // Albums that have a track of their own name.
    /// let query = Album::query().filter(|al| al.exists::<Track>(|(al, t)| t.album.eq(al.id) & t.name.eq(al.title)));
    /// assert_eq!(query.select(|al| al.title).all(&db)?, ["Crusader"]);
    ///
    /// // Albums of which another was made in the same year.
    /// let query = Album::query().filter(|al| al.exists::<Album>(|(al, other)| other.year.eq(al.year) & other.id.ne(al.id)));
    /// assert_eq!(query.count(&db)?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    fn exists<C: Collection>(&self, predicate: impl Condition<Seen<Self, C>>) -> Expr<Self::Scope, bool>
    where
        Self::Scope: Push<C>,
    {
        let rows = Seen::<Self, C>::rows();
        let predicate = predicate(rows).into_expression();
        Expr::new(Node::subquery(Subquery {
            collection: C::schema,
            link: Link::Correlated { position: <Self::Scope as Push<C>>::POSITION },
            quantifier: Quantifier::Any,
            predicate: Some(predicate.whole()),
            equal: None,
        }))
    }

    /// The records of collection `C`, to ask something of them: see [`Subquery`](super::Subquery).
    ///
    /// The closures are given the rows of this scope as seen from inside, and then the record of `C`, as those of
    /// [`exists`](Correlate::exists).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().select(|a| {
    ///     let albums = a.from::<Album>().filter(|(a, al)| al.artist.eq(a.id));
    ///     (a.name, albums.clone().count(), albums.min(|(_, al)| al.year))
    /// });
    /// assert_eq!(query.first(&db)?, Some(("Iron Maiden".into(), 2, Some(1981))));
    /// # Ok::<(), Error>(())
    /// ```
    fn from<C: Collection>(&self) -> super::Subquery<Self::Scope, Seen<Self, C>>
    where
        Self::Scope: Push<C>,
    {
        super::Subquery::over::<C>(<Self::Scope as Push<C>>::POSITION)
    }
}

impl<P: Proxy> Correlate for P {}

/// The scope of fields struct `P` with a record of `C` at its end.
type Seen<P, C> = <<P as Proxy>::Scope as Push<C>>::Out;
