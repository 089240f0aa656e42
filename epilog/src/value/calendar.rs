//! The proleptic Gregorian calendar, for parts of dates and for counting with them: days counted from the common era's day 0.

/// The day number of 1970-01-01, when 0001-01-01 is day 1.
pub(crate) const DAYS_TO_1970: i64 = 719_163;

/// Year, month and day of the day with this number.
///
/// H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`: years begin in March, in eras of 400.
pub(crate) fn civil(days: i64) -> (i64, u32, u32) {
    // Day 0 of the algorithm is 0000-03-01, number -305 here.
    let days = days + 305;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The years that a date can have: those of `chrono`, whose dates are the ones that come out.
pub(crate) const YEARS: core::ops::RangeInclusive<i64> = -262_143..=262_142;

/// The number of a day, from its year, month and day: the inverse of [`civil`].
///
/// H. Hinnant, as there: `days_from_civil`.
pub(crate) fn day_number(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 305
}

/// How many days a month has.
pub(crate) fn days_of_month(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The day of the week, Monday being 1 and Sunday 7.
pub(crate) fn weekday(days: i64) -> u32 {
    // Day 1 is a Monday.
    (days - 1).rem_euclid(7) as u32 + 1
}

/// The day of the year, from 1.
pub(crate) fn day_of_year(days: i64) -> u32 {
    (days - day_number(civil(days).0, 1, 1)) as u32 + 1
}

/// The week of ISO 8601, and the year it is of: that of its Thursday.
pub(crate) fn week(days: i64) -> (i64, u32) {
    let thursday = days - i64::from(weekday(days)) + 4;
    (civil(thursday).0, (day_of_year(thursday) - 1) / 7 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_note() {
        let cases = [
            (1, (1, 1, 1)),
            (0, (0, 12, 31)),
            (DAYS_TO_1970, (1970, 1, 1)),
            (DAYS_TO_1970 + 11_016, (2000, 2, 29)),
            (DAYS_TO_1970 - 25_567, (1900, 1, 1)),
            (DAYS_TO_1970 + 20_513, (2026, 3, 1)),
            (-366, (-1, 12, 31)),
        ];
        for (days, expected) in cases {
            assert_eq!(civil(days), expected, "day {days}");
            assert_eq!(day_number(expected.0, expected.1, expected.2), days);
        }
    }

    #[test]
    fn weeks_of_note() {
        // Of those that ISO 8601 and its readers list.
        let cases = [
            ((2005, 1, 1), 6, (2004, 53)),
            ((2005, 12, 31), 6, (2005, 52)),
            ((2007, 1, 1), 1, (2007, 1)),
            ((2008, 12, 29), 1, (2009, 1)),
            ((2010, 1, 3), 7, (2009, 53)),
            ((1, 1, 1), 1, (1, 1)),
        ];
        for ((year, month, day), of_week, of_year) in cases {
            let days = day_number(year, month, day);
            assert_eq!((weekday(days), week(days)), (of_week, of_year), "{year}-{month}-{day}");
        }
    }

    #[cfg(feature = "chrono")]
    #[test]
    fn years_are_those_of_chrono() {
        use chrono::{Datelike, NaiveDate};
        assert_eq!(i64::from(NaiveDate::MIN.year()), *YEARS.start());
        assert_eq!(i64::from(NaiveDate::MAX.year()), *YEARS.end());
        assert_eq!(NaiveDate::MIN.ordinal(), 1);
        assert_eq!((NaiveDate::MAX.month(), NaiveDate::MAX.day()), (12, 31));
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut expected = (-5, 1, 1);
        let first = (-800_000..0).find(|days| civil(*days) == expected).expect("the year -5 has a first day");
        for days in first..first + 800_000 {
            assert_eq!(civil(days), expected, "day {days}");
            assert_eq!(day_number(expected.0, expected.1, expected.2), days);
            assert_eq!(weekday(days + 1), weekday(days) % 7 + 1);
            let (year, month, day) = expected;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = lengths[month as usize - 1] + u32::from(month == 2 && leap);
            assert_eq!(days_of_month(year, month), length);
            expected = match (day == length, month == 12) {
                (false, _) => (year, month, day + 1),
                (true, false) => (year, month + 1, 1),
                (true, true) => (year + 1, 1, 1),
            };
        }
    }
}
