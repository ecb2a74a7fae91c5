//! Incident services and mobile push.

use nightjar_platform::net::percent;
use serde_json::{Value as Json, json};

use super::{Job, Request, object, truncate};
use crate::config::receiver::incident::{Opsgenie, Pagerduty, Victorops};
use crate::config::receiver::webhook::Pushover;
use crate::config::{Secret, Url};

/// The largest event PagerDuty takes.
const PAGERDUTY_BYTES: usize = 512_000;
const PAGERDUTY_V1: &str = "https://events.pagerduty.com/generic/2010-04-15/create_event.json";

pub(super) fn pagerduty(settings: &Pagerduty, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let text = |template: &str| rendering.text(template);
    let action = if job.resolved() { "resolve" } else { "trigger" };
    let details: Json = settings
        .details
        .iter()
        .map(|(name, value)| (name.clone(), rendering.json(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let routing = job.or_file(settings.routing_key.expose(), &settings.routing_key_file)?;
    let service = job.or_file(settings.service_key.expose(), &settings.service_key_file)?;
    let summary = text(&settings.description);
    let event = |details: &Json| match service.is_empty() {
        true => {
            let severity = if settings.severity.is_empty() { "error" } else { &settings.severity };
            let mut payload = object([
                ("class", text(&settings.class).into()),
                ("component", text(&settings.component).into()),
                ("group", text(&settings.group).into()),
                ("custom_details", details.clone()),
            ]);
            payload["summary"] = truncate(&summary, 1024).into();
            payload["source"] = text(&settings.source).into();
            payload["severity"] = text(severity).into();
            let images = settings
                .images
                .iter()
                .map(|i| json!({"src": text(&i.src), "alt": text(&i.alt), "href": text(&i.href)}));
            let links = settings.links.iter().map(|l| json!({"href": text(&l.href), "text": text(&l.text)}));
            let filled = |items: Vec<Json>, name: &str| {
                let items: Vec<Json> = items.into_iter().filter(|item| item[name] != "").collect();
                if items.is_empty() { Json::Null } else { items.into() }
            };
            let mut event = object([
                ("routing_key", text(&routing).into()),
                ("dedup_key", job.hash().into()),
                ("payload", payload),
                ("client", text(&settings.client).into()),
                ("client_url", text(&settings.client_url).into()),
                ("images", filled(images.collect(), "src")),
                ("links", filled(links.collect(), "href")),
            ]);
            event["event_action"] = action.into();
            event
        }
        false => {
            let client = |template: &str| if action == "trigger" { text(template).into() } else { Json::Null };
            let mut event = object([
                ("service_key", text(&service).into()),
                ("incident_key", job.hash().into()),
                ("event_type", action.into()),
                ("description", truncate(&summary, 1024).into()),
                ("client", client(&settings.client)),
                ("client_url", client(&settings.client_url)),
                ("details", details.clone()),
            ]);
            event["event_action"] = "".into();
            event["payload"] = Json::Null;
            event
        }
    };
    let url = if service.is_empty() { settings.url.as_ref().map_or("", Url::as_str) } else { PAGERDUTY_V1 };
    let mut request = Request::json("POST", url, &event(&details))?;
    if request.body.len() > PAGERDUTY_BYTES {
        let note = "Custom details have been removed because the original event exceeds the maximum size of 512KB";
        request = Request::json("POST", url, &event(&json!({ "error": note })))?;
    }
    rendering.finish()?;
    if routing.is_empty() && service.is_empty() {
        return Err("routing key cannot be empty".to_owned());
    }
    Ok(vec![request])
}

fn split(text: &str) -> Json {
    let parts: Vec<&str> = text.trim().split(',').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { Json::Null } else { parts.into() }
}

pub(super) fn opsgenie(settings: &Opsgenie, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let text = |template: &str| rendering.text(template);
    let base = format!("{}v2/alerts", settings.api_url.as_ref().map_or("", Url::as_str));
    let alias = job.hash();
    let mut requests = Vec::new();
    if job.resolved() {
        let url = format!("{base}/{alias}/close?identifierType=alias");
        requests.push(Request::json("POST", &url, &json!({ "source": text(&settings.source) }))?);
    } else {
        let mut responders = Vec::new();
        for responder in &settings.responders {
            let (name, kind) = (text(&responder.name), text(&responder.kind));
            let (id, username) = (text(&responder.id), text(&responder.username));
            match kind.as_str() {
                "teams" => {
                    let teams = name.trim().split(',').filter(|team| !team.is_empty());
                    responders.extend(teams.map(|team| json!({ "name": team, "type": "team" })));
                }
                _ if [&id, &name, &username, &kind].iter().all(|text| text.is_empty()) => {}
                _ => responders.push(object([
                    ("id", id.into()),
                    ("name", name.into()),
                    ("username", username.into()),
                    ("type", kind.into()),
                ])),
            }
        }
        let mut details = rendering.facts.common_labels.clone();
        details.extend(settings.details.iter().map(|(name, value)| (name.clone(), text(value))));
        let (message, description) = (truncate(&text(&settings.message), 130), text(&settings.description));
        let mut create = object([
            ("description", description.as_str().into()),
            ("responders", if responders.is_empty() { Json::Null } else { responders.into() }),
            ("tags", split(&text(&settings.tags))),
            ("note", text(&settings.note).into()),
            ("priority", text(&settings.priority).into()),
            ("entity", text(&settings.entity).into()),
            ("actions", split(&text(&settings.actions))),
        ]);
        create["alias"] = alias.as_str().into();
        create["message"] = message.as_str().into();
        create["details"] = json!(details);
        create["source"] = text(&settings.source).into();
        requests.push(Request::json("POST", &base, &create)?);
        if settings.update_alerts {
            let url = |what: &str| format!("{base}/{alias}/{what}?identifierType=alias");
            requests.push(Request::json("PUT", &url("message"), &json!({ "message": message }))?);
            requests.push(Request::json("PUT", &url("description"), &json!({ "description": description }))?);
        }
    }
    let key = text(&job.or_file(settings.api_key.expose(), &settings.api_key_file)?);
    rendering.finish()?;
    Ok(requests.into_iter().map(|request| request.with("Authorization", &format!("GenieKey {key}"))).collect())
}

pub(super) fn victorops(settings: &Victorops, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let text = |template: &str| rendering.text(template);
    let known = ["CRITICAL", "WARNING", "INFO"];
    let kind = text(&settings.message_type);
    let kind = match job.resolved() {
        true => "RECOVERY",
        false => known.into_iter().find(|known| *known == kind).unwrap_or("CRITICAL"),
    };
    let mut message = json!({
        "message_type": kind,
        "entity_id": job.hash(),
        "entity_display_name": text(&settings.entity_display_name),
        "state_message": truncate(&text(&settings.state_message), 20_480),
        "monitoring_tool": text(&settings.monitoring_tool),
    });
    for (name, value) in &settings.custom_fields {
        message[name] = text(value).into();
    }
    let key = job.or_file(settings.api_key.expose(), &settings.api_key_file)?;
    let url = format!("{}{key}/{}", settings.api_url.as_ref().map_or("", Url::as_str), text(&settings.routing_key));
    rendering.finish()?;
    Ok(vec![Request::json("POST", &url, &message)?])
}

pub(super) fn pushover(settings: &Pushover, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let text = |template: &str| rendering.text(template);
    let body = if settings.html { rendering.html(&settings.message) } else { text(&settings.message) };
    let body = truncate(&body, 1024);
    let seconds = |ms: i64| (ms / 1000).to_string();
    let mut query = vec![
        ("token", text(&job.or_file(settings.token.expose(), &settings.token_file)?)),
        ("user", text(&job.or_file(settings.user_key.expose(), &settings.user_key_file)?)),
        ("title", truncate(&text(&settings.title), 250)),
        ("message", if body.trim().is_empty() { "(no details)".to_owned() } else { body.trim().to_owned() }),
        ("priority", text(&settings.priority)),
        ("retry", seconds(settings.retry.0)),
        ("expire", seconds(settings.expire.0)),
    ];
    let flags = [("html", settings.html), ("monospace", settings.monospace)];
    query.extend(flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name, "1".to_owned())));
    query.extend([
        ("url", truncate(&text(&settings.url), 512)),
        ("url_title", text(&settings.url_title)),
        ("device", text(&settings.device)),
        ("sound", text(&settings.sound)),
    ]);
    query.extend((settings.ttl.0 > 0).then(|| ("ttl", seconds(settings.ttl.0))));
    query.sort();
    rendering.finish()?;
    let url = Secret::new(format!("https://api.pushover.net/1/messages.json?{}", percent::form(&query)));
    Ok(vec![Request {
        method: "POST",
        url,
        headers: vec![("Content-Type".into(), Secret::new("text/plain"))],
        body: Vec::new(),
        guarded: false,
    }])
}
