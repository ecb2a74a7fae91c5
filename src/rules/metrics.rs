//! `prometheus_rule_*`.

use std::time::Duration;

use nightjar_ruler::GroupView;

use super::service::RulesView;
use crate::exposition::Exposition;

/// A family with one sample a group: name, type, help, value.
type Family = (&'static str, &'static str, &'static str, fn(&GroupView) -> f64);

const FAMILIES: [Family; 11] = [
    ("prometheus_rule_evaluations_total", "counter", "The total number of rule evaluations.", |g| {
        g.counters.evaluations as f64
    }),
    ("prometheus_rule_evaluation_failures_total", "counter", "The total number of rule evaluation failures.", |g| {
        g.counters.evaluation_failures as f64
    }),
    (
        "prometheus_rule_group_iterations_total",
        "counter",
        "The total number of scheduled rule group evaluations, whether executed or missed.",
        |g| g.counters.iterations as f64,
    ),
    (
        "prometheus_rule_group_iterations_missed_total",
        "counter",
        "The total number of rule group evaluations missed due to slow rule group evaluation.",
        |g| g.counters.iterations_missed as f64,
    ),
    ("prometheus_rule_group_interval_seconds", "gauge", "The interval of a rule group.", |g| {
        g.interval_ms as f64 / 1000.0
    }),
    ("prometheus_rule_group_last_duration_seconds", "gauge", "The duration of the last rule group evaluation.", |g| {
        g.evaluation.as_secs_f64()
    }),
    (
        "prometheus_rule_group_last_evaluation_timestamp_seconds",
        "gauge",
        "The timestamp of the last rule group evaluation in seconds.",
        |g| g.evaluated_at.map_or(-62_135_596_800.0, |ms| ms as f64 / 1000.0),
    ),
    (
        "prometheus_rule_group_last_evaluation_samples",
        "gauge",
        "The number of samples returned during the last rule group evaluation.",
        |g| g.counters.last_samples as f64,
    ),
    ("prometheus_rule_group_rules", "gauge", "The number of rules.", |g| g.rules.len() as f64),
    (
        "prometheus_rule_group_last_rule_duration_sum_seconds",
        "gauge",
        "The sum of time in seconds it took to evaluate each rule in the group.",
        |g| g.rules.iter().map(|rule| rule.evaluation).sum::<Duration>().as_secs_f64(),
    ),
    (
        "prometheus_rule_group_last_restore_duration_seconds",
        "gauge",
        "The duration of taking up the state of alerts after a restart.",
        |g| g.counters.last_restore.as_secs_f64(),
    ),
];

/// Writes all of it.
pub fn expose(view: &RulesView, out: &mut Exposition) {
    let keys: Vec<String> = view.groups.iter().map(|g| format!("{};{}", g.key.file, g.key.name)).collect();
    for (name, kind, help, value) in FAMILIES.iter().filter(|_| !keys.is_empty()) {
        out.family(name, kind, help);
        for (key, group) in keys.iter().zip(&view.groups) {
            out.sample(name, &[("rule_group", key)], value(group));
        }
    }
    let (name, help) = ("prometheus_rule_evaluation_duration_seconds", "The duration for a rule to execute.");
    view.rule_durations.expose(out, name, help, &[0.5, 0.9, 0.99]);
    let (name, help) = ("nightjar_rule_group_lateness_seconds", "How late rule groups were taken up.");
    view.lateness.expose(out, name, help, &[0.5, 0.99]);
    let (name, help) = ("prometheus_rule_group_duration_seconds", "The duration of rule group evaluations.");
    view.group_durations.expose(out, name, help, &[0.01, 0.05, 0.5, 0.9, 0.99]);
}
