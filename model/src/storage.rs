//! The ports between the rooms: how samples go in and how series come out.
//!
//! `tsdb` implements them, `query`, `ruler` and the HTTP layer use them, and none of them knows the other.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::histogram::FloatHistogram;
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::metadata::Metadata;
use crate::sample::{Exemplar, HistogramSample, Sample};
use crate::time::{ClosedRange, TimestampMs};

pub use buckets::{Aggregate, Buckets, Downsampled, WIDEST_BUCKET_MS};

mod buckets;

/// Why storage could not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// It cannot serve now but will later: starting, stopping, out of space.
    #[error("{reason}")]
    Unavailable {
        /// What is missing, for people.
        reason: String,
    },
    /// The caller gave up.
    #[error("query was canceled")]
    Canceled,
    /// Reading failed.
    #[error("{0}")]
    Io(String),
}

/// A source of series.
pub trait Storage: Send + Sync {
    /// A view of everything acknowledged so far that concerns `range`. It never changes while held.
    fn querier(&self, range: ClosedRange) -> Result<Box<dyn Querier>, StorageError>;

    /// A number that grows with every change of what is stored for a time in `range`: samples that came, late or not,
    /// or were deleted. Take it *before* the view: two views whose numbers are equal give equal answers. Moving samples
    /// between the log and blocks is no change. Numbers say nothing about those of another run of the program. The
    /// numbers of all ranges are of one count: a range whose number is not greater than one told earlier, of any range that
    /// contains it, has not changed since. Whoever does not keep count never answers the same number twice.
    fn generation(&self, range: ClosedRange) -> u64 {
        let _ = range;
        static NEVER_TWICE: AtomicU64 = AtomicU64::new(1 << 63);
        NEVER_TWICE.fetch_add(1, Ordering::Relaxed)
    }
}

/// One immutable view of the data. Answers concern the range the view was opened for.
pub trait Querier: Send + Sync {
    /// Series that satisfy all `matchers`, sorted by labels.
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StorageError>;

    /// Widths of the buckets of downsampled samples there are, ascending, in milliseconds; mostly none.
    fn bucket_widths(&self) -> Vec<i64> {
        Vec::new()
    }

    /// Whether series that satisfy all `matchers` are found in a moment, because few come into question and not many values
    /// have to be tried. Advice only.
    fn finds_soon(&self, matchers: &[Matcher]) -> bool {
        let _ = matchers;
        false
    }

    /// About how much [`Querier::select`] would find, told without reading samples or copying labels; `None` when that
    /// is not known.
    fn weigh(&self, matchers: &[Matcher], range: ClosedRange) -> Result<Option<Weight>, StorageError> {
        let _ = (matchers, range);
        Ok(None)
    }

    /// Sorted names of labels of series that satisfy all `matchers`; at most `limit` (0 = no limit).
    fn label_names(&self, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError>;

    /// Sorted values of label `name` over series that satisfy all `matchers`; at most `limit` (0 = no limit).
    fn label_values(&self, name: &str, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError>;

    /// Counts series that live, by group, if that can be told without reading samples. `None`: select and read them.
    fn count_live(&self, question: &LiveCount<'_>) -> Option<Vec<LiveGroup>> {
        let _ = question;
        None
    }

    /// Exemplars of series that satisfy all `matchers`, by series, each list sorted by time.
    fn exemplars(&self, matchers: &[Matcher]) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError>;
}

/// A question: how many series live at certain times? A series lives at `t` when its newest sample that is not younger
/// than `t` and younger than `t - lookback_ms` is no stale marker.
pub struct LiveCount<'a> {
    /// Which series.
    pub matchers: &'a [Matcher],
    /// The times, ascending.
    pub times: &'a [TimestampMs],
    /// How far samples count; the edge does not.
    pub lookback_ms: i64,
    /// Whether a label of this name tells groups apart; `None`: all series are one group.
    pub keeps: Option<&'a dyn Fn(&str) -> bool>,
}

/// Series of one group that live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveGroup {
    /// The labels that tell the group apart.
    pub labels: Labels,
    /// How many live, by time asked for.
    pub counts: Vec<u64>,
}

