//! Civil dates in UTC, the proleptic Gregorian calendar, for all of Go's range: times are counted in 64 bits from the
//! absolute epoch of Go's `time`, where they wrap.

/// Years from the absolute epoch to year 0.
const ABSOLUTE_YEARS: i64 = 292_277_022_400;
/// Days from the absolute epoch, a first of March, to 1970.
const ABSOLUTE_DAYS: i64 = ABSOLUTE_YEARS / 400 * 146_097 + 719_468;

/// Seconds since the absolute epoch of a Unix time.
fn absolute(seconds: i64) -> u64 {
    (seconds as u64).wrapping_add(ABSOLUTE_DAYS as u64 * 86_400)
}

/// Seconds since midnight of a Unix time.
pub(crate) fn second_of_day(seconds: i64) -> i64 {
    (absolute(seconds) % 86_400) as i64
}

/// A date, and where it stands in week and year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    /// Year, astronomical.
    pub(crate) year: i64,
    /// 1..=12.
    pub(crate) month: i64,
    /// 1..=31.
    pub(crate) day: i64,
    /// 0 = Sunday.
    pub(crate) weekday: i64,
    /// From 1.
    pub(crate) year_day: i64,
}

impl Date {
    /// The date of a Unix time in seconds.
    pub(crate) fn from_unix(seconds: i64) -> Date {
        let days = (absolute(seconds) / 86_400) as i64;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2) - ABSOLUTE_YEARS;
        let leap = i64::from(is_leap(year));
        let year_day = if month <= 2 { of_year - 305 } else { of_year + 60 + leap };
        Date { year, month, day, weekday: (days - ABSOLUTE_DAYS + 4).rem_euclid(7), year_day }
    }

    /// Number of days of its month.
    pub(crate) fn days_in_month(&self) -> i64 {
        match self.month {
            2 => 28 + i64::from(is_leap(self.year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        let table = [
            (0, (1970, 1, 1, 4, 1, 31)),
            (951_782_400, (2000, 2, 29, 2, 60, 29)),
            (1_704_067_199, (2023, 12, 31, 0, 365, 31)),
            (1_735_603_200, (2024, 12, 31, 2, 366, 31)),
            (-1, (1969, 12, 31, 3, 365, 31)),
            (1_709_251_200, (2024, 3, 1, 5, 61, 31)),
            // What NaN and infinities become.
            (i64::MIN, (292_277_026_596, 12, 4, 0, 339, 31)),
        ];
        for (t, expected) in table {
            let d = Date::from_unix(t);
            assert_eq!((d.year, d.month, d.day, d.weekday, d.year_day, d.days_in_month()), expected, "{t}");
        }
    }
}
