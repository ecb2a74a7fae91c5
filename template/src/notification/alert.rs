//! Alerts in notifications.

use std::sync::Arc;

use crate::time::{Duration, Time};
use crate::value::{Field, List, Object, Signature, Under, Value};

/// One alert of a group.
#[derive(Debug, Clone)]
pub struct Alert {
    /// `firing` or `resolved`.
    pub status: Value,
    /// A [`Kv`](super::Kv).
    pub labels: Value,
    /// A [`Kv`](super::Kv).
    pub annotations: Value,
    /// When it began.
    pub starts_at: Time,
    /// When it ended; the zero time while it fires.
    pub ends_at: Time,
    /// Where it comes from.
    pub generator_url: Value,
    /// Its identity, in hexadecimal.
    pub fingerprint: Value,
    /// Ours, `.Change`: `new`, `resolved`, or empty for what the last notification said too.
    pub change: Value,
    /// Ours, `.FiringFor`: how long it has been firing, or fired.
    pub firing_for: Duration,
}

impl Object for Alert {
    fn type_name(&self) -> &str {
        "template.Alert"
    }

    fn under(&self) -> Under {
        let field = |name, json, value: &Value| Field { name, json, value: value.clone() };
        Under::Struct(vec![
            field("Status", "status", &self.status),
            field("Labels", "labels", &self.labels),
            field("Annotations", "annotations", &self.annotations),
            field("StartsAt", "startsAt", &Value::Time(self.starts_at.clone())),
            field("EndsAt", "endsAt", &Value::Time(self.ends_at.clone())),
            field("GeneratorURL", "generatorURL", &self.generator_url),
            field("Fingerprint", "fingerprint", &self.fingerprint),
        ])
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Status" => self.status.clone(),
            "Labels" => self.labels.clone(),
            "Annotations" => self.annotations.clone(),
            "StartsAt" => Value::Time(self.starts_at.clone()),
            "EndsAt" => Value::Time(self.ends_at.clone()),
            "GeneratorURL" => self.generator_url.clone(),
            "Fingerprint" => self.fingerprint.clone(),
            "Change" => self.change.clone(),
            "FiringFor" => Value::Duration(self.firing_for),
            _ => return None,
        })
    }
}

/// The alerts of a group, with `.Firing` and `.Resolved`, and with what changed since the last notification: `.New`,
/// `.NewlyResolved` and `.Unchanged`.
#[derive(Debug, Clone)]
pub struct Alerts(Arc<List>);

impl Alerts {
    /// The alerts, in the order of the notification.
    #[must_use]
    pub fn new(alerts: Vec<Alert>) -> Self {
        Self::of(alerts.into_iter().map(Value::object).collect())
    }

    fn of(alerts: Vec<Value>) -> Self {
        Self(Arc::new(List::new("[]template.Alert", alerts)))
    }
}

fn has(alert: &Value, field: &str, text: &str) -> bool {
    match alert {
        Value::Object(alert) => alert.field(field).is_some_and(|s| s.as_str() == Some(text)),
        _ => false,
    }
}

/// Which field selects alerts, and by what.
fn selection(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "Firing" => ("Status", "firing"),
        "Resolved" => ("Status", "resolved"),
        "New" => ("Change", "new"),
        "NewlyResolved" => ("Change", "resolved"),
        "Unchanged" => ("Change", ""),
        _ => return None,
    })
}

impl Object for Alerts {
    fn type_name(&self) -> &str {
        "template.Alerts"
    }

    fn under(&self) -> Under {
        Under::Plain(Value::List(self.0.clone()))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        selection(name).map(|_| Signature::of(&[]))
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, String> {
        let (field, text) = selection(name).ok_or_else(|| format!("alerts have no {name}"))?;
        let kept = self.0.items().iter().filter(|alert| has(alert, field, text)).cloned().collect();
        Ok(Value::List(Arc::new(List::new("[]template.Alert", kept))))
    }

    fn part(&self, items: &[Value]) -> Option<Value> {
        Some(Value::object(Alerts::of(items.to_vec())))
    }
}
