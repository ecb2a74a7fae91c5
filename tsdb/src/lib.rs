//! Samples to bytes and back: write-ahead frames, head, blocks, manifest, retention.

pub mod block;
pub mod bytes;
pub mod codec;
mod counters;
mod db;
pub mod exchange;
#[cfg(fuzzing)]
pub mod fuzzing;
mod head;
mod manifest;
mod options;
mod wal;

pub use counters::{FSYNC_BUCKETS_S, FsyncStats};
pub use db::{Cardinality, Db, DbStats, ImportedBlock, Maintained, OpenError, Progress};
pub use options::Options;
