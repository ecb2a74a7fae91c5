//! Alerts in notifications.

use std::sync::Arc;

use crate::time::Time;
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
            _ => return None,
        })
    }
}

/// The alerts of a group, with `.Firing` and `.Resolved`.
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

fn has_status(alert: &Value, status: &str) -> bool {
    match alert {
        Value::Object(alert) => alert.field("Status").is_some_and(|s| s.as_str() == Some(status)),
        _ => false,
    }
}

impl Object for Alerts {
    fn type_name(&self) -> &str {
        "template.Alerts"
    }

    fn under(&self) -> Under {
        Under::Plain(Value::List(self.0.clone()))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        matches!(name, "Firing" | "Resolved").then_some(Signature::of(&[]))
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, String> {
        let status = if name == "Firing" { "firing" } else { "resolved" };
        let kept = self.0.items().iter().filter(|alert| has_status(alert, status)).cloned().collect();
        Ok(Value::List(Arc::new(List::new("[]template.Alert", kept))))
    }

    fn part(&self, items: &[Value]) -> Option<Value> {
        Some(Value::object(Alerts::of(items.to_vec())))
    }
}
