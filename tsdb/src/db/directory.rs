//! Where the sections of each timeline are.

use hashbrown::HashMap;
use nightjar_model::{ClosedRange, TimestampMs};

use crate::wal::section::{Kind, Section};

/// A place in the log; later places are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position(u64);

impl Position {
    /// The place `offset` in a segment.
    pub(crate) fn new(segment: u32, offset: u32) -> Position {
        Position(u64::from(segment) << 32 | u64::from(offset))
    }

    /// The number by which it is stored.
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// The place with this number.
    pub(crate) fn from_number(number: u64) -> Position {
        Position(number)
    }

    /// Its segment.
    pub(crate) fn segment(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// Up to where samples were moved to blocks: what lies before `position` and is older than `until` is in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    /// First place that was not looked at.
    pub(crate) position: Position,
    /// First time that was not moved.
    pub(crate) until: TimestampMs,
}

impl Seal {
    /// Nothing was sealed.
    pub(crate) const NONE: Seal = Seal { position: Position(0), until: TimestampMs::MIN };

    /// The first time at which samples at `position` are not in a block.
    pub(crate) fn floor(&self, position: Position) -> TimestampMs {
        if position < self.position { self.until } else { TimestampMs::MIN }
    }
}

/// A section of one timeline: 24 bytes, since there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    t_min: TimestampMs,
    segment: u32,
    offset: u32,
    span_ms: u32,
    frame_words: u16,
    tag: u16,
}

const EPOCH: u16 = 0x8000;

impl Entry {
    /// The entry of line `number` in the table of the frame at `segment`, `offset`, `frame_len` bytes long.
    pub(crate) fn new(segment: u32, offset: u32, frame_len: u64, number: u16, section: &Section) -> Entry {
        let span = section.t_max.wrapping_sub(section.t_min) as u64;
        let epoch = if section.epoch { EPOCH } else { 0 };
        Entry {
            t_min: section.t_min,
            segment,
            offset,
            span_ms: span.min(u64::from(u32::MAX)) as u32,
            frame_words: (frame_len / 8).min(u64::from(u16::MAX)) as u16,
            tag: epoch | u16::from(section.kind.number()) << 12 | number & 0xfff,
        }
    }

    /// Its place.
    pub(crate) fn position(&self) -> Position {
        Position::new(self.segment, self.offset)
    }

    /// First byte of its frame in the segment.
    pub(crate) fn offset(&self) -> u64 {
        u64::from(self.offset)
    }

    /// Bytes of its frame.
    pub(crate) fn frame_len(&self) -> usize {
        usize::from(self.frame_words) * 8
    }

    /// Its line in the frame's table.
    pub(crate) fn number(&self) -> usize {
        usize::from(self.tag & 0xfff)
    }

    /// What it holds.
    pub(crate) fn kind(&self) -> Kind {
        Kind::from_number((self.tag >> 12 & 7) as u8).unwrap_or(Kind::Metadata)
    }

    /// Whether its timeline's bases are zero before it.
    pub(crate) fn begins_epoch(&self) -> bool {
        self.tag & EPOCH != 0
    }

    /// First time.
    pub(crate) fn t_min(&self) -> TimestampMs {
        self.t_min
    }

    /// Last time, inclusive; the end of time when the span is too long to keep.
    pub(crate) fn t_max(&self) -> TimestampMs {
        match self.span_ms {
            u32::MAX => TimestampMs::MAX,
            span => self.t_min.saturating_add(i64::from(span)),
        }
    }

    /// Whether it may have samples in `range` that are not older than `floor`.
    pub(crate) fn overlaps(&self, range: ClosedRange, floor: TimestampMs) -> bool {
        self.t_min <= range.end && self.t_max() >= range.start.max(floor)
    }
}

/// A section to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick {
    /// The section.
    pub(crate) entry: Entry,
    /// Samples before this are in a block.
    pub(crate) floor: TimestampMs,
    /// Frames are missing between the start of its epoch and it: nothing can be said about it.
    pub(crate) broken: bool,
}

/// The sections of one timeline.
#[derive(Debug)]
struct Line {
    /// In order of writing.
    entries: Vec<Entry>,
    /// The greatest last time.
    max_t: TimestampMs,
    /// Whether last times never fall, so that one that is too old ends a search.
    ordered: bool,
}

impl Line {
    fn new() -> Line {
        Line { entries: Vec::new(), max_t: TimestampMs::MIN, ordered: true }
    }

    fn push(&mut self, entry: Entry) {
        self.ordered &= entry.t_max() >= self.max_t;
        self.max_t = self.max_t.max(entry.t_max());
        self.entries.push(entry);
    }

    /// The sections that may matter from `start` on, newest first.
    fn since(&self, start: TimestampMs) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev().take_while(move |e| !self.ordered || e.t_max() >= start)
    }

    /// The same in order of writing, and what is before them in the epoch of the first one.
    fn with_epoch(&self, start: TimestampMs) -> &[Entry] {
        if !self.ordered {
            return &self.entries;
        }
        let mut first = self.entries.partition_point(|e| e.t_max() < start);
        let begins = |e: &Entry| e.kind() == Kind::Rows && e.begins_epoch();
        while first > 0 && self.entries.get(first).is_some_and(|e| !begins(e)) {
            first -= 1;
        }
        &self.entries[first..]
    }
}

