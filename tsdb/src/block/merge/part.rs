//! One series from several blocks.

use std::sync::Arc;

use nightjar_model::storage::FloatColumn;
use nightjar_model::{Exemplar, HistogramSample, TimestampMs};

/// What one source has of a series.
#[derive(Default)]
pub(super) struct Part {
    pub(super) floats: FloatColumn,
    pub(super) histograms: Vec<HistogramSample>,
    pub(super) exemplars: Vec<Exemplar>,
}

impl Part {
    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.floats.values.is_empty() && self.histograms.is_empty() && self.exemplars.is_empty()
    }
}

/// All parts as one; of samples with one time that of the earlier part counts.
pub(super) fn unite(mut parts: Vec<Part>) -> Part {
    parts.retain(|p| !p.is_empty());
    if parts.len() <= 1 {
        return parts.pop().unwrap_or_default();
    }
    let mut exemplars: Vec<Exemplar> = parts.iter_mut().flat_map(|p| std::mem::take(&mut p.exemplars)).collect();
    exemplars.sort_by_key(|e| e.timestamp);
    exemplars.dedup();
    let span = |p: &Part| p.floats.timestamps.first().copied().zip(p.floats.timestamps.last().copied());
    let floats_only = parts.iter().all(|p| p.histograms.is_empty());
    let mut spans: Vec<_> = parts.iter().filter_map(span).collect();
    spans.sort_unstable();
    if floats_only && spans.windows(2).all(|w| w[0].1 < w[1].0) {
        parts.sort_by_key(|p| span(p).map(|(start, _)| start));
        return Part { floats: concatenate(parts), exemplars, ..Part::default() };
    }
    Part { exemplars, ..interleave(parts) }
}

fn starts_of(floats: &FloatColumn) -> impl Iterator<Item = TimestampMs> + '_ {
    let known = floats.starts.iter().flat_map(|starts| starts.iter().copied());
    known.chain(std::iter::repeat(0)).take(floats.values.len())
}

fn concatenate(parts: Vec<Part>) -> FloatColumn {
    let floats = || parts.iter().map(|p| &p.floats);
    let any_start = floats().any(|f| f.starts.is_some());
    FloatColumn {
        timestamps: floats().flat_map(|f| f.timestamps.iter().copied()).collect(),
        values: floats().flat_map(|f| f.values.iter().copied()).collect(),
        starts: any_start.then(|| floats().flat_map(starts_of).collect()),
    }
}

/// A sample of either kind.
enum Sample {
    Float(f64, TimestampMs),
    Histogram(HistogramSample),
}

fn interleave(parts: Vec<Part>) -> Part {
    let mut all: Vec<(TimestampMs, Sample)> = Vec::new();
    for part in parts {
        let values = part.floats.values.iter().zip(starts_of(&part.floats));
        all.extend(part.floats.timestamps.iter().zip(values).map(|(t, (v, start))| (*t, Sample::Float(*v, start))));
        all.extend(part.histograms.into_iter().map(|h| (h.timestamp, Sample::Histogram(h))));
    }
    // Stable: of equal times the earlier part comes first.
    all.sort_by_key(|(t, _)| *t);
    all.dedup_by_key(|(t, _)| *t);
    let (mut times, mut starts, mut out) = (Vec::new(), Vec::new(), Part::default());
    for (t, sample) in all {
        match sample {
            Sample::Float(value, start) => {
                times.push(t);
                starts.push(start);
                out.floats.values.push(value);
            }
            Sample::Histogram(histogram) => out.histograms.push(histogram),
        }
    }
    out.floats.timestamps = times.into();
    out.floats.starts = starts.iter().any(|s| *s != 0).then(|| Arc::from(starts));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(samples: &[(i64, f64)]) -> Part {
        let (timestamps, values): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
        Part { floats: FloatColumn { timestamps: timestamps.into(), values, starts: None }, ..Part::default() }
    }

    fn histogram(timestamp: i64) -> Part {
        let histogram = HistogramSample { timestamp, start: 1, integer: true, histogram: Default::default() };
        Part { histograms: vec![histogram], ..Part::default() }
    }

    #[test]
    fn the_earlier_part_counts() {
        let told = |parts: Vec<Part>| {
            let part = unite(parts);
            let floats: Vec<_> = part.floats.timestamps.iter().copied().zip(part.floats.values).collect();
            (floats, part.histograms.iter().map(|h| h.timestamp).collect::<Vec<_>>())
        };
        let a = || floats(&[(1, 1.0), (3, 3.0)]);
        assert_eq!(told(vec![a(), floats(&[(2, 20.0), (3, 30.0)])]).0, [(1, 1.0), (2, 20.0), (3, 3.0)]);
        assert_eq!(told(vec![floats(&[(9, 9.0)]), Part::default(), a()]).0, [(1, 1.0), (3, 3.0), (9, 9.0)]);
        assert_eq!(told(vec![histogram(3), a()]), (vec![(1, 1.0)], vec![3]));
        assert_eq!(told(vec![a(), histogram(3)]), (vec![(1, 1.0), (3, 3.0)], vec![]));
    }

    #[test]
    fn start_times_stay_with_their_samples() {
        let mut late = floats(&[(9, 9.0)]);
        late.floats.starts = Some(Arc::from([4]));
        let merged = unite(vec![late, floats(&[(1, 1.0)])]);
        assert_eq!(merged.floats.starts.unwrap().to_vec(), [0, 4]);
    }
}
