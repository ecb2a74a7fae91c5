//! The words of Nightjar: labels, matchers, samples, histograms, time and the storage ports.
//!
//! Everything here is a value or a trait. Nothing in this crate does I/O, reads a clock or imports another crate of
//! this workspace; the one thing it remembers is patterns compiled lately. `query` and `tsdb` never meet; both know the
//! ports in [`storage`].

pub mod cache;
pub mod duration;
pub mod histogram;
pub mod labels;
pub mod matcher;
pub mod metadata;
pub mod number;
pub mod regex;
pub mod sample;
pub mod stale;
pub mod storage;
pub mod time;

pub use histogram::FloatHistogram;
pub use labels::{Label, Labels, LabelsBuilder};
pub use matcher::{MatchOp, Matcher};
pub use sample::{Exemplar, HistogramSample, Sample};
pub use stale::{STALE_NAN, STALE_NAN_BITS, is_stale};
pub use time::{BlockRange, ClosedRange, LookbackRange, TimestampMs};
