//! From samples to chunks of about 120.

use nightjar_model::TimestampMs;
use nightjar_model::histogram::{CounterResetHint, FloatHistogram};

use super::bits::BitWriter;
use super::chunk::Encoding;
use super::histogram_layout::{Layout, header};
use super::{float_histogram, histogram, xor};

/// Samples of a chunk, as Prometheus has them.
const SAMPLES: usize = 120;
/// A chunk of histograms ends when it has grown to this and has some samples.
const BYTES: usize = 4096;
const FEW: usize = 10;

/// A finished chunk.
pub(super) struct Chunk {
    pub(super) encoding: Encoding,
    pub(super) data: Vec<u8>,
    pub(super) min: TimestampMs,
    pub(super) max: TimestampMs,
    pub(super) samples: usize,
}

/// One chunk of encoding 1 with at most 65535 samples; times ascend.
pub fn encode_floats(times: &[TimestampMs], values: &[f64]) -> Vec<u8> {
    xor::write(times, values)
}

/// Chunks of float samples with ascending times.
pub(super) fn floats(times: &[TimestampMs], values: &[f64]) -> impl Iterator<Item = Chunk> {
    times.chunks(SAMPLES).zip(values.chunks(SAMPLES)).map(|(times, values)| Chunk {
        encoding: Encoding::Xor,
        data: xor::write(times, values),
        min: times[0],
        max: times[times.len() - 1],
        samples: times.len(),
    })
}

enum Writer {
    Whole(histogram::Writer),
    Float(float_histogram::Writer),
}

struct Open {
    layout: Layout,
    whole: bool,
    writer: Writer,
    out: BitWriter,
    min: TimestampMs,
    max: TimestampMs,
    samples: usize,
    last: FloatHistogram,
}

/// Makes chunks of the histograms of one series.
#[derive(Default)]
pub struct HistogramChunks {
    open: Option<Open>,
    done: Vec<Chunk>,
}

impl HistogramChunks {
    /// Takes the next histogram; times ascend.
    pub fn push(&mut self, t: TimestampMs, h: &FloatHistogram) {
        if let Some(open) = &mut self.open {
            if open.takes(h) {
                return open.push(t, h);
            }
            self.close();
        }
        self.open = Some(Open::new(t, h));
    }

    /// Encoding number and bytes of all chunks, for whoever does not write a block.
    pub fn into_chunks(self) -> Vec<(u8, Vec<u8>)> {
        self.finish().into_iter().map(|c| (c.encoding as u8, c.data)).collect()
    }

    /// All chunks.
    pub(super) fn finish(mut self) -> Vec<Chunk> {
        self.close();
        self.done
    }

    fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        let mut data = std::mem::take(open.out.bytes_mut());
        data[..2].copy_from_slice(&(open.samples as u16).to_be_bytes());
        let encoding = if open.whole { Encoding::Histogram } else { Encoding::FloatHistogram };
        self.done.push(Chunk { encoding, data, min: open.min, max: open.max, samples: open.samples });
    }
}

impl Open {
    fn new(t: TimestampMs, h: &FloatHistogram) -> Open {
        let (layout, whole) = (Layout::of(h), is_whole(h));
        let mut out = BitWriter::after(vec![0, 0, header(h.counter_reset_hint)]);
        layout.write(&mut out);
        let writer = match whole {
            true => Writer::Whole(histogram::Writer::first(t, h, &mut out)),
            false => Writer::Float(float_histogram::Writer::first(t, h, &mut out)),
        };
        Open { layout, whole, writer, out, min: t, max: t, samples: 1, last: h.clone() }
    }

    /// Whether a histogram may follow in this chunk, where each but the first means "no reset".
    fn takes(&self, h: &FloatHistogram) -> bool {
        let full = self.samples >= SAMPLES || (self.samples >= FEW && self.out.len() >= BYTES);
        let gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
        if full || gauge(h) != gauge(&self.last) || self.last.is_stale() != h.is_stale() && self.last.is_stale() {
            return false;
        }
        if h.is_stale() {
            return h.counter_reset_hint != CounterResetHint::Reset;
        }
        let fits = is_whole(h) == self.whole && Layout::of(h) == self.layout;
        fits && (gauge(h) || !falls(h, &self.last))
    }

    fn push(&mut self, t: TimestampMs, h: &FloatHistogram) {
        match &mut self.writer {
            Writer::Whole(writer) => writer.next(t, h, &mut self.out),
            Writer::Float(writer) => writer.next(t, h, &mut self.out),
        }
        (self.max, self.last) = (t, h.clone());
        self.samples += 1;
    }
}

/// Whether a counter of the same layout was reset, whatever its hint says.
fn falls(h: &FloatHistogram, last: &FloatHistogram) -> bool {
    let fell = |now: &[f64], before: &[f64]| now.iter().zip(before).any(|(now, before)| now < before);
    h.counter_reset_hint == CounterResetHint::Reset
        || h.count < last.count
        || h.zero_count < last.zero_count
        || fell(&h.positive_buckets, &last.positive_buckets)
        || fell(&h.negative_buckets, &last.negative_buckets)
}

/// Whether all counts are whole, so that integers say the same.
fn is_whole(h: &FloatHistogram) -> bool {
    let whole = |v: &f64| v.fract() == 0.0 && (0.0..9.0e15).contains(v) && !(*v == 0.0 && v.is_sign_negative());
    h.is_stale()
        || [&h.count, &h.zero_count].into_iter().chain(&h.positive_buckets).chain(&h.negative_buckets).all(whole)
}
