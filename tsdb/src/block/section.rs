//! The parts of a block file and where their pages lie.

use std::ops::Range;

/// What the pages of a section hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Float samples by series.
    Columns = 1,
    /// Timestamps by timeline.
    Timelines = 2,
    /// Native-histogram samples by series.
    Histograms = 3,
    /// Exemplars by series.
    Exemplars = 4,
    /// Metadata by metric.
    Metadata = 5,
    /// Labels, times and counts by series.
    Facts = 6,
    /// Label values by pair number.
    Dictionary = 7,
    /// Series by pair number, then by label name.
    Postings = 8,
    /// Numbers of samples in buckets, by series.
    Counts = 9,
    /// Sums of buckets.
    Sums = 10,
    /// Least values of buckets.
    Minima = 11,
    /// Greatest values of buckets.
    Maxima = 12,
    /// Counters without resets at the ends of buckets.
    Counters = 13,
}

impl Kind {
    /// All kinds of this version.
    pub(super) const ALL: [Kind; 13] = [
        Kind::Columns,
        Kind::Timelines,
        Kind::Histograms,
        Kind::Exemplars,
        Kind::Metadata,
        Kind::Facts,
        Kind::Dictionary,
        Kind::Postings,
        Kind::Counts,
        Kind::Sums,
        Kind::Minima,
        Kind::Maxima,
        Kind::Counters,
    ];

    /// The kind of a code.
    pub(super) fn from_code(code: u64) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u64 == code)
    }
}

/// The most timestamps of a timeline segment, and so the most numbers of any column of samples.
pub(super) const MAX_SEGMENT_SAMPLES: usize = 1 << 16;

/// The most pages of a section.
pub(super) const MAX_PAGES: u64 = 1 << 24;

/// Where a page lies and what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageRef {
    /// Where it begins in the file.
    pub(super) offset: u64,
    /// Bytes in the file.
    pub(super) stored: u32,
    /// Bytes after decompression; equal to `stored` when it is not compressed.
    pub(super) raw: u32,
    /// Checksum of the stored bytes and of the place they belong to.
    pub(super) crc: u32,
    /// The smallest key in the page.
    pub(super) first: u32,
    /// The first time in the page; 1, with `max` 0, when the page knows no times.
    pub(super) min: i64,
    /// The last time in the page.
    pub(super) max: i64,
}

/// All pages of one kind, in file order, ascending by key within each run. Only columns have several runs: one for each
/// segment of timelines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) pages: Vec<PageRef>,
    /// Where the second and later runs begin.
    later: Vec<usize>,
}

impl Section {
    /// Begins a new run, unless no page was added yet.
    pub(super) fn start_run(&mut self) {
        if !self.pages.is_empty() {
            self.later.push(self.pages.len());
        }
    }

    /// The page numbers of each run.
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let starts = std::iter::once(0).chain(self.later.iter().copied());
        let ends = self.later.iter().copied().chain(std::iter::once(self.pages.len()));
        starts.zip(ends).map(|(start, end)| start..end)
    }

    /// Number of the last page of a run that begins at or before `key`.
    pub(super) fn page_in(&self, run: Range<usize>, key: u32) -> Option<usize> {
        let before = self.pages[run.clone()].partition_point(|p| p.first <= key).checked_sub(1)?;
        Some(run.start + before)
    }

    /// Numbers of the pages that may hold `key`; several when one key's entries were split. For sections of one run.
    pub(super) fn pages_with(&self, key: u32) -> Range<usize> {
        let end = self.pages.partition_point(|p| p.first <= key);
        let start = self.pages[..end].partition_point(|p| p.first < key).saturating_sub(1);
        start..end
    }

    /// Number of the last page that begins at or before `key`. For sections of one run.
    pub(super) fn page_of(&self, key: u32) -> Option<usize> {
        self.pages.partition_point(|p| p.first <= key).checked_sub(1)
    }
}