/// How much a selection is, about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Number of series.
    pub series: u64,
    /// Samples of all of them.
    pub samples: u64,
    /// From the first to the last sample of each series, summed over all series, in milliseconds.
    pub span_ms: u64,
}

/// A sorted list that may have been cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The items, sorted.
    pub items: Vec<String>,
    /// Whether a limit cut the list.
    pub truncated: bool,
    /// Damage met on the way, for the user.
    pub warnings: Vec<String>,
}

/// What the caller will do with a selection. Advice only: ignoring it never changes an answer. Whether buckets stand for
/// samples is told by [`SeriesSet::buckets`].
#[derive(Clone, Debug)]
pub struct SelectHints {
    /// Samples outside this range will not be looked at.
    pub range: ClosedRange,
    /// Distance of evaluation steps, 0 for an instant query.
    pub step_ms: i64,
    /// Width of the range selector, 0 for none.
    pub range_ms: i64,
    /// Innermost function or aggregation around the selector, empty for none.
    pub func: String,
    /// At most so many series are wanted; 0 = all.
    pub limit: usize,
    /// Only labels are wanted, no sample will be read.
    pub labels_only: bool,
    /// Whether buckets of downsampled samples may be read instead of samples; `None` = never.
    pub downsampled: Option<Downsampled>,
}

impl SelectHints {
    /// Hints that say nothing but the time range.
    pub fn range(range: ClosedRange) -> SelectHints {
        let (func, downsampled) = (String::new(), None);
        SelectHints { range, step_ms: 0, range_ms: 0, func, limit: 0, labels_only: false, downsampled }
    }
}

/// Selected series: first "which?", then "what values?".
pub trait SeriesSet: Send + Sync {
    /// Number of series.
    fn len(&self) -> usize;

    /// Whether no series was selected.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Labels of series `index` (< `len`); series ascend by labels.
    fn labels(&self, index: usize) -> Labels;

    /// Whether some series has a label of one of these names.
    fn has_label(&self, names: &[&str]) -> bool {
        (0..self.len()).any(|index| names.iter().any(|name| self.labels(index).get(name).is_some()))
    }

    /// Samples of the series in `indices` with timestamps in `range`, appended to `out`, one entry a series.
    /// Stale markers are included. Reading a run of neighbours at once is much cheaper than one by one; 64 is a good run.
    fn read(&self, indices: Range<usize>, range: ClosedRange, out: &mut Vec<SeriesData>) -> Result<(), StorageError>;

    /// Where buckets of downsampled samples stand for samples.
    fn buckets(&self) -> Buckets {
        Buckets::default()
    }

    /// Damage met while selecting or reading so far, for the user.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// All samples of one series in a range, ascending in time, no timestamp twice (neither across the two columns).
#[derive(Clone, Debug, Default)]
pub struct SeriesData {
    /// Float samples.
    pub floats: FloatColumn,
    /// Native-histogram samples.
    pub histograms: HistogramColumn,
}

/// Float samples as columns of equal length.
#[derive(Clone, Debug)]
pub struct FloatColumn {
    /// Ascending timestamps. Series of one scrape target share one allocation where they can: equal pointers mean
    /// equal times, so whoever computes windows can compute them once.
    pub timestamps: Arc<[TimestampMs]>,
    /// The values.
    pub values: Vec<f64>,
    /// When counting began for each sample (0 = unknown); `None` = unknown for all.
    pub starts: Option<Arc<[TimestampMs]>>,
}

impl Default for FloatColumn {
    fn default() -> FloatColumn {
        FloatColumn { timestamps: Arc::from([]), values: Vec::new(), starts: None }
    }
}

/// Histogram samples as columns of equal length.
#[derive(Clone, Debug, Default)]
pub struct HistogramColumn {
    /// Ascending timestamps.
    pub timestamps: Vec<TimestampMs>,
    /// The histograms.
    pub values: Vec<Arc<FloatHistogram>>,
    /// When counting began for each sample (0 = unknown); `None` = unknown for all.
    pub starts: Option<Vec<TimestampMs>>,
}

/// A write request as storage sees it: series by series, borrowed from the request.
pub trait WriteBatch {
    /// Number of series entries. One series may have several.
    fn len(&self) -> usize;

