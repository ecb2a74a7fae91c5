//! The parts of a block file and where their pages lie.

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
}

impl Kind {
    /// All kinds of this version.
    pub(super) const ALL: [Kind; 8] = [
        Kind::Columns,
        Kind::Timelines,
        Kind::Histograms,
        Kind::Exemplars,
        Kind::Metadata,
        Kind::Facts,
        Kind::Dictionary,
        Kind::Postings,
    ];

    /// The kind of a code.
    pub(super) fn from_code(code: u64) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u64 == code)
    }
}

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
    /// The first time in the page; after `max` when the page knows no times.
    pub(super) min: i64,
    /// The last time in the page.
    pub(super) max: i64,
}

/// All pages of one kind, in file order, ascending by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) pages: Vec<PageRef>,
}

impl Section {
    /// Numbers of the pages that may hold `key`; several when one key's entries were split.
    pub(super) fn pages_with(&self, key: u32) -> std::ops::Range<usize> {
        let end = self.pages.partition_point(|p| p.first <= key);
        let start = self.pages[..end].partition_point(|p| p.first < key).saturating_sub(1);
        start..end
    }

    /// Number of the last page that begins at or before `key`.
    pub(super) fn page_of(&self, key: u32) -> Option<usize> {
        self.pages.partition_point(|p| p.first <= key).checked_sub(1)
    }
}
