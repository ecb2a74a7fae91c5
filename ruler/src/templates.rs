//! Labels and annotations of alerts, rendered.

use std::sync::LazyLock;

use nightjar_model::{Labels, TimestampMs};
use nightjar_query::{SampleValue, VectorSample};
use nightjar_template::{
    Context, Error, Host, Limits, MissingKey, RULE_PRELUDE, RuleData, Sample, Set, Time, Value, prometheus,
};

use crate::query::Query;
use crate::settings::Settings;

/// No templates yet, with the functions of rules.
static EMPTY: LazyLock<Set> = LazyLock::new(|| Set::new(prometheus()).missing_key(MissingKey::Zero));

/// A label or annotation of an alerting rule.
#[derive(Clone)]
pub(crate) struct Template {
    text: Box<str>,
    /// `None` for a text without template syntax: most are.
    set: Option<Result<Set, String>>,
}

fn parsed(alert: &str, text: &str) -> Result<Set, Error> {
    let mut set = EMPTY.clone();
    set.parse(&name(alert), &format!("{RULE_PRELUDE}{text}"))?;
    Ok(set)
}

fn name(alert: &str) -> String {
    format!("__alert_{alert}")
}

/// Whether a text is a template.
pub(crate) fn check(alert: &str, text: &str) -> Result<(), String> {
    if text.contains("{{") { parsed(alert, text).map(drop).map_err(|e| e.to_string()) } else { Ok(()) }
}

impl Template {
    pub(crate) fn new(alert: &str, text: &str) -> Template {
        let set = text
            .contains("{{")
            .then(|| parsed(alert, text).map_err(|e| format!("error parsing template {}: {e}", name(alert))));
        Template { text: text.into(), set }
    }

    /// Whether it may read series.
    pub(crate) fn queries(&self) -> bool {
        self.set.is_some() && self.text.contains("query")
    }

    /// The text for one alert; a failure becomes part of it, as in Prometheus.
    pub(crate) fn render(&self, alert: &str, data: &Value, world: &mut World<'_>) -> String {
        let rendered = match &self.set {
            None => return self.text.clone().into(),
            Some(Err(reason)) => Err(reason.clone()),
            Some(Ok(set)) => {
                let name = name(alert);
                let mut context = Context::new(world, Limits::RULE);
                set.render(&name, data, &mut context).map_err(|e| format!("error executing template {name}: {e}"))
            }
        };
        rendered.unwrap_or_else(|reason| format!("<error expanding template: {reason}>"))
    }
}

/// What a template may ask while it is rendered.
pub(crate) struct World<'a> {
    pub(crate) query: &'a dyn Query,
    pub(crate) settings: &'a Settings,
    pub(crate) at: TimestampMs,
}

impl Host for World<'_> {
    fn now(&self) -> Time {
        Time::from_unix_ms(self.at)
    }

    fn external_url(&self) -> &str {
        &self.settings.external_url
    }

    fn query(&mut self, expression: &str) -> Result<Vec<Sample>, String> {
        let samples = self.query.text(expression, self.at)?;
        Ok(samples.iter().map(|s| Sample { labels: labels_value(&s.labels), value: value(&s.value) }).collect())
    }
}

/// The data of the templates of one result.
pub(crate) fn data(sample: &VectorSample, settings: &Settings) -> Value {
    Value::object(RuleData {
        labels: labels_value(&sample.labels),
        external_labels: labels_value(&settings.external_labels),
        external_url: settings.external_url.as_str().into(),
        value: value(&sample.value),
    })
}

fn labels_value(labels: &Labels) -> Value {
    Value::string_map(labels.iter().map(|l| (l.name, l.value)))
}

fn value(value: &SampleValue) -> Value {
    match value {
        SampleValue::Float(v) => Value::Float(*v),
        SampleValue::Histogram(h) => Value::Str(h.to_string().into()),
    }
}
