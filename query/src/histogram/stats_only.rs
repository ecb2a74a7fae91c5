//! Histograms without their buckets, for queries that only ask for count and sum.

use std::sync::Arc;

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::CounterResetHint;

/// Turns the samples of one series into histograms with schema, count, sum and reset hint only. Resets are detected
/// while the buckets are still there, so that later steps see them in the hints.
///
/// Prometheus reads series this way below functions that need no buckets (`histogram_count(sum(x))`), and warnings
/// about colliding reset hints depend on it. A gap in reading (a seek) starts anew: the next sample has the hint it was
/// stored with.
#[derive(Clone, Debug, Default)]
pub(crate) struct StatsOnly {
    last: Option<Arc<FloatHistogram>>,
}

impl StatsOnly {
    /// The next sample of the series. A stale marker passes and is not looked at again.
    pub(crate) fn next(&mut self, current: &Arc<FloatHistogram>) -> FloatHistogram {
        let mut hint = current.counter_reset_hint;
        if !current.is_stale() {
            if let (CounterResetHint::Unknown, Some(last)) = (hint, &self.last) {
                let reset = current.detect_reset(last);
                hint = if reset { CounterResetHint::Reset } else { CounterResetHint::NotReset };
            }
            self.last = Some(Arc::clone(current));
        }
        FloatHistogram {
            counter_reset_hint: hint,
            schema: current.schema,
            count: current.count,
            sum: current.sum,
            ..FloatHistogram::default()
        }
    }
}
