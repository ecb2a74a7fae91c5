//! Which series belong together.

use hashbrown::HashMap;
use nightjar_model::Labels;
use nightjar_model::labels::METRIC_NAME;

use crate::eval::Vector;

/// `by (labels)` or `without (labels)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grouping<'a> {
    /// The labels.
    pub(crate) labels: &'a [String],
    /// `without`.
    pub(crate) without: bool,
}

impl Grouping<'_> {
    /// The labels of the group to which a series belongs.
    pub(crate) fn labels_of(&self, labels: &Labels) -> Labels {
        labels.filter(|label| self.keeps(label.name))
    }

    /// Whether a label of this name tells groups apart.
    pub(crate) fn keeps(&self, name: &str) -> bool {
        let named = self.labels.iter().any(|label| label == name);
        if self.without { !named && name != METRIC_NAME } else { named }
    }

    /// Whether there is only one group, whatever the labels.
    pub(crate) fn is_total(&self) -> bool {
        !self.without && self.labels.is_empty()
    }

    /// A key that is equal for series of one group only.
    fn key(&self, labels: &Labels, key: &mut Vec<u8>) {
        key.clear();
        for label in labels.iter().filter(|label| self.keeps(label.name)) {
            for text in [label.name, label.value] {
                key.extend_from_slice(&(text.len() as u32).to_le_bytes());
                key.extend_from_slice(text.as_bytes());
            }
        }
    }
}

/// The groups of the series of a vector, in order of first appearance.
#[derive(Debug)]
pub(crate) struct Groups {
    labels: Vec<Labels>,
    /// Empty when all series are in group 0.
    assigned: Vec<u32>,
}

impl Groups {
    /// Assigns the series of `inner` to groups.
    pub(crate) fn of(inner: &Vector<'_>, grouping: &Grouping<'_>) -> Groups {
        if grouping.is_total() {
            let labels = if inner.len() == 0 { Vec::new() } else { vec![Labels::empty()] };
            return Groups { labels, assigned: Vec::new() };
        }
        let mut groups = Groups { labels: Vec::new(), assigned: Vec::with_capacity(inner.len()) };
        let mut known: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState> = HashMap::default();
        let mut key = Vec::new();
        for index in 0..inner.len() {
            let labels = inner.labels(index);
            grouping.key(&labels, &mut key);
            let group = match known.get(&*key) {
                Some(group) => *group,
                None => {
                    let group = groups.labels.len() as u32;
                    known.insert(key.as_slice().into(), group);
                    groups.labels.push(grouping.labels_of(&labels));
                    group
                }
            };
            groups.assigned.push(group);
        }
        groups
    }

    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Labels of a group.
    pub(crate) fn labels(&self, group: usize) -> Labels {
        self.labels[group].clone()
    }

    /// The group of a series.
    #[inline]
    pub(crate) fn group_of(&self, series: usize) -> usize {
        self.assigned.get(series).map_or(0, |group| *group as usize)
    }
}
