//! The plain list of series a block is compared with.

use std::io;
use std::path::Path;

use nightjar_model::histogram::{FloatHistogram, Span};
use nightjar_model::storage::SeriesData;
use nightjar_model::{BlockRange, ClosedRange, Exemplar, HistogramSample, Labels, Matcher, STALE_NAN, TimestampMs};
use nightjar_platform::{Disk, RealDisk};
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Block, BlockBuilder, BlockOptions, BlockSeries, BlockSummary, Presence};

/// A series with everything it has.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) floats: Vec<(TimestampMs, f64, TimestampMs)>,
    pub(super) histograms: Vec<HistogramSample>,
    pub(super) exemplars: Vec<Exemplar>,
}

/// Targets: timestamps and series. Sorting all series gives the ids of the block.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) targets: Vec<(Vec<TimestampMs>, Vec<Series>)>,
}

pub(super) const RANGE: BlockRange = BlockRange { start: 1_000_000, end: 9_000_000 };

/// Pages so small that a test has many of everything.
pub(super) const SMALL: BlockOptions =
    BlockOptions { page_bytes: 300, memory_bytes: 200, zstd_level: 1, segment_samples: 32 };

impl Content {
    pub(super) fn sorted(&self) -> Vec<Series> {
        let mut all: Vec<_> = self.targets.iter().flat_map(|(_, series)| series.iter().cloned()).collect();
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        all
    }

    pub(super) fn write(&self, disk: &RealDisk, path: &Path, options: BlockOptions) -> BlockSummary {
        self.try_write(disk, path, options).unwrap()
    }

    pub(super) fn try_write<D: Disk>(&self, disk: &D, path: &Path, options: BlockOptions) -> io::Result<BlockSummary> {
        let mut builder = BlockBuilder::create(disk, Path::new("scratch"), RANGE, options)?;
        for (times, series) in &self.targets {
            let owned: Vec<_> = series.iter().map(|s| columns(times, s)).collect();
            let borrowed: Vec<_> = series.iter().zip(&owned).map(|(s, c)| c.series(s)).collect();
            builder.add_target(times, &borrowed)?;
        }
        builder.finish(path)
    }

    /// A block of this content in a new directory.
    pub(super) fn block(&self, options: BlockOptions) -> (tempfile::TempDir, Block<RealDisk>) {
        let dir = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(dir.path()).unwrap();
        let summary = self.write(&disk, Path::new("b"), options);
        let block = Block::open(&disk, Path::new("b")).unwrap();
        assert_eq!(block.summary(), summary);
        assert!(block.damage().is_empty());
        (dir, block)
    }
}

struct Columns {
    bitmap: Option<Vec<u64>>,
    values: Vec<f64>,
    starts: Option<Vec<TimestampMs>>,
}

fn columns(times: &[TimestampMs], s: &Series) -> Columns {
    let mut bitmap = vec![0u64; times.len().div_ceil(64)];
    for (t, _, _) in &s.floats {
        let i = times.binary_search(t).unwrap();
        bitmap[i / 64] |= 1 << (i % 64);
    }
    let starts = s.floats.iter().any(|f| f.2 != 0).then(|| s.floats.iter().map(|f| f.2).collect());
    let bitmap = (s.floats.len() != times.len()).then_some(bitmap);
    Columns { bitmap, values: s.floats.iter().map(|f| f.1).collect(), starts }
}

impl Columns {
    fn series<'a>(&'a self, s: &'a Series) -> BlockSeries<'a> {
        BlockSeries {
            labels: s.labels.clone(),
            presence: self.bitmap.as_deref().map_or(Presence::All, Presence::Bitmap),
            values: &self.values,
            starts: self.starts.as_deref(),
            histograms: &s.histograms,
            exemplars: &s.exemplars,
        }
    }
}

/// Everything a reader says about a series, floats as bits.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    floats: Vec<(TimestampMs, u64, TimestampMs)>,
    histograms: Vec<(TimestampMs, TimestampMs, FloatHistogram)>,
}

pub(super) fn said(data: &SeriesData) -> Said {
    let f = &data.floats;
    assert_eq!(f.timestamps.len(), f.values.len());
    let start = |i: usize| f.starts.as_ref().map_or(0, |s| s[i]);
    let floats = f.timestamps.iter().zip(&f.values).enumerate().map(|(i, (t, v))| (*t, v.to_bits(), start(i)));
    let h = &data.histograms;
    let start = |i: usize| h.starts.as_ref().map_or(0, |s| s[i]);
    let histograms = h.timestamps.iter().zip(&h.values).enumerate().map(|(i, (t, v))| (*t, start(i), (**v).clone()));
    Said { floats: floats.collect(), histograms: histograms.collect() }
}