    /// Whether there is nothing to write.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entry `index` (< `len`).
    fn entry(&self, index: usize) -> WriteEntry<'_>;
}

/// What a batch says about one series.
#[derive(Clone, Copy, Debug)]
pub struct WriteEntry<'a> {
    /// A spelling of the label set (see [`crate::labels`]); equal bytes mean an equal label set.
    pub spelling: &'a [u8],
    /// Float samples, in the sender's order.
    pub samples: &'a [Sample],
    /// Histogram samples, in the sender's order.
    pub histograms: &'a [HistogramSample],
    /// Exemplars.
    pub exemplars: &'a [Exemplar],
    /// Metadata of the metric.
    pub metadata: Option<&'a Metadata>,
}

/// What happens to a batch of which one item is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atomicity {
    /// Remote write 1.0: a refused *sample* refuses the batch; a series with an invalid label set is only skipped.
    Whole,
    /// Remote write 2.0: refused items are skipped, everything else is written.
    Partial,
}

/// What was done with a batch.
#[derive(Clone, Debug, Default)]
pub struct AppendReport {
    /// Float samples written (a repetition of a stored sample counts: it is stored).
    pub samples: u64,
    /// Histogram samples written.
    pub histograms: u64,
    /// Exemplars written.
    pub exemplars: u64,
    /// Number of refused items.
    pub rejected: u64,
    /// The first refusals, at most 10, for people.
    pub rejections: Vec<Rejection>,
}

/// One refused item.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    /// Index of the entry in the batch.
    pub entry: usize,
    /// Why.
    pub reason: RejectReason,
    /// A sentence with the series, the place and the remedy.
    pub detail: String,
}

/// Why an item is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectReason {
    /// The label set is malformed, lacks a valid metric name or breaks a limit.
    InvalidLabels,
    /// Older than the newest sample of the series, and out-of-order samples are off.
    OutOfOrder,
    /// Another value is stored for this timestamp.
    DuplicateTimestamp,
    /// Older than the out-of-order window.
    TooOld,
    /// Too far in the future.
    TooFarInFuture,
    /// The histogram contradicts itself.
    InvalidHistogram,
    /// The exemplar is out of order or too large.
    InvalidExemplar,
    /// A limit on series is reached.
    SeriesLimit,
    /// An entry without samples, histograms, exemplars or metadata.
    Empty,
}

impl RejectReason {
    /// A stable word for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            RejectReason::InvalidLabels => "invalid_labels",
            RejectReason::OutOfOrder => "out_of_order",
            RejectReason::DuplicateTimestamp => "duplicate_timestamp",
            RejectReason::TooOld => "too_old",
            RejectReason::TooFarInFuture => "too_far_in_future",
            RejectReason::InvalidHistogram => "invalid_histogram",
            RejectReason::InvalidExemplar => "invalid_exemplar",
            RejectReason::SeriesLimit => "series_limit",
            RejectReason::Empty => "empty",
        }
    }
}

/// Why nothing of a batch was written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// [`Atomicity::Whole`] and something was refused. The report says what; its written counts are 0.
    #[error("{}", .0.rejections.first().map_or("refused", |r| r.detail.as_str()))]
    Rejected(Box<AppendReport>),
    /// Not now; the sender should repeat the request.
    #[error("{reason}")]
    Unavailable {
        /// What is missing, for people.
        reason: String,
        /// When to come back, in seconds.
        retry_after_s: u32,
    },
}

/// Called once the fate of a batch is certain: on success it is on stable storage and readable.
pub type AppendDone = Box<dyn FnOnce(Result<AppendReport, AppendError>) + Send>;

/// A sink for samples.
pub trait Appender: Send + Sync {
    /// Writes a batch. Returns when it is queued for stable storage (or refused); `done` is called exactly once, perhaps
    /// before this returns. May block for a short while when the queue is full. `now` is the wall clock.
    fn append(&self, batch: &dyn WriteBatch, atomicity: Atomicity, now: TimestampMs, done: AppendDone);
}
