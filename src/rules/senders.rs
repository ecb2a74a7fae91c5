//! Senders: one thread for each Alertmanager of the configuration, so that one that is slow delays no other.

use std::sync::Arc;
use std::time::Duration;

use nightjar_model::labels::LabelsBuilder;
use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::{Clock, PanicPolicy, Thread, spawn};
use nightjar_ruler::{AlertBatch, SentAlert};
use parking_lot::{Condvar, Mutex, RwLock};
use serde_json::{Map, Value};

use super::alerts::AlertSink;
use super::outbox::{CAPACITY, Item, Outbox};
use super::post::Post;
use crate::config::alerting::{Alerting, Alertmanager};
use crate::exposition::Exposition;
use crate::relabel::{Relabel, relabel};

/// A family with one sample an Alertmanager: the end of its name, help, value.
type Family = (&'static str, &'static str, fn(&State) -> f64);

/// Longest pause before a failed delivery is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// All senders.
pub struct Senders {
    senders: RwLock<Vec<Arc<Sender>>>,
    /// Rules for the labels of all alerts.
    relabel: RwLock<Vec<Relabel>>,
    /// URLs of Alertmanagers that relabelling dropped.
    discarded: RwLock<Vec<String>>,
    clock: Arc<dyn Clock>,
    on_panic: PanicPolicy,
}

struct Sender {
    to: Alertmanager,
    post: Post,
    state: Mutex<State>,
    changed: Condvar,
    thread: Mutex<Option<Thread<()>>>,
}

#[derive(Default)]
struct State {
    outbox: Outbox,
    stopping: bool,
    sent: u64,
    errors: u64,
    dropped: u64,
}

impl Senders {
    /// No senders yet.
    pub fn new(clock: Arc<dyn Clock>, on_panic: PanicPolicy) -> Senders {
        let (senders, relabel, discarded) = Default::default();
        Senders { senders, relabel, discarded, clock, on_panic }
    }

    /// Sends to these from now on. Those that were there already go on.
    pub fn replace(&self, alerting: &Alerting) {
        *self.relabel.write() = alerting.alert_relabel.clone();
        *self.discarded.write() = alerting.dropped.clone();
        let mut senders = self.senders.write();
        let mut old = std::mem::take(&mut *senders);
        for to in &alerting.alertmanagers {
            let sender = match old.iter().position(|sender| sender.to == *to) {
                Some(known) => old.swap_remove(known),
                None => match self.start(to) {
                    Ok(sender) => sender,
                    Err(e) => {
                        tracing::error!(alertmanager = to.url(), error = e, "no alerts are sent here");
                        continue;
                    }
                },
            };
            senders.push(sender);
        }
        old.iter().for_each(|sender| sender.stop());
    }

    fn start(&self, to: &Alertmanager) -> Result<Arc<Sender>, String> {
        let sender = Arc::new(Sender {
            post: Post::new(to)?,
            to: to.clone(),
            state: Mutex::default(),
            changed: Condvar::new(),
            thread: Mutex::default(),
        });
        let (thread, clock) = (Arc::clone(&sender), Arc::clone(&self.clock));
        let running = spawn("alert-sender", &self.on_panic, move || thread.run(&*clock));
        let running = running.map_err(|error| format!("cannot start a thread: {error}"))?;
        *sender.thread.lock() = Some(running);
        Ok(sender)
    }
}

impl AlertSink for Senders {
    fn send(&self, batch: AlertBatch, external_labels: &Labels) {
        let (senders, rules) = (self.senders.read(), self.relabel.read());
        for alert in batch.alerts.iter().filter(|_| !senders.is_empty()) {
            let mut labels = with_external(&alert.labels, external_labels);
            if !relabel(&rules, &mut labels) {
                continue;
            }
            for sender in &*senders {
                let mut labels = labels.clone();
                if relabel(&sender.to.alert_relabel, &mut labels) {
                    let alert = SentAlert { labels: labels.build(), ..alert.clone() };
                    sender.push(Item { alert, generator_url: Arc::clone(&batch.generator_url) });
                }
            }
        }
    }

    fn receivers(&self) -> Vec<String> {
        self.senders.read().iter().map(|sender| sender.to.url()).collect()
    }

    fn discarded(&self) -> Vec<String> {
        self.discarded.read().clone()
    }

    fn stop(&self) {
        let senders = self.senders.read();
        senders.iter().for_each(|sender| sender.stop());
        // Each tries once more to send what waits.
        for thread in senders.iter().filter_map(|sender| sender.thread.lock().take()) {
            let _ = thread.join();
        }
    }

