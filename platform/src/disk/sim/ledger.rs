//! What a power cut may leave behind: the durable state, and the changes whose fate is open.
//!
//! Rules. A change of content is durable after a successful sync of its file; a change of names after a sync of every
//! directory it touches. Open changes of content are applied, dropped or torn at 512-byte sectors, each on its own,
//! and the length of a file may be any length it had since the last sync. Open changes of names are applied or dropped
//! whole, but never out of order for one name. What a failed sync was asked to keep is never safe again, even after a
//! later sync succeeds: the kernel has forgotten that it was dirty.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::tree::{DataOp, Inode, InodeId, Name, NameOp, Tree, change, length_after, overwrite};
use crate::entropy::SplitMix;

/// What becomes of unsynced changes in a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Nothing that was not synced survives.
    LoseUnsynced,
    /// Everything survives, synced or not.
    KeepAll,
    /// Each change is kept, dropped or torn; lengths and data may disagree.
    Random {
        /// Decides.
        seed: u64,
    },
    /// All names survive; every unsynced write is torn: each sector is new, old, zero or garbage.
    Torn {
        /// Decides.
        seed: u64,
    },
}

const SECTOR: u64 = 512;

/// One step of a workload, as durability sees it.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Inode { id: InodeId, is_dir: bool },
    Names(NameOp),
    Data(InodeId, DataOp),
    SyncFile(InodeId),
    SyncFileFailed(InodeId),
    SyncDir(InodeId),
    Mark(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    Durable,
    Doomed,
}

#[derive(Clone, Debug)]
pub(super) struct Ledger {
    durable: Tree,
    data: BTreeMap<InodeId, Vec<(DataOp, Fate)>>,
    names: Vec<NameOp>,
}

impl Ledger {
    /// Everything in `durable` is on stable storage.
    pub(super) fn new(durable: Tree) -> Ledger {
        Ledger { durable, data: BTreeMap::new(), names: Vec::new() }
    }

    /// Takes note of a step.
    pub(super) fn record(&mut self, op: &Op) {
        match op {
            Op::Inode { id, is_dir } => {
                self.durable.inodes.insert(*id, Inode::new(*is_dir));
            }
            Op::Names(op) => self.names.push(op.clone()),
            Op::Data(id, op) => {
                let fate = if matches!(op, DataOp::Flip { .. }) { Fate::Durable } else { Fate::Open };
                self.data.entry(*id).or_default().push((op.clone(), fate));
                self.fold_data(*id);
            }
            Op::SyncFile(id) => {
                self.settle(*id, Fate::Durable);
                self.fold_data(*id);
            }
            Op::SyncFileFailed(id) => self.settle(*id, Fate::Doomed),
            Op::SyncDir(id) => self.sync_names(*id),
            Op::Mark(_) => {}
        }
    }

    fn settle(&mut self, id: InodeId, to: Fate) {
        for (_, fate) in self.data.get_mut(&id).into_iter().flatten() {
            if *fate == Fate::Open {
                *fate = to;
            }
        }
    }

    /// Moves the leading durable changes of a file into the durable state.
    fn fold_data(&mut self, id: InodeId) {
        let Some(ops) = self.data.get_mut(&id) else { return };
        let durable = ops.iter().take_while(|(_, fate)| *fate == Fate::Durable).count();
        for (op, _) in ops.drain(..durable) {
            self.durable.apply_data(id, &op);
        }
        if ops.is_empty() {
            self.data.remove(&id);
        }
    }

    fn sync_names(&mut self, dir: InodeId) {
        for op in &mut self.names {
            op.unsynced_dirs.retain(|d| *d != dir);
        }
        let kept = closed(&self.names, |op| op.unsynced_dirs.is_empty());
        let mut kept = kept.into_iter();
        let durable = &mut self.durable;
        self.names.retain(|op| {
            let done = kept.next() == Some(true);
            if done {
                durable.apply_names(op);
            }
            !done
        });
    }

    /// Forgets files that no name, durable or open, can lead to.
    pub(super) fn forget_unreachable(&mut self) {
        let named = self.names.iter().flat_map(|op| op.sets.iter().filter_map(|(_, id)| *id));
        self.durable.forget_unreachable(named);
        let inodes = &self.durable.inodes;
        self.data.retain(|id, _| inodes.contains_key(id));
    }

