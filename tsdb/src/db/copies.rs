//! Copies of the whole database by hard links: each is a data directory of its own.
//!
//! Files are never changed once they are closed, so a second name is a copy. The open segment is closed first.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use nightjar_model::storage::AppendReport;
use nightjar_platform::Disk;

use super::inner::{Inner, Waiting};
use super::keeping::{BLOCKS, block_path};
use super::snapshot;
use crate::manifest::{Manifest, State};
use crate::wal::segment;

/// The directory of copies.
pub(crate) const DIR: &str = "snapshots";
/// Ends the name of a copy that is being made.
const UNFINISHED: &str = ".tmp";

impl<D: Disk> Inner<D> {
    /// Makes the copy `name`, without what is not in blocks yet if `skip_head`. It appears whole, durable, or not at all.
    pub(crate) fn copy_to(&self, name: &str, skip_head: bool) -> io::Result<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{name:?} cannot be the name of a snapshot"),
            ));
        }
        let directory = Path::new(DIR).join(name);
        if self.disk.list(&directory).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("there is a snapshot {name:?} already")));
        }
        let unfinished = Path::new(DIR).join(format!("{name}{UNFINISHED}"));
        let made = self.link_all(&unfinished, skip_head).and_then(|()| {
            self.disk.rename(&unfinished, &directory)?;
            self.disk.sync_dir(Path::new(DIR))
        });
        if made.is_err()
            && let Err(error) = remove_tree(&self.disk, &unfinished)
        {
            tracing::warn!(%error, path = %unfinished.display(), "an unfinished snapshot could not be removed");
        }
        made
    }

    fn link_all(&self, directory: &Path, skip_head: bool) -> io::Result<()> {
        for inner in [BLOCKS, snapshot::DIR, segment::DIR] {
            self.disk.create_dir(&directory.join(inner))?;
        }
        self.disk.sync_dir(Path::new(""))?;
        // Nothing comes or goes while this is held.
        let keeping = self.housekeeping.lock();
        if !skip_head {
            self.close_segment()?;
        }
        let mut state = keeping.manifest.state().clone();
        state.garbage.clear();
        if skip_head {
            self.without_head(&mut state);
        }
        let mut files: Vec<PathBuf> = state.blocks.iter().map(|n| block_path(*n)).collect();
        if state.scalars.snapshot > 0 {
            files.extend(snapshot::COPIES.map(|copy| snapshot::path(state.scalars.snapshot, copy)));
        }
        let view = self.view.read().clone();
        for number in view.parts.segments.range(state.scalars.first_segment..).map(|(n, _)| *n) {
            files.extend([segment::path(number), segment::parity_path(number)]);
        }
        for file in files {
            match self.disk.link(&file, &directory.join(&file)) {
                // What was missing before is missing in the copy.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                linked => linked?,
            }
        }
        for inner in [BLOCKS, snapshot::DIR, segment::DIR] {
            self.disk.sync_dir(&directory.join(inner))?;
        }
        Manifest::write_copy(&self.disk, directory, &state)
    }

    /// Turns a state into that of its blocks alone.
    fn without_head(&self, state: &mut State) {
        let scalars = &mut state.scalars;
        (scalars.snapshot, scalars.snapshot_frames) = (0, 0);
        // Places in the log that the seal and deletes speak of lie before it.
        scalars.first_segment = self.view.read().horizon.segment() + 1;
    }

    /// Waits until what was written so far lies in files that do not change any more.
    fn close_segment(&self) -> io::Result<()> {
        let (send, receive) = sync_channel(1);
        let done = Box::new(move |_| {
            let _ = send.send(());
        });
        {
            let mut queue = self.queue.lock();
            queue.close_segment = true;
            queue.waiting.push(Waiting { done, report: AppendReport::default() });
        }
        self.work.notify_one();
        receive.recv().map_err(|_| io::Error::other("the database is stopping"))
    }
}

/// Removes copies that were not finished.
pub(crate) fn sweep<D: Disk>(disk: &D) -> io::Result<()> {
    let entries = match disk.list(Path::new(DIR)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let unfinished = entries.iter().filter(|e| e.is_dir && e.name.ends_with(UNFINISHED));
    unfinished.map(|e| Path::new(DIR).join(&e.name)).try_for_each(|path| remove_tree(disk, &path))
}

fn remove_tree<D: Disk>(disk: &D, path: &Path) -> io::Result<()> {
    let entries = match disk.list(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let inner = path.join(&entry.name);
        if entry.is_dir { remove_tree(disk, &inner)? } else { disk.remove_file(&inner)? }
    }
    disk.remove_dir(path)
}
