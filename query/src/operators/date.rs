//! Parts of a date in UTC.

use crate::calendar::{Date, second_of_day};
use crate::gomath::to_i64;

/// The date function of that name: from seconds since the epoch.
pub(crate) fn date(func: &str) -> Option<fn(f64) -> f64> {
    Some(match func {
        "minute" => |v| (second_of_day(to_i64(v)) % 3600 / 60) as f64,
        "hour" => |v| (second_of_day(to_i64(v)) / 3600) as f64,
        "day_of_month" => |v| Date::from_unix(to_i64(v)).day as f64,
        "day_of_week" => |v| Date::from_unix(to_i64(v)).weekday as f64,
        "day_of_year" => |v| Date::from_unix(to_i64(v)).year_day as f64,
        "days_in_month" => |v| Date::from_unix(to_i64(v)).days_in_month() as f64,
        "month" => |v| Date::from_unix(to_i64(v)).month as f64,
        "year" => |v| Date::from_unix(to_i64(v)).year as f64,
        _ => return None,
    })
}
