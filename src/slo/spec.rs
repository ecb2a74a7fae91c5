//! Specifications of objectives, `prometheus/v1`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Names with texts.
pub(super) type Labels = BTreeMap<String, String>;

/// The objectives of a service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    version: String,
    pub(super) service: String,
    #[serde(default)]
    pub(super) labels: Labels,
    slo_plugins: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    pub(super) slos: Vec<Slo>,
}

/// One objective.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slo {
    pub(super) name: String,
    #[serde(default)]
    #[allow(dead_code, reason = "for people who read the specification")]
    description: Option<String>,
    pub(super) objective: f64,
    #[serde(default)]
    pub(super) labels: Labels,
    plugins: Option<serde::de::IgnoredAny>,
    pub(super) sli: Sli,
    pub(super) alerting: Alerting,
}

/// What is measured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sli {
    pub(super) raw: Option<Raw>,
    pub(super) events: Option<Events>,
    plugin: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) error_ratio_query: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Events {
    pub(super) error_query: String,
    pub(super) total_query: String,
}

/// Who hears of it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alerting {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) labels: Labels,
    #[serde(default)]
    pub(super) annotations: Labels,
    #[serde(default)]
    pub(super) page_alert: Alert,
    #[serde(default)]
    pub(super) ticket_alert: Alert,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alert {
    #[serde(default)]
    pub(super) disable: bool,
    #[serde(default)]
    pub(super) labels: Labels,
    #[serde(default)]
    pub(super) annotations: Labels,
}

/// Reads a file of one or more documents.
pub(super) fn read(text: &str) -> Result<Vec<Service>, String> {
    let mut services = Vec::new();
    for document in documents(text) {
        let options = serde_saphyr::options! { with_snippet: false };
        let service: Service =
            serde_saphyr::from_str_with_options(&document, options).map_err(|e| e.without_snippet().to_string())?;
        check(&service)?;
        services.push(service);
    }
    if services.is_empty() { Err("there is no specification in it".to_owned()) } else { Ok(services) }
}

/// The documents of a text that say anything, on the lines they have in it.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for (nr, line) in text.lines().enumerate() {
        if line.trim_end() == "---" {
            documents.push("\n".repeat(nr + 1));
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    documents.into_iter().filter(|document| document.lines().any(says)).collect()
}

fn check(service: &Service) -> Result<(), String> {
    if service.version != "prometheus/v1" {
        return Err(format!("version {:?} is not prometheus/v1", service.version));
    }
    if service.slo_plugins.is_some() || service.slos.iter().any(|s| s.plugins.is_some() || s.sli.plugin.is_some()) {
        return Err("plugins are Go programs of sloth; write the queries instead".to_owned());
    }
    let is_name = |text: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let ends = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric());
        ends && text.chars().all(inner)
    };
    if !is_name(&service.service) {
        return Err(format!("service {:?} is not a name of letters, digits, -, _ and .", service.service));
    }
    if service.slos.is_empty() {
        return Err(format!("service {:?} has no slos", service.service));
    }
    for slo in &service.slos {
        let at = |problem: &str| Err(format!("slo {:?}: {problem}", slo.name));
        if !is_name(&slo.name) {
            return at("its name has other signs than letters, digits, -, _ and .");
        }
        if !(slo.objective > 0.0 && slo.objective <= 100.0) {
            return at("the objective is not a percentage above 0 and up to 100");
        }
        if slo.sli.raw.is_some() == slo.sli.events.is_some() {
            return at("sli needs either events or raw");
        }
        let alerts = !slo.alerting.page_alert.disable || !slo.alerting.ticket_alert.disable;
        if alerts && slo.alerting.name.is_empty() {
            return at("alerting.name is missing");
        }
    }
    Ok(())
}
