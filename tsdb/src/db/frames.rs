//! Reads frames back from the log.

use std::sync::atomic::{AtomicU64, Ordering};

use nightjar_model::{ClosedRange, TimestampMs};
use nightjar_platform::{Disk, DiskFile};

use super::deletions::Deletions;
use super::directory::{Directory, Entry, Pick, Position, Seal};
use super::view::View;
use crate::bytes::Corrupt;
use crate::head::state::Recall;
use crate::wal::rows::{Chain, ChunkChain, RowSink};
use crate::wal::section::{Kind, Section, read_histograms};
use crate::wal::segment::{Frame, Segment};

/// Reads sections of one view. Keeps the last frame: sections asked for in the order of writing cost one read a frame.
pub(crate) struct FrameReader<'a, D: Disk> {
    pub(crate) view: &'a View<D>,
    damaged: &'a AtomicU64,
    buffer: Vec<u8>,
    stretch: Stretch,
    /// What `buffer` holds; nothing of it when the frame is damaged.
    loaded: Option<(Position, Option<Frame>)>,
    /// Sections that could not be read so far.
    pub(crate) lost: u64,
}

impl<'a, D: Disk> FrameReader<'a, D> {
    /// A reader that counts damaged frames in `damaged`.
    pub(crate) fn new(view: &'a View<D>, damaged: &'a AtomicU64) -> FrameReader<'a, D> {
        FrameReader { view, damaged, buffer: Vec::new(), stretch: Stretch::default(), loaded: None, lost: 0 }
    }

    /// Hands the bytes of a section to `each`. Damage is counted, not an error: whoever cannot read a section goes on
    /// without it. Answers whether it was read.
    pub(crate) fn section(&mut self, entry: &Entry, each: impl FnOnce(&Section, &[u8]) -> Result<(), Corrupt>) -> bool {
        let read = self.try_section(entry, each);
        if read.is_none() {
            self.lose();
        }
        read.is_some()
    }

    /// Counts a section that cannot be read.
    pub(crate) fn lose(&mut self) {
        self.lost += 1;
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    fn try_section(&mut self, entry: &Entry, each: impl FnOnce(&Section, &[u8]) -> Result<(), Corrupt>) -> Option<()> {
        if self.loaded.as_ref().is_none_or(|(at, _)| *at != entry.position()) {
            self.loaded = Some((entry.position(), self.load(entry)));
        }
        let frame = self.loaded.as_ref()?.1.as_ref()?;
        let section = frame.header.sections.get(entry.number()).filter(|s| s.kind == entry.kind())?;
        let end = section.offset as usize + section.len as usize;
        each(section, frame.payload(&self.buffer).get(section.offset as usize..end)?).ok()
    }

    fn load(&mut self, entry: &Entry) -> Option<Frame> {
        let number = entry.position().segment();
        let segment = self.view.parts.segments.get(&number)?;
        let (start, len) = (entry.offset(), entry.frame_len());
        if self.stretch.segment != number {
            self.stretch.bytes.clear();
        }
        let near = self.stretch.segment == number && (self.stretch.next..self.stretch.next + NEAR).contains(&start);
        if near && !self.stretch.holds(start, len) {
            self.stretch.fill(segment, number, start);
        }
        self.stretch.segment = number;
        self.stretch.next = start + len as u64;
        self.buffer.resize(len, 0);
        if !self.stretch.holds(start, len) {
            return segment.frame(start, &mut self.buffer);
        }
        let at = (start - self.stretch.start) as usize;
        self.buffer.copy_from_slice(&self.stretch.bytes[at..at + len]);
        segment.checked(start, &mut self.buffer, true)
    }
}

/// Frames closer than this are neighbours,
const NEAR: u64 = 8 << 10;
/// and are read so many bytes at a time.
const STRETCH: usize = 128 << 10;

/// A stretch of a segment. Queries for many series want nearly every frame, and frames are small.
#[derive(Default)]
struct Stretch {
    segment: u32,
    start: u64,
    bytes: Vec<u8>,
    /// End of the frame read last.
    next: u64,
}

impl Stretch {
    fn holds(&self, start: u64, len: usize) -> bool {
        self.start <= start && start + len as u64 <= self.start + self.bytes.len() as u64
    }

