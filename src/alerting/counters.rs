//! What routing counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nightjar_alertmanager::log::Snapshots;
use nightjar_alertmanager::machine::{Decision, Outcome, Verdict};
use nightjar_alertmanager::record::Ending;
use parking_lot::Mutex;

use crate::metrics::histogram::{GO_SECONDS, Histogram};

/// Upper bounds of the time a try takes, in seconds, as Alertmanager has them.
const LATENCY_SECONDS: &[f64] = &[1.0, 5.0, 10.0, 15.0, 20.0];

/// How often something was done, and how long all of it took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spent {
    pub(super) count: u64,
    pub(super) seconds: f64,
}

impl Spent {
    fn add(&mut self, count: u64, took: Duration) {
        self.count += count;
        self.seconds += took.as_secs_f64();
    }
}

/// What is counted of one kind of integration.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    /// Messages that were told, or given up.
    pub(super) notifications: u64,
    /// Messages whose first try failed, by reason.
    pub(super) failed: BTreeMap<&'static str, u64>,
    /// Tries.
    pub(super) requests: u64,
    /// Tries that failed.
    pub(super) requests_failed: u64,
    /// Seconds that tries took.
    pub(super) latency: Histogram,
}

impl Default for Kind {
    fn default() -> Kind {
        let latency = Histogram::new(LATENCY_SECONDS);
        Kind { notifications: 0, failed: BTreeMap::new(), requests: 0, requests_failed: 0, latency }
    }
}

/// What routing counts.
#[derive(Debug)]
pub(super) struct Counters {
    /// Alerts that came in firing.
    pub(super) firing: AtomicU64,
    /// Alerts that came in resolved.
    pub(super) resolved: AtomicU64,
    /// Alerts that made no sense.
    pub(super) invalid: AtomicU64,
    /// Alerts of rules that found no room.
    pub(super) dropped: AtomicU64,
    /// By kind of integration.
    pub(super) kinds: Mutex<BTreeMap<String, Kind>>,
    /// Looks at an alert that kept it from being told, by reason.
    pub(super) suppressed: Mutex<BTreeMap<&'static str, u64>>,
    /// Messages by what became of them.
    pub(super) endings: Mutex<BTreeMap<&'static str, u64>>,
    /// How often an integration was asked what it was told of a group.
    pub(super) looks: AtomicU64,
    /// Alerts that were put into groups.
    pub(super) processing: Mutex<Spent>,
    /// Clearing away what has been over for long.
    pub(super) sweeps: Mutex<Spent>,
    /// Replacing the log by a snapshot.
    pub(super) snapshots: Mutex<Spent>,
    /// Snapshots that could not be written.
    pub(super) failed_snapshots: AtomicU64,
    /// Length of the last one that was.
    pub(super) snapshot_bytes: AtomicU64,
    /// Seconds that questions for silences took.
    pub(super) silence_queries: Mutex<Histogram>,
    /// Questions for silences that made no sense.
    pub(super) silence_query_errors: AtomicU64,
    /// Silences that were looked at for them.
    pub(super) silences_scanned: AtomicU64,
}

impl Default for Counters {
    fn default() -> Counters {
        Counters {
            firing: AtomicU64::default(),
            resolved: AtomicU64::default(),
            invalid: AtomicU64::default(),
            dropped: AtomicU64::default(),
            kinds: Mutex::default(),
            suppressed: Mutex::default(),
            endings: Mutex::default(),
            looks: AtomicU64::default(),
            processing: Mutex::default(),
            sweeps: Mutex::default(),
            snapshots: Mutex::default(),
            failed_snapshots: AtomicU64::default(),
            snapshot_bytes: AtomicU64::default(),
            silence_queries: Mutex::new(Histogram::new(GO_SECONDS)),
            silence_query_errors: AtomicU64::default(),
            silences_scanned: AtomicU64::default(),
        }
    }
}

