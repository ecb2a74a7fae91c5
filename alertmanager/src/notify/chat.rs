//! Chat services.

use nightjar_platform::net::percent::query_escape;
use serde_json::{Value as Json, json};

use super::{Delivery, Job, Rendering, Request, object, truncate};
use crate::config::receiver::chat::{
    Discord, Field, Mattermost, Msteams, Msteamsv2, Rocketchat, Slack, Telegram, Webex, Wechat,
};
use crate::config::{Secret, SecretUrl, Url};

fn webhook_url(job: &Job<'_>, url: &Option<SecretUrl>, file: &str) -> Result<String, String> {
    job.or_file(url.as_ref().map_or("", SecretUrl::expose), file)
}

/// Fields of an attachment. Those that do not say whether they are short are as `short` says, or say nothing.
fn fields(rendering: &Rendering<'_>, fields: &[Field], short: Option<bool>) -> Json {
    let one = |field: &Field| {
        object([
            ("title", rendering.text(&field.title).into()),
            ("value", rendering.text(&field.value).into()),
            ("short", field.short.or(short).map_or(Json::Null, Json::from)),
        ])
    };
    if fields.is_empty() { Json::Null } else { fields.iter().map(one).collect() }
}

pub(super) fn slack(settings: &Slack, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let text = |template: &str| Json::from(rendering.text(template));
    let markdown = match settings.mrkdwn_in.is_empty() {
        true => json!(["fallback", "pretext", "text"]),
        false => json!(settings.mrkdwn_in),
    };
    let action = |action: &crate::config::receiver::chat::SlackAction| {
        let confirm = action.confirm.as_ref().map(|confirm| {
            object([
                ("text", text(&confirm.text)),
                ("title", text(&confirm.title)),
                ("ok_text", text(&confirm.ok_text)),
                ("dismiss_text", text(&confirm.dismiss_text)),
            ])
        });
        object([
            ("type", text(&action.kind)),
            ("text", text(&action.text)),
            ("url", text(&action.url)),
            ("style", text(&action.style)),
            ("name", text(&action.name)),
            ("value", text(&action.value)),
            ("confirm", confirm.unwrap_or(Json::Null)),
        ])
    };
    let actions: Vec<Json> = settings.actions.iter().map(action).collect();
    let mut attachment = object([
        ("title", truncate(&rendering.text(&settings.title), 1024).into()),
        ("title_link", text(&settings.title_link)),
        ("pretext", text(&settings.pretext)),
        ("fields", fields(&rendering, &settings.fields, Some(settings.short_fields))),
        ("actions", if actions.is_empty() { Json::Null } else { actions.into() }),
        ("image_url", text(&settings.image_url)),
        ("thumb_url", text(&settings.thumb_url)),
        ("color", text(&settings.color)),
        ("mrkdwn_in", markdown),
    ]);
    // These are there even when they are empty.
    for (name, template) in [
        ("text", &settings.text),
        ("fallback", &settings.fallback),
        ("callback_id", &settings.callback_id),
        ("footer", &settings.footer),
    ] {
        attachment[name] = text(template);
    }
    let mut url = webhook_url(job, &settings.api_url, &settings.api_url_file)?;
    let mut message = object([
        ("channel", text(&settings.channel)),
        ("username", text(&settings.username)),
        ("icon_emoji", text(&settings.icon_emoji)),
        ("icon_url", text(&settings.icon_url)),
        ("text", text(&settings.message_text)),
        ("link_names", if settings.link_names { true.into() } else { Json::Null }),
        ("attachments", json!([attachment])),
    ]);
    let thread = |name: &str| job.send.thread.get(name).filter(|value| !value.is_empty());
    if settings.update_message
        && let (Some(ts), Some(channel)) = (thread("threadTs"), thread("channelId"))
    {
        url = "https://slack.com/api/chat.update".to_owned();
        message["ts"] = ts.as_str().into();
        message["channel"] = channel.as_str().into();
    }
    rendering.finish()?;
    Ok(vec![Request::json("POST", &url, &message)?])
}

