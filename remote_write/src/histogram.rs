//! Native histograms: off the wire, checked as Prometheus checks them, with absolute counts.

use std::sync::Arc;

use nightjar_model::histogram::{
    CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, MAX_EXPONENTIAL_SCHEMA, MIN_EXPONENTIAL_SCHEMA, Span,
};
use nightjar_model::number::format_g;
use nightjar_model::{HistogramSample, TimestampMs};

use crate::wire::{Reader, Wire, WireError, unzigzag};

const SCHEMA_MAX_RESERVED: i32 = 52;

/// The largest message of one histogram. Prometheus' own stay below 4 KiB.
const MESSAGE_BYTES: usize = 64 << 10;

/// One of two forms, whichever was sent last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Count {
    #[default]
    Missing,
    Int(u64),
    Float(f64),
}

impl Count {
    fn int(self) -> u64 {
        if let Count::Int(n) = self { n } else { 0 }
    }

    fn float(self) -> f64 {
        if let Count::Float(n) = self { n } else { 0.0 }
    }
}

/// One side of zero.
#[derive(Debug, Default)]
struct Side {
    spans: Vec<Span>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

/// A histogram as it was sent.
#[derive(Debug, Default)]
pub(crate) struct RawHistogram {
    count: Count,
    sum: f64,
    schema: i32,
    zero_threshold: f64,
    zero_count: Count,
    negative: Side,
    positive: Side,
    reset_hint: u64,
    timestamp: TimestampMs,
    start: TimestampMs,
    custom_values: Vec<f64>,
    too_large: bool,
}

impl RawHistogram {
    /// Reads a histogram. `starts`: whether this protocol knows field 17.
    pub(crate) fn decode(mut message: Reader<'_>, starts: bool) -> Result<RawHistogram, WireError> {
        let mut raw = RawHistogram { too_large: message.rest().len() > MESSAGE_BYTES, ..Default::default() };
        if raw.too_large {
            return Ok(raw);
        }
        while let Some((number, wire)) = message.field()? {
            match number {
                1 => raw.count = Count::Int(varint(&mut message, wire)?),
                2 => raw.count = Count::Float(double(&mut message, wire)?),
                3 => raw.sum = double(&mut message, wire)?,
                4 => raw.schema = unzigzag(varint(&mut message, wire)? & 0xffff_ffff) as i32,
                5 => raw.zero_threshold = double(&mut message, wire)?,
                6 => raw.zero_count = Count::Int(varint(&mut message, wire)?),
                7 => raw.zero_count = Count::Float(double(&mut message, wire)?),
                8..=10 => raw.negative.field(number - 8, &mut message, wire)?,
                11..=13 => raw.positive.field(number - 11, &mut message, wire)?,
                14 => raw.reset_hint = varint(&mut message, wire)?,
                15 => raw.timestamp = varint(&mut message, wire)? as i64,
                16 => message.doubles(wire, |v| raw.custom_values.push(v))?,
                17 if starts => raw.start = varint(&mut message, wire)? as i64,
                _ => message.skip(wire)?,
            }
        }
        Ok(raw)
    }

    /// Checks the histogram and brings it into the form storage knows; the error is a sentence.
    pub(crate) fn into_sample(self) -> Result<HistogramSample, String> {
        if self.too_large {
            return Err(format!("histogram is larger than {MESSAGE_BYTES} bytes"));
        }
        let integer = !matches!(self.count, Count::Float(_));
        let custom = self.schema == CUSTOM_BUCKETS_SCHEMA;
        if custom {
            self.check_custom(integer).map_err(|e| format!("custom buckets: {e}"))?;
        } else if (MIN_EXPONENTIAL_SCHEMA..=SCHEMA_MAX_RESERVED).contains(&self.schema) {
            self.check_exponential(integer)?;
        } else {
            return Err(format!(
                "histogram has an invalid schema, which must be between {MIN_EXPONENTIAL_SCHEMA} and {MAX_EXPONENTIAL_SCHEMA} for exponential \
                 buckets, or {CUSTOM_BUCKETS_SCHEMA} for custom buckets, got schema {}",
                self.schema
            ));
        }
        let (timestamp, start) = (self.timestamp, self.start);
        let mut histogram = if integer { self.check_int()? } else { self.check_float()? };
        // A resolution finer than the finest we keep comes down to that.
        if histogram.schema > MAX_EXPONENTIAL_SCHEMA {
            histogram = histogram.at_schema(MAX_EXPONENTIAL_SCHEMA);
        }
        Ok(HistogramSample { timestamp, start, integer, histogram })
    }

