//! `alertmanager_*`: what Alertmanager's dashboards and alerts ask for, and what is ours.

mod cluster;
mod housekeeping;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use nightjar_alertmanager::config::Config;
use nightjar_alertmanager::silence::SilenceState;

use super::counters::Kind;
use super::service::Alerting;
use crate::exposition::Exposition;

/// A family with one sample a kind of integration: name, help, value.
type Family = (&'static str, &'static str, fn(&Kind) -> u64);

/// Why tries fail; every combination is there from the start, so that rates work.
const REASONS: [&str; 7] =
    ["other", "clientError", "serverError", "contextCanceled", "contextDeadlineExceeded", "authError", "rateLimited"];

/// Writes all of it.
pub(super) fn expose(alerting: &Alerting, out: &mut Exposition) {
    let setup = alerting.setup();
    configuration(alerting, &setup.config, setup.hash, out);
    alerts(alerting, out);
    notifications(alerting, &setup.config, out);
    state(alerting, out);
    housekeeping::expose(alerting, out);
    cluster::expose(alerting, out);
}

fn configuration(alerting: &Alerting, config: &Config, hash: u32, out: &mut Exposition) {
    let (loaded, at) = alerting.loaded();
    out.gauge("alertmanager_config_hash", "Hash of the currently loaded alertmanager configuration. Note that this is not a cryptographically strong hash.", f64::from(hash));
    let help = "Whether the last configuration reload attempt was successful.";
    out.gauge("alertmanager_config_last_reload_successful", help, f64::from(u8::from(loaded)));
    let help = "Timestamp of the last successful configuration reload.";
    out.gauge("alertmanager_config_last_reload_success_timestamp_seconds", help, at as f64 / 1000.0);
    out.gauge("alertmanager_receivers", "Number of configured receivers.", config.receivers.len() as f64);
    let integrations: usize = config.receivers.iter().map(|receiver| receiver.integrations.len()).sum();
    out.gauge("alertmanager_integrations", "Number of configured integrations.", integrations as f64);
    let rules = config.inhibit_rules.len() as f64;
    out.gauge("alertmanager_inhibition_rules", "Number of configured inhibition rules.", rules);
}

fn alerts(alerting: &Alerting, out: &mut Exposition) {
    let counters = alerting.counters();
    let name = "alertmanager_alerts_received_total";
    out.family(name, "counter", "The total number of received alerts.");
    for (status, counter) in [("firing", &counters.firing), ("resolved", &counters.resolved)] {
        out.sample(name, &[("status", status), ("version", "v2")], counter.load(Ordering::Relaxed) as f64);
    }
    let name = "alertmanager_alerts_invalid_total";
    out.family(name, "counter", "The total number of received alerts that were invalid.");
    out.sample(name, &[("version", "v2")], counters.invalid.load(Ordering::Relaxed) as f64);
    let dropped = counters.dropped.load(Ordering::Relaxed) as f64;
    out.counter("nightjar_alerts_dropped_total", "Alerts of rules that found no room and will be sent again.", dropped);
    let states = alert_states(alerting);
    let name = "alertmanager_alerts";
    out.family(name, "gauge", "How many alerts by state.");
    for state in ["active", "suppressed", "unprocessed"] {
        out.sample(name, &[("state", state)], states.get(state).copied().unwrap_or(0) as f64);
    }
    let silences = alerting.look(|machine, now| {
        machine.silences().iter().fold(BTreeMap::new(), |mut states, silence| {
            *states.entry(machine.silence_state(now, silence)).or_insert(0_u64) += 1;
            states
        })
    });
    let name = "alertmanager_silences";
    out.family(name, "gauge", "How many silences by state.");
    for state in [SilenceState::Active, SilenceState::Expired, SilenceState::Pending] {
        out.sample(name, &[("state", state.as_str())], silences.get(&state).copied().unwrap_or(0) as f64);
    }
}

