//! The mean of histograms.

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::{HistogramSum, IncompatibleBuckets};

/// A mean that does not overflow: compensated sum over count, and from the first overflow on an incremental mean.
#[derive(Clone, Debug)]
pub(crate) struct HistogramMean {
    sum: HistogramSum,
    count: f64,
    incremental: bool,
}

impl HistogramMean {
    /// Starts from a first histogram.
    pub(crate) fn new(first: &FloatHistogram) -> HistogramMean {
        HistogramMean { sum: HistogramSum::new(first), count: 1.0, incremental: false }
    }

    /// Adds a histogram; answers whether custom bounds were reconciled.
    pub(crate) fn add(&mut self, h: &FloatHistogram) -> Result<bool, IncompatibleBuckets> {
        self.count += 1.0;
        if !self.incremental {
            let mut sum = self.sum.clone();
            let combined = sum.add(h)?;
            if !sum.overflows() {
                self.sum = sum;
                return Ok(combined.bounds_reconciled);
            }
            self.incremental = true;
            self.sum.divide(self.count - 1.0);
        }
        self.sum.multiply((self.count - 1.0) / self.count);
        let mut part = h.clone();
        part.divide(self.count);
        Ok(self.sum.add(&part)?.bounds_reconciled)
    }

    /// The mean.
    pub(crate) fn finish(&self) -> FloatHistogram {
        let mut sum = self.sum.clone();
        if !self.incremental {
            sum.divide(self.count);
        }
        sum.finish()
    }
}
