//! Webhooks, and incident.io, which takes nearly the same.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::config::receiver::incident::Incidentio;
use crate::config::receiver::webhook::Webhook;

use super::render::{Facts, rfc3339};
use super::{Job, Request, templated_host};

/// The largest body incident.io takes.
const INCIDENTIO_BYTES: usize = 512 << 10;

#[derive(Serialize)]
struct Message<'a> {
    #[serde(flatten)]
    facts: &'a Facts,
    version: &'static str,
    #[serde(rename = "groupKey")]
    group_key: &'a str,
    #[serde(rename = "truncatedAlerts")]
    truncated: usize,
}

pub(super) fn webhook(settings: &Webhook, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.templates.begin(job.send, settings.max_alerts as usize, job.now);
    let written = job.or_file(settings.url.expose(), &settings.url_file)?;
    let url = rendering.text(&written);
    let payload = settings.payload.as_ref().map(|payload| rendering.json(payload));
    rendering.finish()?;
    if url.is_empty() {
        return Err("webhook URL is empty after templating".to_owned());
    }
    let (truncated, group_key) = (rendering.truncated, job.send.group_key.as_str());
    let message = Message { facts: &rendering.facts, version: "4", group_key, truncated };
    let request = match payload {
        Some(payload) => Request::json("POST", &url, &payload),
        None if settings.changes => Request::json("POST", &url, &with_changes(&message)?),
        None => Request::json("POST", &url, &message),
    }?;
    let request = Request { guarded: templated_host(&written), ..request };
    Ok(vec![request.with("Idempotency-Key", &job.send.idempotency_key)])
}

/// The message and, beside what Alertmanager tells, which one it is and what is new in it.
fn with_changes(message: &Message<'_>) -> Result<Json, String> {
    let mut json = serde_json::to_value(message).map_err(|error| error.to_string())?;
    let news = &message.facts.news;
    let seconds = |ms: i64| ms as f64 / 1000.0;
    json["notification"] = json!({
        "kind": news.kind,
        "number": news.before.count + 1,
        "firstNotifiedAt": news.before.first_at.map(rfc3339),
        "lastNotifiedAt": news.before.last_at.map(rfc3339),
        "firingForSeconds": seconds(news.firing_for_ms),
    });
    for (alert, facts) in json["alerts"].as_array_mut().into_iter().flatten().zip(&message.facts.alerts) {
        alert["change"] = facts.change.into();
        alert["firingForSeconds"] = seconds(facts.firing_for_ms).into();
    }
    Ok(json)
}

pub(super) fn incidentio(settings: &Incidentio, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let url = job.or_file(settings.url.as_ref().map_or("", |url| url.as_str()), &settings.url_file)?;
    let body = |max: usize| {
        let rendering = job.templates.begin(job.send, max, job.now);
        rendering.finish()?;
        let (truncated, group_key) = (rendering.truncated, job.send.group_key.as_str());
        Request::json("POST", &url, &Message { facts: &rendering.facts, version: "1", group_key, truncated })
    };
    let mut request = body(settings.max_alerts as usize)?;
    if request.body.len() > INCIDENTIO_BYTES {
        request = body(1)?;
    }
    let token = job.or_file(settings.alert_source_token.expose(), &settings.alert_source_token_file)?;
    Ok(vec![if token.is_empty() { request } else { request.with("Authorization", &format!("Bearer {token}")) }])
}
