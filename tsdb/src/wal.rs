//! The write-ahead log: frames of runs in segments. What is written here before the acknowledgement is what queries
//! read afterwards; there is no second copy in memory.
//!
//! [`value`] is one value, [`rows`] one scrape of one target, [`section`] what a frame says about one timeline,
//! [`frame`] the checksummed unit on disk, [`segment`] a file of frames, [`parity`] its spare page in thirty-two, [`scan`] what is found in one after a crash.
//! Every byte is described in `docs/format/wal.md`.

pub(crate) mod frame;
pub(crate) mod parity;
pub(crate) mod pending;
pub(crate) mod rows;
pub(crate) mod scan;
pub(crate) mod section;
pub(crate) mod segment;
pub(crate) mod value;