impl Counters {
    /// Counts alerts as they come in.
    pub(super) fn received(&self, firing: u64, resolved: u64, invalid: u64) {
        self.firing.fetch_add(firing, Ordering::Relaxed);
        self.resolved.fetch_add(resolved, Ordering::Relaxed);
        self.invalid.fetch_add(invalid, Ordering::Relaxed);
    }

    /// Counts alerts that were put into groups.
    pub(super) fn processed(&self, alerts: usize, took: Duration) {
        self.processing.lock().add(alerts as u64, took);
    }

    /// Counts a round that cleared away what has been over for long, if it did.
    pub(super) fn swept(&self, times: u64, took: Duration) {
        if times > 0 {
            self.sweeps.lock().add(times, took);
        }
    }

    /// Counts a round that took a part of a snapshot, or tried.
    pub(super) fn kept(&self, before: Snapshots, now: Snapshots, took: Duration) {
        self.snapshots.lock().add(now.written - before.written, took);
        self.snapshot_bytes.store(now.bytes, Ordering::Relaxed);
        self.failed_snapshots.fetch_add(now.failed - before.failed, Ordering::Relaxed);
    }

    /// Snapshots that were tried.
    pub(super) fn maintenances(&self) -> u64 {
        self.snapshots.lock().count + self.failed_snapshots.load(Ordering::Relaxed)
    }

    /// Counts a question for silences.
    pub(super) fn asked_for_silences(&self, scanned: usize, took: Duration) {
        self.silence_queries.lock().observe(took.as_secs_f64());
        self.silences_scanned.fetch_add(scanned as u64, Ordering::Relaxed);
    }

    /// Counts a try.
    pub(super) fn tried(&self, kind: &str, first: bool, outcome: &Outcome, took: Duration) {
        let mut kinds = self.kinds.lock();
        let kind = kinds.entry(kind.to_owned()).or_default();
        kind.requests += 1;
        kind.latency.observe(took.as_secs_f64());
        if let Some(reason) = reason(outcome) {
            kind.requests_failed += 1;
            if first {
                *kind.failed.entry(reason).or_default() += 1;
            }
        }
        kind.notifications += u64::from(first);
    }

    /// Counts what was decided.
    pub(super) fn decided(&self, decision: &Decision) {
        match decision {
            Decision::Flushed { alerts, lines, .. } => {
                self.looks.fetch_add(lines.len() as u64, Ordering::Relaxed);
                let mut suppressed = self.suppressed.lock();
                for (_, verdict) in alerts {
                    let reason = match verdict {
                        Verdict::Passed => continue,
                        Verdict::Inhibited { .. } => "inhibition",
                        Verdict::Inactive(_) => "active_time_interval",
                        Verdict::Muted(_) => "mute_time_interval",
                        Verdict::Silenced(_) => "silence",
                    };
                    *suppressed.entry(reason).or_default() += 1;
                }
            }
            Decision::Ended { ending, .. } => {
                let ending = match ending {
                    Ending::Delivered(_) => "delivered",
                    Ending::Superseded => "superseded",
                    Ending::GaveUp(_) => "given_up",
                };
                *self.endings.lock().entry(ending).or_default() += 1;
            }
            Decision::Changed { .. } | Decision::Judged { .. } => {}
        }
    }
}

/// Alertmanager's word for why a try failed.
fn reason(outcome: &Outcome) -> Option<&'static str> {
    let error = match outcome {
        Outcome::Delivered(_) => return None,
        Outcome::Retry { error, .. } | Outcome::Refused { error } => error,
    };
    let status = error.strip_prefix("unexpected status code ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
    Some(match status {
        Some(401 | 403) => "authError",
        Some(429) => "rateLimited",
        Some(400..=499) => "clientError",
        Some(500..=599) => "serverError",
        _ if error.contains("not delivered within") || error.contains("timed out") => "contextDeadlineExceeded",
        _ => "other",
    })
}
