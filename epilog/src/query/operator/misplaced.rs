//! Aggregates and windows where none can stand: methods that only say where they can.
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

/// A type whose values a row has from the rows around it: there is none.
#[diagnostic::on_unimplemented(
    message = "a window over the rows around a row cannot stand where one row is spoken of",
    label = "what a window calculates is known after its clause",
    note = "calculate it first: `.window(|t, w| w.order_by(t.year).rank()).filter(|(t, rank)| rank.le(3))`"
)]
pub trait Placed: Value {}

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

    #[doc(hidden)]
    pub fn row_number(self) -> Expr<S, T> where T: Placed {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn rank(self) -> Expr<S, T> where T: Placed {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn dense_rank(self) -> Expr<S, T> where T: Placed {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn lag(self, _: u64) -> Expr<S, T> where T: Placed {
        Expr::new(self.erase())
    }

    #[doc(hidden)]
    pub fn lead(self, _: u64) -> Expr<S, T> where T: Placed {
        Expr::new(self.erase())
    }
}