    /// What the disk holds after a power cut now.
    pub(super) fn crash(&self, crash: Crash) -> Tree {
        let mut chance = Chance::new(crash);
        let mut tree = self.durable.clone();
        let kept = closed(&self.names, |_| chance.keeps_name());
        for (op, kept) in self.names.iter().zip(kept) {
            if kept {
                tree.apply_names(op);
            }
        }
        tree.forget_unreachable(std::iter::empty());
        for (id, ops) in &self.data {
            if let Some(Inode::File { bytes, allocated }) = tree.inodes.get_mut(id) {
                *bytes = Arc::new(surviving(bytes.to_vec(), ops, &mut chance));
                *allocated = 0;
            }
        }
        tree
    }
}

/// Which changes of names are kept if those for which `keep` answers true are: with a change also every earlier one of
/// the same names.
fn closed(names: &[NameOp], mut keep: impl FnMut(&NameOp) -> bool) -> Vec<bool> {
    let mut kept = vec![false; names.len()];
    let mut needed: BTreeSet<&Name> = BTreeSet::new();
    for (i, op) in names.iter().enumerate().rev() {
        kept[i] = keep(op) || op.touches().any(|name| needed.contains(name));
        if kept[i] {
            needed.extend(op.touches());
        }
    }
    kept
}

fn surviving(mut bytes: Vec<u8>, ops: &[(DataOp, Fate)], chance: &mut Chance) -> Vec<u8> {
    let mut len = bytes.len() as u64;
    let mut lengths = vec![len];
    for (op, fate) in ops {
        len = length_after(len, op);
        if *fate == Fate::Durable && !matches!(op, DataOp::Flip { .. }) {
            lengths.clear();
        }
        lengths.push(len);
        match if *fate == Fate::Durable { Verdict::Keep } else { chance.verdict() } {
            Verdict::Keep => change(&mut bytes, op),
            Verdict::Drop => {}
            Verdict::Tear => match op {
                DataOp::Write { offset, bytes: new } => tear(&mut bytes, *offset, new, &mut chance.rng),
                op => change(&mut bytes, op),
            },
        }
    }
    let len = chance.length(&lengths, bytes.len() as u64);
    bytes.resize(len as usize, 0);
    bytes
}

/// Writes each sector of `new` properly, not at all, as zeros or as garbage. Bytes around `new` stay as they are.
fn tear(bytes: &mut Vec<u8>, offset: u64, new: &[u8], rng: &mut SplitMix) {
    let end = offset + new.len() as u64;
    let mut at = offset;
    while at < end {
        let stop = end.min((at / SECTOR + 1) * SECTOR);
        let part = &new[(at - offset) as usize..(stop - offset) as usize];
        match rng.below(4) {
            0 => overwrite(bytes, at as usize, part),
            1 => overwrite(bytes, at as usize, &vec![0; part.len()]),
            2 => {
                let mut garbage = vec![0; part.len()];
                rng.fill(&mut garbage);
                overwrite(bytes, at as usize, &garbage);
            }
            _ => {}
        }
        at = stop;
    }
}

enum Verdict {
    Keep,
    Drop,
    Tear,
}

struct Chance {
    crash: Crash,
    rng: SplitMix,
}

impl Chance {
    fn new(crash: Crash) -> Chance {
        let seed = match crash {
            Crash::LoseUnsynced | Crash::KeepAll => 0,
            Crash::Random { seed } | Crash::Torn { seed } => seed,
        };
        Chance { crash, rng: SplitMix::new(seed) }
    }

    fn keeps_name(&mut self) -> bool {
        match self.crash {
            Crash::LoseUnsynced => false,
            Crash::KeepAll | Crash::Torn { .. } => true,
            Crash::Random { .. } => self.rng.one_in(2),
        }
    }

    fn verdict(&mut self) -> Verdict {
        match self.crash {
            Crash::LoseUnsynced => Verdict::Drop,
            Crash::KeepAll => Verdict::Keep,
            Crash::Torn { .. } => Verdict::Tear,
            Crash::Random { .. } => match self.rng.below(3) {
                0 => Verdict::Drop,
                1 => Verdict::Keep,
                _ => Verdict::Tear,
            },
        }
    }

    /// The length of a file that had `lengths` since its last sync and whose surviving data ends at `data`.
    fn length(&mut self, lengths: &[u64], data: u64) -> u64 {
        match self.crash {
            Crash::LoseUnsynced => lengths[0],
            Crash::KeepAll => lengths[lengths.len() - 1],
            Crash::Torn { .. } | Crash::Random { .. } => {
                if self.rng.one_in(2) {
                    lengths[self.rng.below(lengths.len() as u64) as usize]
                } else {
                    data.max(lengths.iter().copied().min().unwrap_or(0))
                }
            }
        }
    }
}