    fn fill<F: DiskFile>(&mut self, segment: &Segment<F>, number: u32, start: u64) {
        (self.segment, self.start) = (number, start);
        // The newest frames stand at the end of a file, and are asked for most.
        let left = segment.file.len().map_or(0, |len| len.saturating_sub(start));
        self.bytes.resize(usize::try_from(left).unwrap_or(STRETCH).min(STRETCH), 0);
        if segment.file.read_exact_at(&mut self.bytes, start).is_err() {
            // Damage: frame by frame then.
            self.bytes.clear();
        }
    }
}

/// How far the rows of one timeline are read. Where the chain is broken nothing is said until the next epoch.
pub(crate) struct Lane {
    chain: Chain,
    broken: bool,
}

impl Lane {
    /// Before the first row; `members` ascend, each once.
    pub(crate) fn new(members: &[u32]) -> Lane {
        Lane::resume(Chain::new(members))
    }

    /// Goes on where a chain stopped.
    pub(crate) fn resume(chain: Chain) -> Lane {
        Lane { chain, broken: false }
    }

    /// What it takes to read on, chunk by chunk.
    pub(crate) fn into_chunks(self) -> impl Iterator<Item = ChunkChain> {
        self.chain.into_chunks()
    }

    /// Reads the next pick of the timeline, in order of writing, into `sink`; anything but rows is passed over.
    pub(crate) fn read<D: Disk>(&mut self, reader: &mut FrameReader<'_, D>, pick: &Pick, sink: &mut impl RowSink) {
        let kind = pick.entry.kind();
        let absolute = kind == Kind::LateRows;
        if kind != Kind::Rows && !absolute {
            return;
        }
        if kind == Kind::Rows && pick.entry.begins_epoch() {
            self.chain.reset();
            self.broken = false;
        }
        if !absolute && (self.broken || pick.broken) {
            reader.lose();
            return;
        }
        let chain = &mut self.chain;
        let read = reader.section(&pick.entry, |section, bytes| chain.decode(bytes, section.t_min, absolute, sink));
        self.broken |= !read && !absolute;
    }
}

/// Looks the newest samples of a timeline up in the log.
pub(crate) struct LogRecall<'a, D: Disk> {
    /// What is published.
    pub(crate) view: &'a View<D>,
    /// Where it is.
    pub(crate) directory: &'a parking_lot::RwLock<Directory>,
    /// Counts damaged frames.
    pub(crate) damaged: &'a AtomicU64,
}

struct Newest<'a> {
    deletions: &'a Deletions,
    timeline: u32,
    position: Position,
    t: TimestampMs,
    from: TimestampMs,
    each: &'a mut dyn FnMut(u32, TimestampMs, u64, bool),
}

impl RowSink for Newest<'_> {
    fn run(&mut self, t: TimestampMs) {
        self.t = t;
    }

    fn sample(&mut self, column: u32, bits: u64, _start: TimestampMs) {
        if self.t >= self.from && !self.deletions.hides(self.timeline, column, self.t, self.position) {
            (self.each)(column, self.t, bits, false);
        }
    }
}

impl<D: Disk> Recall for LogRecall<'_, D> {
    fn newest(&self, timeline: u32, from: TimestampMs, each: &mut dyn FnMut(u32, TimestampMs, u64, bool)) {
        let range = ClosedRange { start: from, end: TimestampMs::MAX };
        // Sealed samples count as well as long as their frames are there.
        let everything = Position::from_number(u64::MAX);
        let picks = self.directory.read().pick(timeline, range, everything, &Seal::NONE);
        let mut reader = FrameReader::new(self.view, self.damaged);
        let members: Vec<u32> = (0..crate::wal::rows::MAX_MEMBERS).collect();
        let deletions = &*self.view.parts.deletions;
        let mut newest = Newest { deletions, timeline, position: Position::default(), t: 0, from, each };
        let mut lane = Lane::new(&members);
        for pick in picks.iter().filter(|p| p.entry.kind() == Kind::Rows) {
            newest.position = pick.entry.position();
            lane.read(&mut reader, pick, &mut newest);
        }
        for pick in picks.iter().filter(|p| p.entry.kind() == Kind::Histograms) {
            reader.section(&pick.entry, |_, bytes| {
                read_histograms(bytes, |index, sample| {
                    let (t, at) = (sample.timestamp, pick.entry.position());
                    if t >= from && !deletions.hides(timeline, index, t, at) {
                        (newest.each)(index, sample.timestamp, 0, true);
                    }
                })
            });
        }
    }
}
