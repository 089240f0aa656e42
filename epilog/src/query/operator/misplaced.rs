//! Aggregates where none can stand: methods that only say where they can.
//!
//! Without them rustc would take `t.price.sum()` for a misuse of `Iterator`.

use super::methods;
use crate::collection::Expr;
use crate::value::Value;

/// A type that one record has many values of: there is none.
#[diagnostic::on_unimplemented(
    message = "an aggregate over records cannot stand where one record is spoken of",
    label = "one record has one value here",
    note = "over all records write `.aggregate(|g| g.sum(|t| ..))`; of related records there is `a.albums().count()`"
)]
pub trait Grouped: Value {}

// Bound and name on one line: rustc then shows one line.
methods! {
    [T]

    #[doc(hidden)]
    pub fn count(self) -> Expr<S, T> where T: Grouped {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn sum(self) -> Expr<S, T> where T: Grouped {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn avg(self) -> Expr<S, T> where T: Grouped {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn min(self) -> Expr<S, T> where T: Grouped {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn max(self) -> Expr<S, T> where T: Grouped {
        Expr::new(self.erase())
    }
}
