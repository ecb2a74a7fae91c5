//! Elapsed time, as Go's `time.Duration`.

use std::fmt;

/// A signed number of nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(i64);

impl Duration {
    /// `nanos` nanoseconds.
    #[must_use]
    pub fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The duration in nanoseconds.
    #[must_use]
    pub fn nanos(self) -> i64 {
        self.0
    }

    /// The duration in seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.in_units(1_000_000_000)
    }

    /// Whole units and their fraction apart, so that the sum rounds only once.
    pub(crate) fn in_units(self, unit_ns: i64) -> f64 {
        (self.0 / unit_ns) as f64 + (self.0 % unit_ns) as f64 / unit_ns as f64
    }

    /// Towards zero to a multiple of `unit`.
    pub(crate) fn truncate(self, unit: Self) -> Self {
        if unit.0 <= 0 { self } else { Self(self.0 - self.0 % unit.0) }
    }

    /// To the nearest multiple of `unit`, halves away from zero.
    pub(crate) fn round(self, unit: Self) -> Self {
        if unit.0 <= 0 {
            return self;
        }
        let (value, unit) = (i128::from(self.0), i128::from(unit.0));
        let down = value - value % unit;
        let up = if (value % unit).abs() * 2 >= unit { down + unit * value.signum() } else { down };
        Self(up.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, ns) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let small = |unit: u64, name: &str| format!("{sign}{}{name}", decimal(ns / unit, ns % unit, unit));
        let text = match ns {
            0 => "0s".to_owned(),
            1..1_000 => small(1, "ns"),
            1_000..1_000_000 => small(1_000, "µs"),
            1_000_000..1_000_000_000 => small(1_000_000, "ms"),
            _ => {
                let (minutes, rest) = (ns / 60_000_000_000, ns % 60_000_000_000);
                let seconds = decimal(rest / 1_000_000_000, rest % 1_000_000_000, 1_000_000_000);
                match (minutes / 60, minutes % 60) {
                    (0, 0) => format!("{sign}{seconds}s"),
                    (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                    (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
                }
            }
        };
        f.write_str(&text)
    }
}

/// `whole` and `part / unit` without trailing zeros.
fn decimal(whole: u64, part: u64, unit: u64) -> String {
    if part == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    format!("{whole}.{part:0digits$}").trim_end_matches('0').to_owned()
}
