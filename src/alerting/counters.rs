//! What routing counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nightjar_alertmanager::machine::{Decision, Outcome, Verdict};
use nightjar_alertmanager::record::Ending;
use parking_lot::Mutex;

/// Upper bounds of the time a message takes, in seconds, as Alertmanager has them.
pub(super) const LATENCY_BOUNDS: [f64; 6] = [1.0, 5.0, 10.0, 15.0, 20.0, f64::INFINITY];

/// What is counted of one kind of integration.
#[derive(Clone, Debug, Default)]
pub(super) struct Kind {
    /// Messages that were told, or given up.
    pub(super) notifications: u64,
    /// Messages whose first try failed, by reason.
    pub(super) failed: BTreeMap<&'static str, u64>,
    /// Tries.
    pub(super) requests: u64,
    /// Tries that failed.
    pub(super) requests_failed: u64,
    /// Time of tries, in [`LATENCY_BOUNDS`].
    pub(super) latency: [u64; LATENCY_BOUNDS.len()],
    /// Sum of it.
    pub(super) latency_seconds: f64,
}

/// What routing counts.
#[derive(Debug, Default)]
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
}

impl Counters {
    /// Counts alerts as they come in.
    pub(super) fn received(&self, firing: u64, resolved: u64, invalid: u64) {
        self.firing.fetch_add(firing, Ordering::Relaxed);
        self.resolved.fetch_add(resolved, Ordering::Relaxed);
        self.invalid.fetch_add(invalid, Ordering::Relaxed);
    }

    /// Counts a try.
    pub(super) fn tried(&self, kind: &str, first: bool, outcome: &Outcome, took: Duration) {
        let mut kinds = self.kinds.lock();
        let kind = kinds.entry(kind.to_owned()).or_default();
        kind.requests += 1;
        let seconds = took.as_secs_f64();
        let bucket = LATENCY_BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(LATENCY_BOUNDS.len() - 1);
        kind.latency[bucket] += 1;
        kind.latency_seconds += seconds;
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
            Decision::Flushed { alerts, .. } => {
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
