//! Groups: which alerts are told together, by number and by name.

use std::collections::{BTreeMap, HashMap};

use crate::fingerprint::Fingerprint;
use crate::record::{GroupId, Steady};

use super::Verdict;

/// The number of a group. No two groups ever have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupNumber(u64);

/// A group of alerts.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) id: GroupId,
    pub(super) route: usize,
    pub(super) members: Members,
    pub(super) first_flush: Steady,
    pub(super) next_flush: Steady,
    /// Time intervals that muted it at its last look.
    pub(super) muted_by: Vec<String>,
}

/// An alert in a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    judged: Judged,
    /// Whether a look has seen it ended.
    pub(super) end_seen: bool,
}

/// What the last look said of an alert. Most pass, so only what keeps one quiet takes room.
#[derive(Clone, Debug, Default)]
enum Judged {
    #[default]
    Never,
    Passed,
    Kept(Box<Verdict>),
}

impl Member {
    /// What the last look said, if there was one.
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        match &self.judged {
            Judged::Never => None,
            Judged::Passed => Some(&Verdict::Passed),
            Judged::Kept(verdict) => Some(verdict),
        }
    }

    /// A look says this.
    pub(super) fn judge(&mut self, verdict: &Verdict) {
        self.judged = match verdict {
            Verdict::Passed => Judged::Passed,
            verdict => Judged::Kept(Box::new(verdict.clone())),
        };
    }
}

/// The alerts of a group, in no order. Most groups have one, which therefore needs no room beside the group.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    one: Option<(Fingerprint, Member)>,
    others: BTreeMap<Fingerprint, Member>,
}

impl Members {
    pub(super) fn get(&self, alert: Fingerprint) -> Option<&Member> {
        match &self.one {
            Some((one, member)) if *one == alert => Some(member),
            _ => self.others.get(&alert),
        }
    }

    pub(super) fn get_mut(&mut self, alert: Fingerprint) -> Option<&mut Member> {
        match &mut self.one {
            Some((one, member)) if *one == alert => Some(member),
            _ => self.others.get_mut(&alert),
        }
    }

    pub(super) fn contains(&self, alert: Fingerprint) -> bool {
        self.get(alert).is_some()
    }

    /// The member, which may be new.
    pub(super) fn join(&mut self, alert: Fingerprint) -> &mut Member {
        if self.one.is_none() && !self.others.contains_key(&alert) {
            return &mut self.one.insert((alert, Member::default())).1;
        }
        match &mut self.one {
            Some((one, member)) if *one == alert => member,
            _ => self.others.entry(alert).or_default(),
        }
    }

    pub(super) fn remove(&mut self, alert: Fingerprint) {
        if self.one.take_if(|(one, _)| *one == alert).is_none() {
            self.others.remove(&alert);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Fingerprint, &Member)> {
        let one = self.one.iter().map(|(alert, member)| (*alert, member));
        one.chain(self.others.iter().map(|(alert, member)| (*alert, member)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.one.is_none() && self.others.is_empty()
    }
}

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    all: HashMap<GroupNumber, Group>,
    numbers: BTreeMap<GroupId, GroupNumber>,
    next: u64,
}

impl Groups {
    pub(super) fn number(&self, id: &GroupId) -> Option<GroupNumber> {
        self.numbers.get(id).copied()
    }

    pub(super) fn get(&self, number: GroupNumber) -> Option<&Group> {
        self.all.get(&number)
    }

    pub(super) fn get_mut(&mut self, number: GroupNumber) -> Option<&mut Group> {
        self.all.get_mut(&number)
    }

    pub(super) fn by_id(&self, id: &GroupId) -> Option<&Group> {
        self.number(id).and_then(|number| self.get(number))
    }

    pub(super) fn insert(&mut self, group: Group) -> GroupNumber {
        let number = GroupNumber(self.next);
        self.next += 1;
        self.numbers.insert(group.id.clone(), number);
        self.all.insert(number, group);
        number
    }

    pub(super) fn remove(&mut self, number: GroupNumber) -> Option<Group> {
        let group = self.all.remove(&number)?;
        self.numbers.remove(&group.id);
        Some(group)
    }

    /// Takes all out.
    pub(super) fn drain(&mut self) -> Vec<Group> {
        self.numbers.clear();
        self.all.drain().map(|(_, group)| group).collect()
    }

    /// All, by route and labels.
    pub(super) fn iter(&self) -> impl Iterator<Item = (GroupNumber, &Group)> {
        self.numbers.values().filter_map(|number| Some((*number, self.all.get(number)?)))
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn members_are_a_set(script in prop::collection::vec((any::<bool>(), 0..6u64), 0..40)) {
            let (mut members, mut expected) = (Members::default(), std::collections::BTreeSet::new());
            for (joins, alert) in script {
                let alert = Fingerprint(alert);
                match joins {
                    true => { members.join(alert).end_seen = true; expected.insert(alert); }
                    false => { members.remove(alert); expected.remove(&alert); }
                }
                let mut found: Vec<_> = members.iter().map(|(alert, _)| alert).collect();
                found.sort_unstable();
                prop_assert_eq!(&found, &expected.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(members.is_empty(), expected.is_empty());
                prop_assert!((0..6).all(|i| members.contains(Fingerprint(i)) == expected.contains(&Fingerprint(i))));
                prop_assert!(members.iter().all(|(alert, member)| member.end_seen && members.get(alert).is_some()));
            }
        }
    }
}
