//! All groups of a server.
//!
//! Whoever evaluates takes a due group out and puts it back: several threads can evaluate, and nobody who asks what
//! there is waits for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nightjar_model::TimestampMs;

use crate::file::RuleFile;
use crate::group::{Group, GroupView, World};
use crate::key::GroupKey;
use crate::settings::Settings;
use crate::state::SavedState;

/// All groups of a server, as a state machine.
#[derive(Default)]
pub struct Ruler {
    groups: BTreeMap<GroupKey, Group>,
    retired: Vec<Group>,
    views: BTreeMap<GroupKey, Arc<GroupView>>,
    /// Groups that are out for evaluation.
    out: usize,
    loaded: bool,
    /// State from before a restart, until the first load.
    saved: SavedState,
}

impl Ruler {
    /// A ruler without groups.
    pub fn new() -> Ruler {
        Ruler::default()
    }

    /// A ruler whose groups go on as they stopped before a restart.
    pub fn resuming(saved: SavedState) -> Ruler {
        Ruler { saved, ..Ruler::default() }
    }

    /// Puts the rules of `files` (path and content) into force. Groups that stay the same go on; changed ones take
    /// over the state of their predecessors; the series of those that are gone end. State from before a restart is
    /// only taken up by the groups of the first load. No group may be out.
    pub fn load(&mut self, files: &[(String, RuleFile)], settings: &Settings, now: TimestampMs) {
        let restores = !std::mem::replace(&mut self.loaded, true);
        let mut saved = std::mem::take(&mut self.saved);
        let mut old = std::mem::take(&mut self.groups);
        for (path, file) in files {
            for spec in &file.groups {
                let mut group = Group::new(path, spec, settings, restores, now);
                match old.remove(&group.key()) {
                    Some(same) if same.is_same(&group) => group = same,
                    Some(predecessor) => group.succeed(predecessor),
                    None => {
                        if let Some(saved) = saved.take(&group.key()) {
                            group.resume(saved, settings);
                        }
                    }
                }
                self.groups.insert(group.key(), group);
            }
        }
        for mut group in old.into_values() {
            group.retire(now);
            self.retired.push(group);
        }
        self.views = self.groups.iter().map(|(key, group)| (key.clone(), Arc::new(group.view()))).collect();
    }

    /// When something is due next, groups that are out excepted; `None` if there is nothing.
    pub fn poll_timeout(&self) -> Option<TimestampMs> {
        self.groups.values().chain(&self.retired).map(Group::poll_timeout).min()
    }

    /// Takes out the group that is due longest at `now`.
    pub fn take_due(&mut self, now: TimestampMs) -> Option<Group> {
        for group in self.groups.values_mut() {
            group.realign(now);
        }
        self.retired.retain(|group| !group.is_over());
        let due = self.groups.values().filter(|group| group.poll_timeout() <= now);
        if let Some(key) = due.min_by_key(|group| group.poll_timeout()).map(Group::key) {
            self.out += 1;
            return self.groups.remove(&key);
        }
        // Only now it is known which series somebody else goes on with.
        let index = self.retired.iter().position(|group| self.out == 0 && group.poll_timeout() <= now)?;
        let mut group = self.retired.swap_remove(index);
        let alive: BTreeSet<_> = self.groups.values().flat_map(Group::series).collect();
        group.departed_mut().retain(|series| !alive.contains(series));
        self.out += 1;
        Some(group)
    }

    /// Takes a group back; answers what is to be seen of it.
    pub fn put_back(&mut self, group: Group) -> Arc<GroupView> {
        self.out = self.out.saturating_sub(1);
        let view = Arc::new(group.view());
        if group.is_retired() {
            self.retired.push(group);
        } else {
            self.views.insert(group.key(), Arc::clone(&view));
            self.groups.insert(group.key(), group);
        }
        view
    }

    /// Whether no group is out.
    pub fn is_whole(&self) -> bool {
        self.out == 0
    }

    /// Evaluates everything that is due at `now`, one after the other.
    pub fn handle_timeout(&mut self, now: TimestampMs, world: &mut World<'_>) {
        while let Some(mut group) = self.take_due(now) {
            group.handle_timeout(now, world);
            self.put_back(group);
        }
    }

    /// All groups as they were after their last evaluation, sorted by file and name.
    pub fn views(&self) -> Vec<Arc<GroupView>> {
        self.views.values().cloned().collect()
    }
}
