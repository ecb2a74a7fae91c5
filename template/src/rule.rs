//! The data of rule templates.

use crate::value::{Field, Object, Under, Value};

/// What stands before the text of every label and annotation template.
pub const RULE_PRELUDE: &str = concat!(
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}",
    "{{$externalURL := .ExternalURL}}{{$value := .Value}}"
);

/// The alert a label or annotation is rendered for: `.Labels .ExternalLabels .ExternalURL .Value`.
#[derive(Debug, Clone)]
pub struct RuleData {
    /// Labels of the series, a [`Value::string_map`].
    pub labels: Value,
    /// Labels of this server, a [`Value::string_map`].
    pub external_labels: Value,
    /// The address people reach the server at.
    pub external_url: Value,
    /// Mostly a [`Value::Float`].
    pub value: Value,
}

impl Object for RuleData {
    fn type_name(&self) -> &str {
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
    }

    fn under(&self) -> Under {
        let field = |name, value: &Value| Field { name, json: name, value: value.clone() };
        Under::Struct(vec![
            field("Labels", &self.labels),
            field("ExternalLabels", &self.external_labels),
            field("ExternalURL", &self.external_url),
            field("Value", &self.value),
        ])
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Labels" => Some(self.labels.clone()),
            "ExternalLabels" => Some(self.external_labels.clone()),
            "ExternalURL" => Some(self.external_url.clone()),
            "Value" => Some(self.value.clone()),
            _ => None,
        }
    }

    fn is_boxed(&self, field: &str) -> bool {
        field == "Value"
    }
}
