//! Mails.

mod message;

use std::collections::BTreeMap;

use crate::config::receiver::webhook::Email;
use crate::config::{HostPort, Secret};

use super::Job;

/// A mail and where to hand it in. Texts of headers have no line breaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// The server.
    pub smarthost: HostPort,
    /// How to greet it.
    pub hello: String,
    /// Sender address, as in the envelope.
    pub from: String,
    /// Recipients, as written: addresses with commas.
    pub to: String,
    /// Headers by name; `From`, `To` and `Subject` are always there.
    pub headers: BTreeMap<String, String>,
    /// Plain text; may be empty.
    pub text: String,
    /// HTML; may be empty.
    pub html: String,
    /// Login name; empty for none.
    pub username: String,
    /// Password of PLAIN and LOGIN.
    pub password: Secret,
    /// Secret of CRAM-MD5.
    pub secret: Secret,
    /// Identity of PLAIN.
    pub identity: String,
    /// Whether STARTTLS is a must.
    pub require_tls: bool,
    /// Whether TLS begins before the dialogue.
    pub implicit_tls: bool,
}

pub(super) fn email(settings: &Email, job: &Job<'_>) -> Result<Mail, String> {
    let rendering = job.begin();
    // A line break in a header would begin another one.
    let line = |template: &str| rendering.text(template).replace(['\r', '\n'], " ").trim().to_owned();
    let mut headers: BTreeMap<String, String> =
        settings.headers.iter().map(|(name, value)| (name.clone(), line(value))).collect();
    let (from, to) = (line(&settings.from), line(&settings.to));
    headers.entry("Subject".to_owned()).or_insert_with(|| line(r#"{{ template "email.default.subject" . }}"#));
    headers.entry("From".to_owned()).or_insert_with(|| from.clone());
    headers.entry("To".to_owned()).or_insert_with(|| to.clone());
    let id = || format!("<{}@{}>", job.send.idempotency_key, settings.hello);
    headers.entry("Message-Id".to_owned()).or_insert_with(id);
    if settings.threading.enabled {
        let day = match settings.threading.thread_by_date.as_str() {
            "daily" => jiff::Timestamp::from_millisecond(job.now)
                .map(|now| now.strftime("%Y-%m-%d").to_string())
                .unwrap_or_default(),
            _ => String::new(),
        };
        let thread = format!("<alert-{}-{day}@alertmanager>", &job.hash()[..16]);
        headers.insert("References".to_owned(), thread.clone());
        headers.insert("In-Reply-To".to_owned(), thread);
    }
    let mail = Mail {
        smarthost: settings.smarthost.clone(),
        hello: settings.hello.clone(),
        from,
        to,
        headers,
        text: if settings.text.is_empty() { String::new() } else { rendering.text(&settings.text) },
        html: if settings.html.is_empty() { String::new() } else { rendering.html(&settings.html) },
        username: settings.auth_username.clone(),
        password: Secret::new(job.or_file(settings.auth_password.expose(), &settings.auth_password_file)?),
        secret: Secret::new(job.or_file(settings.auth_secret.expose(), &settings.auth_secret_file)?),
        identity: settings.auth_identity.clone(),
        require_tls: settings.require_tls.unwrap_or(true),
        implicit_tls: settings.force_implicit_tls.unwrap_or(settings.smarthost.port == "465"),
    };
    rendering.finish().map(|()| mail)
}
