//! Chunk encodings 3 and 6: histograms with float counts, each as XOR with the one before.

use nightjar_model::histogram::FloatHistogram;
use nightjar_model::stale::is_stale;

use super::bits::{BitReader, BitWriter};
use super::chunk::{ChunkSamples, Header};
use super::histogram_layout::{Counts, Layout, hint};
use super::xor::XorValue;
use crate::bytes::Corrupt;

/// Reads the samples of a chunk behind its header.
pub(super) fn read(mut head: Header, r: &mut BitReader<'_>, out: &mut ChunkSamples) -> Result<(), Corrupt> {
    if head.count == 0 {
        return Ok(());
    }
    let layout = Layout::read(r, head.count)?;
    let (positive, negative) = layout.sides();
    let (mut t, mut delta) = (0i64, 0i64);
    let [mut count, mut zero, mut sum] = [XorValue::default(); 3];
    let mut buckets = vec![XorValue::default(); positive + negative];
    for i in 0..head.count {
        let previous = t;
        if i == 0 {
            t = r.varbit("histogram time")?;
            for value in [&mut count, &mut zero, &mut sum].into_iter().chain(&mut buckets) {
                *value = XorValue::new(r.f64("histogram count")?);
            }
        } else {
            delta = delta.wrapping_add(r.varbit("histogram time")?);
            t = t.wrapping_add(delta);
            for value in [&mut count, &mut zero, &mut sum] {
                value.read(r)?;
            }
        }
        let stale = is_stale(sum.value());
        if i > 0 && !stale {
            buckets.iter_mut().try_for_each(|b| b.read(r).map(|_| ()))?;
        }
        let start = head.starts.read(r, i, t, previous)?;
        let histogram = if stale {
            FloatHistogram { sum: sum.value(), ..FloatHistogram::default() }
        } else {
            let (p, n) = buckets.split_at(positive);
            let values = |side: &[XorValue]| side.iter().map(XorValue::value).collect();
            let counts = Counts {
                count: count.value(),
                zero_count: zero.value(),
                sum: sum.value(),
                positive: values(p),
                negative: values(n),
            };
            layout.histogram(hint(head.reset, i), counts)
        };
        out.histogram(r, t, start, false, histogram)?;
    }
    Ok(())
}

/// Writes the samples of a chunk. All have one layout.
#[derive(Default)]
pub(super) struct Writer {
    t: i64,
    delta: i64,
    head: [XorValue; 3],
    buckets: Vec<XorValue>,
}

impl Writer {
    pub(super) fn first(t: i64, h: &FloatHistogram, w: &mut BitWriter) -> Writer {
        w.varbit(t);
        let stale = h.is_stale();
        let head = if stale { [0.0, 0.0, h.sum] } else { [h.count, h.zero_count, h.sum] };
        let buckets = h.positive_buckets.iter().chain(&h.negative_buckets).filter(|_| !stale);
        let buckets: Vec<XorValue> = buckets.map(|v| XorValue::new(*v)).collect();
        let head = head.map(XorValue::new);
        head.iter().chain(&buckets).for_each(|v| w.bits(v.bits, 64));
        Writer { t, delta: 0, head, buckets }
    }

    pub(super) fn next(&mut self, t: i64, h: &FloatHistogram, w: &mut BitWriter) {
        let delta = t.wrapping_sub(self.t);
        w.varbit(delta.wrapping_sub(self.delta));
        (self.t, self.delta) = (t, delta);
        let stale = h.is_stale();
        let head = if stale { [0.0, 0.0, h.sum] } else { [h.count, h.zero_count, h.sum] };
        for (slot, value) in self.head.iter_mut().zip(head) {
            slot.write(value, w);
        }
        let buckets = h.positive_buckets.iter().chain(&h.negative_buckets).filter(|_| !stale);
        for (slot, value) in self.buckets.iter_mut().zip(buckets) {
            slot.write(*value, w);
        }
    }
}
