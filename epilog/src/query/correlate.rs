//! [`Correlate`]: subqueries over any collection, seen from a row.

use super::{Condition, Predicate, Push, Scope};
use crate::collection::{Collection, Expr, Proxy};
use crate::expr::op::Link;
use crate::expr::{Expression as Node, Quantifier, Subquery};

/// What every fields struct can ask of other collections. In the prelude; a relation or field called `exists` takes
/// precedence, and the method is then `Correlate::exists::<C>(&row, ..)`.
pub trait Correlate: Proxy {
    /// Whether there is a record of `C` that the predicate is true of.
    ///
    /// The closure is given the rows of this scope as seen from inside, and then the record of `C`: from a query over
    /// customers, `c.exists::<Invoice>(|(c, i)| i.customer.eq(c.id))`.
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
            predicate: Some(predicate),
        }))
    }
}

impl<P: Proxy> Correlate for P {}

/// The scope of fields struct `P` with a record of `C` at its end.
type Seen<P, C> = <<P as Proxy>::Scope as Push<C>>::Out;
