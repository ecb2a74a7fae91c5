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
pub struct Alerts {
    all: Arc<List>,
    firing: Arc<List>,
    resolved: Arc<List>,
}

impl Alerts {
    /// The alerts, in the order of the notification.
    #[must_use]
    pub fn new(alerts: Vec<Alert>) -> Self {
        let alerts: Vec<(Option<bool>, Value)> = alerts
            .into_iter()
            .map(|alert| {
                let firing = match alert.status.as_str() {
                    Some("firing") => Some(true),
                    Some("resolved") => Some(false),
                    _ => None,
                };
                (firing, Value::object(alert))
            })
            .collect();
        let list = |keep: &dyn Fn(&Option<bool>) -> bool| {
            let kept = alerts.iter().filter(|(firing, _)| keep(firing)).map(|(_, alert)| alert.clone()).collect();
            Arc::new(List::new("[]template.Alert", kept))
        };
        Self { all: list(&|_| true), firing: list(&|f| *f == Some(true)), resolved: list(&|f| *f == Some(false)) }
    }
}

impl Object for Alerts {
    fn type_name(&self) -> &str {
        "template.Alerts"
    }

    fn under(&self) -> Under {
        Under::Plain(Value::List(self.all.clone()))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        matches!(name, "Firing" | "Resolved").then_some(Signature::of(&[]))
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, String> {
        Ok(Value::List(if name == "Firing" { self.firing.clone() } else { self.resolved.clone() }))
    }
}