/// How many alerts fire, by what they are: looked at in parts, so that deciding does not wait for all of them.
fn alert_states(alerting: &Alerting) -> BTreeMap<&'static str, u64> {
    let mut states = BTreeMap::new();
    for part in alerting.look(|machine, _| machine.firing(&[], |_| true)).chunks(1_000) {
        alerting.look(|machine, now| {
            for labels in part.iter().filter_map(|fingerprint| machine.labels_of(*fingerprint)) {
                *states.entry(machine.status(now, labels).state()).or_insert(0) += 1;
            }
        });
    }
    states
}

fn notifications(alerting: &Alerting, config: &Config, out: &mut Exposition) {
    let configured = config.receivers.iter().flat_map(|receiver| &receiver.integrations).map(|i| i.kind().to_owned());
    let mut kinds: BTreeMap<String, Kind> = configured.map(|kind| (kind, Kind::default())).collect();
    kinds.extend(alerting.counters().kinds.lock().clone());
    let families: [Family; 3] = [
        ("alertmanager_notifications_total", "The total number of attempted notifications.", |k| k.notifications),
        ("alertmanager_notification_requests_total", "The total number of attempted notification requests.", |k| {
            k.requests
        }),
        ("alertmanager_notification_requests_failed_total", "The total number of failed notification requests.", |k| {
            k.requests_failed
        }),
    ];
    for (name, help, value) in families {
        out.family(name, "counter", help);
        for (kind, counts) in &kinds {
            out.sample(name, &[("integration", kind)], value(counts) as f64);
        }
    }
    let name = "alertmanager_notifications_failed_total";
    out.family(name, "counter", "The total number of failed notifications.");
    for (kind, counts) in &kinds {
        for reason in REASONS {
            let count = counts.failed.get(reason).copied().unwrap_or(0);
            out.sample(name, &[("integration", kind), ("reason", reason)], count as f64);
        }
    }
    latency(&kinds, out);
    let name = "alertmanager_notifications_suppressed_total";
    out.family(name, "counter", "The total number of notifications suppressed for being silenced, inhibited, outside of active time intervals or within muted time intervals.");
    let suppressed = alerting.counters().suppressed.lock().clone();
    for reason in ["active_time_interval", "inhibition", "mute_time_interval", "silence"] {
        out.sample(name, &[("reason", reason)], suppressed.get(reason).copied().unwrap_or(0) as f64);
    }
    let name = "nightjar_notifications_ended_total";
    out.family(name, "counter", "Messages by what became of them.");
    let endings = alerting.counters().endings.lock().clone();
    for ending in ["delivered", "superseded", "given_up"] {
        out.sample(name, &[("ending", ending)], endings.get(ending).copied().unwrap_or(0) as f64);
    }
}

fn latency(kinds: &BTreeMap<String, Kind>, out: &mut Exposition) {
    let name = "alertmanager_notification_latency_seconds";
    out.family(name, "histogram", "The latency of notifications in seconds.");
    for (kind, counts) in kinds {
        counts.latency.expose(out, name, &[("integration", kind)]);
    }
}

fn state(alerting: &Alerting, out: &mut Exposition) {
    let (groups, (outbox, oldest), monotonic) =
        alerting.look(|machine, now| (machine.group_count(), machine.outbox(), now.monotonic_ms));
    let name = "alertmanager_dispatcher_aggregation_groups";
    out.gauge(name, "Number of active aggregation groups", groups as f64);
    out.gauge("nightjar_outbox_messages", "Messages on their way.", outbox as f64);
    let age = oldest.map_or(0, |at| monotonic - at).max(0);
    out.gauge("nightjar_outbox_oldest_seconds", "Age of the oldest message on its way.", age as f64 / 1000.0);
    let (alerts, messages) = alerting.waiting();
    out.gauge("nightjar_alerts_waiting", "Alerts that wait to be routed.", alerts as f64);
    out.gauge("nightjar_couriers_waiting_messages", "Messages that wait for a courier.", messages as f64);
    let (durable, bytes) = alerting.log();
    out.gauge("nightjar_alert_log_bytes", "Size of the alert log.", bytes as f64);
    out.gauge("nightjar_alert_log_writable", "Whether the last change was written.", f64::from(u8::from(durable)));
}
