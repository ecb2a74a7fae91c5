//! `alertmanager_silences_*`, `alertmanager_nflog_*` and the dispatcher: how often state was asked, kept and cleared.
//!
//! Silences and the notification log are one log here, so a snapshot of one is a snapshot of the other.

use std::sync::atomic::Ordering;

use crate::alerting::counters::{Counters, Spent};
use crate::alerting::service::Alerting;
use crate::exposition::Exposition;

/// A family of one number: name, type, help, value.
type Family = (&'static str, &'static str, &'static str, fn(&Alerting, &Counters) -> f64);

const FAMILIES: [Family; 23] = [
    ("alertmanager_alerts_per_alert_limit", "gauge", "Current limit on number of alerts per alert name", |_, _| 0.0),
    (
        "alertmanager_alerts_limited_total",
        "counter",
        "Total number of alerts that were dropped due to per alert name limit",
        |_, _| 0.0,
    ),
    (
        "alertmanager_dispatcher_aggregation_group_limit_reached_total",
        "counter",
        "Number of times when dispatcher failed to create new aggregation group due to limit.",
        |_, _| 0.0,
    ),
    (
        "alertmanager_dispatcher_aggregation_group_creation_retries_total",
        "counter",
        "Number of CAS retries while creating aggregation groups under contention.",
        |_, _| 0.0,
    ),
    (
        "alertmanager_dispatcher_aggregation_group_creation_given_up_total",
        "counter",
        "Number of alerts dropped because aggregation group creation exceeded the retry limit.",
        |_, _| 0.0,
    ),
    (
        "alertmanager_nflog_queries_total",
        "counter",
        "Number of notification log queries were received.",
        |_, counters| counters.looks.load(Ordering::Relaxed) as f64,
    ),
    (
        "alertmanager_nflog_query_errors_total",
        "counter",
        "Number notification log received queries that failed.",
        |_, _| 0.0,
    ),
    (
        "alertmanager_nflog_gossip_messages_propagated_total",
        "counter",
        "Number of received gossip messages that have been further gossiped.",
        |_, _| 0.0,
    ),
    (
        "alertmanager_nflog_maintenance_total",
        "counter",
        "How many maintenances were executed for the notification log.",
        |_, counters| counters.maintenances() as f64,
    ),
    (
        "alertmanager_nflog_maintenance_errors_total",
        "counter",
        "How many maintenances were executed for the notification log that failed.",
        |_, counters| counters.failed_snapshots.load(Ordering::Relaxed) as f64,
    ),
    (
        "alertmanager_nflog_snapshot_size_bytes",
        "gauge",
        "Size of the last notification log snapshot in bytes.",
        |_, counters| counters.snapshot_bytes.load(Ordering::Relaxed) as f64,
    ),
    ("alertmanager_silences_queries_total", "counter", "How many silence queries were received.", |_, counters| {
        counters.silence_queries.lock().count() as f64
    }),
    (
        "alertmanager_silences_query_errors_total",
        "counter",
        "How many silence received queries did not succeed.",
        |_, counters| counters.silence_query_errors.load(Ordering::Relaxed) as f64,
    ),
    (
        "alertmanager_silences_query_silences_scanned_total",
        "counter",
        "How many silences were scanned during query evaluation.",
        |_, counters| counters.silences_scanned.load(Ordering::Relaxed) as f64,
    ),
    (
        "alertmanager_silences_query_silences_skipped_total",
        "counter",
        "How many silences were skipped during query evaluation using the version index.",
        |_, _| 0.0,
    ),
    (
        "alertmanager_silences_gossip_messages_propagated_total",
        "counter",
        "Number of received gossip messages that have been further gossiped.",
        |_, _| 0.0,
    ),
    (
        "alertmanager_silences_maintenance_total",
        "counter",
        "How many maintenances were executed for silences.",
        |_, counters| counters.maintenances() as f64,
    ),
    (
        "alertmanager_silences_maintenance_errors_total",
        "counter",
        "How many maintenances were executed for silences that failed.",
        |_, counters| counters.failed_snapshots.load(Ordering::Relaxed) as f64,
    ),
    (
        "alertmanager_silences_snapshot_size_bytes",
        "gauge",
        "Size of the last silence snapshot in bytes.",
        |_, counters| counters.snapshot_bytes.load(Ordering::Relaxed) as f64,
    ),
    ("alertmanager_silences_gc_errors_total", "counter", "How many silence GC errors were encountered.", |_, _| 0.0),
    ("alertmanager_silences_state_size", "gauge", "The number of silences in the state map.", silences),
    (
        "alertmanager_silences_matcher_index_size",
        "gauge",
        "The number of entries in the matcher cache index.",
        silences,
    ),
    ("alertmanager_silences_version_index_size", "gauge", "The number of entries in the version index.", silences),
];

/// A family of times: name, help, value.
type Summary = (&'static str, &'static str, fn(&Counters) -> Spent);

const SUMMARIES: [Summary; 5] = [
    (
        "alertmanager_dispatcher_alert_processing_duration_seconds",
        "Summary of latencies for the processing of alerts.",
        |counters| *counters.processing.lock(),
    ),
    (
        "alertmanager_nflog_gc_duration_seconds",
        "Duration of the last notification log garbage collection cycle.",
        |counters| *counters.sweeps.lock(),
    ),
    ("alertmanager_nflog_snapshot_duration_seconds", "Duration of the last notification log snapshot.", |counters| {
        *counters.snapshots.lock()
    }),
    (
        "alertmanager_silences_gc_duration_seconds",
        "Duration of the last silence garbage collection cycle.",
        |counters| *counters.sweeps.lock(),
    ),
    ("alertmanager_silences_snapshot_duration_seconds", "Duration of the last silence snapshot.", |counters| {
        *counters.snapshots.lock()
    }),
];

fn silences(alerting: &Alerting, _: &Counters) -> f64 {
    alerting.look(|machine, _| machine.silences().len() as f64)
}

/// Writes all of it.
pub(super) fn expose(alerting: &Alerting, out: &mut Exposition) {
    let counters = alerting.counters();
    for (name, kind, help, value) in FAMILIES {
        out.number(name, kind, help, value(alerting, counters));
    }
    for (name, help, value) in SUMMARIES {
        let Spent { count, seconds } = value(counters);
        out.family(name, "summary", help);
        out.sample(&format!("{name}_sum"), &[], seconds);
        out.sample(&format!("{name}_count"), &[], count as f64);
    }
    let name = "alertmanager_silences_query_duration_seconds";
    out.family(name, "histogram", "Duration of silence query evaluation.");
    counters.silence_queries.lock().expose(out, name, &[]);
    let name = "alertmanager_silences_matcher_compile_errors_total";
    out.family(name, "counter", "How many silence matcher compilations failed.");
    ["index", "load_snapshot"].into_iter().for_each(|stage| out.sample(name, &[("stage", stage)], 0.0));
    let name = "alertmanager_alerts_subscriber_channel_writes_total";
    out.family(name, "counter", "Number of times alerts were written to subscriber channels");
    let taken = counters.processing.lock().count as f64;
    ["dispatcher", "inhibitor"].into_iter().for_each(|part| out.sample(name, &[("subscriber", part)], taken));
}
