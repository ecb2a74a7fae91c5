//! Judges a write request sample by sample and collects what is accepted into runs.

use hashbrown::HashMap;
use nightjar_model::labels::{METRIC_NAME, SpellingPairs};
use nightjar_model::storage::{AppendReport, Atomicity, RejectReason, Rejection, WriteBatch, WriteEntry};
use nightjar_model::{HistogramSample, TimestampMs};

use super::judge::{Bounds, Verdict};
use super::side::{ExemplarVerdict, contradiction, fingerprint};
use super::state::{Head, Recall};
use super::table::{NOBODY, Slot, UNKNOWN};
use crate::wal::rows::Member;
use crate::wal::section::{Kind, put_exemplar, put_histogram, put_metadata};

/// Refusals told in full.
const TOLD: usize = 10;

/// Samples of one timeline at one time.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The timeline.
    pub(crate) timeline: u32,
    /// The time.
    pub(crate) t: TimestampMs,
    /// Whether the samples are older than what their series had.
    pub(crate) late: bool,
    /// The samples.
    pub(crate) members: Vec<Member>,
    /// Start timestamps to tell, by member.
    pub(crate) starts: Vec<(u32, TimestampMs)>,
}

/// An encoded item that belongs to no run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its timeline, 0 for metadata.
    pub(crate) timeline: u32,
    /// Its time.
    pub(crate) t: TimestampMs,
    /// Its bytes in [`Collected::bytes`].
    pub(crate) start: u32,
    /// End of its bytes.
    pub(crate) end: u32,
}

/// What a batch comes to. Kept and reused by the writer.
#[derive(Default)]
pub(crate) struct Collected {
    /// Runs in order of arrival.
    pub(crate) runs: Vec<Run>,
    /// Histograms, exemplars, metadata in order of arrival.
    pub(crate) items: Vec<Item>,
    /// Bytes of the items.
    pub(crate) bytes: Vec<u8>,
    /// Series whose definitions must be written.
    pub(crate) defined: Vec<u32>,
    spare: Vec<Run>,
    by_key: HashMap<(u32, TimestampMs, bool), u32>,
    undo: Vec<(u32, Slot)>,
    cursor: Cursor,
    max_t: TimestampMs,
}

/// The run that took the last sample.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    timeline: u32,
    t: TimestampMs,
    late: bool,
    run: u32,
    epoch: u32,
}

impl Collected {
    /// Forgets everything but the allocations.
    pub(crate) fn clear(&mut self) {
        for mut run in self.runs.drain(..) {
            run.members.clear();
            run.starts.clear();
            if self.spare.len() < 256 {
                self.spare.push(run);
            }
        }
        self.items.clear();
        self.bytes.clear();
        self.defined.clear();
        self.by_key.clear();
        self.undo.clear();
        self.cursor = Cursor { timeline: NOBODY, ..Cursor::default() };
    }
}

/// One pass over a batch.
pub(crate) struct Pass<'a> {
    head: &'a mut Head,
    out: &'a mut Collected,
    recall: &'a dyn Recall,
    bounds: Bounds,
    /// Whether a refused sample takes everything back.
    whole: bool,
    /// Whether one was.
    refused: bool,
    report: AppendReport,
}

impl Head {
    /// Collects a batch. When a sample is refused and `atomicity` is [`Atomicity::Whole`] the answer is `Err` and
    /// nothing is collected or changed.
    pub(crate) fn collect(
        &mut self,
        out: &mut Collected,
        batch: &dyn WriteBatch,
        atomicity: Atomicity,
        now: TimestampMs,
        recall: &dyn Recall,
    ) -> Result<AppendReport, AppendReport> {
        out.clear();
        out.max_t = self.max_t;
        self.batch += 1;
        let bounds = Bounds::new(now, self.max_t, self.options.out_of_order_window_ms, self.options.seal_delay_ms);
        let whole = atomicity == Atomicity::Whole;
        let mut pass = Pass { head: self, out, recall, bounds, whole, refused: false, report: AppendReport::default() };
        let mut previous = NOBODY;
        for i in 0..batch.len() {
            previous = pass.entry(i, &batch.entry(i), previous);
        }
        let Pass { refused, mut report, .. } = pass;
        if whole && refused {
            self.undo(out);
            (report.samples, report.histograms, report.exemplars) = (0, 0, 0);
            return Err(report);
        }
        self.max_t = out.max_t;
        Ok(report)
    }

    fn undo(&mut self, out: &mut Collected) {
        for (id, before) in out.undo.drain(..).rev() {
            let slot = &mut self.table.slots[id as usize];
            let (last_t, last, epoch, flags) = (before.last_t, before.last, before.epoch, before.flags);
            (slot.last_t, slot.last, slot.epoch, slot.flags) = (last_t, last, epoch, flags);
            self.side.histograms.remove(&id);
        }
        // What was noted about starts and scales was not written, so readers do not know it.
        for run in &out.runs {
            if let Some(timeline) = self.timelines.get_mut(run.timeline) {
                timeline.new_epoch(self.generation);
            }
        }
        out.clear();
    }
}

