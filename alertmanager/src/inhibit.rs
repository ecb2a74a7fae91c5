//! Inhibition: alerts that keep others quiet while they fire.

use std::collections::{BTreeSet, HashMap};

use nightjar_model::Labels;

use crate::config::InhibitRuleConfig;
use crate::fingerprint::Fingerprint;

/// All rules, and every alert that fires for one of them.
#[derive(Clone, Debug, Default)]
pub struct Inhibitor {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    config: InhibitRuleConfig,
    /// By the values of the labels that must be equal: those that match the source side only, and those that match both.
    sources: HashMap<Vec<String>, [BTreeSet<Fingerprint>; 2]>,
}

impl Rule {
    fn key(&self, labels: &Labels) -> Vec<String> {
        self.config.equal.iter().map(|name| labels.value(name).to_owned()).collect()
    }
}

impl Inhibitor {
    /// Rules without sources.
    pub fn new(rules: &[InhibitRuleConfig]) -> Inhibitor {
        Inhibitor {
            rules: rules.iter().map(|config| Rule { config: config.clone(), sources: HashMap::new() }).collect(),
        }
    }

    /// An alert fires now. Saying so twice changes nothing.
    pub fn fires(&mut self, fingerprint: Fingerprint, labels: &Labels) {
        for rule in &mut self.rules {
            if rule.config.source.matches(labels) {
                let both = usize::from(rule.config.target.matches(labels));
                rule.sources.entry(rule.key(labels)).or_default()[both].insert(fingerprint);
            }
        }
    }

    /// An alert fires no more.
    pub fn ends(&mut self, fingerprint: Fingerprint, labels: &Labels) {
        for rule in &mut self.rules {
            let key = rule.key(labels);
            if let Some(sources) = rule.sources.get_mut(&key) {
                sources.iter_mut().for_each(|set| {
                    set.remove(&fingerprint);
                });
                if sources.iter().all(BTreeSet::is_empty) {
                    rule.sources.remove(&key);
                }
            }
        }
    }

    /// An alert that keeps this one quiet, and the name of the rule; `None` when nothing does.
    pub fn inhibits(&self, labels: &Labels) -> Option<(Fingerprint, &str)> {
        self.rules.iter().find_map(|rule| {
            if rule.sources.is_empty() || !rule.config.target.matches(labels) {
                return None;
            }
            let [source_only, both] = rule.sources.get(&rule.key(labels))?;
            // What matches both sides itself is kept quiet only by what does not.
            let both = (!rule.config.source.matches(labels)).then_some(both);
            let first = source_only.first().or_else(|| both.and_then(BTreeSet::first))?;
            Some((*first, rule.config.name.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::{Matcher, Matchers};
    use proptest::prelude::*;

    fn rule(source: &str, target: &str, equal: &[&str]) -> InhibitRuleConfig {
        let side = |value: &str| Matchers::new(vec![Matcher::equal(value, "1")]);
        let equal = equal.iter().map(|name| (*name).to_owned()).collect();
        InhibitRuleConfig { name: "r".to_owned(), source: side(source), target: side(target), equal }
    }

    fn labels(text: &str) -> Labels {
        Labels::from_pairs(text.split(' ').filter_map(|pair| pair.split_once('=')))
    }

    #[test]
    fn every_source_counts() {
        let mut inhibitor = Inhibitor::new(&[rule("s", "t", &["zone"])]);
        let target = labels("t=1 zone=a");
        let (one, two) = (labels("s=1 zone=a n=1"), labels("s=1 zone=a n=2"));
        inhibitor.fires(Fingerprint(1), &one);
        inhibitor.fires(Fingerprint(2), &two);
        inhibitor.ends(Fingerprint(2), &two);
        assert_eq!(inhibitor.inhibits(&target), Some((Fingerprint(1), "r")));
        assert_eq!(inhibitor.inhibits(&labels("t=1 zone=b")), None);
        inhibitor.ends(Fingerprint(1), &one);
        assert_eq!(inhibitor.inhibits(&target), None);
    }

    #[test]
    fn absent_labels_are_equal_and_empty_rules_harmless() {
        let mut inhibitor = Inhibitor::new(&[InhibitRuleConfig::default(), rule("s", "t", &["zone"])]);
        inhibitor.fires(Fingerprint(1), &labels("s=1"));
        assert_eq!(inhibitor.inhibits(&labels("t=1")), Some((Fingerprint(1), "r")));
        assert_eq!(inhibitor.inhibits(&labels("s=1")), None, "matches both sides of the empty rule");
    }

    fn alert() -> impl Strategy<Value = Labels> {
        (any::<bool>(), any::<bool>(), 0..2u8, 0..3u8).prop_map(|(s, t, zone, n)| {
            let on = |yes: bool| if yes { "1" } else { "" };
            Labels::from_pairs([
                ("s", on(s)),
                ("t", on(t)),
                ("zone", ["", "a"][usize::from(zone)]),
                ("n", ["", "1", "2"][usize::from(n)]),
            ])
        })
    }

    proptest! {
        #[test]
        fn equals_a_search_through_all_alerts(history in prop::collection::vec((alert(), any::<bool>()), 1..30), asked in alert()) {
            let rule = rule("s", "t", &["zone"]);
            let mut inhibitor = Inhibitor::new(std::slice::from_ref(&rule));
            let mut firing = std::collections::BTreeMap::new();
            for (labels, fires) in history {
                let fingerprint = Fingerprint::of(&labels);
                match fires {
                    true => { inhibitor.fires(fingerprint, &labels); firing.insert(fingerprint, labels); }
                    false => { inhibitor.ends(fingerprint, &labels); firing.remove(&fingerprint); }
                }
            }
            let expected = rule.target.matches(&asked) && firing.values().any(|source| {
                rule.source.matches(source)
                    && source.value("zone") == asked.value("zone")
                    && !(rule.source.matches(&asked) && rule.target.matches(source))
            });
            prop_assert_eq!(inhibitor.inhibits(&asked).is_some(), expected);
        }
    }
}
