//! Messages as the requests that services understand: pure functions from settings and alerts to values.
//!
//! Sending is somebody else's job. What a service answers becomes an [`Outcome`] again by [`judge`].

mod chat;
mod digest;
mod incident;
mod jira;
mod mail;
mod render;
mod robot;
mod sns;
mod talk;
mod telephone;
mod templates;
#[cfg(test)]
mod tests;
mod webhook;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use nightjar_model::TimestampMs;
use serde_json::Value as Json;

use crate::config::{Secret, Settings};
use crate::machine::{Outcome, Send};

pub use digest::sha256_hex;
pub use mail::Mail;
pub use render::{Rendering, Templates};
pub use talk::{Answer, Step, Talk};

/// What is to be done to tell somebody.
#[derive(Debug)]
pub enum Delivery {
    /// These requests, in order; the first that fails decides.
    Http(Vec<Request>),
    /// A mail.
    Mail(Box<Mail>),
    /// A request whose address ends with a token that another request gives, good for two hours: see [`wechat_token`].
    Token {
        /// Asks for the token. Its address names the account, so a token may be kept by it.
        ask: Request,
        /// To be sent with the token appended to its address.
        tell: Request,
    },
    /// A conversation.
    Talk(Box<dyn Talk>),
}

impl Delivery {
    /// What would be told, for people.
    pub fn preview(&self) -> String {
        let body = |request: &Request| String::from_utf8_lossy(&request.body).into_owned();
        match self {
            Delivery::Http(requests) => requests.first().map(body).unwrap_or_default(),
            Delivery::Token { tell, .. } => body(tell),
            Delivery::Talk(talk) => talk.preview(),
            Delivery::Mail(mail) => {
                let subject = mail.headers.get("Subject").map_or("", String::as_str);
                let text = if mail.text.is_empty() { &mail.html } else { &mail.text };
                format!("To: {}\nSubject: {subject}\n\n{text}", mail.to)
            }
        }
    }
}

/// An HTTP request. Its address, headers and body may hold secrets and are not shown.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// `POST` or another method.
    pub method: &'static str,
    /// The address.
    pub url: Secret,
    /// Headers besides those that every request has and those of the HTTP settings.
    pub headers: Vec<(Cow<'static, str>, Secret)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the host of the address comes from alerts, so that it has to be judged.
    pub guarded: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes)", self.method, self.url, self.body.len())
    }
}

impl Request {
    fn json(method: &'static str, url: &str, body: &impl serde::Serialize) -> Result<Request, String> {
        let text = serde_json::to_string(body).map_err(|error| error.to_string())?;
        let mut bytes = Vec::with_capacity(text.len() + 1);
        for c in text.chars() {
            match c {
                // Inside of texts only, where Go writes them so.
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => bytes.extend(format!("\\u{:04x}", c as u32).bytes()),
                c => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        bytes.push(b'\n');
        let headers = vec![("Content-Type".into(), Secret::new("application/json"))];
        Ok(Request { method, url: Secret::new(url), headers, body: bytes, guarded: false })
    }

    fn get(url: &str) -> Request {
        Request { method: "GET", url: Secret::new(url), headers: Vec::new(), body: Vec::new(), guarded: false }
    }

    fn with(mut self, name: &'static str, value: &str) -> Request {
        self.headers.push((name.into(), Secret::new(value)));
        self
    }
}

/// Where `*_file` settings are read.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// Everything a builder needs.
pub(crate) struct Job<'a> {
    send: &'a Send,
    templates: &'a Templates,
    now: TimestampMs,
    read: ReadFile<'a>,
}

impl Job<'_> {
    fn begin(&self) -> Rendering<'_> {
        self.templates.begin(self.send, 0, self.now)
    }

    /// The group as incident services know it.
    fn hash(&self) -> String {
        sha256_hex(&self.send.group_key)
    }

    fn resolved(&self) -> bool {
        self.send.alerts.iter().all(|sent| sent.resolved)
    }

    /// A setting, or what its file says.
    fn or_file(&self, value: &str, file: &str) -> Result<String, String> {
        match value.is_empty() && !file.is_empty() {
            true => (self.read)(file).map(|text| text.trim().to_owned()),
            false => Ok(value.to_owned()),
        }
    }
}

/// The requests that tell a message. An error means that trying again soon is useless.
pub fn build(
    settings: &Settings,
    send: &Send,
    templates: &Templates,
    now: TimestampMs,
    read: ReadFile<'_>,
) -> Result<Delivery, String> {
    let job = Job { send, templates, now, read };
    let requests = match settings {
        Settings::Email(email) => return mail::email(email, &job).map(|mail| Delivery::Mail(Box::new(mail))),
        Settings::Webhook(s) => webhook::webhook(s, &job),
        Settings::Incidentio(s) => webhook::incidentio(s, &job),
        Settings::Pagerduty(s) => incident::pagerduty(s, &job),
        Settings::Opsgenie(s) => incident::opsgenie(s, &job),
        Settings::Victorops(s) => incident::victorops(s, &job),
        Settings::Pushover(s) => incident::pushover(s, &job),
        Settings::Slack(s) => chat::slack(s, &job),
        Settings::Mattermost(s) => chat::mattermost(s, &job),
        Settings::Rocketchat(s) => chat::rocketchat(s, &job),
        Settings::Discord(s) => chat::discord(s, &job),
        Settings::Msteams(s) => chat::msteams(s, &job),
        Settings::Msteamsv2(s) => chat::msteamsv2(s, &job),
        Settings::Telegram(s) => chat::telegram(s, &job),
        Settings::Webex(s) => chat::webex(s, &job),
        Settings::Wechat(s) => return chat::wechat(s, &job),
        Settings::Feishu(s) => robot::feishu(s, &job),
        Settings::Dingtalk(s) => robot::dingtalk(s, &job),
        Settings::Wecom(s) => robot::wecom(s, &job),
        Settings::Ntfy(s) => robot::ntfy(s, &job),
        Settings::Sms(s) => telephone::sms(s, &job),
        Settings::Jira(s) => return jira::jira(s, &job).map(|talk| Delivery::Talk(Box::new(talk))),
        Settings::Sns(s) => return sns::sns(s, &job).map(|talk| Delivery::Talk(Box::new(talk))),
    }?;
    Ok(Delivery::Http(requests))
}