pub(super) fn expected(s: &Series, range: ClosedRange) -> Said {
    let floats = s.floats.iter().filter(|f| range.contains(f.0)).map(|f| (f.0, f.1.to_bits(), f.2));
    let histograms = s.histograms.iter().filter(|h| range.contains(h.timestamp));
    Said {
        floats: floats.collect(),
        histograms: histograms.map(|h| (h.timestamp, h.start, h.histogram.clone())).collect(),
    }
}

pub(super) fn matches(labels: &Labels, matchers: &[Matcher]) -> bool {
    matchers.iter().all(|m| m.matches(labels.value(&m.name)))
}

pub(super) fn histogram(timestamp: TimestampMs, n: u32) -> HistogramSample {
    let histogram = FloatHistogram {
        schema: 3,
        zero_threshold: 1e-128,
        count: f64::from(n) * 3.0,
        sum: f64::from(n) * 1.7,
        positive_spans: vec![Span { offset: -2, length: 2 }],
        positive_buckets: vec![f64::from(n), f64::from(n) * 2.0],
        ..FloatHistogram::default()
    };
    HistogramSample { timestamp, start: i64::from(n % 3), integer: true, histogram }
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (0u32..500).prop_map(|v| f64::from(v) / 10.0),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => Just(STALE_NAN),
    ]
}

prop_compose! {
    fn times()(start in 1_000_000i64..5_000_000, gaps in vec(1i64..40_000, 0..100)) -> Vec<TimestampMs> {
        let mut t = start;
        gaps.into_iter().map(|gap| { t += gap; t }).collect()
    }
}

/// Keeps all, a run, or a random part of the timestamps.
fn presence() -> impl Strategy<Value = (usize, usize, u64)> {
    prop_oneof![
        4 => Just((0, 200, u64::MAX)),
        1 => (0usize..50, 0usize..100, Just(u64::MAX)),
        1 => (Just(0usize), Just(200usize), any::<u64>()),
        1 => Just((0, 0, 0)),
    ]
}

prop_compose! {
    fn series(times: Vec<TimestampMs>, instance: usize, n: usize)(
        (from, count, mask) in presence(),
        values in vec(value(), 100),
        starts in prop_oneof![3 => Just(None), 1 => (0i64..3).prop_map(Some)],
        histogram_count in prop_oneof![3 => Just(0usize), 1 => 1usize..30],
        exemplar_count in prop_oneof![3 => Just(0usize), 1 => 1usize..9],
        extra in proptest::option::of("[a-c]{1,2}|é.?"),
    ) -> Series {
        let extra = extra.unwrap_or_default();
        let (name, instance, device) = (["up", "cpu_seconds", "A"][n % 3], instance.to_string(), (n / 3).to_string());
        let labels = Labels::from_pairs([
            ("__name__", name), ("instance", &instance), ("device", &device), ("Zone", &extra),
        ]);
        let floats = times.iter().enumerate().filter(|(i, _)| *i >= from && *i < from + count && mask >> (i % 64) & 1 == 1);
        let floats = floats.map(|(i, t)| (*t, values[i], starts.map_or(0, |s| s * i as i64))).collect();
        let own = (0..histogram_count as i64).map(|i| histogram(1_000_000 + i * 200_000, i as u32)).collect();
        let exemplar = |i: i64| Exemplar { labels: Labels::from_pairs([("trace_id", i.to_string())]), value: 0.5, timestamp: i * 1000 };
        Series { labels, floats, histograms: own, exemplars: (0..exemplar_count as i64).map(exemplar).collect() }
    }
}

prop_compose! {
    fn target(instance: usize)(times in times(), n in 0usize..12)(
        series in (0..n).map(|k| series(times.clone(), instance, k)).collect::<Vec<_>>(),
        times in Just(times),
    ) -> (Vec<TimestampMs>, Vec<Series>) {
        (times, series)
    }
}

/// A few targets.
pub(super) fn content() -> impl Strategy<Value = Content> {
    (0usize..6).prop_flat_map(|n| (0..n).map(target).collect::<Vec<_>>()).prop_map(|targets| Content { targets })
}
