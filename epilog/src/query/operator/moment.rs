//! Functions of dates, times and moments: parts beyond year, month and day, starts of spans, sums and differences.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::shape::{Shape, mark};
use super::{Operand, methods};
use crate::collection::Expr;
use crate::expr::Function;
use crate::expr::function::Span;

/// What has a date: `NaiveDate`, `NaiveDateTime`, `DateTime<Utc>`, and `Option` of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no date",
    label = "this function is for dates",
    note = "dates are in `NaiveDate`, `NaiveDateTime`, `DateTime<Utc>`, and `Option` of these"
)]
pub trait Dated: Shape {}

mark!(Dated: NaiveDate, NaiveDateTime, DateTime<Utc>);

/// What has a time of day: `NaiveTime`, `NaiveDateTime`, `DateTime<Utc>`, and `Option` of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no time of day",
    label = "this function is for times",
    note = "times are in `NaiveTime`, `NaiveDateTime`, `DateTime<Utc>`, and `Option` of these"
)]
pub trait Timed: Shape {}

mark!(Timed: NaiveTime, NaiveDateTime, DateTime<Utc>);

/// What has a date and a time of day: `NaiveDateTime`, `DateTime<Utc>`, and `Option` of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a date with a time of day",
    label = "this function needs both",
    note = "`NaiveDateTime` and `DateTime<Utc>` have both, and `Option` of these"
)]
pub trait Moment: Dated + Timed {}

mark!(Moment: NaiveDateTime, DateTime<Utc>);

/// A date alone: `NaiveDate`, or `Option<NaiveDate>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a date",
    label = "this function is for `NaiveDate`",
    note = "`date` gives that of a `NaiveDateTime` or `DateTime<Utc>`"
)]
pub trait Day: Dated {}

mark!(Day: NaiveDate);

/// A date and time of no zone: `NaiveDateTime`, or `Option` of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a date and time without a zone",
    label = "this function is for `NaiveDateTime`",
    note = "`at` makes one of a date: `t.day.at(t.time)`"
)]
pub trait Naive: Moment {}

mark!(Naive: NaiveDateTime);

/// A moment, in UTC: `DateTime<Utc>`, or `Option` of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a moment of UTC",
    label = "this function is for `DateTime<Utc>`",
    note = "`and_utc` makes one of a `NaiveDateTime`"
)]
pub trait Zoned: Moment {}

mark!(Zoned: DateTime<Utc>);

