//! Aggregates written where none can be, only to say so: `t.price.sum()`.

use super::methods;
use crate::collection::Expr;

/// No scope is one: an aggregate has no meaning for a single record.
#[diagnostic::on_unimplemented(
    message = "an aggregate is over all records of a query, not over one of `{Self}`",
    label = "not inside `aggregate`",
    note = "write `.aggregate(|g| (g.count(), g.sum(|t| t.price), g.max(|t| t.name)))`"
)]
pub trait Aggregating {}

methods! {
    [T]

    #[doc(hidden)]
    pub fn count(self) -> Expr<S, u64> where S: Aggregating {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn sum(self) -> Expr<S, T> where S: Aggregating {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn avg(self) -> Expr<S, T> where S: Aggregating {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn min(self) -> Expr<S, T> where S: Aggregating {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn max(self) -> Expr<S, T> where S: Aggregating {
        Expr::new(self.erase())
    }
}
