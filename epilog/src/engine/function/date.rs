//! Functions of dates, times and moments.

use super::cell::{Moment, attempts, each};
use super::{Argument, Made, Problem};
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
    fn day(self) -> i64 {
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
    (0..len).map(move |row| match of.ty {
        Type::Date => Moment::default().on(i64::from(of.cell::<i32>(row))),
        Type::Time => time(of.cell(row)),
        _ => {
            let moment: Moment = of.cell(row);
            // Only damage is beyond, and stays so: it shall not overflow here.
            Moment { seconds: moment.seconds.clamp(-SECONDS_MAX, SECONDS_MAX), ..moment }
        }
    })
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
        Function::Second => each(moments.map(|moment| (moment.second_of_day() % 60) as u32)),
        // No date that is stored has a year, or a day, beyond 32 bits.
        Function::WeekYear => each(moments.map(|moment| calendar::week(moment.day()).0 as i32)),
        Function::Date => each(moments.map(|moment| moment.day() as i32)),
        Function::Time => {
            each(moments.map(|moment| (moment.second_of_day() as u64) << 32 | u64::from(moment.nanoseconds)))
        }
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

/// `AddDays`, `AddMonths` and `AddSeconds`.
pub(super) fn add(function: Function, of: Argument<'_>, count: Argument<'_>, len: usize) -> Made {
    let sums = moments(of, len).zip(count.cells::<i64>(len)).map(|(moment, count)| {
        let moved = |seconds: Option<i64>| Some(Moment { seconds: seconds?, ..moment });
        let sum = match function {
            Function::AddDays => {
                moved(count.checked_mul(SECONDS_OF_DAY).and_then(|more| moment.seconds.checked_add(more)))
            }
            Function::AddSeconds => add_seconds(moment, count),
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

fn add_months(moment: Moment, count: i64) -> Option<Moment> {
    let (year, month, day) = calendar::civil(moment.day());
    let months = count.checked_add(year * 12 + i64::from(month) - 1)?;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) as u32 + 1);
    calendar::YEARS.contains(&year).then(|| {
        let day = day.min(calendar::days_of_month(year, month));
        moment.on(calendar::day_number(year, month, day))
    })
}

/// `DaysSince` and `SecondsSince`.
pub(super) fn since(later: Argument<'_>, earlier: Argument<'_>, len: usize) -> Made {
    if later.ty == Type::Date {
        let pairs = later.cells::<i32>(len).zip(earlier.cells::<i32>(len));
        return each(pairs.map(|(later, earlier)| i64::from(later) - i64::from(earlier)));
    }
    let pairs = moments(later, len).zip(moments(earlier, len));
    // Seconds between any two dates have fewer than 64 bits.
    each(pairs.map(|(later, earlier)| ((later.nanoseconds() - earlier.nanoseconds()) / 1_000_000_000) as i64))
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
