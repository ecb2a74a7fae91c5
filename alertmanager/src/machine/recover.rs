//! The machine after a restart, and after a change of configuration.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use nightjar_platform::SplitMix;

use crate::config::Config;
use crate::fingerprint::Fingerprint;
use crate::inhibit::Inhibitor;
use crate::record::{Ending, GroupId, LineId, Record, Steady};
use crate::route::RouteTree;
use crate::silence::{Silences, notice};

use super::groups::{GroupNumber, Groups};
use super::{Machine, Nearing, Now, Options};

impl Machine {
    /// The router as the records leave it: nothing told is told again, nothing that waits is forgotten, timers go on.
    pub fn recover(config: Arc<Config>, options: Options, records: Vec<Record>, now: Now) -> Machine {
        let mut machine = Machine {
            tree: RouteTree::new(&config.route),
            inhibitor: Inhibitor::new(&config.inhibit_rules),
            config,
            options,
            silences: Silences::default(),
            nearing: Nearing::default(),
            alerts: HashMap::new(),
            ends: BTreeSet::new(),
            groups: Groups::default(),
            flushes: BTreeSet::new(),
            lines: BTreeMap::new(),
            attempts: BTreeSet::new(),
            down: BTreeSet::new(),
            records: VecDeque::new(),
            inherited: BTreeMap::new(),
            shared: VecDeque::new(),
            wait_ms: 0,
            sends: VecDeque::new(),
            decisions: VecDeque::new(),
            random: SplitMix::new(options.seed),
            offset: 0,
            quiet_until: Steady::MIN,
            next_forget: 0,
            sweeps: 0,
            latest: Steady::MIN,
        };
        let (mut stopped, mut clock, mut groups) = (None, (0, now.wall_ms), BTreeMap::new());
        for record in &records {
            let (at, wall) = stamp(record);
            stopped = stopped.max(at);
            clock = at.zip(wall).unwrap_or(clock);
        }
        // While nobody looked at the monotonic clock the wall clock is the best guess, but time does not go back.
        let steady = clock.0.saturating_add(now.wall_ms.saturating_sub(clock.1)).max(stopped.unwrap_or(0));
        machine.offset = steady.saturating_sub(now.monotonic_ms);
        machine.quiet_until = steady.saturating_add(options.start_delay_ms);
        machine.next_forget = steady.saturating_add(900_000);
        machine.records.push_back(Record::Clock { at: steady, wall: now.wall_ms });
        for record in records {
            machine.apply(record, &mut groups, now, steady);
        }
        machine.count_mentions();
        machine.regroup(&groups, stopped.unwrap_or(steady), now);
        machine.resend(steady);
        machine
    }

    fn apply(&mut self, record: Record, groups: &mut BTreeMap<GroupId, Steady>, now: Now, steady: Steady) {
        match record {
            Record::Clock { .. } => {}
            Record::Alert { alert, firing, at } => {
                let left = alert.ends_at.saturating_sub(now.wall_ms);
                // Whoever keeps it alive could not do so while nobody listened. Nobody keeps a notice alive.
                let kept_alive = notice::announced(&alert.labels).is_none();
                let grace = if kept_alive { self.config.global.resolve_timeout.0 } else { 0 };
                let ends = if firing { steady.saturating_add(left.max(grace)) } else { at };
                self.store(Fingerprint::of(&alert.labels), alert, firing, ends);
            }
            Record::Group { id, first_flush } => {
                groups.insert(id, first_flush);
            }
            Record::GroupGone(id) => {
                groups.remove(&id);
            }
            Record::Silence(silence) => self.silences.put(silence),
            Record::SilenceGone(id) => self.silences.remove(&id),
            Record::Intent(intent) => {
                let stale = self.lines.get(&intent.line).is_some_and(|line| intent.seq < line.next_seq);
                if !stale {
                    self.insert_intent(intent, steady);
                }
            }
            Record::Ending { line, seq, at, ending } => {
                self.end_intent(&line, seq, at, &ending);
            }
            Record::Told { line, told, next_seq } => {
                let line = self.lines.entry(line).or_default();
                (line.told, line.next_seq) = (Some(told), line.next_seq.max(next_seq));
            }
            Record::LineGone(id) => {
                self.lines.remove(&id);
            }
            Record::Inherited(entry) => {
                self.inherited.insert(entry.key.clone(), entry);
            }
            Record::InheritedGone(key) => {
                self.inherited.remove(&key);
            }
        }
    }

