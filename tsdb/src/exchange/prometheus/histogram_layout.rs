//! What all histograms of one chunk have in common: resolution, zero bucket, which buckets there are.

use std::sync::Arc;

use nightjar_model::histogram::{
    CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, MAX_EXPONENTIAL_SCHEMA, Span, is_known,
};

use super::bits::{BitReader, BitWriter};
use crate::bytes::Corrupt;

/// Counts a chunk may hold altogether once decoded. A chunk of Prometheus has some thousand.
const MOST_ELEMENTS: u64 = 16 << 20;
/// A custom bound is spelled as thousandths up to here.
const MOST_THOUSANDTHS: f64 = 33_554_430.0;

/// What all histograms of one chunk have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layout {
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) positive_spans: Vec<Span>,
    pub(super) negative_spans: Vec<Span>,
    pub(super) custom_values: Option<Arc<[f64]>>,
}

/// The counts of one histogram.
pub(super) struct Counts {
    pub(super) count: f64,
    pub(super) zero_count: f64,
    pub(super) sum: f64,
    pub(super) positive: Vec<f64>,
    pub(super) negative: Vec<f64>,
}

impl Layout {
    /// Reads it; `samples` is the number of histograms that follow.
    pub(super) fn read(r: &mut BitReader<'_>, samples: u64) -> Result<Layout, Corrupt> {
        const WHAT: &str = "histogram layout";
        let zero_threshold = match r.bits(8, WHAT)? {
            0 => 0.0,
            255 => r.f64(WHAT)?,
            n => 2f64.powi(n as i32 - 244),
        };
        let schema = i32::try_from(r.varbit("histogram schema")?).unwrap_or(i32::MAX);
        if !is_known(schema) {
            return Err(r.corrupt("histogram schema"));
        }
        let (positive_spans, negative_spans) = (spans(r)?, spans(r)?);
        let custom_values = if schema == CUSTOM_BUCKETS_SCHEMA { Some(bounds(r)?) } else { None };
        let layout = Layout { schema, zero_threshold, positive_spans, negative_spans, custom_values };
        let spans = layout.positive_spans.len() + layout.negative_spans.len();
        let buckets: u64 = layout.buckets().map(u64::from).sum();
        // A bucket takes at least a bit.
        if buckets > r.remaining() as u64 || (buckets + spans as u64).saturating_mul(samples) > MOST_ELEMENTS {
            return Err(r.corrupt("histogram layout: more buckets than a chunk holds"));
        }
        Ok(layout)
    }

    fn buckets(&self) -> impl Iterator<Item = u32> {
        self.positive_spans.iter().chain(&self.negative_spans).map(|s| s.length)
    }

    /// Number of positive buckets and of negative ones.
    pub(super) fn sides(&self) -> (usize, usize) {
        let len = |spans: &[Span]| spans.iter().map(|s| s.length as usize).sum();
        (len(&self.positive_spans), len(&self.negative_spans))
    }

    /// A histogram of this layout. Resolutions PromQL does not know are lowered to the highest it does.
    pub(super) fn histogram(&self, hint: CounterResetHint, counts: Counts) -> FloatHistogram {
        let h = FloatHistogram {
            counter_reset_hint: hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: counts.zero_count,
            count: counts.count,
            sum: counts.sum,
            positive_spans: self.positive_spans.clone(),
            negative_spans: self.negative_spans.clone(),
            positive_buckets: counts.positive,
            negative_buckets: counts.negative,
            custom_values: self.custom_values.clone(),
        };
        if self.schema > MAX_EXPONENTIAL_SCHEMA { h.at_schema(MAX_EXPONENTIAL_SCHEMA) } else { h }
    }

    /// The layout of a histogram; of a stale marker the empty one.
    pub(super) fn of(h: &FloatHistogram) -> Layout {
        if h.is_stale() {
            return Layout::default();
        }
        Layout {
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            positive_spans: h.positive_spans.clone(),
            negative_spans: h.negative_spans.clone(),
            custom_values: h.custom_values.clone(),
        }
    }

    pub(super) fn write(&self, w: &mut BitWriter) {
        let exponent = self.zero_threshold.log2();
        if self.zero_threshold == 0.0 {
            w.bits(0, 8);
        } else if exponent.fract() == 0.0 && (-243.0..=10.0).contains(&exponent) {
            w.bits((exponent as i64 + 244) as u64, 8);
        } else {
            w.bits(255, 8);
            w.bits(self.zero_threshold.to_bits(), 64);
        }
        w.varbit(i64::from(self.schema));
        for spans in [&self.positive_spans, &self.negative_spans] {
            w.varbit_unsigned(spans.len() as u64);
            for span in spans {
                w.varbit_unsigned(u64::from(span.length));
                w.varbit(i64::from(span.offset));
            }
        }
        if self.schema == CUSTOM_BUCKETS_SCHEMA {
            let bounds = self.custom_values.as_deref().unwrap_or_default();
            w.varbit_unsigned(bounds.len() as u64);
            bounds.iter().for_each(|bound| put_bound(*bound, w));
        }
    }
}

fn spans(r: &mut BitReader<'_>) -> Result<Vec<Span>, Corrupt> {
    const WHAT: &str = "histogram spans";
    let n = r.varbit_unsigned(WHAT)?;
    // A span takes at least two bits.
    if n > r.remaining() as u64 / 2 {
        return Err(r.corrupt(WHAT));
    }
    let mut spans = Vec::with_capacity(n as usize);
    for _ in 0..n {
        let length = u32::try_from(r.varbit_unsigned(WHAT)?).map_err(|_| r.corrupt(WHAT))?;
        let offset = i32::try_from(r.varbit(WHAT)?).map_err(|_| r.corrupt(WHAT))?;
        spans.push(Span { offset, length });
    }
    Ok(spans)
}

fn bounds(r: &mut BitReader<'_>) -> Result<Arc<[f64]>, Corrupt> {
    const WHAT: &str = "histogram bounds";
    let n = r.varbit_unsigned(WHAT)?;
    if n > r.remaining() as u64 / 4 {
        return Err(r.corrupt(WHAT));
    }
    let mut bounds = Vec::with_capacity(n as usize);
    for _ in 0..n {
        bounds.push(match r.varbit_unsigned(WHAT)? {
            0 => r.f64(WHAT)?,
            n => (n - 1) as f64 / 1000.0,
        });
    }
    Ok(bounds.into())
}

fn put_bound(bound: f64, w: &mut BitWriter) {
    let thousandths = (bound * 1000.0).round();
    let in_range = (0.0..=MOST_THOUSANDTHS).contains(&(bound * 1000.0));
    if in_range && (thousandths / 1000.0).to_bits() == bound.to_bits() {
        w.varbit_unsigned(thousandths as u64 + 1);
    } else {
        w.bits(0, 1);
        w.bits(bound.to_bits(), 64);
    }
}

/// What a chunk's header says about the first histogram, and what follows for the others.
pub(super) fn hint(header: u8, i: u64) -> CounterResetHint {
    match header >> 6 {
        0b11 => CounterResetHint::Gauge,
        _ if i > 0 => CounterResetHint::NotReset,
        // Whether the chunk before this one is still there is not known, so what its end says is not either.
        _ => CounterResetHint::Unknown,
    }
}

/// The header bits for a first histogram.
pub(super) fn header(hint: CounterResetHint) -> u8 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::NotReset => 0b0100_0000,
        CounterResetHint::Reset => 0b1000_0000,
        CounterResetHint::Gauge => 0b1100_0000,
    }
}
