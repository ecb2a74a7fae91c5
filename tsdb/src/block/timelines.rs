//! The timestamps of scrape targets on their way to a block, equal ones once.

use std::io;

use hashbrown::HashMap;
use nightjar_model::{ClosedRange, TimestampMs};
use nightjar_platform::Disk;
use xxhash_rust::xxh3::Xxh3;

use super::section::MAX_SEGMENT_SAMPLES;
use super::spill::{Extent, Spill};
use crate::bytes::{Cursor, put_varint};
use crate::codec::column::{Encoder, decode_i64};

/// A segment of a timeline waiting in the spill.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddedTimeline {
    pub(super) column: Extent,
    pub(super) times: ClosedRange,
}

/// All segments so far; those of a timeline follow each other.
pub(super) struct Timelines {
    pub(super) segments: Vec<AddedTimeline>,
    /// First segments by the hash of all bytes of the timeline.
    index: HashMap<u64, u32>,
    encoder: Encoder,
    width: usize,
}

impl Timelines {
    /// Timelines that are cut into segments of `width` timestamps.
    pub(super) fn new(width: usize) -> Timelines {
        let width = width.clamp(1, MAX_SEGMENT_SAMPLES);
        Timelines { segments: Vec::new(), index: HashMap::new(), encoder: Encoder::default(), width }
    }

    /// Timestamps in a segment.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The number of the first segment of a timeline, the others follow; equal timelines are stored once.
    pub(super) fn add<D: Disk>(&mut self, timestamps: &[TimestampMs], spill: &mut Spill<D>) -> io::Result<u32> {
        let mut hash = Xxh3::new();
        let mut segments = Vec::new();
        for segment in timestamps.chunks(self.width) {
            let mut bytes = Vec::with_capacity(64);
            put_varint(segment.len() as u64, &mut bytes);
            self.encoder.integers(segment, &mut bytes);
            hash.update(&bytes);
            segments.push((bytes, ClosedRange { start: segment[0], end: segment[segment.len() - 1] }));
        }
        let hash = hash.digest();
        if let Some(known) = self.index.get(&hash)
            && self.has(*known, &segments, spill)?
        {
            return Ok(*known);
        }
        let number = self.segments.len() as u32;
        for (bytes, times) in segments {
            let column = spill.put(&bytes)?;
            self.segments.push(AddedTimeline { column, times });
        }
        self.index.insert(hash, number);
        Ok(number)
    }

    /// Whether these segments are stored from number `first` on.
    fn has<D: Disk>(&self, first: u32, segments: &[(Vec<u8>, ClosedRange)], spill: &Spill<D>) -> io::Result<bool> {
        let stored = &self.segments[first as usize..];
        if stored.len() < segments.len() {
            return Ok(false);
        }
        let mut known = Vec::new();
        for (stored, (bytes, _)) in stored.iter().zip(segments) {
            known.clear();
            spill.get(stored.column, &mut known)?;
            if known != *bytes {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The `len` timestamps of the timeline whose first segment is `first`.
    pub(super) fn read<D: Disk>(&self, first: u32, len: usize, spill: &Spill<D>) -> io::Result<Vec<TimestampMs>> {
        let (mut times, mut bytes) = (Vec::with_capacity(len), Vec::new());
        for segment in &self.segments[first as usize..] {
            if times.len() >= len {
                break;
            }
            bytes.clear();
            spill.get(segment.column, &mut bytes)?;
            let mut cursor = Cursor::new(&bytes);
            let n = cursor.varint("timeline").map_err(io::Error::other)?;
            decode_i64(&mut cursor, n as usize, &mut times).map_err(io::Error::other)?;
        }
        Ok(times)
    }
}
