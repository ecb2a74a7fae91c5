//! Short messages and calls: one driver, and presets for providers as their public documents have them.

mod aliyun;
mod tencent;
#[cfg(test)]
mod tests;

use nightjar_platform::net::percent::{self, query_escape};
use serde_json::{Value as Json, json};

use super::{Job, Rendering, Request, templated_host};
use crate::config::Secret;
use crate::config::receiver::telephone::Sms;
use crate::machine::Outcome;

/// What all providers are told.
struct Order<'a> {
    settings: &'a Sms,
    to: Vec<String>,
    text: String,
    /// Parameters of the provider's template, in order of their names.
    params: Vec<(String, String)>,
    account: String,
    secret: Secret,
    from: String,
    voice: bool,
    now_s: i64,
    /// Differs from try to try.
    nonce: String,
}

impl Order<'_> {
    /// The address that is set, or the usual one.
    fn url(&self, usual: &str) -> String {
        let own = self.settings.api_url.expose();
        if own.is_empty() { usual.to_owned() } else { own.to_owned() }
    }
}

pub(super) fn sms(settings: &Sms, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let text = rendering.text(&settings.text);
    let to: Vec<String> = settings.to.iter().map(|to| rendering.text(to)).collect();
    let to =
        to.iter().flat_map(|to| to.split(',')).map(|to| to.trim().to_owned()).filter(|to| !to.is_empty()).collect();
    let mut params: Vec<(String, String)> =
        settings.template_params.iter().map(|(name, value)| (name.clone(), rendering.text(value))).collect();
    if params.is_empty() {
        params.push(("text".to_owned(), text.clone()));
    }
    let order = Order {
        settings,
        to,
        text,
        params,
        account: settings.account.clone(),
        secret: Secret::new(job.or_file(settings.secret.expose(), &settings.secret_file)?),
        from: rendering.text(&settings.from),
        voice: settings.channel == "voice",
        now_s: job.now.div_euclid(1000),
        nonce: format!("{}-{}", job.send.idempotency_key, job.send.attempt),
    };
    rendering.finish()?;
    if order.to.is_empty() {
        return Err("nobody to call: `to` is empty after templating".to_owned());
    }
    let requests = match settings.provider.as_str() {
        "aliyun" => aliyun::requests(&order),
        "tencent" => tencent::requests(&order),
        "twilio" => Ok(twilio(&order)),
        _ => own(&order, &rendering, &job.send.idempotency_key),
    };
    rendering.finish()?;
    requests
}

/// Twilio takes one number at a time, and calls read a text.
fn twilio(order: &Order<'_>) -> Vec<Request> {
    let base = order.url("https://api.twilio.com");
    let base = base.trim_end_matches('/');
    let (resource, content) = match order.voice {
        false => ("Messages", ("Body", order.text.clone())),
        true => ("Calls", ("Twiml", format!("<Response><Say loop=\"2\">{}</Say></Response>", xml(&order.text)))),
    };
    let url = format!("{base}/2010-04-01/Accounts/{}/{resource}.json", query_escape(&order.account));
    let one = |to: &String| {
        let form = [("To", to.clone()), ("From", order.from.clone()), content.clone()];
        form_request(&url, &form).with("Authorization", &basic(&order.account, &order.secret))
    };
    order.to.iter().map(one).collect()
}

/// A provider of one's own: `$to` and `$text` are variables in its templates.
fn own(order: &Order<'_>, rendering: &Rendering<'_>, key: &str) -> Result<Vec<Request>, String> {
    let settings = order.settings;
    let one = |to: &String| {
        let quote = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let variables = format!("{{{{ $to := {} }}}}{{{{ $text := {} }}}}", quote(to), quote(&order.text));
        let text = |template: &str| match template.contains("{{") {
            true => rendering.text(&format!("{variables}{template}")),
            false => template.to_owned(),
        };
        let url = text(settings.api_url.expose());
        let mut request = match &settings.payload {
            _ if !settings.form.is_empty() => {
                let form: Vec<(&str, String)> =
                    settings.form.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
                form_request(&url, &form)
            }
            Some(payload) => Request::json("POST", &url, &filled(payload, &text))?,
            None => Request::json("POST", &url, &json!({ "to": to, "text": order.text, "channel": settings.channel }))?,
        };
        request.guarded = templated_host(settings.api_url.expose());
        for (name, value) in &settings.headers {
            request.headers.push((name.clone().into(), Secret::new(text(value.expose()))));
        }
        Ok(request.with("Idempotency-Key", &format!("{key}-{to}")))
    };
    order.to.iter().map(one).collect()
}

fn filled(value: &Json, text: &dyn Fn(&str) -> String) -> Json {
    match value {
        Json::String(template) => text(template).into(),
        Json::Array(items) => items.iter().map(|item| filled(item, text)).collect(),
        Json::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, text)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn form_request(url: &str, form: &[(&str, String)]) -> Request {
    let request = Request { method: "POST", body: percent::form(form).into_bytes(), ..Request::get(url) };
    request.with("Content-Type", "application/x-www-form-urlencoded")
}

fn basic(user: &str, secret: &Secret) -> String {
    use base64::Engine;
    let pair = format!("{user}:{}", secret.expose());
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

fn xml(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_control() && c != '\n' => {}
            c => out.push(c),
        }
    }
    out
}

/// What a good answer of a provider really says.
pub(super) fn heard(settings: &Sms, json: &Json) -> Outcome {
    let told = || Outcome::Delivered(Default::default());
    let text = |value: &Json| value.as_str().unwrap_or("").to_owned();
    let (code, message) = match settings.provider.as_str() {
        "aliyun" => (text(&json["Code"]), text(&json["Message"])),
        "tencent" => {
            let answer = &json["Response"];
            let statuses = answer["SendStatusSet"].as_array().into_iter().flatten().chain([&answer["SendStatus"]]);
            let bad = statuses
                .filter(|status| !status.is_null())
                .find(|status| status["Code"] != "Ok" && !status["Code"].is_null());
            let bad = if answer["Error"].is_null() { bad } else { Some(&answer["Error"]) };
            match bad {
                None if answer.is_object() => ("OK".to_owned(), String::new()),
                None => (String::new(), "the answer is not Tencent's".to_owned()),
                Some(bad) => (text(&bad["Code"]), text(&bad["Message"])),
            }
        }
        _ => return told(),
    };
    let error = format!("error response from {}: {code} {message}", settings.provider);
    // Limits pass; everything else is the account's or the settings'.
    let passes = ["LIMIT_CONTROL", "Throttling", "LimitExceeded", "InternalError", "ServiceUnavailable"];
    match code.as_str() {
        "OK" => told(),
        code if passes.iter().any(|word| code.contains(word)) => Outcome::Retry { after_ms: Some(60_000), error },
        _ => Outcome::Refused { error },
    }
}
