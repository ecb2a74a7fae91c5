//! Incident services and ticket systems.
#![expect(missing_docs, reason = "the fields are Alertmanager's settings under their own names")]

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::config::http::HttpConfig;
use crate::config::scalar::{GoSpan, Secret, Span, Url};
use crate::config::settings::{Check, at_most_one, require, settings};

settings! {
    /// One of `pagerduty_configs`.
    Pagerduty {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        service_key: Secret,
        service_key_file: String,
        routing_key: Secret,
        routing_key_file: String,
        url: Option<Url>,
        client: String = r#"{{ template "pagerduty.default.client" . }}"#,
        client_url: String = r#"{{ template "pagerduty.default.clientURL" . }}"#,
        description: String = r#"{{ template "pagerduty.default.description" .}}"#,
        details: BTreeMap<String, serde_json::Value>,
        images: Vec<PagerdutyImage>,
        links: Vec<PagerdutyLink>,
        source: String,
        severity: String,
        class: String,
        component: String,
        group: String,
        timeout: GoSpan,
    }
}

settings! {
    /// A picture in a PagerDuty incident.
    PagerdutyImage { src: String, alt: String, href: String }
}

settings! {
    /// A link in a PagerDuty incident.
    PagerdutyLink { href: String, text: String }
}

settings! {
    /// One of `opsgenie_configs`.
    Opsgenie {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_key: Secret,
        api_key_file: String,
        api_url: Option<Url>,
        message: String = r#"{{ template "opsgenie.default.message" . }}"#,
        description: String = r#"{{ template "opsgenie.default.description" . }}"#,
        source: String = r#"{{ template "opsgenie.default.source" . }}"#,
        details: BTreeMap<String, String>,
        entity: String,
        responders: Vec<Responder>,
        actions: String,
        tags: String,
        note: String,
        priority: String,
        update_alerts: bool,
    }
}

settings! {
    /// Whom Opsgenie calls.
    Responder {
        id: String,
        name: String,
        username: String,
        #[serde(rename = "type")]
        kind: String,
    }
}

settings! {
    /// One of `victorops_configs`.
    Victorops {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_key: Secret,
        api_key_file: String,
        api_url: Option<Url>,
        routing_key: String,
        message_type: String = "CRITICAL",
        state_message: String = r#"{{ template "victorops.default.state_message" . }}"#,
        entity_display_name: String = r#"{{ template "victorops.default.entity_display_name" . }}"#,
        monitoring_tool: String = r#"{{ template "victorops.default.monitoring_tool" . }}"#,
        custom_fields: BTreeMap<String, String>,
    }
}

settings! {
    /// One of `incidentio_configs`.
    Incidentio {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        url: Option<Url>,
        url_file: String,
        alert_source_token: Secret,
        alert_source_token_file: String,
        max_alerts: u64,
        timeout: GoSpan,
    }
}

