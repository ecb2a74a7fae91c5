//! One series from several sources.

use std::sync::Arc;

use hashbrown::HashMap;
use nightjar_model::storage::{FloatColumn, HistogramColumn, SeriesData};
use nightjar_model::{FloatHistogram, TimestampMs};

/// Columns of merged timestamps kept for series to come.
const KEPT: usize = 4096;

/// Merges the parts of one series after another. Series of one target share their timestamps in every source, so they
/// share them merged.
#[derive(Default)]
pub(crate) struct Merger {
    /// Merged timestamps by the addresses of their parts, which are kept so that no other part gets the address.
    kept: HashMap<Vec<usize>, Kept>,
}

struct Kept {
    _parts: Vec<Arc<[TimestampMs]>>,
    merged: Arc<[TimestampMs]>,
}

/// A sample of either kind.
enum Value {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
}

impl Merger {
    /// The series of which `parts` are the parts; of samples with one time that of the earlier part counts.
    pub(crate) fn merge(&mut self, mut parts: Vec<SeriesData>) -> SeriesData {
        parts.retain(|p| !p.floats.values.is_empty() || !p.histograms.values.is_empty());
        if parts.len() <= 1 {
            return parts.pop().unwrap_or_default();
        }
        let floats_only = parts.iter().all(|p| p.histograms.values.is_empty());
        let span = |p: &SeriesData| (p.floats.timestamps.first().copied(), p.floats.timestamps.last().copied());
        let mut spans: Vec<_> = parts.iter().map(span).collect();
        spans.sort_unstable();
        if floats_only && spans.windows(2).all(|w| w[0].1 < w[1].0) {
            parts.sort_unstable_by_key(span);
            self.concatenate(parts)
        } else {
            interleave(parts)
        }
    }

    /// Parts of floats that follow each other.
    fn concatenate(&mut self, parts: Vec<SeriesData>) -> SeriesData {
        let key: Vec<usize> = parts.iter().map(|p| p.floats.timestamps.as_ptr().addr()).collect();
        let timestamps = match self.kept.get(&key) {
            Some(kept) => Arc::clone(&kept.merged),
            None => {
                let merged: Arc<[_]> = parts.iter().flat_map(|p| p.floats.timestamps.iter().copied()).collect();
                if self.kept.len() >= KEPT {
                    self.kept.clear();
                }
                let _parts = parts.iter().map(|p| Arc::clone(&p.floats.timestamps)).collect();
                self.kept.insert(key, Kept { _parts, merged: Arc::clone(&merged) });
                merged
            }
        };
        let starts = parts.iter().any(|p| p.floats.starts.is_some()).then(|| {
            let starts = parts.iter().flat_map(|p| (0..p.floats.values.len()).map(move |i| start(&p.floats, i)));
            starts.collect()
        });
        let mut values = Vec::with_capacity(timestamps.len());
        parts.into_iter().for_each(|p| values.extend(p.floats.values));
        SeriesData { floats: FloatColumn { timestamps, values, starts }, histograms: HistogramColumn::default() }
    }
}

fn start(floats: &FloatColumn, i: usize) -> TimestampMs {
    floats.starts.as_ref().map_or(0, |s| s[i])
}

/// Parts of any kind that overlap.
fn interleave(parts: Vec<SeriesData>) -> SeriesData {
    let mut all: Vec<(TimestampMs, Value, TimestampMs)> = Vec::new();
    for part in parts {
        let f = &part.floats;
        let floats = f.timestamps.iter().zip(&f.values).enumerate();
        all.extend(floats.map(|(i, (t, v))| (*t, Value::Float(*v), start(f, i))));
        let h = part.histograms;
        let starts = h.starts.into_iter().flatten().chain(std::iter::repeat(0));
        all.extend(h.timestamps.into_iter().zip(h.values).zip(starts).map(|((t, h), s)| (t, Value::Histogram(h), s)));
    }
    all.sort_by_key(|(t, _, _)| *t);
    all.dedup_by_key(|(t, _, _)| *t);
    let (mut times, mut starts) = (Vec::new(), Vec::new());
    let mut data = SeriesData::default();
    let mut histogram_starts = Vec::new();
    for (t, value, start) in all {
        match value {
            Value::Float(v) => {
                times.push(t);
                starts.push(start);
                data.floats.values.push(v);
            }
            Value::Histogram(h) => {
                data.histograms.timestamps.push(t);
                data.histograms.values.push(h);
                histogram_starts.push(start);
            }
        }
    }
    data.floats.timestamps = times.into();
    data.floats.starts = starts.iter().any(|s| *s != 0).then(|| starts.into());
    data.histograms.starts = histogram_starts.iter().any(|s| *s != 0).then_some(histogram_starts);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(samples: &[(i64, f64)]) -> SeriesData {
        let (timestamps, values): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
        SeriesData {
            floats: FloatColumn { timestamps: timestamps.into(), values, starts: None },
            histograms: HistogramColumn::default(),
        }
    }

    fn histogram(t: i64) -> SeriesData {
        let histograms = HistogramColumn { timestamps: vec![t], values: vec![Arc::default()], starts: Some(vec![1]) };
        SeriesData { histograms, ..SeriesData::default() }
    }

    fn told(data: &SeriesData) -> (Vec<(i64, f64)>, Vec<i64>) {
        let floats = data.floats.timestamps.iter().copied().zip(data.floats.values.iter().copied());
        (floats.collect(), data.histograms.timestamps.clone())
    }

    #[test]
    fn the_earlier_part_counts() {
        let merge = |parts: Vec<SeriesData>| told(&Merger::default().merge(parts));
        let (a, b) = (floats(&[(1, 1.0), (3, 3.0)]), floats(&[(2, 20.0), (3, 30.0)]));
        assert_eq!(merge(vec![a.clone(), b.clone()]).0, [(1, 1.0), (2, 20.0), (3, 3.0)]);
        assert_eq!(merge(vec![b.clone(), a.clone()]).0, [(1, 1.0), (2, 20.0), (3, 30.0)]);
        assert_eq!(
            merge(vec![floats(&[(9, 9.0)]), SeriesData::default(), a.clone()]).0,
            [(1, 1.0), (3, 3.0), (9, 9.0)]
        );
        assert_eq!(merge(vec![histogram(3), a.clone()]), (vec![(1, 1.0)], vec![3]));
        assert_eq!(merge(vec![a, histogram(3)]), (vec![(1, 1.0), (3, 3.0)], vec![]));
    }

    #[test]
    fn what_is_shared_stays_shared() {
        let mut merger = Merger::default();
        let (a, b) = (floats(&[(1, 1.0)]), floats(&[(2, 2.0)]));
        let first = merger.merge(vec![a.clone(), b.clone()]);
        let second = merger.merge(vec![b, a]);
        assert!(Arc::ptr_eq(&first.floats.timestamps, &second.floats.timestamps));
    }
}
