//! What a query sees, unchanging.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::directory::{Position, Seal};

/// A state of the database. Files stay open, and so readable, while a view refers to them.
pub(crate) struct View<F> {
    /// Sections from here on are not visible.
    pub(crate) horizon: Position,
    /// What lies behind both.
    pub(crate) parts: Arc<Parts<F>>,
}

/// What changes only when a segment or a block comes or goes. Sections that only an older state needs are kept until
/// that state is gone.
pub(crate) struct Parts<F> {
    /// Segments by number.
    pub(crate) segments: BTreeMap<u32, Arc<F>>,
    /// What of the frames is in blocks.
    pub(crate) seal: Seal,
}

impl<F> Clone for View<F> {
    fn clone(&self) -> View<F> {
        View { horizon: self.horizon, parts: Arc::clone(&self.parts) }
    }
}

impl<F> Parts<F> {
    /// The same state, to be changed.
    pub(crate) fn copy(&self) -> Parts<F> {
        Parts { segments: self.segments.clone(), seal: self.seal }
    }
}