    fn expose(&self, out: &mut Exposition) {
        let senders = self.senders.read();
        let name = "prometheus_notifications_alertmanagers_discovered";
        out.gauge(name, "The number of alertmanagers discovered and active.", senders.len() as f64);
        let families: [Family; 5] = [
            ("sent_total", "Total number of alerts sent.", |s| s.sent as f64),
            ("errors_total", "Total number of sent alerts affected by errors.", |s| s.errors as f64),
            ("dropped_total", "Total number of alerts dropped due to errors when sending to Alertmanager.", |s| {
                s.dropped as f64
            }),
            ("queue_length", "The number of alert notifications in the queue.", |s| s.outbox.len() as f64),
            ("queue_capacity", "The capacity of the alert notifications queue.", |_| CAPACITY as f64),
        ];
        for (name, help, value) in families.into_iter().filter(|_| !senders.is_empty()) {
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            let name = format!("prometheus_notifications_{name}");
            out.family(&name, kind, help);
            for sender in &*senders {
                out.sample(&name, &[("alertmanager", &sender.to.url())], value(&sender.state.lock()));
            }
        }
    }
}

impl Sender {
    fn push(&self, item: Item) {
        let mut state = self.state.lock();
        let dropped = state.outbox.push(item);
        state.dropped += dropped;
        self.changed.notify_all();
    }

    fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Sends until it is told to stop; then tries once more to send what waits.
    fn run(&self, clock: &dyn Clock) {
        let mut pause = Duration::ZERO;
        loop {
            let batch = {
                let mut state = self.state.lock();
                while state.outbox.len() == 0 && !state.stopping {
                    self.changed.wait(&mut state);
                }
                let end = clock.monotonic().saturating_add(pause);
                while !state.stopping && clock.monotonic() < end {
                    self.changed.wait_for(&mut state, end.saturating_sub(clock.monotonic()));
                }
                state.outbox.expire(clock.wall_ms());
                let batch = state.outbox.batch();
                if state.stopping && (batch.is_empty() || !pause.is_zero()) {
                    return;
                }
                batch
            };
            if !batch.is_empty() {
                pause = self.deliver(&batch, pause);
            }
        }
    }

    /// Sends a batch; answers how long to wait before the next.
    fn deliver(&self, batch: &[Item], pause: Duration) -> Duration {
        let outcome = self.post.send(body(batch));
        let mut state = self.state.lock();
        match outcome {
            Ok(()) => {
                state.sent += batch.len() as u64;
                state.outbox.sent(batch);
                Duration::ZERO
            }
            Err(error) => {
                state.errors += batch.len() as u64;
                let (alertmanager, alerts) = (self.to.url(), batch.len());
                tracing::error!(alertmanager, alerts, error, "Error sending alerts; they will be sent again");
                (pause * 2).clamp(Duration::from_secs(1), LONGEST_PAUSE)
            }
        }
    }
}

fn with_external(labels: &Labels, external: &Labels) -> LabelsBuilder {
    let mut all = labels.to_builder();
    for label in external.iter().filter(|label| labels.get(label.name).is_none()) {
        all.set(label.name, label.value);
    }
    all
}

/// Alerts as Alertmanager's API takes them.
fn body(batch: &[Item]) -> Vec<u8> {
    let object = |pairs: &mut dyn Iterator<Item = (String, String)>| {
        Value::Object(pairs.map(|(name, text)| (name, Value::String(text))).collect::<Map<_, _>>())
    };
    let alert = |Item { alert, generator_url }: &Item| {
        let mut labels = alert.labels.iter().map(|l| (l.name.to_owned(), l.value.to_owned()));
        let mut annotations = alert.annotations.iter().map(|(name, text)| (name.to_owned(), text.to_owned()));
        serde_json::json!({
            "annotations": object(&mut annotations),
            "endsAt": time(alert.ends_at),
            "startsAt": time(alert.starts_at),
            "generatorURL": &**generator_url,
            "labels": object(&mut labels),
        })
    };
    serde_json::to_vec(&batch.iter().map(alert).collect::<Vec<_>>()).unwrap_or_default()
}

fn time(at: TimestampMs) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use nightjar_ruler::Texts;

    use super::*;

    #[test]
    fn the_body() {
        let labels = with_external(
            &Labels::from_pairs([("alertname", "A"), ("cluster", "mine")]),
            &Labels::from_pairs([("cluster", "theirs"), ("region", "eu")]),
        )
        .build();
        let annotations = Texts::from_pairs([("s", "\"x\"")]);
        let alert = SentAlert { labels, annotations, starts_at: 1_500, ends_at: 61_500, resolved: false };
        let text = String::from_utf8(body(&[Item { alert, generator_url: "http://n/graph".into() }])).unwrap();
        assert_eq!(
            text,
            r#"[{"annotations":{"s":"\"x\""},"endsAt":"1970-01-01T00:01:01.500Z","generatorURL":"http://n/graph","labels":{"alertname":"A","cluster":"mine","region":"eu"},"startsAt":"1970-01-01T00:00:01.500Z"}]"#
        );
    }
}
