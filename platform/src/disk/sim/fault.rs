//! Calls that fail on purpose.

use std::io;

use rustix::io::Errno;

/// A kind of call to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Opening or creating a file, taking a lock.
    Open,
    /// Creating a directory.
    CreateDir,
    /// Reading file content.
    Read,
    /// Writing file content.
    Write,
    /// Changing the length of a file.
    SetLen,
    /// Reserving room.
    Allocate,
    /// Making content durable.
    SyncData,
    /// Making names durable.
    SyncDir,
    /// Renaming.
    Rename,
    /// Giving a second name.
    Link,
    /// Removing a file or directory.
    Remove,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// `ENOSPC`; nothing is done.
    NoSpace,
    /// `EIO`; nothing is done.
    Io,
    /// A write stores its first half, then fails with `ENOSPC`. Any other call fails like [`FaultKind::NoSpace`].
    ShortWrite,
}

impl FaultKind {
    pub(super) fn error(self) -> io::Error {
        match self {
            FaultKind::NoSpace | FaultKind::ShortWrite => Errno::NOSPC.into(),
            FaultKind::Io => Errno::IO.into(),
        }
    }
}

/// An order to fail.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The kind of call; `None` = any but reading.
    pub call: Option<Call>,
    /// Only calls whose path contains this text.
    pub path: Option<String>,
    /// How many matching calls still succeed before.
    pub after: u64,
    /// How it fails.
    pub kind: FaultKind,
    /// Whether all matching calls fail from then on, not just one.
    pub sticky: bool,
}

impl Fault {
    /// One failure of the next call of a kind.
    pub fn next(call: Call, kind: FaultKind) -> Fault {
        Fault { call: Some(call), path: None, after: 0, kind, sticky: false }
    }

    fn matches(&self, call: Call, path: &str) -> bool {
        let kind = self.call.map_or(call != Call::Read, |wanted| wanted == call);
        kind && self.path.as_ref().is_none_or(|part| path.contains(part.as_str()))
    }
}

/// The faults still to come.
#[derive(Debug, Default)]
pub(super) struct FaultPlan {
    faults: Vec<Fault>,
    hits: u64,
}

impl FaultPlan {
    pub(super) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.faults.clear();
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits
    }

    /// Whether this call fails, and how.
    pub(super) fn strike(&mut self, call: Call, path: &str) -> Option<FaultKind> {
        let mut hit = None;
        self.faults.retain_mut(|fault| {
            if !fault.matches(call, path) {
                return true;
            }
            if fault.after > 0 {
                fault.after -= 1;
                return true;
            }
            hit.get_or_insert(fault.kind);
            fault.sticky
        });
        self.hits += u64::from(hit.is_some());
        hit
    }
}
