//! Which groups an alert is in, and how groups begin and end.

use crate::fingerprint::Fingerprint;
use crate::record::{GroupId, Record, Steady};

use super::groups::{Group, GroupNumber, Members};
use super::{Machine, Now};

impl Machine {
    /// Puts an alert into the groups of its routes, making those that are missing.
    pub(super) fn join_groups(&mut self, now: Now, fingerprint: Fingerprint) {
        let Some(stored) = self.alerts.get(&fingerprint) else { return };
        let firing = stored.firing;
        if !self.is_grouped(fingerprint) {
            let (labels, starts_at) = (stored.alert.labels.clone(), stored.alert.starts_at);
            let routes = self.tree.matches(&labels);
            let mut numbers = Vec::with_capacity(routes.len());
            for route in routes {
                let id = self.group_of(route, &labels);
                let number = self.groups.number(&id).unwrap_or_else(|| self.open_group(now, route, id, starts_at));
                if let Some(group) = self.groups.get_mut(number) {
                    group.members.join(fingerprint);
                }
                self.recall(number, fingerprint);
                numbers.push(number);
            }
            if let Some(stored) = self.alerts.get_mut(&fingerprint) {
                stored.groups = numbers.into();
            }
        }
        if firing && let Some(stored) = self.alerts.get(&fingerprint) {
            for number in &stored.groups {
                if let Some(member) = self.groups.get_mut(*number).and_then(|group| group.members.get_mut(fingerprint))
                {
                    member.end_seen = false;
                }
            }
        }
    }

    /// Whether an alert is in all of its groups: the routes of a label set are the same as long as the configuration is.
    fn is_grouped(&self, fingerprint: Fingerprint) -> bool {
        let member = |number| self.groups.get(number).is_some_and(|group| group.members.contains(fingerprint));
        let groups = self.alerts.get(&fingerprint).map_or(&[][..], |stored| &stored.groups);
        !groups.is_empty() && groups.iter().all(|number| member(*number))
    }

    /// A group whose first alert began at `starts_at`: one that began long ago has waited.
    fn open_group(&mut self, now: Now, route: usize, id: GroupId, starts_at: i64) -> GroupNumber {
        let wait = self.tree.get(route).group_wait_ms;
        let waited = starts_at.saturating_add(wait) < now.wall_ms;
        let wait = if waited { 0 } else { wait };
        let first_flush = self.steady(now).saturating_add(wait).max(self.quiet_until);
        self.records.push_back(Record::Group { id: id.clone(), first_flush });
        self.insert_group(route, id, first_flush, first_flush)
    }

    pub(super) fn insert_group(
        &mut self,
        route: usize,
        id: GroupId,
        first_flush: Steady,
        next_flush: Steady,
    ) -> GroupNumber {
        let members = Members::default();
        let number = self.groups.insert(Group { id, route, members, first_flush, next_flush, muted_by: Vec::new() });
        self.flushes.insert((next_flush, number));
        number
    }

    /// [`Machine::settle`] of a group that may not be there.
    pub(super) fn settle_id(&mut self, id: &GroupId) {
        if let Some(number) = self.groups.number(id) {
            self.settle(number);
        }
    }

    /// Takes out alerts whose end has been told to everybody who wants to hear it, and groups that are empty then.
    pub(super) fn settle(&mut self, number: GroupNumber) {
        let Some(group) = self.groups.get(number) else { return };
        let ended = |fingerprint| self.alerts.get(&fingerprint).is_none_or(|stored| !stored.firing);
        let mut done: Vec<Fingerprint> = group
            .members
            .iter()
            .filter(|(fingerprint, member)| member.end_seen && ended(*fingerprint))
            .map(|(fingerprint, _)| fingerprint)
            .collect();
        if !done.is_empty() {
            let lines = self.lines_of(&group.id);
            done.retain(|fingerprint| lines.iter().all(|line| self.lines[line].is_done_with(*fingerprint)));
        }
        let Some(group) = self.groups.get_mut(number) else { return };
        done.into_iter().for_each(|fingerprint| group.members.remove(fingerprint));
        if group.members.is_empty() {
            self.flushes.remove(&(group.next_flush, number));
            if let Some(group) = self.groups.remove(number) {
                self.records.push_back(Record::GroupGone(group.id));
            }
        }
    }
}
