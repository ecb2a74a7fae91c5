//! Seconds to the Gregorian calendar and back, proleptic, any year.

/// What a clock and a calendar show at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: u32,
    /// 1 to 31.
    pub(crate) day: u32,
    /// 1 to 366.
    pub(crate) year_day: u32,
    /// 0 is Sunday.
    pub(crate) weekday: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
    pub(crate) nanos: u32,
    /// Seconds east of UTC.
    pub(crate) offset_s: i32,
    pub(crate) zone: String,
    /// Days since 1970-01-01.
    pub(crate) days: i64,
}

impl Civil {
    pub(super) fn new(local_s: i64, nanos: u32, offset_s: i32, zone: String) -> Self {
        let (days, second) = (local_s.div_euclid(86_400), local_s.rem_euclid(86_400) as u32);
        let (year, month, day) = date(days);
        Self {
            year,
            month,
            day,
            year_day: (days - days_to(year, 1, 1)) as u32 + 1,
            weekday: (days + 4).rem_euclid(7) as u32,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            nanos,
            offset_s,
            zone,
            days,
        }
    }

    pub(crate) fn second_of_day(&self) -> i64 {
        i64::from(self.hour * 3600 + self.minute * 60 + self.second)
    }
}

/// Year, month, day of a day counted from 1970-01-01. Years start in March here, so that leap days come last.
fn date(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * march_month + 2) / 5 + 1) as u32;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days from 1970-01-01 to a date. Months beyond 1 to 12 count into other years, days into other months.
pub(crate) fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let year = year.clamp(-300_000_000_000, 300_000_000_000).saturating_add((month - 1).div_euclid(12));
    let month = (month - 1).rem_euclid(12) + 1;
    let march_year = year - i64::from(month <= 2);
    let (era, year_of_era) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let march_month = (month + 9) % 12;
    let of_year = (153 * march_month + 2) / 5;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    (era * 146_097 + of_era - 719_468).saturating_add(day).saturating_sub(1)
}

pub(crate) fn days_in(year: i64, month: u32) -> u32 {
    (days_to(year, i64::from(month) + 1, 1) - days_to(year, month.into(), 1)) as u32
}

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(crate) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

#[test]
fn dates_and_days_are_inverse() {
    for days in (-1_000_000..1_000_000).step_by(97) {
        let (year, month, day) = date(days);
        assert_eq!(days_to(year, month.into(), day.into()), days);
    }
    assert_eq!((date(0), date(-719_162)), ((1970, 1, 1), (1, 1, 1)));
    assert_eq!((days_in(2024, 2), days_in(1900, 2), days_in(2026, 12)), (29, 28, 31));
}
