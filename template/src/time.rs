//! Go's `time`: instants in a location, layouts, durations.

mod civil;
mod duration;
mod layout;
mod reading;

pub use duration::Duration;

use std::fmt::{self, Debug};
use std::sync::{Arc, LazyLock};

pub(crate) use civil::{Civil, MONTHS, WEEKDAYS, days_to};

/// The rules of a time zone.
pub trait Location: Debug + Send + Sync {
    /// The IANA name, such as `Europe/Berlin`.
    fn name(&self) -> &str;

    /// Seconds east of UTC and the abbreviation in force at a Unix time in seconds.
    fn at(&self, unix_s: i64) -> (i32, String);
}

#[derive(Debug)]
struct Utc;

impl Location for Utc {
    fn name(&self) -> &str {
        "UTC"
    }

    fn at(&self, _: i64) -> (i32, String) {
        (0, "UTC".to_owned())
    }
}

/// A constant offset, as parsed from a text that names one.
#[derive(Debug)]
struct Fixed {
    seconds: i32,
    name: String,
}

impl Location for Fixed {
    fn name(&self) -> &str {
        &self.name
    }

    fn at(&self, _: i64) -> (i32, String) {
        (self.seconds, self.name.clone())
    }
}

static UTC: LazyLock<Arc<dyn Location>> = LazyLock::new(|| Arc::new(Utc));

/// An instant, to the nanosecond, and the place whose clocks show it.
#[derive(Clone)]
pub struct Time {
    unix_s: i64,
    nanos: u32,
    location: Arc<dyn Location>,
}

/// Seconds from the year 1 to 1970.
const ZERO_UNIX_S: i64 = -62_135_596_800;

impl Time {
    /// The instant `nanos` after a Unix time in seconds, in UTC.
    #[must_use]
    pub fn from_unix(unix_s: i64, nanos: u32) -> Self {
        let unix_s = unix_s.saturating_add(i64::from(nanos / 1_000_000_000));
        Self { unix_s, nanos: nanos % 1_000_000_000, location: UTC.clone() }
    }

    /// The instant at a Unix time in milliseconds, in UTC.
    #[must_use]
    pub fn from_unix_ms(unix_ms: i64) -> Self {
        Self::from_unix(unix_ms.div_euclid(1000), unix_ms.rem_euclid(1000) as u32 * 1_000_000)
    }

    /// Go's zero time: the start of the year 1. Alertmanager shows it for alerts without an end.
    #[must_use]
    pub fn zero() -> Self {
        Self::from_unix(ZERO_UNIX_S, 0)
    }

    /// The same instant, shown as in another place.
    #[must_use]
    pub fn within(&self, location: Arc<dyn Location>) -> Self {
        Self { location, ..self.clone() }
    }

    pub(crate) fn utc(&self) -> Self {
        self.within(UTC.clone())
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub fn unix_s(&self) -> i64 {
        self.unix_s
    }

    /// Nanoseconds into the second.
    #[must_use]
    pub fn nanos(&self) -> u32 {
        self.nanos
    }

    pub(crate) fn unix_ns(&self) -> i128 {
        i128::from(self.unix_s) * 1_000_000_000 + i128::from(self.nanos)
    }

    pub(crate) fn location(&self) -> &dyn Location {
        &*self.location
    }

    /// Whether this is Go's zero time.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.unix_s == ZERO_UNIX_S && self.nanos == 0
    }

    pub(crate) fn place(&self) -> Arc<dyn Location> {
        self.location.clone()
    }

    pub(crate) fn plus(&self, duration: Duration) -> Self {
        let ns = self.unix_ns() + i128::from(duration.nanos());
        let unix_s = ns.div_euclid(1_000_000_000) as i64;
        Self { unix_s, nanos: ns.rem_euclid(1_000_000_000) as u32, location: self.location.clone() }
    }

    /// The time from `earlier` to here, at most the longest duration.
    pub(crate) fn since(&self, earlier: &Time) -> Duration {
        let ns = self.unix_ns() - earlier.unix_ns();
        Duration::from_nanos(ns.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    /// What clock and calendar show.
    pub(crate) fn civil(&self) -> Civil {
        let (offset_s, zone) = self.location.at(self.unix_s);
        Civil::new(self.unix_s.saturating_add(offset_s.into()), self.nanos, offset_s, zone)
    }

    /// The instant at which a calendar and clock in `location` show these values; they may overflow their ranges.
    pub(crate) fn of_civil(days: i64, second_of_day: i64, nanos: u32, location: Arc<dyn Location>) -> Self {
        let local = days.saturating_mul(86_400).saturating_add(second_of_day);
        // The offset depends on the instant looked for: guess, then correct once, as Go does.
        let guess = i64::from(location.at(local).0);
        let offset = i64::from(location.at(local.saturating_sub(guess)).0);
        Self { unix_s: local.saturating_sub(offset), nanos, location }
    }

    /// The instant in a Go layout such as `2006-01-02 15:04:05`.
    #[must_use]
    pub fn format(&self, layout: &str) -> String {
        layout::format(layout, &self.civil())
    }

    /// Reads a text written in a Go layout, in UTC unless it names an offset.
    ///
    /// # Errors
    /// Go's sentence, when the text does not fit the layout.
    pub fn parse(layout: &str, text: &str) -> Result<Self, String> {
        reading::parse(layout, text)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

impl Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
