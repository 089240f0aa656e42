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

            /// The year; absent where the date is.
            ///
            /// # Examples
            ///
            /// ```
            /// use chrono::NaiveDate;
            /// use epilog::prelude::*;
            ///
            /// #[derive(Collection)]
            /// struct Concert {
            ///     id: Id<Concert>,
            ///     day: NaiveDate,
            /// }
            /// # epilog::schema!(Tour { Concert });
            /// # let db = Tour::in_memory()?;
            /// # let day = NaiveDate::from_ymd_opt(1984, 8, 9).expect("a date");
            /// # db.write(|tx| tx.insert(&Concert { id: Id::auto(), day }))?;
            /// // of a concert on 9 August 1984
            /// assert_eq!(Concert::query().select(|c| c.day.year()).one(&db)?, 1984);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn year(self) -> Expr<S, $year> {
                Expr::new(self.erase().unary(UnaryOp::Year))
            }

            /// The month, 1 to 12; absent where the date is.
            ///
            /// # Examples
            ///
            /// ```
            /// use chrono::NaiveDate;
            /// use epilog::prelude::*;
            ///
            /// #[derive(Collection)]
            /// struct Concert {
            ///     id: Id<Concert>,
            ///     day: NaiveDate,
            /// }
            /// # epilog::schema!(Tour { Concert });
            /// # let db = Tour::in_memory()?;
            /// # let day = NaiveDate::from_ymd_opt(1984, 8, 9).expect("a date");
            /// # db.write(|tx| tx.insert(&Concert { id: Id::auto(), day }))?;
            /// // of a concert on 9 August 1984
            /// assert_eq!(Concert::query().select(|c| c.day.month()).one(&db)?, 8);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn month(self) -> Expr<S, $part> {
                Expr::new(self.erase().unary(UnaryOp::Month))
            }

            /// The day of the month, 1 to 31; absent where the date is.
            ///
            /// # Examples
            ///
            /// ```
            /// use chrono::NaiveDate;
            /// use epilog::prelude::*;
            ///
            /// #[derive(Collection)]
            /// struct Concert {
            ///     id: Id<Concert>,
            ///     day: NaiveDate,
            /// }
            /// # epilog::schema!(Tour { Concert });
            /// # let db = Tour::in_memory()?;
            /// # let day = NaiveDate::from_ymd_opt(1984, 8, 9).expect("a date");
            /// # db.write(|tx| tx.insert(&Concert { id: Id::auto(), day }))?;
            /// // of a concert on 9 August 1984
            /// assert_eq!(Concert::query().select(|c| c.day.day()).one(&db)?, 9);
            /// # Ok::<(), Error>(())
            /// ```
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