methods! {
    [T]

    /// The quarter of the year, 1 to 4.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// // of concerts on 9 August 1984 and 31 January 1985
    /// assert_eq!(Concert::query().select(|c| c.day.quarter()).all(&db)?, [3, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn quarter(self) -> Expr<S, T::With<u32>> where T: Dated {
        Expr::new(self.erase().call(Function::Quarter, []))
    }

    /// The week, 1 to 53, as ISO 8601 counts them: from Monday, week 1 being the one with the year's first Thursday. The year
    /// that it is of is [`week_year`](Expr::week_year).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// assert_eq!(Concert::query().select(|c| c.day.week()).all(&db)?, [32, 5]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn week(self) -> Expr<S, T::With<u32>> where T: Dated {
        Expr::new(self.erase().call(Function::Week, []))
    }

    /// The year that the [`week`](Expr::week) of ISO 8601 is of: around New Year it may be another than the date's.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let years = Concert::query().select(|c| c.day.start_of_year().week_year()).all(&db)?;
    /// assert_eq!(years, [1983, 1985]); // 1 January 1984 was a Sunday
    /// # Ok::<(), Error>(())
    /// ```
    pub fn week_year(self) -> Expr<S, T::With<i32>> where T: Dated {
        Expr::new(self.erase().call(Function::WeekYear, []))
    }

    /// The day of the week: 1 for Monday to 7 for Sunday.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// assert_eq!(Concert::query().filter(|c| c.day.weekday().eq(4)).count(&db)?, 2); // both on a Thursday
    /// # Ok::<(), Error>(())
    /// ```
    pub fn weekday(self) -> Expr<S, T::With<u32>> where T: Dated {
        Expr::new(self.erase().call(Function::Weekday, []))
    }

    /// The day of the year, 1 to 366.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// assert_eq!(Concert::query().select(|c| c.day.day_of_year()).all(&db)?, [222, 31]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn day_of_year(self) -> Expr<S, T::With<u32>> where T: Dated {
        Expr::new(self.erase().call(Function::DayOfYear, []))
    }

    /// The hour of the day, 0 to 23; of a `DateTime<Utc>` in UTC.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let hours = Concert::query().select(|c| (c.doors.hour(), c.begins.hour(), c.ended.hour())).all(&db)?;
    /// assert_eq!(hours, [(18, 20, Some(22)), (17, 19, None)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn hour(self) -> Expr<S, T::With<u32>> where T: Timed {
        Expr::new(self.erase().call(Function::Hour, []))
    }

    /// The minute of the hour, 0 to 59.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// assert_eq!(Concert::query().select(|c| c.begins.minute()).all(&db)?, [5, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn minute(self) -> Expr<S, T::With<u32>> where T: Timed {
        Expr::new(self.erase().call(Function::Minute, []))
    }

    /// The second of the minute, 0 to 59.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// assert_eq!(Concert::query().select(|c| c.begins.second()).all(&db)?, [30, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn second(self) -> Expr<S, T::With<u32>> where T: Timed {
        Expr::new(self.erase().call(Function::Second, []))
    }

    /// The nanosecond of the second, 0 to 999,999,999; beyond that in a leap second, which is the second 59 still.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let late = Concert::query().select(|c| c.begins.add_milliseconds(5).nanosecond()).first(&db)?;
    /// assert_eq!(late, Some(5_000_000));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn nanosecond(self) -> Expr<S, T::With<u32>> where T: Timed {
        Expr::new(self.erase().call(Function::Nanosecond, []))
    }

    /// How many days its month has, 28 to 31.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// assert_eq!(Concert::query().select(|c| c.day.days_of_month()).all(&db)?, [31, 31]);
    /// let february = Concert::query().select(|c| c.day.add_months(-6).days_of_month()).first(&db)?;
    /// assert_eq!(february, Some(29)); // of 1984
    /// # Ok::<(), Error>(())
    /// ```
    pub fn days_of_month(self) -> Expr<S, T::With<u32>> where T: Dated {
        Expr::new(self.erase().call(Function::DaysOfMonth, []))
    }

    /// How many seconds went by since 1970 began, in UTC; negative before. A fraction of a second has not gone by.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let seconds = Concert::query().select(|c| c.begins.unix_seconds()).first(&db)?;
    /// assert_eq!(seconds, Some(460_929_930));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn unix_seconds(self) -> Expr<S, T::With<i64>> where T: Moment {
        Expr::new(self.erase().call(Function::UnixSeconds, []))
    }

    /// The date at a time of day.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let opened = Concert::query().select(|c| c.day.at(c.doors)).first(&db)?;
    /// assert_eq!(opened, Some(date("1984-08-09").and_time(time("18:30:00"))));
    /// assert_eq!(Concert::query().filter(|c| c.day.at(c.doors).and_utc().gt(c.begins)).count(&db)?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn at(self, time: impl Operand<NaiveTime, S>) -> Expr<S, T::With<NaiveDateTime>> where T: Day {
        Expr::new(self.erase().call(Function::At, [time.into_expression()]))
    }

    /// The date and time as a moment of UTC, whatever zone it was of.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let noon = Concert::query().select(|c| c.day.at(time("12:00:00")).and_utc()).first(&db)?;
    /// assert_eq!(noon, Some(at("1984-08-09T12:00:00Z")));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn and_utc(self) -> Expr<S, T::With<DateTime<Utc>>> where T: Naive {
        Expr::new(self.erase().call(Function::AndUtc, []))
    }

    /// The moment as date and time in UTC.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let begins = Concert::query().select(|c| c.begins.naive_utc()).first(&db)?;
    /// assert_eq!(begins, Some(date("1984-08-09").and_time(time("20:05:30"))));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn naive_utc(self) -> Expr<S, T::With<NaiveDateTime>> where T: Zoned {
        Expr::new(self.erase().call(Function::NaiveUtc, []))
    }

    /// The date of the moment; of a `DateTime<Utc>` in UTC.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// assert_eq!(Concert::query().filter(|c| c.begins.date().eq(c.day)).count(&db)?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn date(self) -> Expr<S, T::With<NaiveDate>> where T: Moment {
        Expr::new(self.erase().call(Function::Date, []))
    }

    /// The time of day of the moment; of a `DateTime<Utc>` in UTC.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let waits = Concert::query().select(|c| c.begins.time().seconds_since(c.doors) / 60).all(&db)?;
    /// assert_eq!(waits, [95, 120]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn time(self) -> Expr<S, T::With<NaiveTime>> where T: Moment {
        Expr::new(self.erase().call(Function::Time, []))
    }

    /// The first day of the year, or its first moment.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let starts = Concert::query().select(|c| (c.day.start_of_year(), c.begins.start_of_year())).all(&db)?;
    /// assert_eq!(starts[0], (date("1984-01-01"), at("1984-01-01T00:00:00Z")));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn start_of_year(self) -> Expr<S, T> where T: Dated {
        Expr::new(self.erase().call(Function::StartOf(Span::Year), []))
    }

    /// The first day of the quarter, or its first moment.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let starts = Concert::query().select(|c| c.day.start_of_quarter()).all(&db)?;
    /// assert_eq!(starts, [date("1984-07-01"), date("1985-01-01")]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn start_of_quarter(self) -> Expr<S, T> where T: Dated {
        Expr::new(self.erase().call(Function::StartOf(Span::Quarter), []))
    }

    /// The first day of the month, or its first moment.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let months: Vec<(NaiveDate, u64)> = Concert::query()
    ///     .group_by(|c| c.day.start_of_month())
    ///     .order_by(|g| g.key().asc())
    ///     .select(|g| (g.key(), g.count()))
    ///     .all(&db)?;
    /// assert_eq!(months, [(date("1984-08-01"), 1), (date("1985-01-01"), 1)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn start_of_month(self) -> Expr<S, T> where T: Dated {
        Expr::new(self.erase().call(Function::StartOf(Span::Month), []))
    }

    /// The Monday of the week, or its first moment.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let mondays = Concert::query().select(|c| c.day.start_of_week()).all(&db)?;
    /// assert_eq!(mondays, [date("1984-08-06"), date("1985-01-28")]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn start_of_week(self) -> Expr<S, T> where T: Dated {
        Expr::new(self.erase().call(Function::StartOf(Span::Week), []))
    }

    /// Midnight of the day.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let days = Concert::query().select(|c| c.begins.start_of_day()).all(&db)?;
    /// assert_eq!(days[0], at("1984-08-09T00:00:00Z"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn start_of_day(self) -> Expr<S, T> where T: Moment {
        Expr::new(self.erase().call(Function::StartOf(Span::Day), []))
    }

    /// The first moment of the hour.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let hours = Concert::query().select(|c| c.begins.start_of_hour()).all(&db)?;
    /// assert_eq!(hours[0], at("1984-08-09T20:00:00Z"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn start_of_hour(self) -> Expr<S, T> where T: Moment {
        Expr::new(self.erase().call(Function::StartOf(Span::Hour), []))
    }

    /// The first moment of the minute.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let minutes = Concert::query().select(|c| c.begins.start_of_minute()).all(&db)?;
    /// assert_eq!(minutes[0], at("1984-08-09T20:05:00Z"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn start_of_minute(self) -> Expr<S, T> where T: Moment {
        Expr::new(self.erase().call(Function::StartOf(Span::Minute), []))
    }

    /// So many days later, or earlier if the number is negative. A date that `chrono` does not have is an error where the row
    /// comes out, of kind [`Arithmetic`](crate::ErrorKind::Arithmetic); so it is with the sums below.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let next = Concert::query().select(|c| c.day.add_days(1)).all(&db)?;
    /// assert_eq!(next, [date("1984-08-10"), date("1985-02-01")]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn add_days(self, days: impl Operand<i64, S>) -> Expr<S, T> where T: Dated {
        Expr::new(self.erase().call(Function::AddDays, [days.into_expression()]))
    }

    /// So many months later, or earlier if the number is negative: on the same day of that month, or on its last if it has
    /// fewer. A year is 12 months.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let later = Concert::query().select(|c| c.day.add_months(1)).all(&db)?;
    /// assert_eq!(later, [date("1984-09-09"), date("1985-02-28")]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn add_months(self, months: impl Operand<i64, S>) -> Expr<S, T> where T: Dated {
        Expr::new(self.erase().call(Function::AddMonths, [months.into_expression()]))
    }

    /// So many seconds later, or earlier if the number is negative.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let breaks = Concert::query().select(|c| c.begins.add_seconds(45 * 60)).all(&db)?;
    /// assert_eq!(breaks[0], at("1984-08-09T20:50:30Z"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn add_seconds(self, seconds: impl Operand<i64, S>) -> Expr<S, T> where T: Moment {
        Expr::new(self.erase().call(Function::AddSeconds, [seconds.into_expression()]))
    }

    /// So many milliseconds later, or earlier if the number is negative.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let next = Concert::query().select(|c| c.begins.add_milliseconds(90_000)).all(&db)?;
    /// assert_eq!(next[0], at("1984-08-09T20:07:00Z"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn add_milliseconds(self, milliseconds: impl Operand<i64, S>) -> Expr<S, T> where T: Moment {
        Expr::new(self.erase().call(Function::AddMilliseconds, [milliseconds.into_expression()]))
    }

    /// How many days the date is after the other; negative if it is before. The days between moments are those between their
    /// [`date`](Expr::date)s.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let days = Concert::query().select(|c| c.day.days_since(date("1984-12-31"))).all(&db)?;
    /// assert_eq!(days, [-144, 31]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn days_since(self, earlier: impl Operand<T, S>) -> Expr<S, T::With<i64>> where T: Day {
        Expr::new(self.erase().call(Function::DaysSince, [earlier.into_expression()]))
    }

    /// How many whole seconds the moment, or time of day, is after the other; negative if it is before. What is less than a
    /// second does not count, whatever the direction.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let lengths = Concert::query().select(|c| c.ended.seconds_since(c.begins)).all(&db)?;
    /// assert_eq!(lengths, [Some(8970), None]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn seconds_since(self, earlier: impl Operand<T, S>) -> Expr<S, T::With<i64>> where T: Timed {
        Expr::new(self.erase().call(Function::SecondsSince, [earlier.into_expression()]))
    }

    /// As [`seconds_since`](Expr::seconds_since), in milliseconds.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let lengths = Concert::query().select(|c| c.ended.milliseconds_since(c.begins)).all(&db)?;
    /// assert_eq!(lengths, [Some(8_970_000), None]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn milliseconds_since(self, earlier: impl Operand<T, S>) -> Expr<S, T::With<i64>> where T: Timed {
        Expr::new(self.erase().call(Function::MillisecondsSince, [earlier.into_expression()]))
    }

    /// How many whole months the date, or moment, is after the other; negative if it is before. A month is whole when its day, and time
    /// of day, has come: one that begins on the 31st is not by the 28th of February. An age in years is a twelfth of it.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../concert.txt")]
    /// let months = Concert::query().select(|c| c.day.months_since(date("1984-12-31"))).all(&db)?;
    /// assert_eq!(months, [-4, 1]);
    /// let age = Concert::query().select(|c| c.day.months_since(date("1958-08-10")) / 12).first(&db)?;
    /// assert_eq!(age, Some(25)); // 26 on the day after
    /// # Ok::<(), Error>(())
    /// ```
    pub fn months_since(self, earlier: impl Operand<T, S>) -> Expr<S, T::With<i64>> where T: Dated {
        Expr::new(self.erase().call(Function::MonthsSince, [earlier.into_expression()]))
    }
}
