//! One native-histogram sample, complete in itself.
//!
//! A flag byte, times, schema, then counts. Counts that are whole numbers (nearly all are) take a varint; bucket counts
//! are differences to the previous bucket. Anything else is kept as the bits of the float, so every value, NaN
//! payloads included, comes back as it was.

use std::sync::Arc;

use nightjar_model::HistogramSample;
use nightjar_model::histogram::{CounterResetHint, FloatHistogram, Span};

use crate::bytes::{Corrupt, Cursor, put_f64, put_varint, put_zigzag};

const HINTS: [CounterResetHint; 4] =
    [CounterResetHint::Unknown, CounterResetHint::Reset, CounterResetHint::NotReset, CounterResetHint::Gauge];
const HINT_MASK: u8 = 0b11;
const INTEGER: u8 = 1 << 2;
const CUSTOM_VALUES: u8 = 1 << 3;
const START: u8 = 1 << 4;
const KNOWN: u8 = HINT_MASK | INTEGER | CUSTOM_VALUES | START;

/// How a list of bucket counts is spelled.
const WHOLE: u8 = 0;
const RAW: u8 = 1;

/// Appends `sample`.
pub fn encode(sample: &HistogramSample, out: &mut Vec<u8>) {
    let h = &sample.histogram;
    let mut flags = HINTS.iter().position(|hint| *hint == h.counter_reset_hint).unwrap_or(0) as u8;
    for (set, bit) in
        [(sample.integer, INTEGER), (h.custom_values.is_some(), CUSTOM_VALUES), (sample.start != 0, START)]
    {
        flags |= if set { bit } else { 0 };
    }
    out.push(flags);
    put_zigzag(sample.timestamp, out);
    if sample.start != 0 {
        put_zigzag(sample.start, out);
    }
    put_zigzag(i64::from(h.schema), out);
    put_f64(h.zero_threshold, out);
    put_f64(h.sum, out);
    put_count(h.count, out);
    put_count(h.zero_count, out);
    for (spans, buckets) in [(&h.positive_spans, &h.positive_buckets), (&h.negative_spans, &h.negative_buckets)] {
        put_spans(spans, out);
        put_buckets(buckets, out);
    }
    if let Some(bounds) = &h.custom_values {
        put_varint(bounds.len() as u64, out);
        bounds.iter().for_each(|bound| put_f64(*bound, out));
    }
}

/// Reads what [`encode`] wrote.
pub fn decode(cursor: &mut Cursor<'_>) -> Result<HistogramSample, Corrupt> {
    let error = cursor.corrupt("histogram flags");
    let flags = cursor.u8("histogram flags")?;
    if flags & !KNOWN != 0 {
        return Err(error);
    }
    let timestamp = cursor.zigzag("histogram time")?;
    let start = if flags & START != 0 { cursor.zigzag("histogram start")? } else { 0 };
    let error = cursor.corrupt("histogram schema");
    let schema = i32::try_from(cursor.zigzag("histogram schema")?).map_err(|_| error)?;
    let zero_threshold = cursor.f64("histogram zero threshold")?;
    let sum = cursor.f64("histogram sum")?;
    let count = count(cursor)?;
    let zero_count = self::count(cursor)?;
    let (positive_spans, positive_buckets) = (spans(cursor)?, buckets(cursor)?);
    let (negative_spans, negative_buckets) = (spans(cursor)?, buckets(cursor)?);
    let custom_values = if flags & CUSTOM_VALUES != 0 { Some(Arc::from(floats(cursor)?)) } else { None };
    let histogram = FloatHistogram {
        counter_reset_hint: HINTS[usize::from(flags & HINT_MASK)],
        schema,
        zero_threshold,
        zero_count,
        count,
        sum,
        positive_spans,
        negative_spans,
        positive_buckets,
        negative_buckets,
        custom_values,
    };
    Ok(HistogramSample { timestamp, start, integer: flags & INTEGER != 0, histogram })
}

/// The whole number `v` is to the bit, if it is one below 2^53 in magnitude.
fn whole(v: f64) -> Option<i64> {
    let n = v as i64;
    ((n as f64).to_bits() == v.to_bits() && n.unsigned_abs() < 1 << 53).then_some(n)
}

/// `n << 1` for whole non-negative counts, else 1 and the bits.
fn put_count(v: f64, out: &mut Vec<u8>) {
    match whole(v) {
        Some(n) if n >= 0 => put_varint((n as u64) << 1, out),
        _ => {
            out.push(1);
            put_f64(v, out);
        }
    }
}

fn count(cursor: &mut Cursor<'_>) -> Result<f64, Corrupt> {
    let error = cursor.corrupt("histogram count");
    match cursor.varint("histogram count")? {
        1 => cursor.f64("histogram count"),
        n if n & 1 == 0 && n >> 1 < 1 << 53 => Ok((n >> 1) as f64),
        _ => Err(error),
    }
}

fn put_spans(spans: &[Span], out: &mut Vec<u8>) {
    put_varint(spans.len() as u64, out);
    for span in spans {
        put_zigzag(i64::from(span.offset), out);
        put_varint(u64::from(span.length), out);
    }
}

fn spans(cursor: &mut Cursor<'_>) -> Result<Vec<Span>, Corrupt> {
    let n = cursor.count(2, "histogram spans")?;
    let mut spans = Vec::with_capacity(n);
    for _ in 0..n {
        let error = cursor.corrupt("histogram span");
        let offset = i32::try_from(cursor.zigzag("histogram span")?).map_err(|_| error)?;
        let length = u32::try_from(cursor.varint("histogram span")?).map_err(|_| error)?;
        spans.push(Span { offset, length });
    }
    Ok(spans)
}

fn put_buckets(buckets: &[f64], out: &mut Vec<u8>) {
    if buckets.iter().all(|v| whole(*v).is_some()) {
        out.push(WHOLE);
        put_varint(buckets.len() as u64, out);
        let mut previous = 0;
        for n in buckets.iter().filter_map(|v| whole(*v)) {
            put_zigzag(n - previous, out);
            previous = n;
        }
    } else {
        out.push(RAW);
        put_varint(buckets.len() as u64, out);
        buckets.iter().for_each(|v| put_f64(*v, out));
    }
}

fn buckets(cursor: &mut Cursor<'_>) -> Result<Vec<f64>, Corrupt> {
    let error = cursor.corrupt("histogram bucket form");
    match cursor.u8("histogram bucket form")? {
        WHOLE => {
            let n = cursor.count(1, "histogram buckets")?;
            let mut buckets = Vec::with_capacity(n);
            let mut value = 0i64;
            for _ in 0..n {
                value = value.wrapping_add(cursor.zigzag("histogram bucket")?);
                buckets.push(value as f64);
            }
            Ok(buckets)
        }
        RAW => floats(cursor),
        _ => Err(error),
    }
}

fn floats(cursor: &mut Cursor<'_>) -> Result<Vec<f64>, Corrupt> {
    let n = cursor.count(8, "histogram floats")?;
    (0..n).map(|_| cursor.f64("histogram float")).collect()
}
