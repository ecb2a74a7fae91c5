//! Samples to bytes and back: write-ahead frames, head, blocks, manifest, retention.

pub mod block;
pub mod bytes;
pub mod codec;
mod counters;
mod cut;
mod db;
pub mod exchange;
#[cfg(fuzzing)]
pub mod fuzzing;
mod head;
mod manifest;
mod options;
mod tombstone;
mod wal;

pub use counters::{FSYNC_BUCKETS_S, FsyncStats};
pub use db::{
    BlockInfo, Cardinality, Compacted, Db, DbStats, Finding, ImportedBlock, Maintained, OpenError, Progress, TierStats,
    Verified, verify,
};
pub use options::{Options, RetentionRule, TierOptions};
