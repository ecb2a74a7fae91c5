//! The data of notification templates, as Alertmanager's.

mod alert;
mod kv;
mod news;

pub use alert::{Alert, Alerts};
pub use kv::{Kv, Pair, Pairs, Strings};
pub use news::News;

use crate::value::{Field, Object, Under, Value};

/// What a notification is rendered from.
#[derive(Debug, Clone)]
pub struct Data {
    /// The receiver's name, quoted for regular expressions.
    pub receiver: Value,
    /// `firing` or `resolved`.
    pub status: Value,
    /// All alerts of the group, [`Alerts`].
    pub alerts: Value,
    /// Why this notification is sent.
    pub notification_reason: Value,
    /// Labels the group is made by, a [`Kv`].
    pub group_labels: Value,
    /// Labels all alerts share, a [`Kv`].
    pub common_labels: Value,
    /// Annotations all alerts share, a [`Kv`].
    pub common_annotations: Value,
    /// Labels of the route, a [`Kv`].
    pub route_labels: Value,
    /// The address people reach the server at.
    pub external_url: Value,
    /// What Alertmanager's data does not have.
    pub news: News,
}

impl Data {
    /// The value templates get: a pointer to the data.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::pointer(Value::object(self))
    }

    fn fields(&self) -> [(&'static str, &'static str, &Value); 9] {
        [
            ("Receiver", "receiver", &self.receiver),
            ("Status", "status", &self.status),
            ("Alerts", "alerts", &self.alerts),
            ("NotificationReason", "notification_reason", &self.notification_reason),
            ("GroupLabels", "groupLabels", &self.group_labels),
            ("CommonLabels", "commonLabels", &self.common_labels),
            ("CommonAnnotations", "commonAnnotations", &self.common_annotations),
            ("RouteLabels", "routeLabels", &self.route_labels),
            ("ExternalURL", "externalURL", &self.external_url),
        ]
    }
}

impl Object for Data {
    fn type_name(&self) -> &str {
        "template.Data"
    }

    fn under(&self) -> Under {
        let field = |(name, json, value): (_, _, &Value)| Field { name, json, value: value.clone() };
        Under::Struct(self.fields().into_iter().map(field).collect())
    }

    fn field(&self, name: &str) -> Option<Value> {
        let own = self.fields().into_iter().find(|field| field.0 == name).map(|field| field.2.clone());
        own.or_else(|| self.news.field(name))
    }
}
