//! Writing requests: for our own sender, replays and tests.

use std::collections::HashMap;

use nightjar_model::histogram::{CounterResetHint, FloatHistogram, Span};
use nightjar_model::metadata::Metadata;
use nightjar_model::{Exemplar, HistogramSample, Labels, Sample};

use crate::metadata::metric_type_number;
use crate::wire::put_varint;

/// A series to be sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeriesOut<'a> {
    /// The labels; `None` = none.
    pub labels: Option<&'a Labels>,
    /// Float samples, ascending in time.
    pub samples: &'a [Sample],
    /// Native histograms, ascending in time.
    pub histograms: &'a [HistogramSample],
    /// Exemplars.
    pub exemplars: &'a [Exemplar],
    /// Metadata (2.0 only).
    pub metadata: Option<&'a Metadata>,
}

/// Appends a 1.0 message. Start times and metadata of series have no place in it.
pub fn encode_v1(series: &[SeriesOut<'_>], out: &mut Vec<u8>) {
    for one in series {
        put_message(1, out, |out| {
            if let Some(labels) = one.labels {
                labels.spell(out);
            }
            for sample in one.samples {
                put_message(2, out, |out| put_sample(sample, false, out));
            }
            for exemplar in one.exemplars {
                put_message(3, out, |out| {
                    exemplar.labels.spell(out);
                    put_double(2, exemplar.value, out);
                    put_int(3, exemplar.timestamp as u64, out);
                });
            }
            for histogram in one.histograms {
                put_message(4, out, |out| put_histogram(histogram, false, out));
            }
        });
    }
}

/// Appends the metadata part of a 1.0 message.
pub fn encode_v1_metadata(name: &str, metadata: &Metadata, out: &mut Vec<u8>) {
    put_message(3, out, |out| {
        put_int(1, metric_type_number(metadata.metric_type), out);
        put_text(2, name, out);
        put_text(4, &metadata.help, out);
        put_text(5, &metadata.unit, out);
    });
}

/// Appends a 2.0 message.
pub fn encode_v2(series: &[SeriesOut<'_>], out: &mut Vec<u8>) {
    let mut symbols = Symbols::default();
    symbols.number("");
    let mut body = Vec::new();
    for one in series {
        put_message(5, &mut body, |out| put_series_v2(one, &mut symbols, out));
    }
    for symbol in &symbols.texts {
        put_key(4, 2, out);
        put_varint(symbol.len() as u64, out);
        out.extend_from_slice(symbol.as_bytes());
    }
    out.extend_from_slice(&body);
}

/// Compresses a message as remote write wants it: one snappy block.
pub fn snappy(message: &[u8]) -> Result<Vec<u8>, snap::Error> {
    snap::raw::Encoder::new().compress_vec(message)
}

#[derive(Default)]
struct Symbols<'a> {
    texts: Vec<&'a str>,
    numbers: HashMap<&'a str, u32>,
}

impl<'a> Symbols<'a> {
    fn number(&mut self, text: &'a str) -> u32 {
        *self.numbers.entry(text).or_insert_with(|| {
            self.texts.push(text);
            (self.texts.len() - 1) as u32
        })
    }

    fn refs(&mut self, labels: &'a Labels, out: &mut Vec<u8>) {
        put_message(1, out, |out| {
            for label in labels.iter() {
                put_varint(u64::from(self.number(label.name)), out);
                put_varint(u64::from(self.number(label.value)), out);
            }
        });
    }
}

fn put_series_v2<'a>(one: &SeriesOut<'a>, symbols: &mut Symbols<'a>, out: &mut Vec<u8>) {
    if let Some(labels) = one.labels {
        symbols.refs(labels, out);
    }
    for sample in one.samples {
        put_message(2, out, |out| put_sample(sample, true, out));
    }
    for histogram in one.histograms {
        put_message(3, out, |out| put_histogram(histogram, true, out));
    }
    for exemplar in one.exemplars {
        put_message(4, out, |out| {
            symbols.refs(&exemplar.labels, out);
            put_double(2, exemplar.value, out);
            put_int(3, exemplar.timestamp as u64, out);
        });
    }
    if let Some(metadata) = one.metadata {
        put_message(5, out, |out| {
            put_int(1, metric_type_number(metadata.metric_type), out);
            put_int(3, u64::from(symbols.number(&metadata.help)), out);
            put_int(4, u64::from(symbols.number(&metadata.unit)), out);
        });
    }
}