pub(super) fn mattermost(settings: &Mattermost, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let text = |template: &str| Json::from(rendering.text(template));
    let own = object([
        ("fallback", text(&settings.fallback)),
        ("color", text(&settings.color)),
        ("pretext", text(&settings.pretext)),
        ("text", truncate(&rendering.text(&settings.text), 16_383).into()),
        ("author_name", text(&settings.author_name)),
        ("author_link", text(&settings.author_link)),
        ("author_icon", text(&settings.author_icon)),
        ("title", text(&settings.title)),
        ("title_link", text(&settings.title_link)),
        ("fields", fields(&rendering, &settings.fields, None)),
        ("thumb_url", text(&settings.thumb_url)),
        ("footer", text(&settings.footer)),
        ("footer_icon", text(&settings.footer_icon)),
        ("image_url", text(&settings.image_url)),
    ]);
    let more = settings.attachments.iter().map(|a| {
        object([
            ("fallback", text(&a.fallback)),
            ("color", text(&a.color)),
            ("pretext", text(&a.pretext)),
            ("text", text(&a.text)),
            ("author_name", text(&a.author_name)),
            ("author_link", text(&a.author_link)),
            ("author_icon", text(&a.author_icon)),
            ("title", text(&a.title)),
            ("title_link", text(&a.title_link)),
            ("fields", fields(&rendering, &a.fields, None)),
            ("thumb_url", text(&a.thumb_url)),
            ("footer", text(&a.footer)),
            ("footer_icon", text(&a.footer_icon)),
            ("image_url", text(&a.image_url)),
        ])
    });
    let attachments: Json = if settings.attachments.is_empty() { json!([own]) } else { more.collect() };
    let props = settings.props.as_ref().filter(|props| !props.card.is_empty());
    let props = props.map(|props| object([("card", text(&props.card))]));
    let priority = settings.priority.as_ref().filter(|p| !p.priority.is_empty()).map(|p| {
        let asked = rendering.text(&p.priority).to_lowercase();
        let known = ["urgent", "important", "standard"].into_iter().find(|known| *known == asked);
        let priority = known.unwrap_or("standard");
        // The server refuses what does not fit the priority.
        let mut all = json!({ "priority": priority });
        for (name, on) in [
            ("requested_ack", p.requested_ack && priority != "standard"),
            ("persistent_notifications", p.persistent_notifications && priority == "urgent"),
        ] {
            if on {
                all[name] = true.into();
            }
        }
        all
    });
    // With attachments of one's own the text stands above them.
    let above = if settings.attachments.is_empty() { "" } else { &settings.text };
    let message = object([
        ("text", truncate(&rendering.text(above), 16_383).into()),
        ("channel", text(&settings.channel)),
        ("username", text(&settings.username)),
        ("icon_url", text(&settings.icon_url)),
        ("icon_emoji", text(&settings.icon_emoji)),
        ("attachments", attachments),
        ("type", text(&settings.kind)),
        ("props", props.unwrap_or(Json::Null)),
        ("priority", priority.unwrap_or(Json::Null)),
    ]);
    let url = webhook_url(job, &settings.webhook_url, &settings.webhook_url_file)?;
    rendering.finish()?;
    Ok(vec![Request::json("POST", &url, &message)?])
}

pub(super) fn rocketchat(settings: &Rocketchat, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let text = |template: &str| Json::from(rendering.text(template));
    let actions: Vec<Json> = settings
        .actions
        .iter()
        .map(|a| {
            let button =
                [("type", "button".into()), ("text", text(&a.text)), ("url", text(&a.url)), ("msg", text(&a.msg))];
            object(button.into_iter().chain([("is_webview", false.into()), ("msg_in_chat_window", false.into())]))
        })
        .collect();
    let attachment = object([
        ("title", truncate(&rendering.text(&settings.title), 1024).into()),
        ("title_link", text(&settings.title_link)),
        ("text", text(&settings.text)),
        ("image_url", text(&settings.image_url)),
        ("thumb_url", text(&settings.thumb_url)),
        ("color", text(&settings.color)),
        ("fields", fields(&rendering, &settings.fields, Some(settings.short_fields))),
        ("actions", if actions.is_empty() { Json::Null } else { actions.into() }),
    ]);
    let message = object([
        ("channel", text(&settings.channel)),
        ("emoji", text(&settings.emoji)),
        ("avatar", text(&settings.icon_url)),
        ("attachments", json!([attachment])),
    ]);
    let secret = |own: &Option<Secret>, file: &str| job.or_file(own.as_ref().map_or("", Secret::expose), file);
    let (id, token) =
        (secret(&settings.token_id, &settings.token_id_file)?, secret(&settings.token, &settings.token_file)?);
    let base = settings.api_url.as_ref().map(Url::with_slash).unwrap_or_default();
    rendering.finish()?;
    let request = Request::json("POST", &format!("{base}api/v1/chat.postMessage"), &message)?;
    Ok(vec![request.with("X-User-Id", &id).with("X-Auth-Token", &token)])
}

pub(super) fn discord(settings: &Discord, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let mut message =
        object([("username", settings.username.as_str().into()), ("avatar_url", settings.avatar_url.as_str().into())]);
    message["content"] = truncate(&rendering.text(&settings.content), 2000).into();
    message["embeds"] = json!([{
        "title": truncate(&rendering.text(&settings.title), 256),
        "description": truncate(&rendering.text(&settings.message), 4096),
        "color": if job.resolved() { 0x2E_CC71 } else { 0x99_2D22 },
    }]);
    let url = webhook_url(job, &settings.webhook_url, &settings.webhook_url_file)?;
    rendering.finish()?;
    Ok(vec![Request::json("POST", &url, &message)?])
}

