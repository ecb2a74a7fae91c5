//! Robots in groups of Feishu, DingTalk and WeCom, and ntfy.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nightjar_platform::net::percent::query_escape;
use serde_json::{Value as Json, json};

use super::digest::hmac_sha256;
use super::{Job, Rendering, Request, object};
use crate::config::receiver::robot::{Dingtalk, Feishu, Ntfy, Wecom};
use crate::config::{SecretUrl, Url};
use crate::machine::Outcome;

/// The largest texts that the services take, in bytes.
const FEISHU_BYTES: usize = 28_000;
const DINGTALK_BYTES: usize = 18_000;
const WECOM_BYTES: usize = 4_096;
const WECOM_CARD: [usize; 2] = [100, 400];
const NTFY_BYTES: usize = 4_096;

/// What the button of a card says.
const BUTTON: &str = "Alertmanager";

/// At most so many bytes, cut between characters.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most - 3).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

fn address(job: &Job<'_>, url: &Option<SecretUrl>, file: &str) -> Result<String, String> {
    job.or_file(url.as_ref().map_or("", SecretUrl::expose), file)
}

/// Where a reader finds the alerts.
fn link(rendering: &Rendering<'_>) -> String {
    rendering.text(r#"{{ template "__alertmanagerURL" . }}"#)
}

pub(super) fn feishu(settings: &Feishu, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let (title, text) = (rendering.text(&settings.title), rendering.text(&settings.text));
    let button = json!({
        "tag": "button",
        "text": { "tag": "plain_text", "content": BUTTON },
        "url": link(&rendering),
        "type": "default",
    });
    let mut message = json!({
        "msg_type": "interactive",
        "card": {
            "config": { "wide_screen_mode": true },
            "header": {
                "title": { "tag": "plain_text", "content": cut(&title, 500) },
                "template": if job.resolved() { "green" } else { "red" },
            },
            "elements": [
                { "tag": "markdown", "content": cut(&text, FEISHU_BYTES) },
                { "tag": "action", "actions": [button] },
            ],
        },
    });
    let secret = job.or_file(settings.secret.expose(), &settings.secret_file)?;
    let url = address(job, &settings.webhook_url, &settings.webhook_url_file)?;
    rendering.finish()?;
    if !secret.is_empty() {
        let timestamp = (job.now / 1000).to_string();
        // The text that is signed is the key, and nothing is the message.
        let sign = STANDARD.encode(hmac_sha256(format!("{timestamp}\n{secret}").as_bytes(), b""));
        message["timestamp"] = timestamp.into();
        message["sign"] = sign.into();
    }
    Ok(vec![Request::json("POST", &url, &message)?])
}

pub(super) fn dingtalk(settings: &Dingtalk, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let title = rendering.text(&settings.title);
    let text = cut(&rendering.text(&settings.text), DINGTALK_BYTES);
    let each =
        |list: &[String]| list.iter().map(|one| rendering.text(one)).filter(|one| !one.is_empty()).collect::<Vec<_>>();
    let message = match settings.message_type.as_str() {
        "markdown" => {
            let (mobiles, users) = (each(&settings.at_mobiles), each(&settings.at_user_ids));
            // A mention must stand in the text, too.
            let mentions: String = mobiles.iter().chain(&users).map(|one| format!(" @{one}")).collect();
            json!({
                "msgtype": "markdown",
                "markdown": { "title": title, "text": format!("{text}{mentions}") },
                "at": { "atMobiles": mobiles, "atUserIds": users, "isAtAll": settings.at_all },
            })
        }
        _ => json!({
            "msgtype": "actionCard",
            "actionCard": { "title": title, "text": text, "singleTitle": BUTTON, "singleURL": link(&rendering) },
        }),
    };
    let secret = job.or_file(settings.secret.expose(), &settings.secret_file)?;
    let mut url = address(job, &settings.webhook_url, &settings.webhook_url_file)?;
    rendering.finish()?;
    if !secret.is_empty() {
        let sign = STANDARD.encode(hmac_sha256(secret.as_bytes(), format!("{}\n{secret}", job.now).as_bytes()));
        let join = if url.contains('?') { '&' } else { '?' };
        url = format!("{url}{join}timestamp={}&sign={}", job.now, query_escape(&sign));
    }
    Ok(vec![Request::json("POST", &url, &message)?])
}

pub(super) fn wecom(settings: &Wecom, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let (title, text) = (rendering.text(&settings.title), rendering.text(&settings.text));
    let message = match settings.message_type.as_str() {
        "template_card" => json!({
            "msgtype": "template_card",
            "template_card": {
                "card_type": "text_notice",
                "main_title": { "title": super::truncate(&title, WECOM_CARD[0]) },
                "sub_title_text": super::truncate(&text, WECOM_CARD[1]),
                "jump_list": [{ "type": 1, "title": BUTTON, "url": link(&rendering) }],
                "card_action": { "type": 1, "url": link(&rendering) },
            },
        }),
        _ => json!({ "msgtype": "markdown", "markdown": { "content": cut(&text, WECOM_BYTES) } }),
    };
    let url = address(job, &settings.webhook_url, &settings.webhook_url_file)?;
    rendering.finish()?;
    Ok(vec![Request::json("POST", &url, &message)?])
}

pub(super) fn ntfy(settings: &Ntfy, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let text = |template: &str| rendering.text(template);
    let tags: Vec<String> =
        text(&settings.tags).split(',').map(|tag| tag.trim().to_owned()).filter(|t| !t.is_empty()).collect();
    let priority: Option<u8> = text(&settings.priority).trim().parse().ok();
    let message = object([
        ("topic", text(&settings.topic).into()),
        ("title", text(&settings.title).into()),
        ("message", cut(text(&settings.message).trim(), NTFY_BYTES).into()),
        ("priority", priority.map_or(Json::Null, |priority| priority.clamp(1, 5).into())),
        ("tags", if tags.is_empty() { Json::Null } else { tags.into() }),
        ("click", text(&settings.click).into()),
        ("markdown", if settings.markdown { true.into() } else { Json::Null }),
    ]);
    let token = job.or_file(settings.token.expose(), &settings.token_file)?;
    let url = settings.url.as_ref().map(Url::with_slash).unwrap_or_default();
    rendering.finish()?;
    let request = Request::json("POST", &url, &message)?;
    Ok(vec![if token.is_empty() { request } else { request.with("Authorization", &format!("Bearer {token}")) }])
}

/// What a good answer of a robot really says.
pub(super) fn heard(kind: &str, json: &Json) -> Outcome {
    let code = ["errcode", "code", "StatusCode"].iter().find_map(|name| json.get(name)?.as_i64());
    let words = ["errmsg", "msg", "StatusMessage"].iter().find_map(|name| json.get(name)?.as_str()).unwrap_or("");
    let error = |code: i64| format!("error response from {kind}: {code} {words}");
    match code {
        Some(0) => Outcome::Delivered(Default::default()),
        // Too many messages in a minute, by the numbers of DingTalk, WeCom and Feishu.
        Some(code @ (130_101 | 410_100 | 45_009 | 9_499 | 11_232)) => {
            Outcome::Retry { after_ms: Some(60_000), error: error(code) }
        }
        // The system is busy.
        Some(code @ -1) => Outcome::Retry { after_ms: None, error: error(code) },
        Some(code) => Outcome::Refused { error: error(code) },
        None => Outcome::Refused { error: format!("the answer is not one of a {kind} robot") },
    }
}
