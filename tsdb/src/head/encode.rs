//! Turns what a batch came to into frames.

use nightjar_model::TimestampMs;

use super::batch::{Collected, Run};
use super::state::Head;
use crate::wal::frame::FrameBuilder;
use crate::wal::pending::Pending;
use crate::wal::rows::{RunEncoder, RunHead};
use crate::wal::section::{Kind, Section, put_definition};

/// A section covers at most this much time, so that its directory entry can say how much.
const MAX_SPAN_MS: i64 = 20 * 24 * 3_600_000;

/// Builds frames. Kept and reused by the writer.
#[derive(Default)]
pub(crate) struct Encoder {
    frame: FrameBuilder,
    runs: RunEncoder,
    late_scales: Vec<u8>,
    order: Vec<u32>,
}

/// An empty section, to be measured when it is finished.
fn section(kind: Kind, timeline: u32) -> Section {
    Section {
        kind,
        epoch: false,
        timeline,
        offset: 0,
        len: 0,
        t_min: TimestampMs::MAX,
        t_max: TimestampMs::MIN,
        items: 0,
    }
}

impl Section {
    fn cover(&mut self, t: TimestampMs, items: usize) {
        self.t_min = self.t_min.min(t);
        self.t_max = self.t_max.max(t);
        self.items += items as u32;
    }
}

impl Encoder {
    /// Appends the frames of a batch to `out`.
    pub(crate) fn encode(&mut self, head: &mut Head, batch: &mut Collected, out: &mut Pending) {
        self.definitions(head, batch, out);
        self.rows(head, batch, out);
        self.items(head, batch, out);
        out.add(&mut self.frame, &mut head.next_lsn, false);
    }

    fn definitions(&mut self, head: &mut Head, batch: &mut Collected, out: &mut Pending) {
        if batch.defined.is_empty() {
            return;
        }
        let slots = &head.table.slots;
        batch.defined.sort_by_key(|id| slots[*id as usize].timeline);
        for group in batch.defined.chunk_by(|a, b| slots[*a as usize].timeline == slots[*b as usize].timeline) {
            let timeline = slots[group[0] as usize].timeline;
            let mut at = self.frame.payload.len();
            let mut line = Section { t_min: 0, t_max: 0, ..section(Kind::Definitions, timeline) };
            for id in group {
                put_definition(slots[*id as usize].index, head.table.spelling(*id), &mut self.frame.payload);
                line.items += 1;
                if self.frame.is_full() {
                    self.frame.add(line, at);
                    out.add(&mut self.frame, &mut head.next_lsn, true);
                    (at, line.items) = (0, 0);
                }
            }
            if line.items > 0 {
                self.frame.add(line, at);
            }
            if self.frame.is_full() {
                out.add(&mut self.frame, &mut head.next_lsn, true);
            }
        }
        out.add(&mut self.frame, &mut head.next_lsn, true);
        out.defined.extend_from_slice(&batch.defined);
    }

    fn rows(&mut self, head: &mut Head, batch: &mut Collected, out: &mut Pending) {
        self.order.clear();
        self.order.extend(0..batch.runs.len() as u32);
        let runs = &mut batch.runs;
        self.order.sort_unstable_by_key(|i| {
            let run = &runs[*i as usize];
            (run.timeline, run.late, run.t)
        });
        let mut open: Option<(Section, usize, TimestampMs)> = None;
        for i in 0..self.order.len() {
            let run = &mut runs[self.order[i] as usize];
            let kind = if run.late { Kind::LateRows } else { Kind::Rows };
            if let Some((line, at, _)) = open.take_if(|(line, _, _)| {
                line.timeline != run.timeline || line.kind != kind || run.t.saturating_sub(line.t_min) > MAX_SPAN_MS
            }) {
                self.frame.add(line, at);
            }
            if open.is_none() && self.frame.is_full() {
                out.add(&mut self.frame, &mut head.next_lsn, false);
            }
            let (line, _, previous) = open.get_or_insert_with(|| {
                let mut line = section(kind, run.timeline);
                if let (false, Some(timeline)) = (run.late, head.timelines.get_mut(run.timeline)) {
                    line.epoch = std::mem::take(&mut timeline.begins);
                }
                // Runs ascend in time within a section, so its first time is the first run's.
                (line, self.frame.payload.len(), run.t)
            });
            put_run(&mut self.runs, run, *previous, &mut self.late_scales, &mut head.scales, &mut self.frame.payload);
            line.cover(run.t, run.members.len());
            *previous = run.t;
            if self.frame.is_full()
                && let Some((line, at, _)) = open.take()
            {
                self.frame.add(line, at);
                out.add(&mut self.frame, &mut head.next_lsn, false);
            }
        }
        if let Some((line, at, _)) = open {
            self.frame.add(line, at);
        }
    }

    fn items(&mut self, head: &mut Head, batch: &mut Collected, out: &mut Pending) {
        batch.items.sort_by_key(|item| (item.kind.number(), item.timeline, item.t));
        for group in batch.items.chunk_by(|a, b| (a.kind, a.timeline) == (b.kind, b.timeline)) {
            let mut line = section(group[0].kind, group[0].timeline);
            let mut at = self.frame.payload.len();
            for item in group {
                let wide = line.items > 0 && item.t.abs_diff(line.t_min) > MAX_SPAN_MS as u64;
                if self.frame.is_full() || wide {
                    if line.items > 0 {
                        self.frame.add(line, at);
                    }
                    out.add(&mut self.frame, &mut head.next_lsn, false);
                    (line, at) = (section(group[0].kind, group[0].timeline), 0);
                }
                self.frame.payload.extend_from_slice(&batch.bytes[item.start as usize..item.end as usize]);
                line.cover(item.t, 1);
            }
            self.frame.add(line, at);
        }
    }
}

fn put_run(
    encoder: &mut RunEncoder,
    run: &mut Run,
    previous: TimestampMs,
    late_scales: &mut Vec<u8>,
    scales: &mut [u8],
    out: &mut Vec<u8>,
) {
    if !run.members.is_sorted_by(|a, b| a.index < b.index) {
        run.members.sort_by_key(|m| m.index);
        // Only late samples can come twice in one batch; the first one counts.
        run.members.dedup_by_key(|m| m.index);
    }
    if !run.starts.is_empty() {
        run.starts.sort_by_key(|(index, _)| *index);
        run.starts.dedup_by_key(|(index, _)| *index);
    }
    let head = RunHead { t: run.t, previous, starts: &run.starts };
    if run.late {
        late_scales.clear();
        late_scales.resize(run.members.len(), 0);
        for (i, member) in run.members.iter_mut().enumerate() {
            member.slot = i as u32;
        }
        encoder.encode(head, &run.members, late_scales, out);
    } else {
        encoder.encode(head, &run.members, scales, out);
    }
}
