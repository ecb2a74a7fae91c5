//! Messages as templates see them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use nightjar_model::{Labels, TimestampMs};
use nightjar_template::notification::{self, Alerts, Data, Kv, News};
use nightjar_template::{Context, Duration, Host, Limits, MissingKey, Set, Time, Value, alertmanager};

use crate::machine::{Before, Send, SentAlert};

use super::templates;

/// The templates of an installation.
#[derive(Clone)]
pub struct Templates {
    set: Set,
    external_url: Arc<str>,
}

impl Templates {
    /// The default templates and those of these texts, which may define the same names anew.
    pub fn new<'a>(
        external_url: &str,
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Templates, String> {
        let mut set = Set::new(alertmanager()).missing_key(MissingKey::Zero);
        set.parse("default", &templates::text()).map_err(|error| error.to_string())?;
        for (name, text) in files {
            set.parse(name, text).map_err(|error| error.to_string())?;
        }
        Ok(Templates { set, external_url: external_url.trim_end_matches('/').into() })
    }

    /// Begins to render a message. At most `max_alerts` alerts are shown if it is not 0.
    pub fn begin(&self, send: &Send, max_alerts: usize, now: TimestampMs) -> Rendering<'_> {
        let shown = match max_alerts {
            0 => &send.alerts[..],
            max => &send.alerts[..max.min(send.alerts.len())],
        };
        let mut rendering = Rendering {
            templates: self,
            facts: Facts::of(send, shown, &self.external_url),
            truncated: send.alerts.len() - shown.len(),
            value: Value::Nil,
            now,
            labels: send.route_labels.clone(),
            failure: RefCell::new(None),
        };
        rendering.value = rendering.facts.value(&rendering.facts.route_labels);
        // Route labels are themselves templates over the same data, which shows them as written meanwhile.
        let rendered = send.route_labels.keys().map(|name| (name.clone(), rendering.route_label(name))).collect();
        rendering.facts.route_labels = rendered;
        rendering.value = rendering.facts.value(&rendering.facts.route_labels);
        rendering
    }
}

/// What is true of a message, ready for JSON and for templates.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Facts {
    pub(super) receiver: String,
    pub(super) status: &'static str,
    pub(super) alerts: Vec<AlertFacts>,
    #[serde(rename = "notification_reason")]
    pub(super) notification_reason: &'static str,
    pub(super) group_labels: BTreeMap<String, String>,
    pub(super) common_labels: BTreeMap<String, String>,
    pub(super) common_annotations: BTreeMap<String, String>,
    pub(super) route_labels: BTreeMap<String, String>,
    #[serde(rename = "externalURL")]
    pub(super) external_url: String,
    /// What Alertmanager does not tell.
    #[serde(skip)]
    pub(super) news: NewsFacts,
}

/// What is true of a message beside what Alertmanager tells.
#[derive(Clone, Debug)]
pub(super) struct NewsFacts {
    pub(super) kind: &'static str,
    pub(super) before: Before,
    pub(super) firing_for_ms: i64,
}

/// What is true of an alert.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertFacts {
    pub(super) status: &'static str,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) starts_at: String,
    pub(super) ends_at: String,
    #[serde(rename = "generatorURL")]
    pub(super) generator_url: String,
    pub(super) fingerprint: String,
    #[serde(skip)]
    times: (TimestampMs, Option<TimestampMs>),
    #[serde(skip)]
    pub(super) change: &'static str,
    #[serde(skip)]
    pub(super) firing_for_ms: i64,
}

fn status(resolved: bool) -> &'static str {
    if resolved { "resolved" } else { "firing" }
}

fn map(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|label| (label.name.to_owned(), label.value.to_owned())).collect()
}

/// What all have in common.
fn common<'a>(mut sets: impl Iterator<Item = &'a Labels>) -> BTreeMap<String, String> {
    let first = sets.next().cloned().unwrap_or_default();
    map(&sets.fold(first, |common, set| common.filter(|label| set.get(label.name) == Some(label.value))))
}

