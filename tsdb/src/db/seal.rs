//! From frames to blocks.
//!
//! Everything before a place in the log and older than a time goes to blocks; a snapshot of the series that live on is
//! written; one manifest record makes both count; only then may segments go, and only when no query needs them.

use std::io;
use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;

use hashbrown::HashMap;
use nightjar_model::storage::AppendReport;
use nightjar_model::{BlockRange, ClosedRange, Exemplar, Labels, TimestampMs};
use nightjar_platform::Disk;

use super::columns::{Samples, Shared, waiting_bytes};
use super::directory::{Pick, Position, Seal};
use super::frames::{FrameReader, LogRecall};
use super::inner::{Inner, Waiting};
use super::keeping::{Housekeeping, block_path, remove};
use super::plan;
use super::snapshot::{self, SnapshotBuilder};
use super::target::add_target;
use super::tracks::{Wanted, read_many};
use super::view::View;
use crate::block::{Block, BlockBuilder, BlockOptions};
use crate::head::state::{Head, Recall};
use crate::head::table::{NOBODY, Slot, UNKNOWN};
use crate::manifest::Change;
use crate::wal::section::{Kind, read_exemplars};

/// A block and its number.
type NewBlock<D> = (u64, Arc<Block<D>>);

/// One seal while it is made.
struct Sealing<'a, D: Disk> {
    inner: &'a Inner<D>,
    view: View<D>,
    until: TimestampMs,
}

/// A timeline to be sealed.
struct Target {
    timeline: u32,
    picks: Vec<Pick>,
    members: Vec<u32>,
}

impl<D: Disk> Inner<D> {
    /// Moves everything older than `until` to blocks.
    pub(crate) fn seal(&self, keeping: &mut Housekeeping<D>, until: TimestampMs) -> io::Result<()> {
        let first_file = keeping.next_file;
        let prepared = self.prepare(keeping, until);
        let (change, blocks) = prepared.inspect_err(|_| self.discard(first_file..keeping.next_file))?;
        let seal = Seal { position: Position::from_number(change.scalars.seal_position), until };
        // Should this fail a restart may still find the record: the files stay.
        keeping.record(change)?;
        let bytes: u64 = blocks.iter().map(|(_, b)| b.summary().file_len).sum();
        self.counters.sealed_bytes.fetch_add(bytes, Ordering::Relaxed);
        let mut view = self.view.write();
        let mut parts = view.parts.copy();
        parts.blocks.extend(blocks);
        parts.seal = seal;
        parts.token = Arc::new(());
        view.parts = Arc::new(parts);
        Ok(())
    }

    /// Removes files no manifest ever named.
    fn discard(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            let snapshots = snapshot::COPIES.map(|copy| snapshot::path(number, copy));
            for path in snapshots.iter().chain([&block_path(number)]) {
                if let Err(error) = remove(&self.disk, path) {
                    tracing::warn!(%error, path = %path.display(), "a file nobody needs could not be removed");
                }
            }
        }
    }

    /// Writes the files of a seal and says what the manifest has to say about them.
    fn prepare(&self, keeping: &mut Housekeeping<D>, until: TimestampMs) -> io::Result<(Change, Vec<NewBlock<D>>)> {
        // From here on timelines are in new epochs, and samples this seal will not see leave a mark on their series.
        {
            let mut writer = self.writer.write();
            let generation = self.generation.fetch_add(1, Ordering::AcqRel) + 1;
            writer.head.begin_seal(until, generation);
        }
        self.barrier()?;
        let sealing = Sealing { inner: self, view: self.view.read().clone(), until };
        let mut scalars = keeping.manifest.state().scalars;
        let blocks = sealing.blocks(&mut keeping.next_file)?;
        let seal = Seal { position: sealing.view.horizon, until };
        let snapshot = sealing.snapshot(&seal);
        scalars.snapshot = keeping.next_file;
        keeping.next_file += 1;
        let salt = crc32c::crc32c(&scalars.snapshot.to_le_bytes());
        scalars.snapshot_frames = snapshot.write(&self.disk, scalars.snapshot, salt)?;
        let first = {
            let writer = self.writer.read();
            let open =
                |number| writer.head.timelines.get(number).is_some_and(|t| t.may_go_on(writer.head.seal_generation));
            self.directory.read().first_needed(&seal, open).unwrap_or(seal.position).min(seal.position)
        };
        scalars.first_segment = scalars.first_segment.max(first.segment());
        scalars.seal_position = seal.position.number();
        scalars.seal_until = Some(until);
        scalars.next_timeline = self.writer.read().head.timelines.next;
        scalars.next_file = keeping.next_file;
        let add = blocks.iter().map(|(number, _)| *number).collect();
        Ok((Change { add, scalars, ..Change::default() }, blocks))
    }

    /// Waits until everything encoded so far is readable.
    fn barrier(&self) -> io::Result<()> {
        let (send, receive) = sync_channel(1);
        let done = Box::new(move |_| {
            let _ = send.send(());
        });
        self.queue.lock().waiting.push(Waiting { done, report: AppendReport::default() });
        self.work.notify_one();
        receive.recv().map_err(|_| io::Error::other("the database is stopping"))
    }
}

