//! Why a block could not answer.

use std::fmt;
use std::io;

use super::section::Kind;

/// Bytes of a block that are not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file, for people.
    pub file: String,
    /// What the bytes belong to: `columns`, `postings`, `directory`.
    pub part: &'static str,
    /// Number of the page within its part.
    pub page: usize,
    /// Where the page begins in the file.
    pub offset: u64,
    /// Length of the page in bytes.
    pub len: u64,
    /// What is wrong.
    pub reason: String,
    /// Whether every answer is still complete, because the bytes exist twice.
    pub harmless: bool,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage { file, part, page, offset, len, reason, harmless } = self;
        write!(f, "block {file}: {part} page {page} (bytes {offset} to {}) is damaged: {reason}; ", offset + len)?;
        f.write_str(if *harmless {
            "a second copy of it is intact, nothing is lost; replace the file or let compaction rewrite it"
        } else {
            "all other pages stay readable; put an intact copy of the file in its place, or remove the block to give up its samples"
        })
    }
}

/// Why a block could not answer.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The disk failed.
    #[error("block {file}: {source}")]
    Io {
        /// The file, for people.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
    /// A page is damaged. The same damage is also listed in [`super::Block::damage`].
    #[error("{0}")]
    Damaged(Box<Damage>),
    /// The file is no block this version can read.
    #[error("block {file} cannot be read: {reason}")]
    NotReadable {
        /// The file, for people.
        file: String,
        /// Why, and what to do.
        reason: String,
    },
}

impl From<BlockError> for io::Error {
    fn from(error: BlockError) -> io::Error {
        match &error {
            BlockError::Io { source, .. } => io::Error::new(source.kind(), error),
            _ => io::Error::other(error),
        }
    }
}

impl Kind {
    /// The word for people.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::Columns => "columns",
            Kind::Timelines => "timelines",
            Kind::Histograms => "histograms",
            Kind::Exemplars => "exemplars",
            Kind::Metadata => "metadata",
            Kind::Facts => "series",
            Kind::Dictionary => "dictionary",
            Kind::Postings => "postings",
            Kind::Counts => "counts",
            Kind::Sums => "sums",
            Kind::Minima => "minima",
            Kind::Maxima => "maxima",
            Kind::Counters => "counters",
        }
    }
}