impl Facts {
    fn of(send: &Send, shown: &[SentAlert], external_url: &str) -> Facts {
        Facts {
            receiver: quote_meta(&send.line.receiver),
            status: status(shown.iter().all(|sent| sent.resolved)),
            alerts: shown.iter().map(|sent| AlertFacts::of(sent, send.decided_at)).collect(),
            notification_reason: send.reason.as_str(),
            group_labels: map(&send.line.group.labels),
            common_labels: common(shown.iter().map(|sent| &sent.alert.labels)),
            common_annotations: common(shown.iter().map(|sent| &sent.alert.annotations)),
            route_labels: send.route_labels.clone(),
            external_url: external_url.to_owned(),
            news: NewsFacts::of(send),
        }
    }

    fn value(&self, route_labels: &BTreeMap<String, String>) -> Value {
        let alerts = self.alerts.iter().map(|alert| notification::Alert {
            status: alert.status.into(),
            labels: kv(&alert.labels),
            annotations: kv(&alert.annotations),
            starts_at: Time::from_unix_ms(alert.times.0),
            ends_at: alert.times.1.map_or_else(Time::zero, Time::from_unix_ms),
            generator_url: alert.generator_url.as_str().into(),
            fingerprint: alert.fingerprint.as_str().into(),
            change: alert.change.into(),
            firing_for: duration(alert.firing_for_ms),
        });
        Data {
            receiver: self.receiver.as_str().into(),
            status: self.status.into(),
            alerts: Value::object(Alerts::new(alerts.collect())),
            notification_reason: self.notification_reason.into(),
            group_labels: kv(&self.group_labels),
            common_labels: kv(&self.common_labels),
            common_annotations: kv(&self.common_annotations),
            route_labels: kv(route_labels),
            external_url: self.external_url.as_str().into(),
            news: self.news.value(),
        }
        .into_value()
    }
}

impl NewsFacts {
    fn of(send: &Send) -> NewsFacts {
        let firing = |sent: &&SentAlert| !sent.resolved;
        let length = |sent: &SentAlert| firing_for_ms(sent, send.decided_at);
        let longest = send.alerts.iter().filter(firing).map(length).max();
        let firing_for_ms = longest.or_else(|| send.alerts.iter().map(length).max()).unwrap_or(0);
        NewsFacts { kind: send.reason.kind(), before: send.before, firing_for_ms }
    }

    fn value(&self) -> News {
        let time = |at: Option<TimestampMs>| at.map_or_else(Time::zero, Time::from_unix_ms);
        News {
            kind: self.kind.into(),
            number: self.before.count + 1,
            first_at: time(self.before.first_at),
            last_at: time(self.before.last_at),
            firing_for: duration(self.firing_for_ms),
        }
    }
}

/// How long an alert has been firing when its message was decided, or how long it fired.
fn firing_for_ms(sent: &SentAlert, decided_at: TimestampMs) -> i64 {
    let end = if sent.resolved { sent.alert.ends_at } else { decided_at };
    end.saturating_sub(sent.alert.starts_at).max(0)
}

fn duration(ms: i64) -> Duration {
    Duration::from_nanos(ms.saturating_mul(1_000_000))
}

fn kv(entries: &BTreeMap<String, String>) -> Value {
    Value::object(Kv::new(entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
}

impl AlertFacts {
    fn of(sent: &SentAlert, decided_at: TimestampMs) -> AlertFacts {
        let ends_at = sent.resolved.then_some(sent.alert.ends_at);
        AlertFacts {
            status: status(sent.resolved),
            labels: map(&sent.alert.labels),
            annotations: map(&sent.alert.annotations),
            starts_at: rfc3339(sent.alert.starts_at),
            ends_at: ends_at.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), rfc3339),
            generator_url: sent.alert.generator_url.clone(),
            fingerprint: sent.fingerprint.to_string(),
            times: (sent.alert.starts_at, ends_at),
            change: sent.change.as_str(),
            firing_for_ms: firing_for_ms(sent, decided_at),
        }
    }
}

/// As Go writes a time in JSON: no more digits than needed.
pub(super) fn rfc3339(ms: TimestampMs) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|at| at.to_string()).unwrap_or_default()
}

