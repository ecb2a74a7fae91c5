//! What a query sees, unchanging.

use std::collections::BTreeMap;
use std::sync::Arc;

use nightjar_platform::Disk;

use super::deletions::Deletions;
use super::directory::{Position, Seal};
use crate::block::Block;
use crate::wal::segment::Segment;

/// A state of the database. Files stay open, and so readable, while a view refers to them.
pub(crate) struct View<D: Disk> {
    /// Sections from here on are not visible.
    pub(crate) horizon: Position,
    /// What lies behind it.
    pub(crate) parts: Arc<Parts<D>>,
}

/// What changes only when a segment or a block comes or goes.
pub(crate) struct Parts<D: Disk> {
    /// Segments by number.
    pub(crate) segments: BTreeMap<u32, Arc<Segment<D::File>>>,
    /// Blocks by number; of two samples of one series and time that of the lower number counts.
    pub(crate) blocks: BTreeMap<u64, Arc<Block<D>>>,
    /// Blocks of buckets by number.
    pub(crate) tiers: BTreeMap<u64, Arc<Block<D>>>,
    /// What could not be opened, for people.
    pub(crate) unreadable: Vec<String>,
    /// What of all that is deleted.
    pub(crate) deletions: Arc<Deletions>,
    /// What of the frames is in blocks.
    pub(crate) seal: Seal,
    /// Shared by all states with this seal. Sections that only an older seal needs are kept until its token is gone.
    pub(crate) token: Arc<()>,
}

impl<D: Disk> Clone for View<D> {
    fn clone(&self) -> View<D> {
        View { horizon: self.horizon, parts: Arc::clone(&self.parts) }
    }
}

impl<D: Disk> Parts<D> {
    /// The same state, to be changed.
    pub(crate) fn copy(&self) -> Parts<D> {
        Parts {
            segments: self.segments.clone(),
            blocks: self.blocks.clone(),
            tiers: self.tiers.clone(),
            unreadable: self.unreadable.clone(),
            deletions: Arc::clone(&self.deletions),
            seal: self.seal,
            token: Arc::clone(&self.token),
        }
    }
}
