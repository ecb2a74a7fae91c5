//! Chunk encodings 2 and 5: histograms with integer counts, as differences of differences.

use nightjar_model::histogram::FloatHistogram;
use nightjar_model::stale::is_stale;

use super::bits::{BitReader, BitWriter};
use super::chunk::{ChunkSamples, Header};
use super::histogram_layout::{Counts, Layout, hint};
use super::xor::XorValue;
use crate::bytes::Corrupt;

/// An integer and how it last changed.
#[derive(Clone, Copy, Default)]
struct Dod {
    value: i64,
    delta: i64,
}

impl Dod {
    fn read(&mut self, r: &mut BitReader<'_>) -> Result<i64, Corrupt> {
        self.delta = self.delta.wrapping_add(r.varbit("histogram count")?);
        self.value = self.value.wrapping_add(self.delta);
        Ok(self.value)
    }

    fn write(&mut self, value: i64, w: &mut BitWriter) {
        let delta = value.wrapping_sub(self.value);
        w.varbit(delta.wrapping_sub(self.delta));
        (self.value, self.delta) = (value, delta);
    }
}

/// Buckets as differences between neighbours.
fn absolute(deltas: &[Dod]) -> Vec<f64> {
    let sums = deltas.iter().scan(0i64, |sum, d| {
        *sum = sum.wrapping_add(d.value);
        Some(*sum as f64)
    });
    sums.collect()
}

/// Reads the samples of a chunk behind its header.
pub(super) fn read(mut head: Header, r: &mut BitReader<'_>, out: &mut ChunkSamples) -> Result<(), Corrupt> {
    if head.count == 0 {
        return Ok(());
    }
    let layout = Layout::read(r, head.count)?;
    let (positive, negative) = layout.sides();
    let (mut time, mut count, mut zero) = (Dod::default(), Dod::default(), Dod::default());
    let mut sum = XorValue::default();
    let mut buckets = vec![Dod::default(); positive + negative];
    for i in 0..head.count {
        let previous = time.value;
        if i == 0 {
            time.value = r.varbit("histogram time")?;
            count.value = r.varbit_unsigned("histogram count")? as i64;
            zero.value = r.varbit_unsigned("histogram count")? as i64;
            sum = XorValue::new(r.f64("histogram sum")?);
            for b in &mut buckets {
                b.value = r.varbit("histogram bucket")?;
            }
        } else {
            time.read(r)?;
            count.read(r)?;
            zero.read(r)?;
            sum.read(r)?;
        }
        let stale = is_stale(sum.value());
        if i > 0 && !stale {
            buckets.iter_mut().try_for_each(|b| b.read(r).map(|_| ()))?;
        }
        let start = head.starts.read(r, i, time.value, previous)?;
        let histogram = if stale {
            FloatHistogram { sum: sum.value(), ..FloatHistogram::default() }
        } else {
            let (p, n) = buckets.split_at(positive);
            let counts = Counts {
                count: count.value as u64 as f64,
                zero_count: zero.value as u64 as f64,
                sum: sum.value(),
                positive: absolute(p),
                negative: absolute(n),
            };
            layout.histogram(hint(head.reset, i), counts)
        };
        out.histogram(r, time.value, start, true, histogram)?;
    }
    Ok(())
}

/// Writes the samples of a chunk. All have one layout and whole counts below 2^53.
#[derive(Default)]
pub(super) struct Writer {
    time: Dod,
    count: Dod,
    zero: Dod,
    sum: XorValue,
    buckets: Vec<Dod>,
}

impl Writer {
    pub(super) fn first(t: i64, h: &FloatHistogram, w: &mut BitWriter) -> Writer {
        let start = |value| Dod { value, delta: 0 };
        let mut out = Writer { time: start(t), sum: XorValue::new(h.sum), ..Writer::default() };
        w.varbit(t);
        if h.is_stale() {
            w.varbit_unsigned(0);
            w.varbit_unsigned(0);
            w.bits(h.sum.to_bits(), 64);
            return out;
        }
        (out.count, out.zero) = (start(h.count as i64), start(h.zero_count as i64));
        w.varbit_unsigned(h.count as u64);
        w.varbit_unsigned(h.zero_count as u64);
        w.bits(h.sum.to_bits(), 64);
        for delta in deltas(h) {
            w.varbit(delta);
            out.buckets.push(start(delta));
        }
        out
    }

    pub(super) fn next(&mut self, t: i64, h: &FloatHistogram, w: &mut BitWriter) {
        self.time.write(t, w);
        if h.is_stale() {
            w.varbit(0);
            w.varbit(0);
            self.sum.write(h.sum, w);
            return;
        }
        self.count.write(h.count as i64, w);
        self.zero.write(h.zero_count as i64, w);
        self.sum.write(h.sum, w);
        for (bucket, delta) in self.buckets.iter_mut().zip(deltas(h)) {
            bucket.write(delta, w);
        }
    }
}

fn deltas(h: &FloatHistogram) -> impl Iterator<Item = i64> {
    let side = |buckets: &[f64]| {
        let mut previous = 0;
        let deltas = buckets.iter().map(|v| {
            let delta = *v as i64 - previous;
            previous = *v as i64;
            delta
        });
        deltas.collect::<Vec<_>>()
    };
    side(&h.positive_buckets).into_iter().chain(side(&h.negative_buckets))
}
