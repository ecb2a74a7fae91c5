//! A disk in memory whose power can be cut.
//!
//! ```
//! use nightjar_platform::disk::{Crash, Disk, DiskFile, OpenMode, SimDisk};
//! let disk = SimDisk::new();
//! let file = disk.open("a".as_ref(), OpenMode::CreateNew)?;
//! file.write_all_at(b"hello", 0)?;
//! file.sync_data()?;
//! let after = disk.crash(Crash::LoseUnsynced);
//! assert!(after.open("a".as_ref(), OpenMode::Read).is_err(), "the name was never synced");
//! # Ok::<(), std::io::Error>(())
//! ```

mod fault;
mod ledger;
mod recording;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;

use super::{Disk, DiskFile, Entry, OpenMode};
use fault::FaultPlan;
pub use fault::{Call, Fault, FaultKind};
pub use ledger::Crash;
use ledger::{Ledger, Op};
pub use recording::{CrashPoint, Recording};
use tree::{DataOp, InodeId, NameOp, ROOT, Tree};

/// A disk in memory. Clones share it. Deterministic: the same calls give the same disk, the same seed the same crash.
#[derive(Clone, Debug)]
pub struct SimDisk(Arc<Mutex<State>>);

/// A file of a [`SimDisk`].
#[derive(Debug)]
pub struct SimFile {
    disk: SimDisk,
    id: InodeId,
    path: String,
    writable: bool,
    locked: bool,
}

#[derive(Debug)]
struct State {
    live: Tree,
    ledger: Ledger,
    next_id: InodeId,
    open: BTreeMap<InodeId, u32>,
    locks: BTreeSet<InodeId>,
    capacity: u64,
    faults: FaultPlan,
    calls: BTreeMap<Call, u64>,
    recording: Option<Recording>,
    powered_off: bool,
}

impl Default for SimDisk {
    fn default() -> SimDisk {
        SimDisk::new()
    }
}

impl SimDisk {
    /// An empty disk of 4 GiB without faults.
    pub fn new() -> SimDisk {
        SimDisk::from_tree(Tree::new())
    }

    fn from_tree(tree: Tree) -> SimDisk {
        SimDisk(Arc::new(Mutex::new(State {
            next_id: tree.next_id(),
            ledger: Ledger::new(tree.clone()),
            live: tree,
            open: BTreeMap::new(),
            locks: BTreeSet::new(),
            capacity: 4 << 30,
            faults: FaultPlan::default(),
            calls: BTreeMap::new(),
            recording: None,
            powered_off: false,
        })))
    }

    /// The disk as the next boot finds it if the power is cut now. This disk goes on unharmed.
    pub fn crash(&self, crash: Crash) -> SimDisk {
        SimDisk::from_tree(self.0.lock().ledger.crash(crash))
    }

    /// The disk as a process finds it that starts after this one was killed: the kernel kept everything.
    pub fn kill(&self) -> SimDisk {
        let state = self.0.lock();
        let mut tree = state.live.clone();
        tree.forget_unreachable(std::iter::empty());
        let after = SimDisk::from_tree(tree);
        after.0.lock().ledger = state.ledger.clone();
        after.0.lock().next_id = state.next_id;
        after
    }

    /// From now on every call fails with `EIO`: for the threads of a process that is gone.
    pub fn power_off(&self) {
        self.0.lock().powered_off = true;
    }

    /// Limits the bytes of all files together. May be below what is stored: then nothing grows.
    pub fn set_capacity(&self, bytes: u64) {
        self.0.lock().capacity = bytes;
    }

    /// Bytes taken by all files, reservations and unlinked open files included.
    pub fn used_bytes(&self) -> u64 {
        self.0.lock().live.used()
    }

    /// Orders a failure.
    pub fn inject(&self, fault: Fault) {
        self.0.lock().faults.add(fault);
    }

    /// Takes back all orders to fail.
    pub fn clear_faults(&self) {
        self.0.lock().faults.clear();
    }

    /// How many calls failed by order so far.
    pub fn faults_hit(&self) -> u64 {
        self.0.lock().faults.hits()
    }

    /// How many calls of a kind were made so far, failed ones included.
    pub fn calls(&self, call: Call) -> u64 {
        self.0.lock().calls.get(&call).copied().unwrap_or(0)
    }

    /// Flips bits of a stored byte, as bad media does. `NotFound` without such a file, `InvalidInput` past its end.
    pub fn flip(&self, path: &Path, offset: u64, mask: u8) -> io::Result<()> {
        let mut state = self.0.lock();
        let id = state.live.find(path)?;
        if offset >= state.live.file(id)?.len() as u64 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        state.step_data(id, DataOp::Flip { offset, mask });
        Ok(())
    }

    /// Begins to record steps, forgetting those recorded before.
    pub fn record(&self) {
        let mut state = self.0.lock();
        let start = state.ledger.clone();
        state.recording = Some(Recording { start, ops: Vec::new() });
    }