    fn check_custom(&self, integer: bool) -> Result<(), String> {
        check_bounds(&self.custom_values)?;
        self.positive.check_spans(integer, true)?;
        let width: i64 = self.positive.spans.iter().map(|s| i64::from(s.length) + i64::from(s.offset)).sum();
        let bounds = self.custom_values.len();
        if ((bounds + 1) as i64) < width {
            return Err(format!(
                "only {bounds} custom bounds defined which is insufficient to cover total span length of {width}: \
                 histogram custom bounds are too few"
            ));
        }
        let zero = if integer { self.zero_count.int() as f64 } else { self.zero_count.float() };
        if zero != 0.0 {
            return Err("must have zero count of 0".to_owned());
        }
        if self.zero_threshold != 0.0 {
            return Err("must have zero threshold of 0".to_owned());
        }
        if !self.negative.spans.is_empty() {
            return Err("must not have negative spans".to_owned());
        }
        if self.negative.bucket_count(integer) > 0 {
            return Err("must not have negative buckets".to_owned());
        }
        Ok(())
    }

    fn check_exponential(&self, integer: bool) -> Result<(), String> {
        self.positive.check_spans(integer, false).map_err(|e| format!("positive side: {e}"))?;
        self.negative.check_spans(integer, false).map_err(|e| format!("negative side: {e}"))?;
        if self.custom_values.is_empty() {
            Ok(())
        } else {
            Err("histogram with exponential schema must not have custom bounds".to_owned())
        }
    }

    fn check_int(self) -> Result<FloatHistogram, String> {
        let (negative, in_negative) = self.negative.absolute().map_err(|e| format!("negative side: {e}"))?;
        let (positive, in_positive) = self.positive.absolute().map_err(|e| format!("positive side: {e}"))?;
        let (count, zero_count) = (self.count.int(), self.zero_count.int());
        let in_buckets = in_negative + in_positive + u128::from(zero_count);
        let problem = if self.sum.is_nan() {
            (in_buckets > u128::from(count)).then_some("be at least the number of observations found in the buckets")
        } else {
            let wanted = "equal the number of observations found in the buckets (in absence of NaN)";
            (in_buckets != u128::from(count)).then_some(wanted)
        };
        match problem {
            Some(problem) => Err(format!(
                "{in_buckets} observations found in buckets, but the Count field is {count}: histogram's observation \
                 count should {problem}"
            )),
            None => Ok(self.histogram(count as f64, zero_count as f64, positive, negative)),
        }
    }

    fn check_float(mut self) -> Result<FloatHistogram, String> {
        let (count, zero_count) = (self.count.float(), self.zero_count.float());
        let negative_bucket = "histogram has a bucket whose observation count is negative";
        if zero_count < 0.0 {
            return Err(format!("zero bucket has observation count of {}: {negative_bucket}", format_g(zero_count)));
        }
        for (side, name) in [(&self.negative, "negative"), (&self.positive, "positive")] {
            if let Some((i, c)) = side.counts.iter().enumerate().find(|(_, c)| **c < 0.0) {
                let c = format_g(*c);
                let problem = format!("bucket number {} has observation count of {c}: {negative_bucket}", i + 1);
                return Err(format!("{name} side: {problem}"));
            }
        }
        if count < 0.0 {
            let count = format_g(count);
            return Err(format!("observation count is {count}: histogram's observation count is negative"));
        }
        let (positive, negative) =
            (std::mem::take(&mut self.positive.counts), std::mem::take(&mut self.negative.counts));
        Ok(self.histogram(count, zero_count, positive, negative))
    }

