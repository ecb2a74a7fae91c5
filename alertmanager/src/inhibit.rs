//! Inhibition: alerts that keep others quiet while they fire.

use std::collections::{BTreeSet, HashMap};

use nightjar_model::Labels;

use crate::config::{InhibitRuleConfig, InhibitSourceConfig};
use crate::fingerprint::Fingerprint;

/// All rules, and every alert that fires for one of them.
#[derive(Clone, Debug, Default)]
pub struct Inhibitor {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    config: InhibitRuleConfig,
    /// What fires for each condition, in their order.
    sources: Vec<Sources>,
}

/// What fires for one condition.
#[derive(Clone, Debug, Default)]
struct Sources {
    /// By the values of the labels that must be equal: those that match the source side only, and those that match both.
    firing: HashMap<Vec<String>, [BTreeSet<Fingerprint>; 2]>,
}

fn key(source: &InhibitSourceConfig, labels: &Labels) -> Vec<String> {
    source.equal.iter().map(|name| labels.value(name).to_owned()).collect()
}

impl Sources {
    fn remove(&mut self, fingerprint: Fingerprint, key: &Vec<String>) {
        if let Some(firing) = self.firing.get_mut(key) {
            firing.iter_mut().for_each(|set| {
                set.remove(&fingerprint);
            });
            if firing.iter().all(BTreeSet::is_empty) {
                self.firing.remove(key);
            }
        }
    }

    /// An alert that fulfils the condition for a target.
    fn first(&self, config: &InhibitSourceConfig, target: &Labels) -> Option<Fingerprint> {
        let [source_only, both] = self.firing.get(&key(config, target))?;
        // What matches both sides itself is kept quiet only by what does not.
        let both = (!config.matchers.matches(target)).then_some(both);
        source_only.first().or_else(|| both.and_then(BTreeSet::first)).copied()
    }
}

impl Rule {
    fn conditions(&mut self) -> impl Iterator<Item = (&InhibitSourceConfig, &mut Sources)> {
        self.config.sources.iter().zip(&mut self.sources)
    }

    /// The alerts that keep a target quiet, one for each condition, none twice.
    fn inhibits(&self, labels: &Labels) -> Option<Vec<Fingerprint>> {
        if self.sources.iter().any(|sources| sources.firing.is_empty()) || !self.config.target.matches(labels) {
            return None;
        }
        let mut by = Vec::new();
        for (config, sources) in self.config.sources.iter().zip(&self.sources) {
            let first = sources.first(config, labels)?;
            if !by.contains(&first) {
                by.push(first);
            }
        }
        (!by.is_empty()).then_some(by)
    }
}

impl Inhibitor {
    /// Rules for which nothing fires.
    pub fn new(rules: &[InhibitRuleConfig]) -> Inhibitor {
        let rule = |config: &InhibitRuleConfig| Rule {
            sources: config.sources.iter().map(|_| Sources::default()).collect(),
            config: config.clone(),
        };
        Inhibitor { rules: rules.iter().map(rule).collect() }
    }

    /// An alert fires now. Saying so twice changes nothing.
    pub fn fires(&mut self, fingerprint: Fingerprint, labels: &Labels) {
        for rule in &mut self.rules {
            let both = usize::from(rule.config.target.matches(labels));
            for (config, sources) in rule.conditions().filter(|(config, _)| config.matchers.matches(labels)) {
                sources.firing.entry(key(config, labels)).or_default()[both].insert(fingerprint);
            }
        }
    }

    /// An alert fires no more.
    pub fn ends(&mut self, fingerprint: Fingerprint, labels: &Labels) {
        for rule in &mut self.rules {
            for (config, sources) in rule.conditions() {
                sources.remove(fingerprint, &key(config, labels));
            }
        }
    }