impl<D: Disk> Sealing<'_, D> {
    /// Writes the blocks; numbers are taken from `next`.
    fn blocks(&self, next: &mut u64) -> io::Result<Vec<NewBlock<D>>> {
        let inner = self.inner;
        let seal = self.view.parts.seal;
        let ranges = plan::ranges(&inner.directory.read(), &seal, self.until, &inner.options);
        let mut blocks = Vec::new();
        for range in ranges {
            let number = *next;
            *next += 1;
            if self.block(number, range)? {
                let block = Block::open_with_cache(&inner.disk, &block_path(number), Arc::clone(&inner.cache));
                blocks.push((number, Arc::new(block.map_err(io::Error::other)?)));
            }
        }
        Ok(blocks)
    }

    /// Writes the block of one range; whether there was anything to write.
    fn block(&self, number: u64, range: BlockRange) -> io::Result<bool> {
        let inner = self.inner;
        let scratch = block_path(number).with_extension("tmp");
        let mut builder = BlockBuilder::create(&inner.disk, &scratch, range, BlockOptions::default())?;
        let inside = ClosedRange { start: range.start, end: range.end.min(self.until) - 1 };
        let seal = &self.view.parts.seal;
        let timelines: Vec<u32> = {
            let directory = inner.directory.read();
            let numbers = directory.iter().map(|(number, _)| number);
            numbers.filter(|n| directory.has(*n, inside, self.view.horizon, seal)).collect()
        };
        let mut any = false;
        let mut timelines = timelines.into_iter().peekable();
        while timelines.peek().is_some() {
            any |= self.batch(self.next_batch(&mut timelines, inside), inside, &mut builder)?;
        }
        if any {
            for (metric, known) in inner.writer.read().head.side.metadata() {
                known.iter().for_each(|metadata| builder.add_metadata(metric, metadata));
            }
            builder.finish(&block_path(number))?;
        }
        Ok(any)
    }

    /// As many of the next timelines as memory allows, but one: they share frames, and each is read once for all.
    fn next_batch(&self, timelines: &mut Peekable<impl Iterator<Item = u32>>, inside: ClosedRange) -> Vec<Target> {
        let (writer, directory) = (self.inner.writer.read(), self.inner.directory.read());
        let (mut batch, mut room) = (Vec::new(), self.inner.options.read_ahead_bytes);
        while let Some(timeline) = timelines.peek().copied() {
            let picks = directory.pick(timeline, inside, self.view.horizon, &self.view.parts.seal);
            let members = members(&writer.head, timeline);
            let bytes = members.len() * waiting_bytes(picks.len(), true);
            if bytes > room && !batch.is_empty() {
                break;
            }
            room = room.saturating_sub(bytes);
            batch.push(Target { timeline, picks, members });
            timelines.next();
        }
        batch
    }

    /// Adds timelines to a block; whether any has samples.
    fn batch(&self, batch: Vec<Target>, inside: ClosedRange, builder: &mut BlockBuilder<D>) -> io::Result<bool> {
        let mut reader = FrameReader::new(&self.view, &self.inner.counters.damaged);
        let wanted: Vec<_> = batch
            .iter()
            .map(|t| Wanted { timeline: t.timeline, picks: &t.picks, members: t.members.clone() })
            .collect();
        let waiting = read_many(&mut reader, &wanted, inside, true, None);
        let mut any = false;
        for (target, waiting) in batch.iter().zip(waiting) {
            let mut shared = Shared::default();
            let samples: Vec<Samples> = waiting.into_iter().map(|w| w.finish(&mut shared)).collect();
            let exemplars = self.exemplars(&mut reader, target, inside);
            let labels = labels(&self.inner.writer.read().head, target);
            any |= add_target(builder, &target.members, labels, &samples, exemplars)?;
        }
        Ok(any)
    }

    fn exemplars(
        &self,
        reader: &mut FrameReader<'_, D>,
        target: &Target,
        inside: ClosedRange,
    ) -> HashMap<u32, Vec<Exemplar>> {
        let mut exemplars: HashMap<u32, Vec<Exemplar>> = HashMap::new();
        let timeline = target.timeline;
        for pick in target.picks.iter().filter(|p| p.entry.kind() == Kind::Exemplars) {
            reader.section(&pick.entry, |_, bytes| {
                read_exemplars(bytes, |index, e| {
                    let hidden = self.view.parts.deletions.hides(timeline, index, e.timestamp, pick.entry.position());
                    if inside.contains(e.timestamp) && e.timestamp >= pick.floor && !hidden {
                        exemplars.entry(index).or_default().push(e);
                    }
                })
            });
        }
        exemplars
    }

    /// The series that have, or may have, samples no block has. Those that have none are released: should they come
    /// back they will be defined anew.
    fn snapshot(&self, seal: &Seal) -> SnapshotBuilder {
        let inner = self.inner;
        let mut builder = SnapshotBuilder::default();
        let numbers: Vec<u32> = inner.writer.read().head.timelines.iter().map(|(number, _)| number).collect();
        let everything = Position::from_number(u64::MAX);
        for number in numbers {
            let mut writer = inner.writer.write();
            let view = inner.view.read().clone();
            let rest = inner.directory.read().has(number, ClosedRange::ALL, everything, seal);
            let recall = LogRecall { view: &view, directory: &inner.directory, damaged: &inner.counters.damaged };
            let held = |member| view.parts.deletions.holds(number, member, self.until);
            let live = writer.head.release(number, rest, self.until, &recall, held);
            let head = &writer.head;
            builder.timeline(number, live.iter().map(|(index, id)| (*index, head.table.spelling(*id))));
        }
        builder.metadata(&inner.writer.read().head);
        builder
    }
}