impl Pass<'_> {
    /// Takes one entry; answers its series for the prediction of the next one.
    fn entry(&mut self, i: usize, entry: &WriteEntry<'_>, previous: u32) -> u32 {
        if entry.samples.is_empty() && entry.histograms.is_empty() && entry.exemplars.is_empty() {
            self.without_samples(i, entry);
            return previous;
        }
        let id = match self.head.resolve(previous, entry.spelling) {
            Ok(id) => id,
            Err((reason, detail)) => {
                let items = entry.samples.len() + entry.histograms.len() + entry.exemplars.len();
                self.report.rejected += items.saturating_sub(1) as u64;
                self.reject(i, reason, || detail);
                return previous;
            }
        };
        for s in entry.samples {
            let slot = &self.head.table.slots[id as usize];
            let (index, timeline, last_t) = (slot.index, slot.timeline, slot.last_t);
            let mut verdict = self.bounds.judge(s.timestamp, last_t);
            if last_t == UNKNOWN && !matches!(verdict, Verdict::Refused(_)) {
                self.head.recall(id, s.timestamp, self.recall);
                verdict = self.bounds.judge(s.timestamp, self.head.table.slots[id as usize].last_t);
            }
            match verdict {
                Verdict::InOrder => self.in_order(id, s.timestamp, s.value.to_bits(), s.start),
                Verdict::Late => {
                    self.seek(timeline, s.timestamp, true);
                    self.define(id, s.timestamp);
                    let run = &mut self.out.runs[self.out.cursor.run as usize];
                    run.members.push(Member { index, slot: id, bits: s.value.to_bits(), base: 0 });
                    if s.start != 0 {
                        run.starts.push((index, s.start));
                    }
                }
                Verdict::SameTime
                    if self.head.table.slots[id as usize].newest() == s.value.to_bits()
                        && !self.newest_is_histogram(id) => {}
                Verdict::SameTime => {
                    self.refuse(i, RejectReason::DuplicateTimestamp, id, s.timestamp);
                    continue;
                }
                Verdict::Refused(reason) => {
                    self.refuse(i, reason, id, s.timestamp);
                    continue;
                }
            }
            self.report.samples += 1;
        }
        for h in entry.histograms {
            self.histogram(i, id, h);
        }
        if !entry.exemplars.is_empty() {
            self.exemplars(i, id, entry);
        }
        if let Some(metadata) = entry.metadata {
            self.metadata(entry.spelling, metadata);
        }
        id
    }

    fn newest_is_histogram(&self, id: u32) -> bool {
        self.head.table.slots[id as usize].flags & Slot::HISTOGRAM != 0
    }

    /// Takes a sample that is the newest of its series.
    #[inline]
    fn in_order(&mut self, id: u32, t: TimestampMs, bits: u64, start: TimestampMs) {
        let timeline = self.head.table.slots[id as usize].timeline;
        let cursor = self.out.cursor;
        if cursor.timeline != timeline || cursor.t != t || cursor.late {
            self.seek(timeline, t, false);
        }
        let epoch = self.out.cursor.epoch;
        let slot = &mut self.head.table.slots[id as usize];
        if self.whole {
            self.out.undo.push((id, *slot));
        }
        if slot.flags & Slot::DEFINED == 0 {
            slot.flags |= Slot::DEFINED;
            self.out.defined.push(id);
        }
        if slot.epoch != epoch {
            self.head.scales[id as usize] = 0;
            slot.last = 0;
            slot.epoch = epoch;
        }
        let run = &mut self.out.runs[self.out.cursor.run as usize];
        run.members.push(Member { index: slot.index, slot: id, bits, base: slot.last });
        slot.last_t = t;
        slot.flags &= !(Slot::STALE | Slot::HISTOGRAM);
        if t < self.head.sealing_until {
            slot.set_mark(self.head.seal_round);
        }
        if bits == nightjar_model::STALE_NAN_BITS {
            slot.flags |= Slot::STALE;
        } else {
            slot.last = bits;
        }
        self.out.max_t = self.out.max_t.max(t);
        if (start != 0 || !self.head.side.no_starts()) && self.head.side.note_start(id, epoch, start) {
            run.starts.push((slot.index, start));
        }
    }

    /// Makes sure that readers know the series, and that a seal which does not see a sample at `t` keeps it.
    fn define(&mut self, id: u32, t: TimestampMs) {
        let slot = &mut self.head.table.slots[id as usize];
        if t < self.head.sealing_until {
            slot.set_mark(self.head.seal_round);
        }
        if slot.flags & Slot::DEFINED == 0 {
            if self.whole {
                self.out.undo.push((id, *slot));
            }
            slot.flags |= Slot::DEFINED;
            self.out.defined.push(id);
        }
    }

    /// Moves the cursor to the run of a timeline and time.
    fn seek(&mut self, timeline: u32, t: TimestampMs, late: bool) {
        let out = &mut *self.out;
        let mut epoch = 0;
        if let Some(line) = self.head.timelines.get_mut(timeline) {
            if line.batch != self.head.batch {
                line.batch = self.head.batch;
                line.touch(self.head.generation);
            }
            epoch = line.epoch;
        }
        let run = match out.by_key.get(&(timeline, t, late)) {
            Some(run) => *run,
            None => {
                let run = out.runs.len() as u32;
                let spare = out.spare.pop().unwrap_or_default();
                out.runs.push(Run { timeline, t, late, ..spare });
                out.by_key.insert((timeline, t, late), run);
                if let (false, Some(line)) = (late, self.head.timelines.get_mut(timeline)) {
                    line.note_run(t);
                }
                run
            }
        };
        out.cursor = Cursor { timeline, t, late, run, epoch };
    }

    fn histogram(&mut self, i: usize, id: u32, h: &HistogramSample) {
        if let Some(text) = contradiction(h) {
            let head = &*self.head;
            let detail = format!("invalid histogram of {} at {}: {text}", head.labels(id), h.timestamp);
            self.refused = true;
            self.reject(i, RejectReason::InvalidHistogram, || detail);
            return;
        }
        if self.head.table.slots[id as usize].last_t == UNKNOWN {
            self.head.recall(id, h.timestamp, self.recall);
        }
        let slot = self.head.table.slots[id as usize];
        let print = fingerprint(h);
        let in_order = match self.bounds.judge(h.timestamp, slot.last_t) {
            Verdict::InOrder => true,
            Verdict::Late => false,
            Verdict::SameTime => {
                // After a restart the newest histogram is not known to the bit; storing a repetition does no harm.
                let known = self.head.side.histograms.get(&id).copied();
                match (slot.flags & Slot::HISTOGRAM != 0, known) {
                    (true, Some(known)) if known == print => {
                        self.report.histograms += 1;
                        return;
                    }
                    (true, None) => false,
                    _ => return self.refuse(i, RejectReason::DuplicateTimestamp, id, h.timestamp),
                }
            }
            Verdict::Refused(reason) => return self.refuse(i, reason, id, h.timestamp),
        };
        self.define(id, h.timestamp);
        if in_order {
            let slot = &mut self.head.table.slots[id as usize];
            if self.whole {
                self.out.undo.push((id, *slot));
            }
            slot.last_t = h.timestamp;
            slot.flags = (slot.flags & !Slot::STALE) | Slot::HISTOGRAM;
            self.head.side.histograms.insert(id, print);
            self.out.max_t = self.out.max_t.max(h.timestamp);
        }
        self.item(Kind::Histograms, slot.timeline, h.timestamp, |out| put_histogram(slot.index, h, out));
        self.report.histograms += 1;
    }

    fn exemplars(&mut self, i: usize, id: u32, entry: &WriteEntry<'_>) {
        for exemplar in entry.exemplars {
            match self.head.side.judge_exemplar(id, exemplar) {
                ExemplarVerdict::New => {
                    self.define(id, TimestampMs::MIN);
                    let slot = self.head.table.slots[id as usize];
                    self.item(Kind::Exemplars, slot.timeline, exemplar.timestamp, |out| {
                        put_exemplar(slot.index, exemplar, out)
                    });
                    self.report.exemplars += 1;
                }
                ExemplarVerdict::Same => self.report.exemplars += 1,
                ExemplarVerdict::Refuse(text) => {
                    let detail = format!("exemplar of {} at {}: {text}", self.head.labels(id), exemplar.timestamp);
                    self.reject(i, RejectReason::InvalidExemplar, || detail);
                }
            }
        }
    }

    fn metadata(&mut self, spelling: &[u8], metadata: &nightjar_model::metadata::Metadata) {
        let name = SpellingPairs::new(spelling).flatten().find(|(name, _)| *name == METRIC_NAME);
        let limit = self.head.options.max_metadata;
        if let Some((_, metric)) = name
            && self.head.side.note_metadata(metric, metadata, limit)
        {
            self.item(Kind::Metadata, 0, 0, |out| put_metadata(metric, metadata, out));
        }
    }

    fn without_samples(&mut self, i: usize, entry: &WriteEntry<'_>) {
        match entry.metadata {
            Some(metadata) => self.metadata(entry.spelling, metadata),
            None if self.whole => {}
            None => self.reject(i, RejectReason::Empty, || "a series without samples and histograms".to_owned()),
        }
    }

    fn item(&mut self, kind: Kind, timeline: u32, t: TimestampMs, put: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.bytes.len() as u32;
        put(&mut self.out.bytes);
        let end = self.out.bytes.len() as u32;
        self.out.items.push(Item { kind, timeline, t, start, end });
    }

    #[cold]
    fn refuse(&mut self, entry: usize, reason: RejectReason, id: u32, t: TimestampMs) {
        self.refused = true;
        let last_t = self.head.table.slots[id as usize].last_t;
        let detail = match self.report.rejections.len() < TOLD {
            true => self.bounds.explain(reason, &self.head.labels(id), t, last_t),
            false => String::new(),
        };
        self.reject(entry, reason, || detail);
    }

    fn reject(&mut self, entry: usize, reason: RejectReason, detail: impl FnOnce() -> String) {
        self.report.rejected += 1;
        if self.report.rejections.len() < TOLD {
            self.report.rejections.push(Rejection { entry, reason, detail: detail() });
        }
    }
}
