//! What was written is read.

use std::path::Path;
use std::sync::Arc;

use nightjar_model::metadata::{Metadata, MetricType};
use nightjar_model::{ClosedRange, Labels};
use nightjar_platform::disk::{Call, SimDisk};
use nightjar_platform::{Disk, RealDisk};
use proptest::prelude::*;

use super::super::{Block, BlockBuilder, BlockOptions, BlockSeries, Presence};
use super::model::{Content, RANGE, SMALL, Series, content, expected, said};

fn check(content: &Content, options: BlockOptions, range: ClosedRange) {
    let (dir, block) = content.block(options);
    let sorted = content.sorted();
    assert_eq!(block.summary().series, sorted.len() as u64);
    assert_eq!(block.summary().samples, sorted.iter().map(|s| s.floats.len() as u64).sum::<u64>());
    let ids: Vec<u32> = (0..sorted.len() as u32).collect();
    for range in [range, ClosedRange::ALL] {
        let mut out = Vec::new();
        block.read(&ids, range, &mut out).unwrap();
        assert_eq!(out.len(), ids.len());
        for (data, series) in out.iter().zip(&sorted) {
            assert_eq!(said(data), expected(series, range), "{}", series.labels);
        }
    }
    let mut labels = Vec::new();
    block.labels_of(&ids, &mut labels).unwrap();
    assert_eq!(labels, sorted.iter().map(|s| s.labels.clone()).collect::<Vec<_>>());
    for (id, series) in sorted.iter().enumerate() {
        let times = series.floats.iter().map(|f| f.0).chain(series.histograms.iter().map(|h| h.timestamp));
        let times = times.clone().min().zip(times.max()).map(|(start, end)| ClosedRange { start, end });
        assert_eq!(block.times(id as u32).unwrap(), times);
    }
    let exemplars = block.exemplars(&ids).unwrap();
    let own = sorted.iter().enumerate().filter(|(_, s)| !s.exemplars.is_empty());
    assert_eq!(exemplars, own.map(|(id, s)| (id as u32, s.exemplars.clone())).collect::<Vec<_>>());
    assert_eq!(block.verify().unwrap(), []);
    let names: Vec<_> = RealDisk::new(dir.path()).unwrap().list(Path::new(".")).unwrap();
    assert_eq!(names.len(), 1, "only the block is left: {names:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_block_says_what_it_was_told(content in content(), start in 900_000i64..6_000_000, len in 0i64..3_000_000) {
        check(&content, SMALL, ClosedRange { start, end: start + len });
        check(&content, BlockOptions::default(), ClosedRange { start, end: start + len });
    }
}

fn series(labels: &[(&str, &str)], floats: Vec<(i64, f64, i64)>) -> Series {
    let labels = Labels::from_pairs(labels.iter().copied());
    Series { labels, floats, histograms: Vec::new(), exemplars: Vec::new() }
}

#[test]
fn series_of_a_target_share_their_timestamps() {
    let times: Vec<i64> = (0..500).map(|i| 2_000_000 + i * 15_000 / 10).collect();
    let of = |metric: &str| series(&[("__name__", metric)], times.iter().map(|t| (*t, 1.0, 0)).collect());
    let content = Content { targets: vec![(times.clone(), vec![of("a"), of("b"), of("c")])] };
    let (_dir, block) = content.block(BlockOptions::default());
    for range in [ClosedRange::ALL, ClosedRange { start: times[10], end: times[200] }] {
        let mut out = Vec::new();
        block.read(&[0, 1], range, &mut out).unwrap();
        block.read(&[2], range, &mut out).unwrap();
        assert!(Arc::ptr_eq(&out[0].floats.timestamps, &out[1].floats.timestamps));
        assert!(Arc::ptr_eq(&out[0].floats.timestamps, &out[2].floats.timestamps), "across calls");
    }
}

#[test]
fn a_short_time_of_a_long_block_reads_little() {
    let times: Vec<i64> = (0..50_000).map(|i| 1_000_000 + i * 150 + i % 7).collect();
    let noise = |t: i64| (t.wrapping_mul(0x9e37_79b9) >> 3) & 0xffff;
    let of = |i: i64| {
        let floats = times.iter().map(|t| (*t, noise(t * i) as f64, 0)).collect();
        series(&[("__name__", "m"), ("i", &i.to_string())], floats)
    };
    let content = Content { targets: vec![(times.clone(), (1..9).map(of).collect())] };
    let disk = SimDisk::new();
    content.try_write(&disk, Path::new("b"), BlockOptions::default()).unwrap();
    let block = Block::open(&disk, Path::new("b")).unwrap();
    let sorted = content.sorted();
    let ids: Vec<u32> = (0..8).collect();
    let read = |range: ClosedRange| {
        let before = disk.calls(Call::Read);
        let mut out = Vec::new();
        block.read(&ids, range, &mut out).unwrap();
        for (data, series) in out.iter().zip(&sorted) {
            assert_eq!(said(data), expected(series, range));
            assert!(Arc::ptr_eq(&data.floats.timestamps, &out[0].floats.timestamps));
        }
        disk.calls(Call::Read) - before
    };
    let inside = read(ClosedRange { start: times[30_000], end: times[30_100] });
    let across = read(ClosedRange { start: times[2040], end: times[2060] });
    let all = read(ClosedRange::ALL);
    assert!(inside <= 2 && across <= 3 && all > 20, "{inside} {across} {all}");
}

