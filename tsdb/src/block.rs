//! Immutable blocks: one file with everything known about a range of time.
//!
//! [`BlockBuilder`] takes scrape targets in any order, spills encoded columns and at the end writes the file sorted by
//! labels. [`Block`] opens it by reading the directory at its end and then only the pages a question needs. A page is
//! checked against its checksum, which covers where it lies and in which file, before anything in it is decoded.
//!
//! The bytes are written down in `docs/format/block.md`.

mod alive;
mod assemble;
mod assembly;
mod builder;
mod cache;
mod column_entry;
mod dictionary;
mod directory;
mod entries;
mod error;
mod facts;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod input;
mod listing;
mod matching;
mod merge;
mod page;
mod postings;
mod presence;
mod reader;
mod sample_reader;
mod section;
mod spill;
mod spool;
mod symbols;
mod tier;
mod timelines;
mod usage;
mod verify;
mod writer;

pub(crate) use alive::Moments;
pub use builder::{BlockBuilder, BlockOptions};
pub use cache::BlockCache;
pub use error::{BlockError, Damage};
pub use input::{BlockSeries, BlockSummary, Presence};
pub use merge::{MergeSource, downsample, merge};
pub use reader::Block;
pub use tier::{BucketColumn, Joint, Tier};
pub use usage::MetricUsage;

#[cfg(test)]
mod tests;