pub(super) fn msteams(settings: &Msteams, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let message = json!({
        "@context": "http://schema.org/extensions",
        "type": "MessageCard",
        "title": rendering.text(&settings.title),
        "summary": rendering.text(&settings.summary),
        "text": rendering.text(&settings.text),
        "themeColor": if job.resolved() { "2DC72D" } else { "8C1A1A" },
    });
    let url = webhook_url(job, &settings.webhook_url, &settings.webhook_url_file)?;
    rendering.finish()?;
    Ok(vec![Request::json("POST", &url, &message)?])
}

pub(super) fn msteamsv2(settings: &Msteamsv2, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let color = if job.resolved() { "Good" } else { "Attention" };
    let message = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "body": [
                    { "type": "TextBlock", "weight": "Bolder", "size": "Medium", "wrap": true, "style": "heading",
                      "color": color, "text": rendering.text(&settings.title) },
                    { "type": "TextBlock", "wrap": true, "text": rendering.text(&settings.text) },
                ],
                "msteams": { "width": "full" },
            },
        }],
    });
    let url = webhook_url(job, &settings.webhook_url, &settings.webhook_url_file)?;
    rendering.finish()?;
    Ok(vec![Request::json("POST", &url, &message)?])
}

pub(super) fn telegram(settings: &Telegram, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let html = settings.parse_mode == "HTML";
    let text = if html { rendering.html(&settings.message) } else { rendering.text(&settings.message) };
    let text = match html && text.chars().count() > 4096 {
        // Cutting could leave a tag open, which Telegram refuses.
        true => "The message is too long to be shown here. See the alerts in the web interface.".to_owned(),
        false => truncate(&text, 4096),
    };
    let chat = match settings.chat_id {
        0 => (job.read)(&settings.chat_id_file)?.trim().to_owned(),
        id => id.to_string(),
    };
    let message = object([
        ("chat_id", chat.into()),
        ("text", text.into()),
        ("parse_mode", settings.parse_mode.as_str().into()),
        ("disable_notification", if settings.disable_notifications { "true".into() } else { Json::Null }),
        ("disable_web_page_preview", "true".into()),
        (
            "message_thread_id",
            if settings.message_thread_id == 0 { Json::Null } else { settings.message_thread_id.to_string().into() },
        ),
    ]);
    let token = job.or_file(settings.bot_token.expose(), &settings.bot_token_file)?;
    let base = settings.api_url.as_ref().map_or("", Url::as_str).trim_end_matches('/');
    rendering.finish()?;
    Ok(vec![Request::json("POST", &format!("{base}/bot{token}/sendMessage"), &message)?])
}

pub(super) fn webex(settings: &Webex, job: &Job<'_>) -> Result<Vec<Request>, String> {
    let rendering = job.begin();
    let mut markdown = rendering.text(&settings.message);
    if markdown.len() > 7439 {
        let end = (0..=7436).rev().find(|end| markdown.is_char_boundary(*end)).unwrap_or(0);
        markdown.truncate(end);
        markdown.push('…');
    }
    let message = json!({ "markdown": markdown, "roomId": rendering.text(&settings.room_id) });
    rendering.finish()?;
    Ok(vec![Request::json("POST", settings.api_url.as_ref().map_or("", Url::as_str), &message)?])
}

pub(super) fn wechat(settings: &Wechat, job: &Job<'_>) -> Result<Delivery, String> {
    let rendering = job.begin();
    let text = |template: &str| Json::from(rendering.text(template));
    let kind = settings.message_type.as_str();
    let mut message = object([
        ("touser", text(&settings.to_user)),
        ("toparty", text(&settings.to_party)),
        ("totag", text(&settings.to_tag)),
        ("agentid", text(&settings.agent_id)),
        ("safe", "0".into()),
        ("msgtype", kind.into()),
    ]);
    // Alertmanager sends both kinds, the other one empty.
    for other in ["text", "markdown"] {
        message[other] = json!({ "content": "" });
    }
    message[kind] = json!({ "content": text(&settings.message) });
    let secret = job.or_file(settings.api_secret.expose(), &settings.api_secret_file)?;
    let base = settings.api_url.as_ref().map_or("", Url::as_str);
    let account =
        format!("corpid={}&corpsecret={}", query_escape(&rendering.text(&settings.corp_id)), query_escape(&secret));
    rendering.finish()?;
    let ask = Request::get(&format!("{base}gettoken?{account}"));
    let tell = Request::json("POST", &format!("{base}message/send?access_token="), &message)?;
    Ok(Delivery::Token { ask, tell })
}