    fn histogram(self, count: f64, zero_count: f64, positive: Vec<f64>, negative: Vec<f64>) -> FloatHistogram {
        FloatHistogram {
            counter_reset_hint: match self.reset_hint {
                1 => CounterResetHint::Reset,
                2 => CounterResetHint::NotReset,
                3 => CounterResetHint::Gauge,
                _ => CounterResetHint::Unknown,
            },
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count,
            count,
            sum: self.sum,
            positive_spans: self.positive.spans,
            negative_spans: self.negative.spans,
            positive_buckets: positive,
            negative_buckets: negative,
            custom_values: (self.schema == CUSTOM_BUCKETS_SCHEMA).then(|| Arc::from(self.custom_values)),
        }
    }
}

impl Side {
    /// Reads spans (0), deltas (1) or counts (2).
    fn field(&mut self, which: u32, message: &mut Reader<'_>, wire: Wire) -> Result<(), WireError> {
        match which {
            0 => {
                message.expect(wire, Wire::Bytes)?;
                self.spans.push(span(message.message()?)?);
                Ok(())
            }
            1 => message.varints(wire, |n| self.deltas.push(unzigzag(n))),
            _ => message.doubles(wire, |v| self.counts.push(v)),
        }
    }

    fn bucket_count(&self, integer: bool) -> usize {
        if integer { self.deltas.len() } else { self.counts.len() }
    }

    fn check_spans(&self, integer: bool, first_too: bool) -> Result<(), String> {
        let (mut needed, mut end) = (0i64, 0i64);
        for (i, span) in self.spans.iter().enumerate() {
            if (i > 0 || first_too) && span.offset < 0 {
                let (n, offset) = (i + 1, span.offset);
                return Err(format!(
                    "span number {n} with offset {offset}: histogram has a span whose offset is negative"
                ));
            }
            needed += i64::from(span.length);
            end += i64::from(span.length) + i64::from(span.offset);
        }
        let have = self.bucket_count(integer);
        if needed != have as i64 {
            return Err(format!(
                "spans need {needed} buckets, have {have} buckets: histogram spans specify different number of buckets \
                 than provided"
            ));
        }
        if i32::try_from(end).is_err() {
            return Err("histogram spans reach past the last possible bucket".to_owned());
        }
        Ok(())
    }

    /// Absolute counts from deltas, and their sum.
    fn absolute(&self) -> Result<(Vec<f64>, u128), String> {
        let (mut last, mut sum) = (0i64, 0u128);
        let mut counts = Vec::with_capacity(self.deltas.len());
        for (i, delta) in self.deltas.iter().enumerate() {
            last = last.wrapping_add(*delta);
            if last < 0 {
                let problem = "histogram has a bucket whose observation count is negative";
                return Err(format!("bucket number {} has observation count of {last}: {problem}", i + 1));
            }
            sum += last as u128;
            counts.push(last as f64);
        }
        Ok((counts, sum))
    }
}

fn varint(message: &mut Reader<'_>, wire: Wire) -> Result<u64, WireError> {
    message.expect(wire, Wire::Varint)?;
    message.varint()
}

fn double(message: &mut Reader<'_>, wire: Wire) -> Result<f64, WireError> {
    message.expect(wire, Wire::Fixed64)?;
    message.double()
}

fn span(mut message: Reader<'_>) -> Result<Span, WireError> {
    let mut span = Span { offset: 0, length: 0 };
    while let Some((number, wire)) = message.field()? {
        match number {
            1 => span.offset = unzigzag(varint(&mut message, wire)? & 0xffff_ffff) as i32,
            2 => span.length = varint(&mut message, wire)? as u32,
            _ => message.skip(wire)?,
        }
    }
    Ok(span)
}

fn check_bounds(bounds: &[f64]) -> Result<(), String> {
    let mut previous = f64::NEG_INFINITY;
    for bound in bounds {
        if bound.is_nan() {
            return Err("histogram custom bounds must not be NaN".to_owned());
        }
        if *bound <= previous {
            return Err(format!(
                "previous bound is {previous:.6} and current is {bound:.6}: histogram custom bounds must be in strictly \
                 increasing order"
            ));
        }
        previous = *bound;
    }
    if previous == f64::INFINITY {
        let problem = "histogram custom bounds must be finite";
        return Err(format!("last +Inf bound must not be explicitly defined: {problem}"));
    }
    Ok(())
}
