//! Functions of dates, times and moments.

use super::cell::{Moment, attempts, each};
use super::{Argument, Made, Problem};
use crate::engine::planted::{self, Bug};
use crate::expr::Function;
use crate::expr::function::Span;
use crate::value::Type;
use crate::value::calendar::{self, DAYS_TO_1970};

const OUT_OF_RANGE: Problem = "is a date out of range";

const SECONDS_OF_DAY: i64 = 86_400;

/// More seconds than are between 1970 and any date there is.
const SECONDS_MAX: i64 = 1 << 53;

impl Moment {
    /// The number of its day.
    pub(super) fn day(self) -> i64 {
        self.seconds.div_euclid(SECONDS_OF_DAY) + DAYS_TO_1970
    }

    /// The second of its day.
    fn second_of_day(self) -> i64 {
        self.seconds.rem_euclid(SECONDS_OF_DAY)
    }

    fn on(self, day: i64) -> Moment {
        Moment { seconds: (day - DAYS_TO_1970) * SECONDS_OF_DAY + self.second_of_day(), ..self }
    }

    /// Nanoseconds since 1970.
    fn nanoseconds(self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds)
    }
}

/// The cell of a time: seconds of the day, nanoseconds.
fn time(cell: u64) -> Moment {
    Moment { seconds: (cell >> 32) as i64, nanoseconds: cell as u32 }
}

/// The values as moments: dates at midnight, times on the first day of 1970.
fn moments<'a>(of: Argument<'a>, len: usize) -> impl ExactSizeIterator<Item = Moment> + use<'a> {
    (0..len).map(move |row| moment(of, row))
}

/// The value of a row as a moment.
#[inline]
pub(super) fn moment(of: Argument<'_>, row: usize) -> Moment {
    match of.ty {
        Type::Date => Moment::default().on(i64::from(of.cell::<i32>(row))),
        Type::Time => time(of.cell(row)),
        _ => {
            let moment: Moment = of.cell(row);
            // Only damage is beyond, and stays so: it shall not overflow here.
            Moment { seconds: moment.seconds.clamp(-SECONDS_MAX, SECONDS_MAX), ..moment }
        }
    }
}

/// The cell of the time of day that a moment has.
pub(super) fn cell_of_time(moment: Moment) -> u64 {
    (moment.second_of_day() as u64) << 32 | u64::from(moment.nanoseconds)
}

/// A part of each value, or the start of a span of time.
pub(super) fn part(function: Function, of: Argument<'_>, len: usize) -> Made {
    let moments = moments(of, len);
    match function {
        Function::Quarter => each(moments.map(|moment| (calendar::civil(moment.day()).1 - 1) / 3 + 1)),
        Function::Week => each(moments.map(|moment| calendar::week(moment.day()).1)),
        Function::Weekday => each(moments.map(|moment| calendar::weekday(moment.day()))),
        Function::DayOfYear => each(moments.map(|moment| calendar::day_of_year(moment.day()))),
        Function::Hour => each(moments.map(|moment| (moment.second_of_day() / 3600) as u32)),
        Function::Minute => each(moments.map(|moment| (moment.second_of_day() / 60 % 60) as u32)),
        Function::Nanosecond => each(moments.map(|moment| moment.nanoseconds)),
        Function::DaysOfMonth => each(moments.map(|moment| {
            let (year, month, _) = calendar::civil(moment.day());
            calendar::days_of_month(year, month)
        })),
        Function::UnixSeconds => each(moments.map(|moment| moment.seconds)),
        // Both have the same cells.
        Function::AndUtc | Function::NaiveUtc => each(moments),
        Function::Second => each(moments.map(|moment| (moment.second_of_day() % 60) as u32)),
        // No date that is stored has a year, or a day, beyond 32 bits.
        Function::WeekYear => each(moments.map(|moment| calendar::week(moment.day()).0 as i32)),
        Function::Date => each(moments.map(|moment| moment.day() as i32)),
        Function::Time => each(moments.map(cell_of_time)),
        Function::StartOf(span) => made_of(of.ty, moments.map(|moment| start_of(span, moment))),
        _ => unreachable!("a checked plan calls functions as their table says"),
    }
}

fn start_of(span: Span, moment: Moment) -> Result<Moment, Problem> {
    let day = moment.day();
    let (year, month, _) = calendar::civil(day);
    let midnight = |day: i64| Moment::default().on(day);
    let of_clock = |seconds: i64| {
        let over = moment.second_of_day() % seconds;
        Ok(Moment { seconds: moment.seconds - over, nanoseconds: 0 })
    };
    match span {
        Span::Year => Ok(midnight(calendar::day_number(year, 1, 1))),
        Span::Quarter => Ok(midnight(calendar::day_number(year, (month - 1) / 3 * 3 + 1, 1))),
        Span::Month => Ok(midnight(calendar::day_number(year, month, 1))),
        Span::Week => in_range(midnight(day + 1 - i64::from(calendar::weekday(day)))),
        Span::Day => of_clock(SECONDS_OF_DAY),
        Span::Hour => of_clock(3600),
        Span::Minute => of_clock(60),
    }
}

/// Moments as values of the type they were made for.
fn made_of(ty: Type, moments: impl ExactSizeIterator<Item = Result<Moment, Problem>>) -> Made {
    match ty {
        Type::Date => attempts(moments.map(|moment| moment.map(|moment| moment.day() as i32))),
        _ => attempts(moments),
    }
}