/// As Go's `regexp.QuoteMeta`.
fn quote_meta(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A message being rendered. The first failure is kept and told at the end.
pub struct Rendering<'a> {
    templates: &'a Templates,
    pub(super) facts: Facts,
    pub(super) truncated: usize,
    value: Value,
    now: TimestampMs,
    labels: BTreeMap<String, String>,
    failure: RefCell<Option<String>>,
}

impl Rendering<'_> {
    /// A template rendered as text; empty after a failure.
    pub fn text(&self, template: &str) -> String {
        if !template.contains("{{") {
            return template.to_owned();
        }
        self.run(template, &[], |set, context| set.expand(template, &self.value, context))
    }

    /// A template rendered as HTML; empty after a failure.
    pub fn html(&self, template: &str) -> String {
        self.run(template, &[], |set, context| set.expand_html(template, &self.value, context))
    }

    fn route_label(&self, name: &str) -> String {
        let template = self.labels.get(name).cloned().unwrap_or_default();
        self.run(&template, &[name.to_owned()], |set, context| set.expand(&template, &self.value, context))
    }

    fn run(
        &self,
        template: &str,
        open: &[String],
        render: impl Fn(&Set, &mut Context<'_>) -> Result<String, nightjar_template::Error>,
    ) -> String {
        let mut asked = Asked { rendering: self, open: open.to_vec() };
        let mut context = Context::new(&mut asked, Limits::NOTIFICATION);
        match render(&self.templates.set, &mut context) {
            Ok(text) => text,
            Err(error) => {
                let place = template.chars().take(60).collect::<String>();
                self.failure.borrow_mut().get_or_insert_with(|| format!("{place}: {error}"));
                String::new()
            }
        }
    }

    /// Whether everything could be rendered.
    pub fn finish(&self) -> Result<(), String> {
        self.failure.borrow().clone().map_or(Ok(()), Err)
    }

    /// A JSON value with its texts rendered. A text that renders to more than a text in YAML becomes that.
    pub fn json(&self, value: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value as Json;
        match value {
            Json::String(template) => {
                let text = self.text(template);
                crate::config::structure(&text).unwrap_or(Json::String(text))
            }
            Json::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Json::Object(fields) => {
                let field = |(name, value): (&String, &Json)| (self.text(name), self.json(value));
                fields.iter().map(field).collect::<serde_json::Map<_, _>>().into()
            }
            other => other.clone(),
        }
    }
}

/// What a template may ask; route labels refer to each other, but not in circles.
struct Asked<'r> {
    rendering: &'r Rendering<'r>,
    open: Vec<String>,
}

impl Host for Asked<'_> {
    fn now(&self) -> Time {
        Time::from_unix_ms(self.rendering.now)
    }

    fn external_url(&self) -> &str {
        &self.rendering.templates.external_url
    }

    fn location(&self, name: &str) -> Result<Arc<dyn nightjar_template::Location>, String> {
        TimeZone::get(name).map(|zone| Arc::new(Zone(zone)) as Arc<_>).map_err(|_| format!("unknown time zone {name}"))
    }

    fn route_label(&mut self, name: &str) -> Result<String, String> {
        if self.open.iter().any(|open| open == name) {
            return Err(format!("route label {name:?} refers to itself"));
        }
        let Some(template) = self.rendering.labels.get(name).cloned() else { return Ok(String::new()) };
        let open = [&self.open[..], &[name.to_owned()]].concat();
        let mut asked = Asked { rendering: self.rendering, open };
        let mut context = Context::new(&mut asked, Limits::NOTIFICATION);
        let set = &self.rendering.templates.set;
        set.expand(&template, &self.rendering.value, &mut context).map_err(|error| error.to_string())
    }
}

#[derive(Debug)]
struct Zone(TimeZone);

impl nightjar_template::Location for Zone {
    fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    fn at(&self, unix_s: i64) -> (i32, String) {
        match jiff::Timestamp::from_second(unix_s) {
            Ok(at) => {
                let info = self.0.to_offset_info(at);
                (info.offset().seconds(), info.abbreviation().to_owned())
            }
            Err(_) => (0, "UTC".to_owned()),
        }
    }
}