settings! {
    /// One of `jira_configs`.
    Jira {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_url: Option<Url>,
        api_type: String = "auto",
        project: String,
        summary: JiraField = JiraField::new(r#"{{ template "jira.default.summary" . }}"#),
        description: JiraField = JiraField::new(r#"{{ template "jira.default.description" . }}"#),
        labels: Vec<String>,
        priority: String = r#"{{ template "jira.default.priority" . }}"#,
        issue_type: String,
        reopen_transition: String,
        resolve_transition: String,
        wont_fix_resolution: String,
        reopen_duration: Span,
        fields: BTreeMap<String, serde_json::Value>,
    }
}

/// A text of a Jira issue, and whether it is kept up to date.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JiraField {
    pub template: String,
    pub enable_update: Option<bool>,
}

impl JiraField {
    fn new(template: &str) -> JiraField {
        JiraField { template: template.to_owned(), enable_update: None }
    }
}

impl<'a> Deserialize<'a> for JiraField {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<JiraField, D::Error> {
        #[derive(Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[derive(Default)]
        struct Long {
            template: String,
            enable_update: Option<bool>,
        }
        match serde_json::Value::deserialize(from)? {
            serde_json::Value::Object(fields) => {
                let long: Long = serde_json::from_value(fields.into()).map_err(serde::de::Error::custom)?;
                Ok(JiraField { template: long.template, enable_update: long.enable_update })
            }
            serde_json::Value::String(template) => Ok(JiraField { template, enable_update: None }),
            other => Ok(JiraField { template: other.to_string(), enable_update: None }),
        }
    }
}

/// What PagerDuty gets as details unless the same names are set.
const PAGERDUTY_DETAILS: [(&str, &str); 4] = [
    ("firing", "{{ .Alerts.Firing | toJson }}"),
    ("resolved", "{{ .Alerts.Resolved | toJson }}"),
    ("num_firing", "{{ .Alerts.Firing | len }}"),
    ("num_resolved", "{{ .Alerts.Resolved | len }}"),
];

impl Check for Pagerduty {
    fn check(&mut self) -> Result<(), String> {
        let (routing, routing_file) = (!self.routing_key.is_empty(), !self.routing_key_file.is_empty());
        let (service, service_file) = (!self.service_key.is_empty(), !self.service_key_file.is_empty());
        let any = routing || routing_file || service || service_file;
        require(any, "missing service or routing key in PagerDuty config")?;
        at_most_one("routing_key & routing_key_file", &[routing, routing_file])?;
        at_most_one("service_key & service_key_file", &[service, service_file])?;
        if self.source.is_empty() {
            self.source.clone_from(&self.client);
        }
        for (name, template) in PAGERDUTY_DETAILS {
            self.details.entry(name.to_owned()).or_insert_with(|| template.into());
        }
        Ok(())
    }
}

impl Check for Opsgenie {
    fn check(&mut self) -> Result<(), String> {
        at_most_one("api_key & api_key_file", &[!self.api_key.is_empty(), !self.api_key_file.is_empty()])?;
        for responder in &self.responders {
            let Responder { id, name, username, kind } = responder;
            let shown = format!("{{{id} {name} {username} {kind}}}");
            let named = !id.is_empty() || !username.is_empty() || !name.is_empty();
            let complaint =
                format!("opsGenieConfig responder {shown} has to have at least one of id, username or name specified");
            require(named, &complaint)?;
            let kinds = ["team", "teams", "user", "escalation", "schedule"];
            let known = kind.contains("{{") || kinds.contains(&kind.to_lowercase().as_str());
            let options = "^(team|teams|user|escalation|schedule)$";
            require(known, &format!("opsGenieConfig responder {shown} type does not match valid options {options}"))?;
        }
        Ok(())
    }
}

impl Check for Victorops {
    fn check(&mut self) -> Result<(), String> {
        require(!self.routing_key.is_empty(), "missing Routing key in VictorOps config")?;
        at_most_one("api_key & api_key_file", &[!self.api_key.is_empty(), !self.api_key_file.is_empty()])?;
        let reserved = [
            "routing_key",
            "message_type",
            "state_message",
            "entity_display_name",
            "monitoring_tool",
            "entity_id",
            "entity_state",
        ];
        match reserved.into_iter().find(|name| self.custom_fields.contains_key(*name)) {
            Some(name) => Err(format!(
                "victorOps config contains custom field {name} which cannot be used as it conflicts with the fixed/static fields"
            )),
            None => Ok(()),
        }
    }
}

impl Check for Incidentio {
    fn check(&mut self) -> Result<(), String> {
        require(self.url.is_some() || !self.url_file.is_empty(), "one of url or url_file must be configured")?;
        at_most_one("url & url_file", &[self.url.is_some(), !self.url_file.is_empty()])?;
        let (token, file) = (!self.alert_source_token.is_empty(), !self.alert_source_token_file.is_empty());
        at_most_one("alert_source_token & alert_source_token_file", &[token, file])?;
        let authorized = self.http_config.as_ref().map(|http| http.authorization.is_some());
        require(
            authorized != Some(true) || !(token || file),
            "cannot specify alert_source_token or alert_source_token_file when using http_config.authorization",
        )?;
        require(
            authorized != Some(false) || token || file,
            "at least one of alert_source_token, alert_source_token_file or http_config.authorization must be configured",
        )
    }
}

impl Check for Jira {
    fn check(&mut self) -> Result<(), String> {
        require(!self.project.is_empty(), "missing project in jira_config")?;
        require(!self.issue_type.is_empty(), "missing issue_type in jira_config")?;
        require(
            matches!(self.api_type.as_str(), "auto" | "cloud" | "datacenter"),
            "unknown api_type on jira_config, must be auto, cloud or datacenter",
        )
    }
}
