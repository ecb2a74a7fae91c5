//! Buckets of downsampled samples that a query reads: which it may, and which it did.

use std::cell::RefCell;
use std::collections::BTreeMap;

use nightjar_model::ClosedRange;
use nightjar_model::duration::format_duration_ms;
use nightjar_model::storage::{Aggregate, Buckets, Downsampled, WIDEST_BUCKET_MS};

use crate::annotations::rfc3339;
use crate::eval::grid::Grid;
use crate::options::MaxSourceResolution;

/// The width up to which buckets are read when a query without steps leaves it to the server.
const WITHOUT_STEPS_MS: i64 = 3_600_000;
/// A function that needs several samples is given buckets of at most this part of its range.
const PART_OF_RANGE: i64 = 4;

/// What one query has to do with buckets.
#[derive(Debug, Default)]
pub(crate) struct Downsampling {
    asked: MaxSourceResolution,
    /// Width of the narrowest ones there are.
    narrowest_ms: Option<i64>,
    told: RefCell<Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// By width.
    inexact: BTreeMap<i64, ClosedRange>,
    withheld: Option<(ClosedRange, i64)>,
}

fn both(a: ClosedRange, b: ClosedRange) -> ClosedRange {
    ClosedRange { start: a.start.min(b.start), end: a.end.max(b.end) }
}

impl Downsampling {
    /// For a query that asked for this, of a storage that has buckets of these widths.
    pub(crate) fn new(asked: MaxSourceResolution, widths: &[i64]) -> Downsampling {
        Downsampling { asked, narrowest_ms: widths.iter().copied().min(), told: RefCell::default() }
    }

    /// Whether buckets may be read where the answer is then another one.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.narrowest_ms.is_some() && self.asked != MaxSourceResolution::Samples
    }

    /// Which buckets may be read for a selector inside `func`, whose windows end at `last_end` and, going back, every step
    /// of `grid` (`moves`; otherwise there is but one window). A window of 0 is an instant selector.
    pub(crate) fn wanted(
        &self,
        func: &str,
        range_ms: i64,
        grid: Grid,
        last_end: i64,
        moves: bool,
    ) -> Option<Downsampled> {
        let narrowest_ms = self.narrowest_ms?;
        let (aggregate, exact) = if range_ms == 0 { (Aggregate::Last, false) } else { aggregate(func) };
        let steps = moves && grid.len > 1;
        let aligned_ms = match exact {
            true => gcd(gcd(range_ms, last_end), if steps { grid.step_ms } else { 0 }),
            false => 0,
        };
        let most = match (range_ms, folds(func)) {
            (0, _) => WIDEST_BUCKET_MS,
            (range_ms, true) => range_ms,
            (range_ms, false) => range_ms / PART_OF_RANGE,
        };
        let asked = match self.asked {
            MaxSourceResolution::Samples => 0,
            MaxSourceResolution::Auto if grid.len > 1 => grid.step_ms / 5,
            MaxSourceResolution::Auto => WITHOUT_STEPS_MS,
            MaxSourceResolution::UpTo(ms) => ms,
        };
        let wanted = Downsampled { aggregate, aligned_ms, coarsest_ms: asked.min(most).max(0) };
        (wanted.aligned_ms.max(wanted.coarsest_ms) >= narrowest_ms).then_some(wanted)
    }

    /// What a selection says of buckets.
    pub(crate) fn note(&self, buckets: Buckets) {
        let mut told = self.told.borrow_mut();
        for (times, width_ms) in buckets.inexact {
            let known = told.inexact.entry(width_ms).or_insert(times);
            *known = both(*known, times);
        }
        if let Some((times, width_ms)) = buckets.withheld {
            let (known, least_ms) = told.withheld.unwrap_or((times, width_ms));
            told.withheld = Some((both(known, times), least_ms.min(width_ms)));
        }
    }

    /// What there is to say about the answer.
    pub(crate) fn infos(&self) -> Vec<String> {
        let told = self.told.borrow();
        let between = |times: &ClosedRange| format!("between {} and {}", rfc3339(times.start), rfc3339(times.end));
        let read = told.inexact.iter().map(|(width_ms, times)| {
            let width = format_duration_ms(*width_ms);
            format!("PromQL info: samples {} were read downsampled to {width}", between(times))
        });
        let withheld = told.withheld.iter().map(|(times, width_ms)| {
            format!(
                "PromQL info: samples {} are only kept downsampled to {} and were not read; \
                 they are with max_source_resolution=auto or a duration",
                between(times),
                format_duration_ms(*width_ms)
            )
        });
        read.chain(withheld).collect()
    }
}

