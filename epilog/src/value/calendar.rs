//! The proleptic Gregorian calendar, for parts of dates: days counted from the common era's day 0.

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
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut expected = (-5, 1, 1);
        let first = (-800_000..0).find(|days| civil(*days) == expected).expect("the year -5 has a first day");
        for days in first..first + 800_000 {
            assert_eq!(civil(days), expected, "day {days}");
            let (year, month, day) = expected;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = lengths[month as usize - 1] + u32::from(month == 2 && leap);
            expected = match (day == length, month == 12) {
                (false, _) => (year, month, day + 1),
                (true, false) => (year, month + 1, 1),
                (true, true) => (year + 1, 1, 1),
            };
        }
    }
}