fn put_sample(sample: &Sample, starts: bool, out: &mut Vec<u8>) {
    put_double(1, sample.value, out);
    put_int(2, sample.timestamp as u64, out);
    if starts {
        put_int(3, sample.start as u64, out);
    }
}

fn put_histogram(sample: &HistogramSample, starts: bool, out: &mut Vec<u8>) {
    let histogram = &sample.histogram;
    if sample.integer {
        put_key(1, 0, out);
        put_varint(histogram.count as u64, out);
    } else {
        put_fixed(2, histogram.count, out);
    }
    put_double(3, histogram.sum, out);
    put_int(4, zigzag(i64::from(histogram.schema)), out);
    put_double(5, histogram.zero_threshold, out);
    if sample.integer {
        put_key(6, 0, out);
        put_varint(histogram.zero_count as u64, out);
    } else {
        put_fixed(7, histogram.zero_count, out);
    }
    put_side(8, &histogram.negative_spans, &histogram.negative_buckets, sample.integer, out);
    put_side(11, &histogram.positive_spans, &histogram.positive_buckets, sample.integer, out);
    put_int(14, reset_hint(histogram), out);
    put_int(15, sample.timestamp as u64, out);
    if let Some(bounds) = &histogram.custom_values {
        put_doubles(16, bounds, out);
    }
    if starts {
        put_int(17, sample.start as u64, out);
    }
}

fn reset_hint(histogram: &FloatHistogram) -> u64 {
    match histogram.counter_reset_hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::Reset => 1,
        CounterResetHint::NotReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

fn put_side(first: u32, spans: &[Span], buckets: &[f64], integer: bool, out: &mut Vec<u8>) {
    for span in spans {
        put_message(first, out, |out| {
            put_int(1, zigzag(i64::from(span.offset)), out);
            put_int(2, u64::from(span.length), out);
        });
    }
    if !integer {
        put_doubles(first + 2, buckets, out);
    } else if !buckets.is_empty() {
        put_message(first + 1, out, |out| {
            let mut last = 0;
            for count in buckets {
                put_varint(zigzag(*count as i64 - last), out);
                last = *count as i64;
            }
        });
    }
}

fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

fn put_key(number: u32, wire: u32, out: &mut Vec<u8>) {
    put_varint(u64::from(number << 3 | wire), out);
}

/// A varint field; 0 is left out.
fn put_int(number: u32, n: u64, out: &mut Vec<u8>) {
    if n != 0 {
        put_key(number, 0, out);
        put_varint(n, out);
    }
}

/// A double field; +0 is left out, -0 is not.
fn put_double(number: u32, v: f64, out: &mut Vec<u8>) {
    if v.to_bits() != 0 {
        put_fixed(number, v, out);
    }
}

fn put_fixed(number: u32, v: f64, out: &mut Vec<u8>) {
    put_key(number, 1, out);
    out.extend_from_slice(&v.to_le_bytes());
}

fn put_doubles(number: u32, values: &[f64], out: &mut Vec<u8>) {
    if !values.is_empty() {
        put_key(number, 2, out);
        put_varint(values.len() as u64 * 8, out);
        values.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
    }
}

fn put_text(number: u32, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        put_key(number, 2, out);
        put_varint(text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    }
}

/// A nested message: written behind room for a short length, moved when it is longer.
fn put_message(number: u32, out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    put_key(number, 2, out);
    let at = out.len();
    out.push(0);
    content(out);
    let len = out.len() - at - 1;
    let mut prefix = Vec::with_capacity(5);
    put_varint(len as u64, &mut prefix);
    if prefix.len() == 1 {
        out[at] = prefix[0];
    } else {
        out.splice(at..=at, prefix);
    }
}