    /// Notes something in the recording, usually how much was acknowledged.
    pub fn mark(&self, value: u64) {
        self.0.lock().step(Op::Mark(value));
    }

    /// The steps since [`SimDisk::record`]; empty if that was never called.
    pub fn recording(&self) -> Recording {
        let state = self.0.lock();
        let nothing = || Recording { start: state.ledger.clone(), ops: Vec::new() };
        state.recording.clone().unwrap_or_else(nothing)
    }

    fn enter(&self, call: Call, path: &Path) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.0.lock();
        match state.call(call, &path.to_string_lossy()) {
            Some(kind) => Err(kind.error()),
            None => Ok(state),
        }
    }

    fn file(&self, state: &mut State, id: InodeId, path: &Path, writable: bool, locked: bool) -> SimFile {
        *state.open.entry(id).or_default() += 1;
        SimFile { disk: self.clone(), id, path: path.to_string_lossy().into_owned(), writable, locked }
    }
}

impl Recording {
    /// Disks as a power cut may have left them: after every step, each in several ways, at most `limit` in all (then
    /// evenly spread). The same `seed` gives the same images.
    pub fn crashes(&self, limit: usize, seed: u64) -> impl Iterator<Item = (CrashPoint, SimDisk)> + '_ {
        self.images(limit, seed).map(|(point, tree)| (point, SimDisk::from_tree(tree)))
    }
}

impl State {
    /// Counts a call and says whether it fails.
    fn call(&mut self, call: Call, path: &str) -> Option<FaultKind> {
        *self.calls.entry(call).or_default() += 1;
        let fault = self.faults.strike(call, path);
        if self.powered_off { Some(FaultKind::Io) } else { fault }
    }

    fn step(&mut self, op: Op) {
        self.ledger.record(&op);
        if let Some(recording) = &mut self.recording {
            recording.ops.push(op);
        }
    }

    fn step_data(&mut self, id: InodeId, op: DataOp) {
        self.live.apply_data(id, &op);
        self.step(Op::Data(id, op));
    }

    fn step_names(&mut self, sets: Vec<(tree::Name, Option<InodeId>)>, reads: Vec<tree::Name>) {
        let mut unsynced_dirs: Vec<InodeId> = sets.iter().map(|((dir, _), _)| *dir).collect();
        unsynced_dirs.dedup();
        let op = NameOp { sets, reads, unsynced_dirs };
        self.live.apply_names(&op);
        self.step(Op::Names(op));
        self.forget();
    }

    fn forget(&mut self) {
        let open: Vec<InodeId> = self.open.keys().copied().collect();
        self.live.forget_unreachable(open.into_iter());
    }

    fn create(&mut self, name: tree::Name, is_dir: bool) -> InodeId {
        let id = self.next_id;
        self.next_id += 1;
        self.live.inodes.insert(id, tree::Inode::new(is_dir));
        self.step(Op::Inode { id, is_dir });
        self.step_names(vec![(name, Some(id))], Vec::new());
        id
    }

    fn remove(&mut self, path: &Path, is_dir: bool) -> io::Result<()> {
        let name = self.live.locate(path)?;
        let id = self.live.lookup(&name)?.ok_or(io::ErrorKind::NotFound)?;
        match self.live.dir(id) {
            Ok(_) if !is_dir => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(entries) if !entries.is_empty() => return Err(io::ErrorKind::DirectoryNotEmpty.into()),
            Err(_) if is_dir => return Err(io::ErrorKind::NotADirectory.into()),
            _ => {}
        }
        self.step_names(vec![(name, None)], Vec::new());
        Ok(())
    }

