//! Files and directories in memory: inodes, and names that point at them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;

pub(super) type InodeId = u64;

pub(super) const ROOT: InodeId = 0;

/// One name of one directory.
pub(super) type Name = (InodeId, String);

#[derive(Clone, Debug)]
pub(super) enum Inode {
    File { bytes: Arc<Vec<u8>>, allocated: u64 },
    Dir(BTreeMap<String, InodeId>),
}

impl Inode {
    pub(super) fn new(is_dir: bool) -> Inode {
        if is_dir { Inode::Dir(BTreeMap::new()) } else { Inode::File { bytes: Arc::default(), allocated: 0 } }
    }
}

/// A change of content.
#[derive(Clone, Debug)]
pub(super) enum DataOp {
    Write { offset: u64, bytes: Arc<[u8]> },
    SetLen(u64),
    Allocate(u64),
    Flip { offset: u64, mask: u8 },
}

/// A change of names that happens as a whole or not at all.
#[derive(Clone, Debug)]
pub(super) struct NameOp {
    /// New targets of names; `None` removes.
    pub(super) sets: Vec<(Name, Option<InodeId>)>,
    /// Names that are only read (the old name of a link).
    pub(super) reads: Vec<Name>,
    /// Directories that must still be synced before the change is durable.
    pub(super) unsynced_dirs: Vec<InodeId>,
}

impl NameOp {
    pub(super) fn touches(&self) -> impl Iterator<Item = &Name> {
        self.sets.iter().map(|(name, _)| name).chain(&self.reads)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) inodes: BTreeMap<InodeId, Inode>,
}

impl Tree {
    pub(super) fn new() -> Tree {
        Tree { inodes: BTreeMap::from([(ROOT, Inode::new(true))]) }
    }

    pub(super) fn next_id(&self) -> InodeId {
        self.inodes.last_key_value().map_or(1, |(id, _)| id + 1)
    }

    /// The directory and name `path` ends with; the directory must exist.
    pub(super) fn locate(&self, path: &Path) -> io::Result<Name> {
        let mut parts = parts(path)?;
        let Some(name) = parts.pop() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the root has no name"));
        };
        let dir = self.walk(&parts)?;
        self.dir(dir)?;
        Ok((dir, name))
    }

    /// The inode at `path`.
    pub(super) fn find(&self, path: &Path) -> io::Result<InodeId> {
        self.walk(&parts(path)?)
    }

    fn walk(&self, parts: &[String]) -> io::Result<InodeId> {
        let mut at = ROOT;
        for part in parts {
            at = *self.dir(at)?.get(part).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(at)
    }

    pub(super) fn lookup(&self, name: &Name) -> io::Result<Option<InodeId>> {
        Ok(self.dir(name.0)?.get(&name.1).copied())
    }

    pub(super) fn dir(&self, id: InodeId) -> io::Result<&BTreeMap<String, InodeId>> {
        match self.inodes.get(&id) {
            Some(Inode::Dir(entries)) => Ok(entries),
            Some(_) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn file(&self, id: InodeId) -> io::Result<&Vec<u8>> {
        match self.inodes.get(&id) {
            Some(Inode::File { bytes, .. }) => Ok(bytes),
            Some(_) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn is_dir(&self, id: InodeId) -> bool {
        matches!(self.inodes.get(&id), Some(Inode::Dir(_)))
    }

    pub(super) fn apply_names(&mut self, op: &NameOp) {
        for ((dir, name), target) in &op.sets {
            if let Some(Inode::Dir(entries)) = self.inodes.get_mut(dir) {
                match target {
                    Some(id) => entries.insert(name.clone(), *id),
                    None => entries.remove(name),
                };
            }
        }
    }

    pub(super) fn apply_data(&mut self, id: InodeId, op: &DataOp) {
        if let Some(Inode::File { bytes, allocated }) = self.inodes.get_mut(&id) {
            match op {
                DataOp::Allocate(len) => *allocated = (*allocated).max(*len),
                DataOp::SetLen(len) => {
                    // As file systems do: what is reserved beyond the end goes, even if the end stays where it is.
                    *allocated = (*allocated).min(*len);
                    change(Arc::make_mut(bytes), op);
                }
                op => change(Arc::make_mut(bytes), op),
            }
        }
    }

    /// Bytes taken by files, reservations included.
    pub(super) fn used(&self) -> u64 {
        self.inodes.values().map(charge).sum()
    }

    /// Bytes taken by one file.
    pub(super) fn charge(&self, id: InodeId) -> u64 {
        self.inodes.get(&id).map_or(0, charge)
    }

    /// Forgets every inode that no name leads to, beginning at the root and at `also`.
    pub(super) fn forget_unreachable(&mut self, also: impl Iterator<Item = InodeId>) {
        let mut reached = BTreeSet::new();
        let mut todo: Vec<InodeId> = also.chain([ROOT]).collect();
        while let Some(id) = todo.pop() {
            if reached.insert(id)
                && let Some(Inode::Dir(entries)) = self.inodes.get(&id)
            {
                todo.extend(entries.values());
            }
        }
        self.inodes.retain(|id, _| reached.contains(id));
    }
}

fn charge(inode: &Inode) -> u64 {
    match inode {
        Inode::File { bytes, allocated } => (bytes.len() as u64).max(*allocated),
        Inode::Dir(_) => 0,
    }
}

/// Applies a change of content to the bytes of a file.
pub(super) fn change(bytes: &mut Vec<u8>, op: &DataOp) {
    match op {
        DataOp::Write { offset, bytes: new } => overwrite(bytes, *offset as usize, new),
        DataOp::SetLen(len) => bytes.resize(*len as usize, 0),
        DataOp::Allocate(_) => {}
        DataOp::Flip { offset, mask } => {
            if let Some(byte) = bytes.get_mut(*offset as usize) {
                *byte ^= mask;
            }
        }
    }
}

/// Writes `new` at `offset`, filling a gap with zeros.
pub(super) fn overwrite(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    let end = offset + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(new);
}

/// The length after a change.
pub(super) fn length_after(len: u64, op: &DataOp) -> u64 {
    match op {
        DataOp::Write { offset, bytes } => len.max(offset + bytes.len() as u64),
        DataOp::SetLen(new) => *new,
        DataOp::Allocate(_) | DataOp::Flip { .. } => len,
    }
}

/// The names along `path`, which must stay inside.
pub(super) fn parts(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => names.push(name.to_string_lossy().into_owned()),
            _ => {
                let problem = format!("{} leaves the data directory", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
            }
        }
    }
    Ok(names)
}
