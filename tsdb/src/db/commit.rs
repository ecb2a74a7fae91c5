//! The committer: one thread that writes what waits, makes it durable, makes it readable, and then says so.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashSet;
use nightjar_model::ClosedRange;
use nightjar_platform::{Clock, Disk};

use super::append::unavailable;
use super::directory::{Entry, Position};
use super::inner::{Inner, Waiting};
use super::log::{Log, Written};
use super::view::View;
use crate::wal::pending::Pending;
use crate::wal::section::Kind;

impl<D: Disk> Inner<D> {
    /// Serves the queue until the database stops.
    pub(crate) fn run_committer(&self, mut log: Log<D>) {
        let mut frames = Pending::default();
        loop {
            frames.clear();
            let (waiting, close) = {
                let mut queue = self.queue.lock();
                while queue.waiting.is_empty() && !queue.stopping {
                    self.work.wait(&mut queue);
                }
                std::mem::swap(&mut queue.pending, &mut frames);
                (std::mem::take(&mut queue.waiting), std::mem::take(&mut queue.close_segment))
            };
            self.room.notify_all();
            if waiting.is_empty() {
                log.close();
                return;
            }
            let committed = self.commit(&mut log, &mut frames);
            if close {
                log.close();
            }
            match committed {
                Ok(()) => {
                    self.queue.lock().failed = None;
                    for Waiting { done, report } in waiting {
                        self.counters.note(&report);
                        done(Ok(report));
                    }
                }
                Err(error) => self.refuse(&frames, waiting, &error),
            }
        }
    }

    fn commit(&self, log: &mut Log<D>, frames: &mut Pending) -> io::Result<()> {
        if frames.is_empty() {
            return Ok(());
        }
        let start = self.clock.monotonic();
        let written = log.write(frames)?;
        self.counters.note_fsync(self.clock.monotonic().saturating_sub(start));
        self.counters.log_bytes.fetch_add(frames.bytes.len() as u64, Ordering::Relaxed);
        self.publish(frames, written);
        Ok(())
    }

    /// Makes written frames readable.
    fn publish(&self, frames: &Pending, written: Written<D::File>) {
        let mut directory = self.directory.write();
        for s in &frames.sections {
            let frame = s.frame as usize;
            let (start, end) = (frames.frames[frame], frames.end(frame));
            let offset = written.offset + start as u32;
            let entry = Entry::new(written.segment, offset, (end - start) as u64, s.number, &s.section);
            directory.add(s.section.timeline, entry);
        }
        drop(directory);
        let mut view = self.view.write();
        let horizon = Position::new(written.segment, written.end);
        let parts = match written.new_file {
            None => Arc::clone(&view.parts),
            Some(file) => {
                let mut parts = view.parts.copy();
                parts.segments.insert(written.segment, file);
                self.generation.fetch_add(1, Ordering::Release);
                Arc::new(parts)
            }
        };
        *view = View { horizon, parts };
        let sections = frames.sections.iter().map(|s| &s.section);
        let samples = sections.filter(|s| !matches!(s.kind, Kind::Definitions | Kind::Metadata));
        self.changes.lock().note(samples.map(|s| ClosedRange { start: s.t_min, end: s.t_max }));
    }

    /// Gives up frames that could not be written, and everything queued behind them: it was told against them.
    #[cold]
    fn refuse(&self, frames: &Pending, mut waiting: Vec<Waiting>, error: &io::Error) {
        self.counters.failed_commits.fetch_add(1, Ordering::Relaxed);
        if error.kind() == io::ErrorKind::StorageFull {
            self.reserve.lock().give_up();
        }
        let root = self.disk.display_root();
        let reason = format!("cannot write to {root}: {error}; nothing is accepted until it is possible again");
        tracing::error!(%error, path = root, "write-ahead log cannot be written");
        let mut writer = self.writer.write();
        let mut queue = self.queue.lock();
        let mut behind = std::mem::take(&mut queue.pending);
        waiting.append(&mut queue.waiting);
        queue.failed = Some((queue.now, reason.as_str().into()));
        drop(queue);
        let directory = self.directory.read();
        let touched: HashSet<u32> =
            frames.sections.iter().chain(&behind.sections).map(|s| s.section.timeline).collect();
        let touched: Vec<_> = touched.into_iter().map(|t| (t, directory.max_t(t))).collect();
        let max_t = directory.iter().flat_map(|(_, entries)| entries.iter().map(Entry::t_max)).max();
        drop(directory);
        let mut defined = frames.defined.clone();
        defined.append(&mut behind.defined);
        self.generation.fetch_add(1, Ordering::Release);
        writer.head.forget(frames.first_lsn, max_t.unwrap_or(i64::MIN), &touched, &defined);
        drop(writer);
        for Waiting { done, .. } in waiting {
            done(Err(unavailable(reason.as_str())));
        }
    }
}
