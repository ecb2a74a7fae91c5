//! One series of a vector over all steps.

use std::sync::Arc;

use nightjar_model::FloatHistogram;

use crate::eval::bits::Bits;
use crate::value::SampleValue;

/// The samples of one series at the steps of a grid, at most one a step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    /// Float values; meaningful where `present`.
    pub(crate) values: Vec<f64>,
    /// Steps with a float.
    pub(crate) present: Bits,
    /// Steps with a histogram, ascending; rarely any.
    pub(crate) histograms: Vec<(u32, Arc<FloatHistogram>)>,
    /// Whether the metric name is to be dropped at the end (delayed name removal).
    pub(crate) drop_name: bool,
}

impl Column {
    /// Becomes an empty column of `len` steps.
    pub(crate) fn reset(&mut self, len: usize) {
        self.values.clear();
        self.values.resize(len, 0.0);
        self.present.reset(len);
        self.histograms.clear();
        self.drop_name = false;
    }

    /// An empty column of `len` steps.
    pub(crate) fn new(len: usize) -> Column {
        let mut column = Column::default();
        column.reset(len);
        column
    }

    /// A column with a float at every step.
    pub(crate) fn full(values: Vec<f64>) -> Column {
        let mut present = Bits::default();
        present.fill(values.len());
        Column { values, present, histograms: Vec::new(), drop_name: false }
    }

    /// Number of steps.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether no step has a sample.
    pub(crate) fn is_empty(&self) -> bool {
        self.histograms.is_empty() && !self.present.any()
    }

    #[inline]
    pub(crate) fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        self.present.set(step);
    }

    /// Adds a histogram; steps must ascend.
    pub(crate) fn push_histogram(&mut self, step: usize, histogram: Arc<FloatHistogram>) {
        self.histograms.push((step as u32, histogram));
    }

    /// Adds a sample; steps must ascend.
    pub(crate) fn push(&mut self, step: usize, sample: SampleValue) {
        match sample {
            SampleValue::Float(value) => self.set(step, value),
            SampleValue::Histogram(histogram) => self.push_histogram(step, histogram),
        }
    }

    #[inline]
    pub(crate) fn float(&self, step: usize) -> Option<f64> {
        self.present.get(step).then(|| self.values[step])
    }

    pub(crate) fn histogram(&self, step: usize) -> Option<&Arc<FloatHistogram>> {
        if self.histograms.is_empty() {
            return None;
        }
        let i = self.histograms.binary_search_by_key(&(step as u32), |h| h.0).ok()?;
        Some(&self.histograms[i].1)
    }

    /// The sample of a step.
    #[inline]
    pub(crate) fn get(&self, step: usize) -> Option<Point<'_>> {
        match self.float(step) {
            Some(value) => Some(Point::Float(value)),
            None => self.histogram(step).map(Point::Histogram),
        }
    }

    /// Steps with a sample of either kind.
    pub(crate) fn occupied(&self) -> Bits {
        let mut bits = self.present.clone();
        self.histograms.iter().for_each(|(step, _)| bits.set(*step as usize));
        bits
    }

    /// Keeps only samples of the given steps.
    pub(crate) fn keep(&mut self, steps: &Bits) {
        self.present.and(steps);
        self.histograms.retain(|(step, _)| steps.get(*step as usize));
    }

    /// Keeps only samples outside the given steps.
    pub(crate) fn remove(&mut self, steps: &Bits) {
        self.present.and_not(steps);
        self.histograms.retain(|(step, _)| !steps.get(*step as usize));
    }

    /// Number of samples held; a histogram counts for what it weighs.
    pub(crate) fn samples(&self) -> usize {
        self.present.count() + self.histograms.iter().map(|(_, h)| histogram_samples(h)).sum::<usize>()
    }

    /// Takes over the samples of `other`, which has none at the same steps. False when it has some.
    pub(crate) fn absorb(&mut self, other: &Column) -> bool {
        if self.occupied().intersects(&other.occupied()) {
            return false;
        }
        for step in other.present.ones() {
            self.set(step, other.values[step]);
        }
        if !other.histograms.is_empty() {
            self.histograms.extend(other.histograms.iter().cloned());
            self.histograms.sort_by_key(|(step, _)| *step);
        }
        true
    }
}

/// One sample, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Point<'a> {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(&'a Arc<FloatHistogram>),
}

impl Point<'_> {
    /// The sample, owned.
    pub(crate) fn to_value(self) -> SampleValue {
        match self {
            Point::Float(value) => SampleValue::Float(value),
            Point::Histogram(histogram) => SampleValue::Histogram(Arc::clone(histogram)),
        }
    }
}

/// For how many float samples a histogram counts against the limit.
pub(crate) fn histogram_samples(h: &FloatHistogram) -> usize {
    const TIMESTAMP: usize = 8;
    const FLOAT_SAMPLE: usize = 16;
    (h.size() + TIMESTAMP) / FLOAT_SAMPLE
}

impl<'a> From<&'a SampleValue> for Point<'a> {
    fn from(value: &'a SampleValue) -> Point<'a> {
        match value {
            SampleValue::Float(value) => Point::Float(*value),
            SampleValue::Histogram(histogram) => Point::Histogram(histogram),
        }
    }
}