#[test]
fn a_target_may_be_added_in_parts() {
    let times: Vec<i64> = (0..500).map(|i| 2_000_000 + i * 15 + i % 7).collect();
    let of = |metric: &str| series(&[("__name__", metric)], times.iter().map(|t| (*t, 1.0, 0)).collect());
    let part = |metric: &str| (times.clone(), vec![of(metric)]);
    let (_dir, block) = Content { targets: vec![part("a"), part("b"), part("c")] }.block(SMALL);
    let (_dir, whole) = Content { targets: vec![(times.clone(), vec![of("a"), of("b"), of("c")])] }.block(SMALL);
    assert_eq!(block.part_sizes(), whole.part_sizes());
    let mut out = Vec::new();
    block.read(&[0, 2], ClosedRange::ALL, &mut out).unwrap();
    assert!(Arc::ptr_eq(&out[0].floats.timestamps, &out[1].floats.timestamps));
}

#[test]
fn a_block_is_read_from_many_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Block<RealDisk>>();
}

#[test]
fn an_empty_block_answers() {
    let (_dir, block) = Content::default().block(SMALL);
    assert_eq!(block.summary().times, None);
    assert_eq!(block.select(&[]).unwrap().cardinality(), 0);
    assert_eq!(block.label_names(&[]).unwrap(), Vec::<String>::new());
    let mut out = Vec::new();
    block.read(&[0, 7], ClosedRange::ALL, &mut out).unwrap();
    assert!(out.iter().all(|s| s.floats.values.is_empty()));
    assert_eq!(block.labels(3).unwrap(), Labels::empty());
}

#[test]
fn metadata_is_kept_once() {
    let dir = tempfile::tempdir().unwrap();
    let disk = RealDisk::new(dir.path()).unwrap();
    let mut builder = BlockBuilder::create(&disk, Path::new("s"), RANGE, SMALL).unwrap();
    let counter = Metadata { metric_type: MetricType::Counter, help: "Requests.".into(), unit: String::new() };
    let gauge = Metadata { metric_type: MetricType::Gauge, ..counter.clone() };
    for (metric, m) in [("b", &counter), ("a", &gauge), ("b", &counter), ("b", &gauge)] {
        builder.add_metadata(metric, m);
    }
    builder.finish(Path::new("m")).unwrap();
    let all = Block::open(&disk, Path::new("m")).unwrap().metadata().unwrap();
    assert_eq!(all, [("a".into(), gauge.clone()), ("b".into(), counter), ("b".into(), gauge)]);
}

#[test]
fn what_contradicts_itself_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let disk = RealDisk::new(dir.path()).unwrap();
    let plain = |values: &'static [f64]| BlockSeries {
        labels: Labels::from_pairs([("__name__", "up")]),
        presence: Presence::All,
        values,
        starts: None,
        histograms: &[],
        exemplars: &[],
    };
    let create = || BlockBuilder::create(&disk, Path::new("s"), RANGE, SMALL).unwrap();
    let t = RANGE.start;
    let far = BlockSeries { presence: Presence::Bitmap(&[4]), ..plain(&[1.0]) };
    let starts = BlockSeries { starts: Some(&[1, 2]), ..plain(&[1.0]) };
    let table: [(&[i64], BlockSeries<'_>, &str); 6] = [
        (&[t - 1], plain(&[1.0]), "outside"),
        (&[t, RANGE.end], plain(&[1.0, 2.0]), "outside"),
        (&[t, t], plain(&[1.0, 2.0]), "ascend"),
        (&[], plain(&[1.0]), "agree"),
        (&[t, t + 1], far, "agree"),
        (&[t], starts, "agree"),
    ];
    for (times, series, message) in table {
        let e = create().add_target(times, &[series]).unwrap_err().to_string();
        assert!(e.contains(message), "{e}");
    }
    let mut twice = create();
    twice.add_target(&[t], &[plain(&[1.0])]).unwrap();
    twice.add_target(&[t + 1], &[plain(&[1.0])]).unwrap();
    let e = twice.finish(Path::new("b")).unwrap_err().to_string();
    assert!(e.contains(r#"{__name__="up"} was added twice"#), "{e}");
    assert_eq!(disk.list(Path::new(".")).unwrap(), []);
}

#[test]
fn a_crashed_attempt_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let disk = RealDisk::new(dir.path()).unwrap();
    for name in ["b.tmp", "scratch"] {
        disk.open(Path::new(name), nightjar_platform::OpenMode::CreateNew).unwrap();
    }
    let times: Vec<i64> = (0..50).map(|i| RANGE.start + i).collect();
    let floats = |i: i64| times.iter().map(|t| (*t, 1.0 / (t * i) as f64, 0)).collect();
    let many = (1..40).map(|i| series(&[("__name__", "m"), ("i", &i.to_string())], floats(i))).collect();
    Content { targets: vec![(times.clone(), many)] }.write(&disk, Path::new("b"), SMALL);
    let names: Vec<_> = disk.list(Path::new(".")).unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(names, ["b"]);
}