fn in_range(moment: Moment) -> Result<Moment, Problem> {
    match calendar::YEARS.contains(&calendar::civil(moment.day()).0) {
        true => Ok(moment),
        false => Err(OUT_OF_RANGE),
    }
}

/// Dates, each with a time.
pub(super) fn at(date: Argument<'_>, time: Argument<'_>, len: usize) -> Made {
    let pairs = moments(date, len).zip(moments(time, len));
    each(pairs.map(|(date, time)| Moment { seconds: date.seconds + time.seconds, ..time }))
}

/// `AddDays`, `AddMonths`, `AddSeconds` and `AddMilliseconds`.
pub(super) fn add(function: Function, of: Argument<'_>, count: Argument<'_>, len: usize) -> Made {
    let sums = moments(of, len).zip(count.cells::<i64>(len)).map(|(moment, count)| {
        let moved = |seconds: Option<i64>| Some(Moment { seconds: seconds?, ..moment });
        let sum = match function {
            Function::AddDays => {
                moved(count.checked_mul(SECONDS_OF_DAY).and_then(|more| moment.seconds.checked_add(more)))
            }
            Function::AddSeconds => add_seconds(moment, count),
            Function::AddMilliseconds => add_milliseconds(moment, count),
            _ => add_months(moment, count),
        };
        sum.ok_or(OUT_OF_RANGE).and_then(in_range)
    });
    made_of(of.ty, sums)
}

/// A moment of a leap second, whose nanoseconds go on beyond a second, is one of the second before it or after it once time
/// goes by.
fn add_seconds(moment: Moment, count: i64) -> Option<Moment> {
    let is_leap = moment.nanoseconds >= 1_000_000_000 && count != 0;
    let (nanoseconds, back) = match is_leap {
        true => (moment.nanoseconds - 1_000_000_000, i64::from(count < 0)),
        false => (moment.nanoseconds, 0),
    };
    let seconds = moment.seconds.checked_add(count)?.checked_add(back)?;
    Some(Moment { seconds, nanoseconds })
}

/// As [`add_seconds`]; what stays within a leap second, or goes back into the second before it, leaves it a leap second's.
fn add_milliseconds(moment: Moment, count: i64) -> Option<Moment> {
    let (whole, rest) = (count / 1000, count % 1000 * 1_000_000);
    let (mut seconds, mut nanoseconds) = (moment.seconds, i64::from(moment.nanoseconds));
    if nanoseconds >= 1_000_000_000 {
        if whole == 0 && nanoseconds + rest < 2_000_000_000 {
            return Some(Moment { nanoseconds: (nanoseconds + rest) as u32, ..moment });
        }
        nanoseconds -= 1_000_000_000;
        seconds += i64::from(count < 0);
    }
    let sum = nanoseconds + rest;
    let seconds = seconds.checked_add(whole)?.checked_add(sum.div_euclid(1_000_000_000))?;
    Some(Moment { seconds, nanoseconds: sum.rem_euclid(1_000_000_000) as u32 })
}

/// Whole months from one moment to another: as many as can be added to the one before without going by the other, where a day that
/// a month does not have comes after its last.
fn months_between(later: Moment, earlier: Moment) -> i64 {
    let of = |moment: Moment| {
        let (year, month, day) = calendar::civil(moment.day());
        (year * 12 + i64::from(month), (day, moment.second_of_day(), moment.nanoseconds))
    };
    let ((later, later_rest), (earlier, earlier_rest)) = (of(later), of(earlier));
    let months = later - earlier;
    match months.signum() {
        1 => months - i64::from(later_rest < earlier_rest),
        -1 => months + i64::from(later_rest > earlier_rest),
        _ => 0,
    }
}

fn add_months(moment: Moment, count: i64) -> Option<Moment> {
    let (year, month, day) = calendar::civil(moment.day());
    let months = count.checked_add(year * 12 + i64::from(month) - 1)?;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) as u32 + 1);
    calendar::YEARS.contains(&year).then(|| {
        let is_short = !planted::is(Bug::MonthGoesOn);
        let day = if is_short { day.min(calendar::days_of_month(year, month)) } else { day };
        moment.on(calendar::day_number(year, month, day))
    })
}

/// `DaysSince`, `MonthsSince`, `SecondsSince` and `MillisecondsSince`.
pub(super) fn since(function: Function, later: Argument<'_>, earlier: Argument<'_>, len: usize) -> Made {
    if function == Function::DaysSince {
        let pairs = later.cells::<i32>(len).zip(earlier.cells::<i32>(len));
        return each(pairs.map(|(later, earlier)| i64::from(later) - i64::from(earlier)));
    }
    let pairs = moments(later, len).zip(moments(earlier, len));
    if function == Function::MonthsSince {
        return each(pairs.map(|(later, earlier)| months_between(later, earlier)));
    }
    let unit = if function == Function::SecondsSince { 1_000_000_000 } else { 1_000_000 };
    // Milliseconds between any two dates have fewer than 64 bits.
    each(pairs.map(|(later, earlier)| ((later.nanoseconds() - earlier.nanoseconds()) / unit) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_second_is_left_by_the_first_second_that_goes_by() {
        let leap = Moment { seconds: 59, nanoseconds: 1_500_000_000 };
        let sum = |count| add_seconds(leap, count).map(|sum| (sum.seconds, sum.nanoseconds));
        assert_eq!(sum(0), Some((59, 1_500_000_000)));
        assert_eq!(sum(1), Some((60, 500_000_000)));
        assert_eq!(sum(-1), Some((59, 500_000_000)));
        assert_eq!(sum(i64::MAX), None);
    }
}
