//! The route tree, and the groups it puts alerts into.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use nightjar_model::Labels;

use crate::config::{GroupBy, RouteConfig};
use crate::fingerprint::spell;
use crate::matcher::Matchers;

/// A node with everything it inherits.
#[derive(Clone, Debug)]
pub struct Route {
    /// Unique in its tree and stable as long as the tree is: matchers and position on the way from the root.
    pub id: Arc<str>,
    /// The first half of group keys, byte-equal to Alertmanager's. Not unique.
    pub key: String,
    /// Own matchers, not those of the parents.
    pub matchers: Matchers,
    /// Whom to tell.
    pub receiver: String,
    /// By which labels to group.
    pub group_by: GroupBy,
    /// How long a new group waits for company, in milliseconds.
    pub group_wait_ms: i64,
    /// How often a group looks for news, in milliseconds.
    pub group_interval_ms: i64,
    /// How often a group without news is told again, in milliseconds.
    pub repeat_interval_ms: i64,
    /// Intervals in which nothing is told; not inherited.
    pub mute_time_intervals: Vec<String>,
    /// Intervals outside of which nothing is told; not inherited.
    pub active_time_intervals: Vec<String>,
    /// Templates of route labels.
    pub labels: BTreeMap<String, String>,
    continues: bool,
    children: Vec<usize>,
}

impl Route {
    /// The labels that name the group of an alert.
    pub fn group_labels(&self, alert: &Labels) -> Labels {
        match &self.group_by {
            GroupBy::All => alert.clone(),
            GroupBy::Labels(names) => alert.keep(names),
        }
    }

    /// Whether siblings behind it are asked too.
    pub fn continues(&self) -> bool {
        self.continues
    }

    /// The nodes below it, by index.
    pub fn children(&self) -> &[usize] {
        &self.children
    }

    /// The name of a group, as receivers know it.
    pub fn group_key(&self, group: &Labels) -> String {
        format!("{}:{}", self.key, spell(group))
    }
}

/// A route tree with its root at index 0.
#[derive(Clone, Debug)]
pub struct RouteTree {
    routes: Vec<Route>,
    by_id: HashMap<Arc<str>, usize>,
}

impl RouteTree {
    /// The tree of a checked configuration.
    pub fn new(root: &RouteConfig) -> RouteTree {
        let mut tree = RouteTree { routes: Vec::new(), by_id: HashMap::new() };
        let defaults = Route {
            id: "".into(),
            key: String::new(),
            matchers: Matchers::default(),
            receiver: String::new(),
            group_by: GroupBy::Labels(Vec::new()),
            group_wait_ms: 30_000,
            group_interval_ms: 300_000,
            repeat_interval_ms: 14_400_000,
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
            labels: BTreeMap::new(),
            continues: false,
            children: Vec::new(),
        };
        tree.add(root, &defaults, None);
        tree
    }

    fn add(&mut self, config: &RouteConfig, parent: &Route, position: Option<usize>) -> usize {
        let mut labels = parent.labels.clone();
        labels.extend(config.labels.clone());
        let own = config.matchers.to_string();
        let (id, key) = match position {
            None => (own.clone(), own),
            Some(i) => (format!("{}/{own}/{i}", parent.id), format!("{}/{own}", parent.key)),
        };
        let route = Route {
            id: id.into(),
            key,
            matchers: config.matchers.clone(),
            receiver: config.receiver.clone().unwrap_or_else(|| parent.receiver.clone()),
            group_by: config.group_by.clone().unwrap_or_else(|| parent.group_by.clone()),
            group_wait_ms: config.group_wait_ms.unwrap_or(parent.group_wait_ms),
            group_interval_ms: config.group_interval_ms.unwrap_or(parent.group_interval_ms),
            repeat_interval_ms: config.repeat_interval_ms.unwrap_or(parent.repeat_interval_ms),
            mute_time_intervals: config.mute_time_intervals.clone(),
            active_time_intervals: config.active_time_intervals.clone(),
            labels,
            continues: config.continues,
            children: Vec::new(),
        };
        let index = self.routes.len();
        self.by_id.insert(route.id.clone(), index);
        self.routes.push(route.clone());
        let children = config.routes.iter().enumerate().map(|(i, child)| self.add(child, &route, Some(i))).collect();
        self.routes[index].children = children;
        index
    }