/// What an answer means. `retry_after_s` is the header of that name in seconds.
pub fn judge(settings: &Settings, status: u16, retry_after_s: Option<i64>, body: &str) -> Outcome {
    let after_ms = retry_after_s.map(|seconds| seconds.clamp(0, 3_600) * 1000);
    let error = || format!("unexpected status code {status}: {}", body.chars().take(200).collect::<String>());
    let retried = match settings {
        // Whoever asks for a pause gets it, whatever Alertmanager does.
        _ if status == 429 => true,
        Settings::Telegram(_) | Settings::Wechat(_) => true,
        Settings::Pagerduty(s) if s.routing_key.is_empty() && s.routing_key_file.is_empty() => status == 403,
        _ => false,
    };
    match status {
        200..=299 => answered(settings, body),
        status if retried || status >= 500 => Outcome::Retry { after_ms, error: error() },
        _ => Outcome::Refused { error: error() },
    }
}

/// The token in the answer to [`Delivery::Token`]'s first request.
pub fn wechat_token(body: &str) -> Result<Secret, String> {
    let json: Json = serde_json::from_str(body).map_err(|error| error.to_string())?;
    match json.get("access_token").and_then(Json::as_str).filter(|token| !token.is_empty()) {
        Some(token) => Ok(Secret::new(token)),
        None => {
            Err(format!("invalid APISecret for CorpID: {}", json.get("errmsg").and_then(Json::as_str).unwrap_or("")))
        }
    }
}

/// Whether the host of an address is filled in from alerts, rather than only its path.
pub(crate) fn templated_host(template: &str) -> bool {
    let Some(first) = template.find("{{") else { return false };
    match template.find("://") {
        Some(scheme) if scheme < first => !template[scheme + 3..first].contains(['/', '?', '#']),
        _ => true,
    }
}

/// Some services hide failures in good answers.
fn answered(settings: &Settings, body: &str) -> Outcome {
    let nothing = BTreeMap::new();
    let json: Option<Json> = serde_json::from_str(body).ok();
    let text = |name: &str| json.as_ref().and_then(|json| json.get(name)?.as_str()).unwrap_or("").to_owned();
    match settings {
        Settings::Slack(slack) => match json.as_ref().and_then(|json| json.get("ok")?.as_bool()) {
            Some(true) if slack.update_message => {
                let thread = [("threadTs", text("ts")), ("channelId", text("channel"))];
                Outcome::Delivered(thread.map(|(name, value)| (name.to_owned(), value)).into())
            }
            Some(true) => Outcome::Delivered(nothing),
            Some(false) => Outcome::Refused { error: format!("error response from Slack: {}", text("error")) },
            None if body == "ok" => Outcome::Delivered(nothing),
            None => Outcome::Refused { error: "received an error response from Slack".to_owned() },
        },
        // 42001: the token has expired; the next try asks for another.
        Settings::Wechat(_) => match json.as_ref().and_then(|json| json.get("errcode")?.as_i64()) {
            Some(0) => Outcome::Delivered(nothing),
            Some(42_001) => Outcome::Retry { after_ms: None, error: "the access token has expired".to_owned() },
            None => Outcome::Retry { after_ms: None, error: "the answer is not WeChat's".to_owned() },
            _ => Outcome::Refused { error: format!("error response from WeChat: {}", text("errmsg")) },
        },
        Settings::Feishu(_) | Settings::Dingtalk(_) | Settings::Wecom(_) => {
            robot::heard(settings.kind(), &json.unwrap_or_default())
        }
        Settings::Sms(sms) => telephone::heard(sms, &json.unwrap_or_default()),
        Settings::Rocketchat(_) => match json.as_ref().map(|json| json["success"] == true) {
            Some(true) => Outcome::Delivered(nothing),
            Some(false) => Outcome::Refused { error: format!("error response from Rocket.Chat: {}", text("error")) },
            None => Outcome::Retry { after_ms: None, error: "the answer is not Rocket.Chat's".to_owned() },
        },
        _ => Outcome::Delivered(nothing),
    }
}

/// At most `max` characters, the last of them `…` if some are missing.
pub(crate) fn truncate(text: &str, max: usize) -> String {
    match text.chars().count() > max {
        true => text.chars().take(max.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// A JSON object without the entries that are empty texts.
pub(crate) fn object(entries: impl IntoIterator<Item = (&'static str, Json)>) -> Json {
    let filled = entries.into_iter().filter(|(_, value)| value.as_str() != Some("") && !value.is_null());
    filled.map(|(name, value)| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
}