/// The members of a timeline, ascending.
fn members(head: &Head, timeline: u32) -> Vec<u32> {
    let members = head.timelines.get(timeline).map_or(&[][..], |t| &t.members);
    members.iter().enumerate().filter(|(_, id)| **id != NOBODY).map(|(index, _)| index as u32).collect()
}

/// Their labels.
fn labels(head: &Head, target: &Target) -> Vec<Labels> {
    let members = head.timelines.get(target.timeline).map_or(&[][..], |t| &t.members);
    target.members.iter().map(|index| head.labels(members[*index as usize])).collect()
}

impl Head {
    /// From now on samples older than `until` leave a mark on their series.
    fn begin_seal(&mut self, until: TimestampMs, generation: u32) {
        self.seal_generation = generation;
        self.sealing_until = until;
        self.seal_round = self.seal_round % 3 + 1;
    }

    /// Finds the members of a timeline with samples that are not being sealed, and releases the others. `rest` says
    /// whether anything of the timeline remains in frames, `held` which members have deleted samples there: nobody else
    /// may get their numbers.
    fn release(
        &mut self,
        number: u32,
        rest: bool,
        until: TimestampMs,
        recall: &dyn Recall,
        held: impl Fn(u32) -> bool,
    ) -> Vec<(u32, u32)> {
        let Some(timeline) = self.timelines.get(number) else { return Vec::new() };
        let members = timeline.members.clone();
        let mut live = Vec::new();
        for (index, id) in members.into_iter().enumerate().filter(|(_, id)| *id != NOBODY) {
            if rest && self.table.slots[id as usize].last_t == UNKNOWN {
                self.recall(id, until, recall);
            }
            let round = self.seal_round;
            let slot = &mut self.table.slots[id as usize];
            if slot.last_t >= until || slot.mark() == round || held(index as u32) {
                live.push((index as u32, id));
            } else {
                slot.flags &= !Slot::DEFINED;
            }
        }
        live
    }
}