    /// Puts alerts that fire, and those whose end somebody has not heard of, into groups that go on where they were.
    fn regroup(&mut self, groups: &BTreeMap<GroupId, Steady>, stopped: Steady, now: Now) {
        let steady = self.steady(now);
        for (id, first_flush) in groups {
            let Some((route, settings)) = self.tree.by_id(&id.route) else { continue };
            let interval = settings.group_interval_ms.max(1);
            let next = if *first_flush >= stopped {
                *first_flush
            } else {
                // The first look that was due when the machine stopped or later.
                let looks = (stopped - first_flush) / interval + 1;
                first_flush.saturating_add(looks.saturating_mul(interval))
            };
            let next = next.max(steady).max(self.quiet_until);
            self.insert_group(route, id.clone(), *first_flush, next);
        }
        let owed: BTreeSet<Fingerprint> = self
            .lines
            .values()
            .flat_map(|line| {
                let open = line.told.iter().flat_map(|told| told.open.iter().copied());
                let pending = line.pending.iter().flat_map(|pending| pending.intent.alerts.iter());
                open.chain(pending.map(|mention| mention.fingerprint)).collect::<Vec<_>>()
            })
            .collect();
        let mut alive: Vec<Fingerprint> =
            self.alerts.iter().filter(|(f, stored)| stored.firing || owed.contains(f)).map(|(f, _)| *f).collect();
        alive.sort_unstable();
        alive.into_iter().for_each(|fingerprint| self.join_groups(now, fingerprint));
        let empty = self.groups.iter().filter(|(_, group)| group.members.is_empty()).map(|(number, _)| number);
        let empty: Vec<GroupNumber> = empty.collect();
        empty.into_iter().for_each(|number| self.settle(number));
    }

    /// A message may stand before its alerts in a log whose snapshot was taken in parts.
    fn count_mentions(&mut self) {
        self.alerts.values_mut().for_each(|stored| stored.mentions = 0);
        let pending = self.lines.values().filter_map(|line| line.pending.as_ref());
        for mention in pending.flat_map(|pending| &pending.intent.alerts) {
            if let Some(stored) = self.alerts.get_mut(&mention.fingerprint) {
                stored.mentions += 1;
            }
        }
    }

    /// Messages that were on their way are tried at once, or later if the start is delayed.
    fn resend(&mut self, steady: Steady) {
        let at = steady.max(self.quiet_until);
        self.attempts.clear();
        for (id, line) in &mut self.lines {
            if let Some(pending) = &mut line.pending {
                (pending.next_attempt, line.missed) = (at, false);
                self.attempts.insert((at, id.clone()));
            }
        }
    }

    /// Another configuration: routes, rules and receivers change, timers of groups start anew as in Alertmanager;
    /// alerts, silences and what was told stay.
    pub(super) fn configure(&mut self, now: Now, config: Arc<Config>) {
        self.tree = RouteTree::new(&config.route);
        self.inhibitor = Inhibitor::new(&config.inhibit_rules);
        self.config = config;
        self.nearing = Nearing::default();
        let old = self.groups.drain();
        self.flushes.clear();
        for (fingerprint, stored) in self.alerts.iter().filter(|(_, stored)| stored.firing) {
            self.inhibitor.fires(*fingerprint, &stored.alert.labels);
        }
        let members: BTreeSet<Fingerprint> =
            old.iter().flat_map(|group| group.members.iter().map(|(alert, _)| alert)).collect();
        members.into_iter().for_each(|fingerprint| self.join_groups(now, fingerprint));
        let gone = old.into_iter().map(|group| group.id).filter(|id| self.groups.number(id).is_none());
        let gone: BTreeSet<GroupId> = gone.collect();
        self.records.extend(gone.into_iter().map(Record::GroupGone));
        let homeless = |id: &LineId| {
            let receiver = self.config.receiver(&id.receiver).filter(|_| self.tree.by_id(&id.group.route).is_some());
            !receiver
                .is_some_and(|r| r.integrations.iter().any(|i| *i.kind() == *id.kind && i.index == id.index as usize))
        };
        let lost: Vec<(LineId, u64)> = self
            .lines
            .iter()
            .filter(|(id, _)| homeless(id))
            .filter_map(|(id, line)| Some((id.clone(), line.pending.as_ref()?.intent.seq)))
            .collect();
        for (id, seq) in lost {
            self.finish(now, &id, seq, Ending::GaveUp("the integration was removed".to_owned()));
        }
        self.handle_timeout(now);
    }

    /// The two clocks side by side: what a batch of records begins with.
    pub fn clock(&self, now: Now) -> Record {
        Record::Clock { at: self.latest.max(now.monotonic_ms.saturating_add(self.offset)), wall: now.wall_ms }
    }
}

/// When a record was made, by the steady and by the wall clock.
fn stamp(record: &Record) -> (Option<Steady>, Option<i64>) {
    match record {
        Record::Clock { at, wall } => (Some(*at), Some(*wall)),
        Record::Intent(intent) => (Some(intent.at), Some(intent.wall)),
        Record::Alert { at, .. } | Record::Ending { at, .. } => (Some(*at), None),
        _ => (None, None),
    }
}