    /// How far file `id` may grow.
    fn limit(&self, id: InodeId) -> u64 {
        let charge = self.live.charge(id);
        charge.saturating_add(self.capacity.saturating_sub(self.live.used()))
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<SimFile> {
        let mut state = self.enter(Call::Open, path)?;
        let id = match mode {
            OpenMode::Read | OpenMode::ReadWrite => state.live.find(path)?,
            OpenMode::CreateNew => {
                let name = state.live.locate(path)?;
                if state.live.lookup(&name)?.is_some() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                state.create(name, false)
            }
        };
        state.live.file(id)?;
        Ok(self.file(&mut state, id, path, mode != OpenMode::Read, false))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.enter(Call::CreateDir, path)?;
        let mut at = ROOT;
        for part in tree::parts(path)? {
            let name = (at, part);
            at = match state.live.lookup(&name)? {
                Some(id) => id,
                None => state.create(name, true),
            };
        }
        if state.live.is_dir(at) { Ok(()) } else { Err(io::ErrorKind::AlreadyExists.into()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.enter(Call::Rename, from)?;
        let (from, target) = (state.live.locate(from)?, state.live.locate(to)?);
        let id = state.live.lookup(&from)?.ok_or(io::ErrorKind::NotFound)?;
        let replaced = state.live.lookup(&target)?;
        if replaced == Some(id) {
            return Ok(());
        }
        if state.live.is_dir(id) && inside(&state.live, id, to)? {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        match replaced.map(|old| (state.live.dir(old).map(|e| e.is_empty()), state.live.is_dir(id))) {
            Some((Ok(_), false)) => return Err(io::ErrorKind::IsADirectory.into()),
            Some((Ok(false), true)) => return Err(io::ErrorKind::DirectoryNotEmpty.into()),
            Some((Err(_), true)) => return Err(io::ErrorKind::NotADirectory.into()),
            _ => {}
        }
        state.step_names(vec![(from, None), (target, Some(id))], Vec::new());
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.enter(Call::Link, from)?;
        let from = state.live.locate(from)?;
        let id = state.live.lookup(&from)?.ok_or(io::ErrorKind::NotFound)?;
        let target = state.live.locate(to)?;
        if state.live.lookup(&target)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if state.live.is_dir(id) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        state.step_names(vec![(target, Some(id))], vec![from]);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.enter(Call::Remove, path)?.remove(path, false)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.enter(Call::Remove, path)?.remove(path, true)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.enter(Call::SyncDir, path)?;
        let id = state.live.find(path)?;
        state.live.dir(id)?;
        state.step(Op::SyncDir(id));
        state.ledger.forget_unreachable();
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let state = self.enter(Call::Read, path)?;
        let entries = state.live.dir(state.live.find(path)?)?;
        let entry = |(name, id): (&String, &InodeId)| Entry {
            name: name.clone(),
            len: state.live.file(*id).map_or(0, |bytes| bytes.len() as u64),
            is_dir: state.live.is_dir(*id),
        };
        Ok(entries.iter().map(entry).collect())
    }

    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.0.lock().capacity)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let state = self.0.lock();
        Ok(state.capacity.saturating_sub(state.live.used()))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<SimFile>> {
        let mut state = self.enter(Call::Open, path)?;
        let name = state.live.locate(path)?;
        let id = match state.live.lookup(&name)? {
            Some(id) => id,
            None => state.create(name, false),
        };
        state.live.file(id)?;
        if !state.locks.insert(id) {
            return Ok(None);
        }
        Ok(Some(self.file(&mut state, id, path, true, true)))
    }

    fn display_root(&self) -> String {
        "simulated disk".to_owned()
    }
}

/// Whether `path` lies in directory `dir`.
fn inside(tree: &Tree, dir: InodeId, path: &Path) -> io::Result<bool> {
    let mut at = ROOT;
    for part in tree::parts(path)? {
        match tree.lookup(&(at, part))? {
            Some(id) if id == dir => return Ok(true),
            Some(id) => at = id,
            None => break,
        }
    }
    Ok(false)
}

impl SimFile {
    fn enter(&self, call: Call) -> io::Result<MutexGuard<'_, State>> {
        self.disk.enter(call, Path::new(&self.path))
    }

    fn change(&self, call: Call) -> io::Result<MutexGuard<'_, State>> {
        if self.writable { self.enter(call) } else { Err(Errno::BADF.into()) }
    }
}

impl DiskFile for SimFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.enter(Call::Read)?;
        let bytes = state.live.file(self.id)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        match bytes[start..].get(..buf.len()) {
            Some(found) => {
                buf.copy_from_slice(found);
                Ok(())
            }
            None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "failed to fill whole buffer")),
        }
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        if !self.writable {
            return Err(Errno::BADF.into());
        }
        let mut state = self.disk.0.lock();
        let fault = state.call(Call::Write, &self.path);
        if let Some(kind @ (FaultKind::Io | FaultKind::NoSpace)) = fault {
            return Err(kind.error());
        }
        let wanted = if fault.is_some() { buf.len() / 2 } else { buf.len() };
        let room = state.limit(self.id).saturating_sub(offset);
        let fits = wanted.min(usize::try_from(room).unwrap_or(usize::MAX));
        if fits > 0 {
            state.step_data(self.id, DataOp::Write { offset, bytes: Arc::from(&buf[..fits]) });
        }
        if fits < buf.len() { Err(FaultKind::NoSpace.error()) } else { Ok(()) }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        match state.call(Call::SyncData, &self.path) {
            Some(kind) => {
                state.step(Op::SyncFileFailed(self.id));
                Err(kind.error())
            }
            None => {
                state.step(Op::SyncFile(self.id));
                Ok(())
            }
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.change(Call::SetLen)?;
        if len > state.limit(self.id) {
            return Err(FaultKind::NoSpace.error());
        }
        state.step_data(self.id, DataOp::SetLen(len));
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let mut state = self.change(Call::Allocate)?;
        if len > state.limit(self.id) {
            return Err(FaultKind::NoSpace.error());
        }
        state.step_data(self.id, DataOp::Allocate(len));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.enter(Call::Read)?.live.file(self.id)?.len() as u64)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.disk.0.lock();
        if self.locked {
            state.locks.remove(&self.id);
        }
        if let Some(count) = state.open.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                state.open.remove(&self.id);
                state.forget();
            }
        }
    }
}