    /// The alerts that together keep this one quiet, one for each condition of a rule, and the name of the rule; `None`
    /// when nothing does.
    pub fn inhibits(&self, labels: &Labels) -> Option<(Vec<Fingerprint>, &str)> {
        self.rules.iter().find_map(|rule| Some((rule.inhibits(labels)?, rule.config.name.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::{Matcher, Matchers};
    use proptest::prelude::*;

    fn side(name: &str) -> Matchers {
        Matchers::new(vec![Matcher::equal(name, "1")])
    }

    /// Each source is the label that is `1` and the labels that must be equal.
    fn rule(sources: &[(&str, &[&str])], target: &str) -> InhibitRuleConfig {
        let source = |(name, equal): &(&str, &[&str])| InhibitSourceConfig {
            matchers: side(name),
            equal: equal.iter().map(|name| (*name).to_owned()).collect(),
        };
        InhibitRuleConfig { name: "r".to_owned(), sources: sources.iter().map(source).collect(), target: side(target) }
    }

    fn labels(text: &str) -> Labels {
        Labels::from_pairs(text.split(' ').filter_map(|pair| pair.split_once('=')))
    }

    fn by(fingerprints: &[u64]) -> Option<(Vec<Fingerprint>, &'static str)> {
        Some((fingerprints.iter().map(|f| Fingerprint(*f)).collect(), "r"))
    }

    #[test]
    fn every_source_counts() {
        let mut inhibitor = Inhibitor::new(&[rule(&[("s", &["zone"])], "t")]);
        let target = labels("t=1 zone=a");
        let (one, two) = (labels("s=1 zone=a n=1"), labels("s=1 zone=a n=2"));
        inhibitor.fires(Fingerprint(1), &one);
        inhibitor.fires(Fingerprint(2), &two);
        inhibitor.ends(Fingerprint(2), &two);
        assert_eq!(inhibitor.inhibits(&target), by(&[1]));
        assert_eq!(inhibitor.inhibits(&labels("t=1 zone=b")), None);
        inhibitor.ends(Fingerprint(1), &one);
        assert_eq!(inhibitor.inhibits(&target), None);
    }

    #[test]
    fn absent_labels_are_equal_and_empty_rules_harmless() {
        let mut inhibitor = Inhibitor::new(&[InhibitRuleConfig::default(), rule(&[("s", &["zone"])], "t")]);
        inhibitor.fires(Fingerprint(1), &labels("s=1"));
        assert_eq!(inhibitor.inhibits(&labels("t=1")), by(&[1]));
        assert_eq!(inhibitor.inhibits(&labels("s=1")), None, "matches both sides of the empty rule");
    }

    #[test]
    fn all_conditions_must_hold_at_once() {
        let mut inhibitor = Inhibitor::new(&[rule(&[("a", &["zone"]), ("b", &[])], "t")]);
        let target = labels("t=1 zone=x");
        let (a, elsewhere, b) = (labels("a=1 zone=x"), labels("a=1 zone=y"), labels("b=1 zone=y"));
        inhibitor.fires(Fingerprint(2), &b);
        assert_eq!(inhibitor.inhibits(&target), None, "one of two");
        inhibitor.fires(Fingerprint(3), &elsewhere);
        assert_eq!(inhibitor.inhibits(&target), None, "the other is in another zone");
        inhibitor.fires(Fingerprint(1), &a);
        assert_eq!(inhibitor.inhibits(&target), by(&[1, 2]));
        inhibitor.ends(Fingerprint(2), &b);
        assert_eq!(inhibitor.inhibits(&target), None);
        let all = labels("a=1 b=1 zone=x");
        inhibitor.fires(Fingerprint(1), &all);
        assert_eq!(inhibitor.inhibits(&target), by(&[1]), "one alert may fulfil both");
    }

    fn alert() -> impl Strategy<Value = Labels> {
        (any::<[bool; 3]>(), 0..2u8, 0..3u8).prop_map(|([s, u, t], zone, n)| {
            let on = |yes: bool| if yes { "1" } else { "" };
            Labels::from_pairs([
                ("s", on(s)),
                ("u", on(u)),
                ("t", on(t)),
                ("zone", ["", "a"][usize::from(zone)]),
                ("n", ["", "1", "2"][usize::from(n)]),
            ])
        })
    }

    proptest! {
        #[test]
        fn equals_a_search_through_all_alerts(
            history in prop::collection::vec((alert(), any::<bool>()), 1..30), asked in alert(), two in any::<bool>(),
        ) {
            let all: [(&str, &[&str]); 2] = [("s", &["zone"]), ("u", &["zone", "n"])];
            let rule = rule(&all[..1 + usize::from(two)], "t");
            let mut inhibitor = Inhibitor::new(std::slice::from_ref(&rule));
            let mut firing = std::collections::BTreeMap::new();
            for (labels, fires) in history {
                let fingerprint = Fingerprint::of(&labels);
                match fires {
                    true => { inhibitor.fires(fingerprint, &labels); firing.insert(fingerprint, labels); }
                    false => { inhibitor.ends(fingerprint, &labels); firing.remove(&fingerprint); }
                }
            }
            let fulfils = |condition: &InhibitSourceConfig, source: &Labels| {
                condition.matchers.matches(source)
                    && condition.equal.iter().all(|name| source.value(name) == asked.value(name))
                    && !(condition.matchers.matches(&asked) && rule.target.matches(source))
            };
            let expected = rule.target.matches(&asked)
                && rule.sources.iter().all(|condition| firing.values().any(|source| fulfils(condition, source)));
            let found = inhibitor.inhibits(&asked);
            prop_assert_eq!(found.is_some(), expected);
            for fingerprint in found.iter().flat_map(|(by, _)| by) {
                prop_assert!(rule.sources.iter().any(|condition| fulfils(condition, &firing[fingerprint])));
            }
        }
    }
}
