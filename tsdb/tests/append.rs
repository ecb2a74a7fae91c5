//! What goes in comes out: one batch, one answer, one reading.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use nightjar_model::storage::*;
use nightjar_model::{ClosedRange, Matcher, STALE_NAN};
use nightjar_platform::SimDisk;
use support::*;

const NOW: i64 = 1_700_000_000_000;

#[test]
fn a_sample_is_readable_once_acknowledged_and_after_reopening() {
    let disk = SimDisk::new();
    let batch = one("__name__=up,job=a,instance=1", &[(NOW, 1.0), (NOW + 10, 0.5)])
        .with("__name__=up,job=b,instance=1", &[(NOW, STALE_NAN)])
        .with("__name__=cpu,job=a,instance=1", &[(NOW, -0.0), (NOW + 10, 12.75), (NOW + 20, 12.75)]);
    let before = {
        let db = open(&disk, options()).unwrap();
        let report = append(&db, &batch, Atomicity::Whole, NOW).unwrap();
        assert_eq!((report.samples, report.rejected), (6, 0));
        read(&db)
    };
    assert_eq!(
        before[r#"{__name__="up", instance="1", job="a"}"#],
        [(NOW, 1f64.to_bits()), (NOW + 10, 0.5f64.to_bits())]
    );
    assert_eq!(before[r#"{__name__="up", instance="1", job="b"}"#], [(NOW, STALE_NAN.to_bits())]);
    assert_eq!(before.len(), 3);
    let db = open(&disk, options()).unwrap();
    assert_eq!(read(&db), before);
    let again = append(&db, &batch, Atomicity::Whole, NOW).unwrap();
    assert_eq!(again.samples, 6);
    assert_eq!(read(&db), before, "a repetition changes nothing");
}

#[test]
fn refusals() {
    let series = "__name__=m,job=a";
    let hour = 3_600_000;
    let cases = [
        (vec![(NOW, 2.0)], Some(RejectReason::DuplicateTimestamp)),
        (vec![(NOW, 1.0)], None),
        (vec![(NOW + 600_001, 1.0)], Some(RejectReason::TooFarInFuture)),
        (vec![(NOW - 5 * hour, 1.0)], Some(RejectReason::TooOld)),
        (vec![(NOW - hour, 1.0)], None),
        (vec![(NOW + 1, 1.0), (NOW + 1, 1.0), (NOW + 1, 3.0)], Some(RejectReason::DuplicateTimestamp)),
    ];
    for (samples, expected) in cases {
        for atomicity in [Atomicity::Whole, Atomicity::Partial] {
            let db = open(&SimDisk::new(), options()).unwrap();
            append(&db, &one(series, &[(NOW, 1.0)]), atomicity, NOW).unwrap();
            let before = read(&db);
            let batch = one("__name__=m,job=b", &[(NOW, 5.0)]).with(series, &samples);
            let result = append(&db, &batch, atomicity, NOW);
            match (&expected, result) {
                (None, result) => assert_eq!(result.unwrap().rejected, 0),
                (Some(reason), Err(AppendError::Rejected(report))) => {
                    assert_eq!(atomicity, Atomicity::Whole);
                    assert_eq!(
                        (report.samples, report.rejections[0].reason, report.rejections[0].entry),
                        (0, *reason, 1)
                    );
                    assert!(report.rejections[0].detail.contains(r#"{__name__="m", job="a"}"#));
                    assert_eq!(read(&db), before);
                    // Nothing of the refused batch lingers.
                    append(&db, &one("__name__=m,job=b", &[(NOW, 6.0)]), atomicity, NOW).unwrap();
                }
                (Some(reason), Ok(report)) => {
                    assert_eq!(atomicity, Atomicity::Partial);
                    assert_eq!((report.samples, report.rejected), (samples.len() as u64, 1));
                    assert_eq!(report.rejections[0].reason, *reason);
                }
                (_, Err(error)) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn without_a_window_everything_must_be_in_order() {
    let db = open(&SimDisk::new(), nightjar_tsdb::Options { out_of_order_window_ms: 0, ..options() }).unwrap();
    append(&db, &one("__name__=m", &[(NOW, 1.0)]), Atomicity::Whole, NOW).unwrap();
    let refused = append(&db, &one("__name__=m", &[(NOW - 1, 1.0)]), Atomicity::Partial, NOW).unwrap();
    assert_eq!(refused.rejections[0].reason, RejectReason::OutOfOrder);
}

#[test]
fn invalid_label_sets_are_skipped() {
    for atomicity in [Atomicity::Whole, Atomicity::Partial] {
        let db = open(&SimDisk::new(), options()).unwrap();
        let mut batch = one("job=a", &[(NOW, 1.0)]).with("__name__=m", &[(NOW, 1.0)]);
        batch.0.push(Entry { spelling: vec![0x0A, 0xff], samples: vec![sample(NOW, 1.0)], ..Entry::default() });
        let report = append(&db, &batch, atomicity, NOW).unwrap();
        assert_eq!((report.samples, report.rejected), (1, 2));
        assert!(report.rejections.iter().all(|r| r.reason == RejectReason::InvalidLabels));
    }
}

#[test]
fn other_spellings_are_the_same_series() {
    let db = open(&SimDisk::new(), options()).unwrap();
    let mut unsorted = Vec::new();
    for (name, value) in [("job", "a"), ("__name__", "m"), ("empty", "")] {
        nightjar_model::labels::spell_pair(name, value, &mut unsorted);
    }
    for i in 0..3 {
        let mut batch = one("__name__=m,job=a", &[(NOW + 2 * i, 1.0)]);
        batch.0.push(Entry {
            spelling: unsorted.clone(),
            samples: vec![sample(NOW + 2 * i + 1, 2.0)],
            ..Entry::default()
        });
        append(&db, &batch, Atomicity::Whole, NOW).unwrap();
    }
    let content = read(&db);
    assert_eq!(content.len(), 1);
    assert_eq!(content.values().next().unwrap().len(), 6);
}

#[test]
fn late_samples_are_merged_and_the_first_written_wins() {
    let disk = SimDisk::new();
    let db = open(&disk, options()).unwrap();
    let m = "__name__=m,job=a";
    for (t, v) in [(100, 1.0), (300, 3.0), (200, 2.0), (200, 9.0), (100, 9.0), (400, 4.0), (50, 0.5)] {
        append(&db, &one(m, &[(NOW + t, v)]), Atomicity::Whole, NOW).unwrap();
    }
    let expected: Vec<_> =
        [(50, 0.5), (100, 1.0), (200, 2.0), (300, 3.0), (400, 4.0f64)].map(|(t, v)| (NOW + t, v.to_bits())).to_vec();
    assert_eq!(read(&db).into_values().next().unwrap(), expected);
    drop(db);
    let db = open(&disk, options()).unwrap();
    assert_eq!(read(&db).into_values().next().unwrap(), expected);
    let range = ClosedRange { start: NOW + 100, end: NOW + 300 };
    let (some, _) = read_range(&db, range, &[Matcher::equal("job", "a")]);
    assert_eq!(some.into_values().next().unwrap(), expected[1..4]);
}

#[test]
fn series_of_one_target_share_their_timestamps() {
    let db = open(&SimDisk::new(), options()).unwrap();
    for i in 0..200i64 {
        let batch = (0..100).fold(Owned::default(), |b, s| {
            b.with(&format!("__name__=m{s},job=a,instance=1"), &[(NOW + i, (s * i) as f64 / 4.0)])
        });
        append(&db, &batch, Atomicity::Whole, NOW).unwrap();
    }
    let querier = db.querier(ClosedRange::ALL).unwrap();
    let set = querier.select(&[], &SelectHints::range(ClosedRange::ALL)).unwrap();
    let mut data = Vec::new();
    set.read(0..100, ClosedRange::ALL, &mut data).unwrap();
    let first = data[0].floats.timestamps.as_ptr();
    assert!(data.iter().all(|d| d.floats.timestamps.as_ptr() == first && d.floats.values.len() == 200));
}

#[test]
fn a_second_process_is_refused_by_name() {
    let disk = SimDisk::new();
    let _first = open(&disk, options()).unwrap();
    let text = open(&disk, options()).map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("/lock is locked"), "{text}");
}

#[test]
fn start_timestamps_come_back() {
    let disk = SimDisk::new();
    let db = open(&disk, options()).unwrap();
    let spelling = spelling("__name__=m,job=a");
    for (t, start) in [(1, 0), (2, NOW), (3, NOW), (4, 0), (5, NOW + 5)] {
        let s = nightjar_model::Sample { timestamp: NOW + t, start, value: t as f64 };
        let batch = Owned(vec![Entry { spelling: spelling.clone(), samples: vec![s], ..Entry::default() }]);
        append(&db, &batch, Atomicity::Whole, NOW).unwrap();
    }
    let querier = db.querier(ClosedRange::ALL).unwrap();
    let set = querier.select(&[], &SelectHints::range(ClosedRange::ALL)).unwrap();
    let mut data = Vec::new();
    set.read(0..1, ClosedRange::ALL, &mut data).unwrap();
    assert_eq!(data[0].floats.starts.as_deref(), Some(&[0, NOW, NOW, 0, NOW + 5][..]));
}