    /// The routes an alert takes, in order; never none.
    pub fn matches(&self, labels: &Labels) -> Vec<usize> {
        let mut found = Vec::new();
        self.walk(0, labels, &mut found);
        found
    }

    fn walk(&self, index: usize, labels: &Labels, found: &mut Vec<usize>) -> bool {
        let route = &self.routes[index];
        if !route.matchers.matches(labels) {
            return false;
        }
        let before = found.len();
        for child in &route.children {
            if self.walk(*child, labels, found) && !self.routes[*child].continues {
                break;
            }
        }
        if found.len() == before {
            found.push(index);
        }
        true
    }

    /// A node.
    pub fn get(&self, index: usize) -> &Route {
        &self.routes[index]
    }

    /// The node of an id.
    pub fn by_id(&self, id: &str) -> Option<(usize, &Route)> {
        self.by_id.get(id).map(|index| (*index, &self.routes[*index]))
    }

    /// All nodes, the root first.
    pub fn iter(&self) -> std::slice::Iter<'_, Route> {
        self.routes.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::matcher::MatcherMode;

    const CONFIG: &str = r#"
route:
  receiver: root
  group_by: [alertname]
  group_wait: 10s
  labels: {a: '1', b: '2'}
  routes:
  - matchers: [team="db", env=~"p.*"]
    receiver: db
    continue: true
    labels: {b: '3'}
    routes:
    - matchers: ['"o dd"="x"']
      group_by: []
      group_wait: 1s
  - matchers: [team="db"]
    group_by: ['...']
    repeat_interval: 1h
  - matchers: [team="db"]
receivers: [{name: root}, {name: db}]
"#;

    fn tree() -> RouteTree {
        RouteTree::new(&Config::parse(CONFIG, MatcherMode::Fallback).unwrap().route)
    }

    type Pairs = &'static [(&'static str, &'static str)];

    #[test]
    fn alerts_find_their_routes_and_groups() {
        let table: [(Pairs, &[&str]); 4] = [
            (&[("alertname", "x")], &[r#"{}:{alertname="x"}"#]),
            (
                &[("team", "db"), ("env", "prod"), ("alertname", "x")],
                &[
                    r#"{}/{env=~"p.*",team="db"}:{alertname="x"}"#,
                    r#"{}/{team="db"}:{alertname="x", env="prod", team="db"}"#,
                ],
            ),
            (
                &[("team", "db"), ("env", "prod"), ("o dd", "x")],
                &[
                    r#"{}/{env=~"p.*",team="db"}/{"o dd"="x"}:{}"#,
                    r#"{}/{team="db"}:{env="prod", o dd="x", team="db"}"#,
                ],
            ),
            (&[("team", "db")], &[r#"{}/{team="db"}:{team="db"}"#]),
        ];
        let tree = tree();
        for (pairs, keys) in table {
            let labels = Labels::from_pairs(pairs.iter().copied());
            let key = |index: usize| tree.get(index).group_key(&tree.get(index).group_labels(&labels));
            assert_eq!(tree.matches(&labels).into_iter().map(key).collect::<Vec<_>>(), keys, "{pairs:?}");
        }
    }

    #[test]
    fn what_is_inherited_and_what_is_not() {
        let tree = tree();
        let leaf = tree.get(2);
        assert_eq!((leaf.receiver.as_str(), leaf.group_wait_ms, leaf.group_interval_ms), ("db", 1_000, 300_000));
        assert_eq!(leaf.labels.values().collect::<Vec<_>>(), ["1", "3"]);
        assert!(!leaf.continues);
        let ids: std::collections::HashSet<_> = tree.iter().map(|route| &route.id).collect();
        assert_eq!(ids.len(), 5, "siblings with equal matchers have ids of their own");
        assert_eq!(tree.get(3).key, tree.get(4).key);
    }
}
