//! The series of a selector.

use nightjar_model::ClosedRange;
use nightjar_model::storage::{Buckets, SeriesSet};

/// What a selector selected, for as many threads as read it.
pub(crate) struct Selection {
    /// The series.
    pub(crate) set: Box<dyn SeriesSet>,
    /// The times that are read.
    pub(crate) range: ClosedRange,
    /// What stands for samples.
    pub(crate) buckets: Buckets,
    /// The one metric name that is asked for.
    pub(crate) name: Option<String>,
}
