//! The parts of dates.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::methods;
use crate::collection::Expr;
use crate::expr::UnaryOp;
use crate::value::Value;

/// A type that has a date: `NaiveDate`, `NaiveDateTime`, `DateTime<Utc>`, and `Option` of these.
#[diagnostic::on_unimplemented(
    message = "values of type `{Self}` have no date",
    label = "`year`, `month` and `day` are for dates",
    note = "dates are `NaiveDate`, `NaiveDateTime`, `DateTime<Utc>`, and `Option` of these"
)]
pub trait Dated: Value {
    /// `i32`, or `Option` of it.
    type Year: Value;
    /// `u32`, or `Option` of it.
    type Part: Value;
}

macro_rules! dated {
    ($($date:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl Dated for $date {
            type Year = i32;
            type Part = u32;
        }

        #[diagnostic::do_not_recommend]
        impl Dated for Option<$date> {
            type Year = Option<i32>;
            type Part = Option<u32>;
        }
    )*};
}

dated!(NaiveDate, NaiveDateTime, DateTime<Utc>);

methods! {
    /// The year.
    pub fn year(self) -> Expr<S, T::Year>
    where
        T: Dated,
    {
        Expr::new(self.erase().unary(UnaryOp::Year))
    }

    /// The month, 1 to 12.
    pub fn month(self) -> Expr<S, T::Part>
    where
        T: Dated,
    {
        Expr::new(self.erase().unary(UnaryOp::Month))
    }

    /// The day of the month, 1 to 31.
    pub fn day(self) -> Expr<S, T::Part>
    where
        T: Dated,
    {
        Expr::new(self.erase().unary(UnaryOp::Day))
    }
}