/// What a function wants of buckets, and whether whole ones serve it as well as samples.
fn aggregate(func: &str) -> (Aggregate, bool) {
    match func {
        "count_over_time" => (Aggregate::Count, true),
        "min_over_time" => (Aggregate::Min, true),
        "max_over_time" => (Aggregate::Max, true),
        "last_over_time" | "present_over_time" | "absent_over_time" => (Aggregate::Last, true),
        "sum_over_time" | "avg_over_time" => (Aggregate::Sum, false),
        "rate" | "increase" => (Aggregate::Counter, false),
        _ => (Aggregate::Last, false),
    }
}

/// Whether a bucket that is as wide as the range is enough.
fn folds(func: &str) -> bool {
    aggregate(func).1 || matches!(func, "sum_over_time" | "avg_over_time")
}

/// The greatest number that divides both; 0 for zeros.
fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b > 0 {
        (a, b) = (b, a % b);
    }
    i64::try_from(a).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// Function, range, step, end and steps in minutes: where windows lie, and what is allowed beyond that.
    fn wanted(asked: MaxSourceResolution, func: &str, range: i64, step: i64, end: i64) -> Option<(i64, i64)> {
        let grid = Grid::until((end - 4 * step) * MINUTE, end * MINUTE, step.max(1) * MINUTE);
        let found = Downsampling::new(asked, &[MINUTE]).wanted(func, range * MINUTE, grid, end * MINUTE, true)?;
        Some((found.aligned_ms / MINUTE, found.coarsest_ms / MINUTE))
    }

    #[test]
    fn only_where_every_window_is_made_of_whole_buckets() {
        let table = [
            ("max_over_time", 60, 30, 120, Some((30, 0))),
            ("max_over_time", 60, 30, 121, Some((1, 0))),
            ("count_over_time", 60, 0, 120, Some((60, 0))),
            ("last_over_time", 45, 30, 120, Some((15, 0))),
            ("sum_over_time", 60, 30, 120, None),
            ("rate", 60, 30, 120, None),
            ("", 0, 30, 120, None),
        ];
        for (func, range, step, end, expected) in table {
            assert_eq!(wanted(MaxSourceResolution::Samples, func, range, step, end), expected, "{func} {range}");
        }
    }

    #[test]
    fn what_is_asked_for_is_bounded_by_the_range() {
        let (auto, hours) = (MaxSourceResolution::Auto, MaxSourceResolution::UpTo(300 * MINUTE));
        let table = [
            (auto, "sum_over_time", 10, 100, Some((0, 10))),
            (auto, "sum_over_time", 60, 100, Some((0, 20))),
            (auto, "rate", 60, 100, Some((0, 15))),
            (auto, "", 0, 100, Some((0, 20))),
            (auto, "max_over_time", 60, 0, Some((60, 60))),
            (hours, "", 0, 100, Some((0, 120))),
            (hours, "deriv", 60, 100, Some((0, 15))),
        ];
        for (asked, func, range, step, expected) in table {
            assert_eq!(wanted(asked, func, range, step, 1200), expected, "{func} {range}");
        }
        assert_eq!(Downsampling::new(hours, &[]).wanted("rate", 1, Grid::instant(0), 0, true), None);
    }

    #[test]
    fn every_width_is_told_once() {
        let told = Downsampling::new(MaxSourceResolution::Auto, &[]);
        let range = |start, end| ClosedRange { start, end };
        told.note(Buckets { aggregated: true, inexact: vec![(range(0, 1000), 300_000)], withheld: None });
        told.note(Buckets {
            aggregated: true,
            inexact: vec![(range(5000, 9000), 300_000)],
            withheld: Some((range(0, 0), 60_000)),
        });
        assert_eq!(
            told.infos(),
            [
                "PromQL info: samples between 1970-01-01T00:00:00Z and 1970-01-01T00:00:09Z were read downsampled to 5m",
                "PromQL info: samples between 1970-01-01T00:00:00Z and 1970-01-01T00:00:00Z are only kept downsampled to 1m \
                 and were not read; they are with max_source_resolution=auto or a duration",
            ]
        );
    }
}
