//! The series a test begins with.

use std::collections::BTreeMap;
use std::sync::Arc;

use nightjar_model::histogram::series_item;
use nightjar_model::{Labels, TimestampMs};
use nightjar_query::SampleValue;
use nightjar_query::parser::{SeriesItem, parse_series};

use super::file::Test;

/// Most samples one item may stand for.
const MOST_REPETITIONS: u64 = 10_000_000;

/// Samples of one series, ascending in time.
pub(super) type Samples = Vec<(TimestampMs, SampleValue)>;

/// Reads the series of a test. Of equal series the last one counts.
pub(super) fn read(test: &Test) -> Result<BTreeMap<Labels, Samples>, String> {
    let mut all = BTreeMap::new();
    for (series, values) in &test.series {
        let text = format!("{series} {values}");
        let description = parse_series(&text).map_err(|e| e.to_string())?;
        let mut samples = Loading { next: test.start, interval_ms: test.interval_ms, samples: Vec::new() };
        for item in description.items {
            samples.add(item)?;
        }
        all.insert(description.labels, samples.samples);
    }
    Ok(all)
}

struct Loading {
    next: TimestampMs,
    interval_ms: i64,
    samples: Samples,
}

impl Loading {
    fn push(&mut self, value: SampleValue) {
        self.samples.push((self.next, value));
        self.next = self.next.saturating_add(self.interval_ms);
    }

    fn add(&mut self, item: SeriesItem<'_>) -> Result<(), String> {
        match item {
            SeriesItem::Omitted(steps) => {
                let steps = i64::try_from(steps).unwrap_or(i64::MAX);
                self.next = self.next.saturating_add(self.interval_ms.saturating_mul(steps));
            }
            SeriesItem::Floats { more, .. } if more > MOST_REPETITIONS => {
                return Err(format!("more than {MOST_REPETITIONS} repetitions"));
            }
            SeriesItem::Floats { first, step, more } => {
                let mut value = first;
                self.push(SampleValue::Float(value));
                for _ in 0..more {
                    // A stale marker must keep its bits.
                    if step != 0.0 {
                        value += step;
                    }
                    self.push(SampleValue::Float(value));
                }
            }
            SeriesItem::Histograms(text) => {
                let (described, _) = series_item(text).map_err(|e| e.to_string())?;
                for d in described {
                    self.push(SampleValue::Histogram(Arc::new(d.histogram)));
                }
            }
        }
        Ok(())
    }
}