/// The sections of all timelines, each list in order of writing.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    lines: HashMap<u32, Line>,
    /// Places before which frames are missing, ascending.
    breaks: Vec<Position>,
}

impl Directory {
    /// Adds the newest section of a timeline.
    pub(crate) fn add(&mut self, timeline: u32, entry: Entry) {
        self.lines.entry(timeline).or_insert_with(Line::new).push(entry);
    }

    /// Notes that frames are missing before `position`, the newest place.
    pub(crate) fn add_break(&mut self, position: Position) {
        self.breaks.push(position);
    }

    /// All sections of a timeline.
    pub(crate) fn entries(&self, timeline: u32) -> &[Entry] {
        self.lines.get(&timeline).map_or(&[], |line| &line.entries)
    }

    /// All timelines and their sections, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &[Entry])> {
        self.lines.iter().map(|(timeline, line)| (*timeline, &line.entries[..]))
    }

    /// Newest time on a timeline; `MIN` without any.
    pub(crate) fn max_t(&self, timeline: u32) -> TimestampMs {
        self.lines.get(&timeline).map_or(TimestampMs::MIN, |line| line.max_t)
    }

    /// Whether a timeline has samples in `range` written before `horizon` that are in no block.
    pub(crate) fn has(&self, timeline: u32, range: ClosedRange, horizon: Position, seal: &Seal) -> bool {
        let mut since = self.since(timeline, range.start);
        since.any(|e| e.position() < horizon && e.overlaps(range, seal.floor(e.position())))
    }

    /// The sections of a timeline that may have samples from `start` on, newest first, among others.
    pub(crate) fn since(&self, timeline: u32, start: TimestampMs) -> impl Iterator<Item = &Entry> {
        self.lines.get(&timeline).into_iter().flat_map(move |line| line.since(start))
    }

    /// Whether frames are missing somewhere.
    pub(crate) fn has_breaks(&self) -> bool {
        !self.breaks.is_empty()
    }

    /// The sections to read for `range`, in order of writing: those that overlap it, and those of rows before them in
    /// the same epoch.
    pub(crate) fn pick(&self, timeline: u32, range: ClosedRange, horizon: Position, seal: &Seal) -> Vec<Pick> {
        let mut picks = Vec::new();
        // Rows of the current epoch that nobody needs so far.
        let mut waiting: Vec<Pick> = Vec::new();
        let mut epoch_start = None;
        for entry in self.lines.get(&timeline).map_or(&[][..], |line| line.with_epoch(range.start)) {
            let position = entry.position();
            if position >= horizon {
                break;
            }
            let floor = seal.floor(position);
            let wanted = entry.overlaps(range, floor);
            let rows = entry.kind() == Kind::Rows;
            if rows && entry.begins_epoch() {
                waiting.clear();
                epoch_start = Some(position);
            }
            let broken = rows && epoch_start.is_none_or(|start| self.broken(start, position));
            let pick = Pick { entry: *entry, floor, broken };
            match (wanted, rows) {
                (true, true) => {
                    picks.append(&mut waiting);
                    picks.push(pick);
                }
                (true, false) => picks.push(pick),
                (false, true) => waiting.push(pick),
                (false, false) => {}
            }
        }
        picks
    }

    /// Whether frames are missing after `start` up to `end`.
    fn broken(&self, start: Position, end: Position) -> bool {
        let next = self.breaks.partition_point(|b| *b <= start);
        self.breaks.get(next).is_some_and(|b| *b <= end)
    }

    /// The first place that is still needed once `seal` holds. `open` says whether the newest epoch of a timeline may go
    /// on: then its rows are needed.
    pub(crate) fn first_needed(&self, seal: &Seal, open: impl Fn(u32) -> bool) -> Option<Position> {
        let first =
            |(number, line): (&u32, &Line)| kept(&line.entries, seal, open(*number)).first().map(Entry::position);
        self.lines.iter().filter_map(first).min()
    }

    /// Drops sections nobody needs once `seal` holds.
    pub(crate) fn prune(&mut self, seal: &Seal, open: impl Fn(u32) -> bool) {
        self.lines.retain(|number, line| {
            let kept = kept(&line.entries, seal, open(*number));
            if kept.len() < line.entries.len() {
                *line = Line::new();
                kept.into_iter().for_each(|entry| line.push(entry));
            }
            !line.entries.is_empty()
        });
        let first = self.lines.values().filter_map(|line| line.entries.first().map(Entry::position)).min();
        self.breaks.retain(|b| first.is_some_and(|first| *b > first));
    }
}

/// The sections with samples that are in no block, and rows before them in the same epoch.
fn kept(entries: &[Entry], seal: &Seal, open: bool) -> Vec<Entry> {
    let mut in_use = open;
    let mut kept = Vec::with_capacity(entries.len());
    for e in entries.iter().rev() {
        let rows = e.kind() == Kind::Rows;
        let keep = e.t_max() >= seal.floor(e.position()) || rows && in_use;
        if rows {
            in_use = keep && !e.begins_epoch();
        }
        if keep {
            kept.push(*e);
        }
    }
    kept.reverse();
    kept
}
