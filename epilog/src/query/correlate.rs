//! [`Correlate`]: subqueries over any collection, seen from a row.

use super::{Predicate, Push, Scope};
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
    fn exists<C: Collection>(
        &self,
        predicate: impl Condition<<<Self::Scope as Push<C>>::Out as Scope>::Rows, <Self::Scope as Push<C>>::Out>,
    ) -> Expr<Self::Scope, bool>
    where
        Self::Scope: Push<C>,
    {
        let rows = <Self::Scope as Push<C>>::Out::rows();
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

/// A closure from the rows of scope `S` to a predicate over them.
pub trait Condition<Rows, S>: FnOnce(Rows) -> <Self as Condition<Rows, S>>::Predicate {
    /// The predicate.
    type Predicate: Predicate<S>;
}

impl<Rows, S, P: Predicate<S>, F: FnOnce(Rows) -> P> Condition<Rows, S> for F {
    type Predicate = P;
}
