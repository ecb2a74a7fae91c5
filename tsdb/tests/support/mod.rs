//! What the tests of the database share: batches that own their content, and a reader that flattens what is stored.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test file uses its share, and may fail"
)]

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;

use nightjar_model::metadata::Metadata;
use nightjar_model::storage::*;
use nightjar_model::{ClosedRange, Exemplar, HistogramSample, Labels, Matcher, Sample};
use nightjar_platform::{Disk, DiskFile, OpenMode, SimDisk};
use nightjar_tsdb::{Db, OpenError, Options};

/// One entry of an [`Owned`] batch.
#[derive(Clone, Default)]
pub struct Entry {
    pub spelling: Vec<u8>,
    pub samples: Vec<Sample>,
    pub histograms: Vec<HistogramSample>,
    pub exemplars: Vec<Exemplar>,
    pub metadata: Option<Metadata>,
}

/// A batch that owns its content.
#[derive(Clone, Default)]
pub struct Owned(pub Vec<Entry>);

impl WriteBatch for Owned {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn entry(&self, i: usize) -> WriteEntry<'_> {
        let e = &self.0[i];
        WriteEntry {
            spelling: &e.spelling,
            samples: &e.samples,
            histograms: &e.histograms,
            exemplars: &e.exemplars,
            metadata: e.metadata.as_ref(),
        }
    }
}

/// A label set as `name{a="b"}` would have it: pairs as text, `__name__` first.
pub fn labels(text: &str) -> Labels {
    Labels::from_pairs(text.split(',').map(|pair| pair.split_once('=').expect("name=value")))
}

pub fn spelling(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    labels(text).spell(&mut out);
    out
}

pub fn sample(timestamp: i64, value: f64) -> Sample {
    Sample { timestamp, start: 0, value }
}

impl Owned {
    /// Adds samples of a series.
    pub fn with(mut self, series: &str, samples: &[(i64, f64)]) -> Owned {
        let samples = samples.iter().map(|(t, v)| sample(*t, *v)).collect();
        self.0.push(Entry { spelling: spelling(series), samples, ..Entry::default() });
        self
    }
}

pub fn one(series: &str, samples: &[(i64, f64)]) -> Owned {
    Owned::default().with(series, samples)
}

/// Appends and waits for the outcome.
pub fn append<D: Disk>(db: &Db<D>, batch: &Owned, atomicity: Atomicity, now: i64) -> Result<AppendReport, AppendError> {
    let (send, receive) = sync_channel(1);
    db.append(batch, atomicity, now, Box::new(move |result| send.send(result).unwrap()));
    receive.recv().expect("an append must be answered")
}

pub fn open<D: Disk>(disk: &D, options: Options) -> Result<Db<D>, OpenError> {
    Db::open(disk.clone(), options, 0, &mut |_| {})
}

pub fn options() -> Options {
    Options { seed: Some(7), ..Options::default() }
}

/// Marks the count of a histogram among values: no float of the tests has these bits.
pub const HISTOGRAM: u64 = 0x7ffd_0000_0000_0000;

/// Samples by time: bits of a float, or the count of a histogram with a mark.
pub fn flat(data: &SeriesData) -> Vec<(i64, u64)> {
    let floats = data.floats.timestamps.iter().zip(&data.floats.values).map(|(t, v)| (*t, v.to_bits()));
    let histograms = data.histograms.timestamps.iter().zip(&data.histograms.values);
    let mut all: Vec<_> = floats.chain(histograms.map(|(t, h)| (*t, HISTOGRAM | h.count as u64))).collect();
    all.sort_unstable();
    assert!(all.is_sorted_by(|a, b| a.0 < b.0), "a time twice: {all:?}");
    all
}

/// Everything stored, by labels as text: time and bits of the value.
pub type Content = BTreeMap<String, Vec<(i64, u64)>>;

pub fn read_range<D: Disk>(db: &Db<D>, range: ClosedRange, matchers: &[Matcher]) -> (Content, Vec<String>) {
    let querier = db.querier(range).expect("querier");
    let set = querier.select(matchers, &SelectHints::range(range)).expect("select");
    let mut content = Content::new();
    let mut order = Vec::new();
    for start in (0..set.len()).step_by(64) {
        let end = (start + 64).min(set.len());
        let mut data = Vec::new();
        set.read(start..end, range, &mut data).expect("read");
        for (i, data) in (start..end).zip(data) {
            order.push(set.labels(i));
            assert!(data.floats.timestamps.is_sorted_by(|a, b| a < b), "{:?}", data.floats.timestamps);
            assert_eq!(data.floats.timestamps.len(), data.floats.values.len());
            let samples = flat(&data);
            if !samples.is_empty() {
                content.insert(set.labels(i).to_string(), samples);
            }
        }
    }
    assert!(order.is_sorted_by(|a, b| a < b), "series must ascend by labels");
    (content, set.warnings())
}

pub fn read<D: Disk>(db: &Db<D>) -> Content {
    let (content, warnings) = read_range(db, ClosedRange::ALL, &[]);
    assert_eq!(warnings, Vec::<String>::new());
    content
}

/// A copy of a directory of a simulated disk as a disk.
pub fn subtree(disk: &SimDisk, root: &str) -> SimDisk {
    let copy = SimDisk::new();
    copy_tree(disk, std::path::Path::new(root), &copy, std::path::Path::new(""));
    copy
}

fn copy_tree(from: &SimDisk, root: &std::path::Path, to: &SimDisk, inner: &std::path::Path) {
    for entry in from.list(&root.join(inner)).expect("a directory") {
        let path = inner.join(&entry.name);
        if entry.is_dir {
            to.create_dir(&path).expect("a new directory");
            copy_tree(from, root, to, &path);
            continue;
        }
        let mut bytes = vec![0; entry.len as usize];
        let file = from.open(&root.join(&path), OpenMode::Read).expect("a file");
        file.read_exact_at(&mut bytes, 0).expect("its content");
        to.open(&path, OpenMode::CreateNew).expect("a new file").write_all_at(&bytes, 0).expect("room");
    }
}
