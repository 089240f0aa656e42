//! The parts of dates.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::methods;
use crate::collection::Expr;
use crate::expr::UnaryOp;

/// The parts of dates of this type.
macro_rules! date {
    ($($date:ty => $year:ty, $part:ty;)*) => {$(
        methods! {
            [$date]

            /// The year.
            pub fn year(self) -> Expr<S, $year> {
                Expr::new(self.erase().unary(UnaryOp::Year))
            }

            /// The month, 1 to 12.
            pub fn month(self) -> Expr<S, $part> {
                Expr::new(self.erase().unary(UnaryOp::Month))
            }

            /// The day of the month, 1 to 31.
            pub fn day(self) -> Expr<S, $part> {
                Expr::new(self.erase().unary(UnaryOp::Day))
            }
        }
    )*};
}

date! {
    NaiveDate => i32, u32;
    NaiveDateTime => i32, u32;
    DateTime<Utc> => i32, u32;
    Option<NaiveDate> => Option<i32>, Option<u32>;
    Option<NaiveDateTime> => Option<i32>, Option<u32>;
    Option<DateTime<Utc>> => Option<i32>, Option<u32>;
}
