//! Takes samples out of columns: what was deleted.

use croaring::Bitmap;
use nightjar_model::storage::{FloatColumn, HistogramColumn, SeriesData};
use nightjar_model::{ClosedRange, Exemplar, HistogramSample, TimestampMs};

/// Samples of some series of a block, in a range of time, that do not count any more.
#[derive(Clone, Debug)]
pub struct Cut {
    /// The ids of the series.
    pub series: Bitmap,
    /// First and last time that is gone.
    pub times: ClosedRange,
}

/// Where `range` lies in ascending times.
fn inside(times: &[TimestampMs], range: ClosedRange) -> std::ops::Range<usize> {
    let start = times.partition_point(|t| *t < range.start);
    start..times.partition_point(|t| *t <= range.end).max(start)
}

/// Takes a range of time out of a column of floats.
pub(crate) fn cut_floats(floats: &mut FloatColumn, range: ClosedRange) {
    let gone = inside(&floats.timestamps, range);
    if gone.is_empty() {
        return;
    }
    let without = |all: &[TimestampMs]| [&all[..gone.start], &all[gone.end..]].concat().into();
    floats.timestamps = without(&floats.timestamps);
    floats.starts = floats.starts.as_ref().map(|starts| without(starts));
    floats.values.drain(gone);
}

fn cut_column(histograms: &mut HistogramColumn, range: ClosedRange) {
    let gone = inside(&histograms.timestamps, range);
    histograms.timestamps.drain(gone.clone());
    if let Some(starts) = &mut histograms.starts {
        starts.drain(gone.clone());
    }
    histograms.values.drain(gone);
}

/// Takes a range of time out of everything a series has.
pub(crate) fn cut_data(data: &mut SeriesData, range: ClosedRange) {
    cut_floats(&mut data.floats, range);
    cut_column(&mut data.histograms, range);
}

/// Takes a range of time out of histograms.
pub(crate) fn cut_histograms(histograms: &mut Vec<HistogramSample>, range: ClosedRange) {
    histograms.retain(|h| !range.contains(h.timestamp));
}

/// Takes a range of time out of exemplars.
pub(crate) fn cut_exemplars(exemplars: &mut Vec<Exemplar>, range: ClosedRange) {
    exemplars.retain(|e| !range.contains(e.timestamp));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn bounds_are_gone_too() {
        let column = || FloatColumn {
            timestamps: Arc::from([1, 3, 5, 7]),
            values: vec![1.0, 3.0, 5.0, 7.0],
            starts: Some(Arc::from([0, 2, 4, 6])),
        };
        let histograms = HistogramColumn {
            timestamps: vec![2, 3],
            values: vec![Arc::default(), Arc::default()],
            starts: Some(vec![1, 1]),
        };
        for ((start, end), times, starts) in [
            ((3, 5), vec![1, 7], vec![0, 6]),
            ((4, 4), vec![1, 3, 5, 7], vec![0, 2, 4, 6]),
            ((i64::MIN, i64::MAX), vec![], vec![]),
            ((7, 1), vec![1, 3, 5, 7], vec![0, 2, 4, 6]),
        ] {
            let mut data = SeriesData { floats: column(), histograms: histograms.clone() };
            cut_data(&mut data, ClosedRange { start, end });
            assert_eq!(data.floats.timestamps.to_vec(), times);
            assert_eq!(data.floats.starts.unwrap().to_vec(), starts);
            assert_eq!(data.floats.values.len(), times.len());
        }
    }
}
