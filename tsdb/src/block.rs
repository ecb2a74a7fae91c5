//! Immutable blocks: one file with all samples of a time range.
