//! One selection with the samples that were read of it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nightjar_model::storage::{SeriesData, SeriesSet, StorageError, Weight};
use nightjar_model::{ClosedRange, Labels};
use parking_lot::Mutex;

/// Series read at once.
const TILE: usize = 64;

/// Bytes of a sample, and of a series beside them.
const SAMPLE_BYTES: u64 = 16;
const SERIES_BYTES: u64 = 128;
/// Bytes of a native histogram, about.
const HISTOGRAM_BYTES: u64 = 512;

/// Bytes that may be kept.
pub(super) struct Room(AtomicU64);

impl Room {
    pub(super) fn new(bytes: u64) -> Room {
        Room(AtomicU64::new(bytes))
    }

    /// Whether a selection of about this weight would fit.
    pub(super) fn may_hold(&self, weight: Weight) -> bool {
        let bytes = weight.samples.saturating_mul(SAMPLE_BYTES);
        bytes.saturating_add(weight.series.saturating_mul(SERIES_BYTES)) <= self.0.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A selection, and what was read of it.
pub(super) struct Reading {
    set: Box<dyn SeriesSet>,
    range: ClosedRange,
    /// Runs of [`TILE`] series; whoever comes first reads one while others wait.
    tiles: Vec<Mutex<Option<Arc<[SeriesData]>>>>,
    room: Arc<Room>,
    kept: AtomicU64,
    /// There was no room for a tile; the rest is read by everybody for himself.
    full: AtomicBool,
}

impl Reading {
    pub(super) fn new(set: Box<dyn SeriesSet>, range: ClosedRange, room: &Arc<Room>) -> Reading {
        let tiles = (0..set.len().div_ceil(TILE)).map(|_| Mutex::default()).collect();
        Reading { set, range, tiles, room: Arc::clone(room), kept: AtomicU64::new(0), full: AtomicBool::new(false) }
    }

    /// The samples of a tile; `None` if they are not kept for want of room.
    fn tile(&self, tile: usize) -> Result<Option<Arc<[SeriesData]>>, StorageError> {
        let mut kept = self.tiles[tile].lock();
        if kept.is_some() || self.full.load(Ordering::Relaxed) {
            return Ok(kept.clone());
        }
        let mut data = Vec::with_capacity(TILE);
        self.set.read(tile * TILE..((tile + 1) * TILE).min(self.set.len()), self.range, &mut data)?;
        let (bytes, data) = (data.iter().map(bytes).sum(), Arc::from(data));
        if self.room.take(bytes) {
            self.kept.fetch_add(bytes, Ordering::Relaxed);
            *kept = Some(Arc::clone(&data));
        } else {
            self.full.store(true, Ordering::Relaxed);
        }
        Ok(Some(data))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.room.give_back(*self.kept.get_mut());
    }
}

fn bytes(series: &SeriesData) -> u64 {
    let starts = series.floats.starts.as_ref().map_or(0, |starts| starts.len());
    let floats = (series.floats.values.len() + starts / 2) as u64 * SAMPLE_BYTES;
    floats + series.histograms.values.len() as u64 * HISTOGRAM_BYTES + SERIES_BYTES
}

/// A selection as one query sees it.
pub(super) struct SharedSet(pub(super) Arc<Reading>);

impl SeriesSet for SharedSet {
    fn len(&self) -> usize {
        self.0.set.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.0.set.labels(index)
    }

    fn has_label(&self, names: &[&str]) -> bool {
        self.0.set.has_label(names)
    }

    fn read(&self, indices: Range<usize>, range: ClosedRange, out: &mut Vec<SeriesData>) -> Result<(), StorageError> {
        if range != self.0.range {
            return self.0.set.read(indices, range, out);
        }
        let mut from = indices.start;
        while from < indices.end {
            let tile = from / TILE;
            let (start, to) = (tile * TILE, ((tile + 1) * TILE).min(indices.end));
            match self.0.tile(tile)? {
                Some(data) => out.extend_from_slice(&data[from - start..to - start]),
                None => self.0.set.read(from..to, range, out)?,
            }
            from = to;
        }
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        self.0.set.warnings()
    }
}
