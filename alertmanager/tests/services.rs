//! Whole conversations with services that exist only here.

#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
#![allow(unreachable_pub, dead_code, missing_docs, reason = "modules of a test")]

mod listener;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use listener::{Heard, Listener};
use nightjar_alertmanager::alert::Alert;
use nightjar_alertmanager::config::{Config, Settings};
use nightjar_alertmanager::fingerprint::Fingerprint;
use nightjar_alertmanager::machine::{Outcome, Send, SentAlert};
use nightjar_alertmanager::matcher::MatcherMode;
use nightjar_alertmanager::notify::{Templates, build};
use nightjar_alertmanager::outbound::Outbound;
use nightjar_alertmanager::record::{GroupId, LineId, Reason};
use nightjar_model::Labels;
use nightjar_platform::RealClock;
use nightjar_platform::net::guard::Guard;
use serde_json::{Value as Json, json};

fn message(resolved: bool) -> Send {
    let labels = Labels::from_pairs([("alertname", "Disk"), ("severity", "critical")]);
    let alert = Alert {
        labels: labels.clone(),
        annotations: Labels::from_pairs([("summary", "full")]),
        starts_at: 1_700_000_000_000,
        ends_at: if resolved { 1_700_000_060_000 } else { 0 },
        updated_at: 0,
        timeout: false,
        generator_url: "http://prom/g".to_owned(),
    };
    let group = GroupId { route: "{}".into(), labels: labels.keep(&["alertname"]) };
    Send {
        line: LineId { group, receiver: "r".into(), kind: "x".into(), index: 0 },
        seq: 1,
        attempt: 1,
        idempotency_key: "key-1".to_owned(),
        group_key: r#"{}:{alertname="Disk"}"#.to_owned(),
        route_labels: BTreeMap::new(),
        reason: Reason::First,
        decided_at: 0,
        before: Default::default(),
        alerts: vec![SentAlert { fingerprint: Fingerprint::of(&labels), alert, resolved, change: Default::default() }],
        thread: BTreeMap::new(),
        timeout_ms: 5_000,
    }
}

fn config(kind: &str, text: &str) -> Config {
    let text = format!("route: {{receiver: r}}\nreceivers:\n- name: r\n  {kind}_configs: [{text}]\n");
    Config::parse(&text, MatcherMode::Fallback).unwrap_or_else(|error| panic!("{text}{error}"))
}

fn settings(kind: &str, text: &str) -> Settings {
    config(kind, text).receivers[0].integrations[0].settings.clone()
}

async fn tell(out: &Outbound, settings: &Settings, resolved: bool) -> Outcome {
    let templates = Templates::new("http://am/", []).unwrap();
    let delivery = build(settings, &message(resolved), &templates, 1_700_000_100_000, &|_| Err("no files".to_owned()));
    out.carry(settings, Path::new("/"), delivery.unwrap(), Duration::from_secs(5)).await
}

fn outbound() -> Outbound {
    Outbound::new("test", Guard::default(), Arc::new(RealClock::new()))
}

fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered(_) => "told".to_owned(),
        Outcome::Retry { after_ms, error } => format!("later {after_ms:?}: {error}"),
        Outcome::Refused { error } => format!("refused: {error}"),
    }
}

fn lines(heard: &[Heard]) -> Vec<String> {
    heard.iter().map(|heard| format!("{} {}", heard.method, heard.path)).collect()
}

/// A Jira with one issue, or none.
fn jira(issue: Option<(&'static str, &'static str)>) -> Listener {
    Listener::start(move |heard| {
        let body = match (heard.method.as_str(), heard.path.as_str()) {
            (_, path) if path.ends_with("/search") => match issue {
                None => json!({ "issues": [] }),
                Some((key, category)) => json!({ "issues": [
                    { "key": key, "fields": { "status": { "name": "S", "statusCategory": { "key": category } } } },
                ] }),
            },
            ("GET", _) => json!({ "transitions": [{ "id": "11", "name": "Close" }, { "id": "12", "name": "Reopen" }] }),
            _ => json!({}),
        };
        (200, body.to_string())
    })
}

/// The issue there is, whether the alerts have ended, and what is asked.
type Case<'a> = (Option<(&'static str, &'static str)>, bool, &'a [&'a str]);

#[tokio::test]
async fn an_issue_is_found_written_and_moved() {
    let table: [Case<'_>; 6] = [
        (None, false, &["POST /search", "POST /issue"]),
        (None, true, &["POST /search"]),
        (Some(("K-1", "new")), false, &["POST /search", "PUT /issue/K-1"]),
        (
            Some(("K-1", "new")),
            true,
            &["POST /search", "PUT /issue/K-1", "GET /issue/K-1/transitions", "POST /issue/K-1/transitions"],
        ),
        (
            Some(("K-1", "done")),
            false,
            &["POST /search", "PUT /issue/K-1", "GET /issue/K-1/transitions", "POST /issue/K-1/transitions"],
        ),
        (Some(("../evil", "done")), false, &["POST /search", "POST /issue"]),
    ];
    for (issue, resolved, expected) in table {
        let server = jira(issue);
        let settings = settings(
            "jira",
            &format!(
                "{{api_url: '{}', project: P, issue_type: Bug, labels: [b, '{{{{ .Status }}}}'], reopen_transition: Reopen, resolve_transition: Close, \
             reopen_duration: 1h, wont_fix_resolution: no, fields: {{customfield_1: '{{{{ .CommonLabels.severity }}}}'}}, summary: {{template: S, enable_update: false}}}}",
                server.url("/rest/api/2")
            ),
        );
        assert_eq!(word(&tell(&outbound(), &settings, resolved).await), "told");
        let heard = server.heard();
        let lines: Vec<String> = lines(&heard).iter().map(|line| line.replace("/rest/api/2", "")).collect();
        assert_eq!(lines, expected, "{issue:?} {resolved}");
        let body = |nth: usize| serde_json::from_str::<Json>(&heard[nth].body).unwrap();
        let jql = body(0)["jql"].as_str().unwrap().to_owned();
        let state =
            if resolved { "statusCategory != Done" } else { "(resolutiondate is EMPTY OR resolutiondate >= -60m)" };
        assert!(
            jql.starts_with(&format!(
                "(resolution is EMPTY or resolution != \"no\") and {state} and project=\"P\" and labels=\"ALERT{{"
            )),
            "{jql}"
        );
        assert!(jql.ends_with("}\" order by status ASC,resolutiondate DESC"), "{jql}");
        if lines.len() > 1 {
            let fields = &body(1)["fields"];
            assert_eq!(fields["customfield_1"], "critical");
            assert_eq!(fields["project"]["key"], "P");
            assert_eq!(fields["priority"]["name"], "High");
            assert_eq!(fields["labels"].as_array().unwrap().len(), 3);
            assert_eq!(fields["summary"].is_null(), lines[1].starts_with("PUT"), "the summary is written once");
        }
        if let Some(last) = lines.get(3) {
            let id = if resolved { "11" } else { "12" };
            assert_eq!(body(3), json!({ "transition": { "id": id } }), "{last}");
        }
        assert_eq!(heard[0].header("accept-language"), "en");
    }
}

#[tokio::test]
async fn troubles_of_jira() {
    let table = [
        (500, "{}", "later None"),
        (429, "{}", "later Some(7000)"),
        (400, "{}", "refused: unexpected status code 400"),
        (200, "<html>", "refused: the answer of Jira is not JSON"),
    ];
    for (status, body, expected) in table {
        let server = Listener::start(move |_| (status, body.to_owned()));
        let settings =
            settings("jira", &format!("{{api_url: '{}', project: P, issue_type: Bug}}", server.url("/rest/api/2")));
        let outcome = word(&tell(&outbound(), &settings, false).await);
        assert!(outcome.starts_with(expected), "{status}: {outcome}");
    }
    let server = jira(Some(("K-1", "new")));
    let text = format!("{{api_url: '{}', project: P, issue_type: Bug, resolve_transition: Vanish}}", server.url(""));
    let outcome = word(&tell(&outbound(), &settings("jira", &text), true).await);
    assert_eq!(outcome, "refused: can't find transition Vanish for issue K-1");
    let text = format!(
        "{{api_url: '{}', project: P, issue_type: Bug, description: 'no document'}}",
        server.url("/rest/api/3")
    );
    let templates = Templates::new("http://am/", []).unwrap();
    let error = build(&settings("jira", &text), &message(false), &templates, 0, &|_| Err(String::new())).unwrap_err();
    assert!(error.starts_with("description template: invalid JSON for API v3"), "{error}");
}

#[tokio::test]
async fn a_topic_is_published_to() {
    let server = Listener::start(|_| (200, "<PublishResponse/>".to_owned()));
    let text = format!(
        "{{api_url: '{}', topic_arn: 'arn:t.fifo', subject: S, message: '{{{{ .Status }}}}', attributes: {{a: b}}, sigv4: {{region: eu-west-1, access_key: ID, secret_key: CANARY}}}}",
        server.url("/")
    );
    let settings = settings("sns", &text);
    assert_eq!(word(&tell(&outbound(), &settings, false).await), "told");
    let heard = &server.heard()[0];
    assert!(
        heard.body.starts_with("Action=Publish&Message=firing&MessageAttributes.entry.1.Name=a&"),
        "{}",
        heard.body
    );
    assert!(
        heard.body.contains("&MessageDeduplicationId=")
            && heard.body.ends_with("&TopicArn=arn%3At.fifo&Version=2010-03-31")
    );
    let line = heard.header("authorization");
    assert!(line.starts_with("AWS4-HMAC-SHA256 Credential=ID/20231114/eu-west-1/sns/aws4_request, SignedHeaders=content-type;host;x-amz-date, "), "{line}");
    assert!(!format!("{heard:?}").contains("CANARY"));
}

#[tokio::test]
async fn a_token_of_wechat_is_kept_until_it_is_refused() {
    let server = Listener::start(|heard| {
        let body = match heard.path.as_str() {
            path if path.starts_with("/gettoken") => r#"{"access_token":"T"}"#,
            _ if heard.body.contains("resolved") => r#"{"errcode":42001,"errmsg":"expired"}"#,
            _ => r#"{"errcode":0}"#,
        };
        (200, body.to_owned())
    });
    let text = format!("{{api_url: '{}', corp_id: c, api_secret: s, message: '{{{{ .Status }}}}'}}", server.url("/"));
    let (out, settings) = (outbound(), settings("wechat", &text));
    for (resolved, expected) in [(false, "told"), (false, "told"), (true, "later"), (false, "told")] {
        let outcome = word(&tell(&out, &settings, resolved).await);
        assert!(outcome.starts_with(expected), "{outcome}");
    }
    let (token, send) = ("GET /gettoken?corpid=c&corpsecret=s", "POST /message/send?access_token=T");
    assert_eq!(lines(&server.heard()), [token, send, send, send, token, send]);
}

#[tokio::test]
async fn robots_are_signed_and_understood() {
    let server = Listener::start(|heard| {
        let body = match (heard.path.split('?').next(), heard.body.contains("RESOLVED")) {
            (Some("/feishu"), false) => r#"{"code":0,"msg":"success"}"#,
            (Some("/feishu"), true) => r#"{"code":19021,"msg":"sign match fail"}"#,
            (Some("/dingtalk"), true) => r#"{"errcode":130101,"errmsg":"too fast"}"#,
            _ => r#"{"errcode":0,"errmsg":"ok"}"#,
        };
        (200, body.to_owned())
    });
    let robot = |kind: &str, more: &str| {
        settings(kind, &format!("{{webhook_url: '{}'{more}}}", server.url(&format!("/{kind}"))))
    };
    let out = outbound();
    let feishu = robot("feishu", ", secret: CANARY");
    assert_eq!(word(&tell(&out, &feishu, false).await), "told");
    assert_eq!(word(&tell(&out, &feishu, true).await), "refused: error response from feishu: 19021 sign match fail");
    let card: Json = serde_json::from_str(&server.heard()[0].body).unwrap();
    assert_eq!(card["timestamp"], "1700000100");
    // base64(HMAC-SHA256(key = "1700000100\nCANARY", message = "")), from Python's hmac.
    assert_eq!(card["sign"], "52yuiYwvaIMx5+JJHuTEY8dYNKw3wcGpNzsryDBfsS4=");
    assert_eq!(
        card["card"]["header"],
        json!({ "template": "red", "title": { "tag": "plain_text", "content": "[FIRING:1] Disk (critical)" } })
    );
    let text = card["card"]["elements"][0]["content"].as_str().unwrap();
    assert_eq!(text, "**Disk** full\nsince 2023-11-14 22:13:20 UTC (1m 40s)\n> severity: critical\n\n");

    server.forget();
    let dingtalk = robot("dingtalk", ", secret: CANARY, message_type: markdown, at_mobiles: ['138']");
    assert_eq!(word(&tell(&out, &dingtalk, false).await), "told");
    assert!(word(&tell(&out, &dingtalk, true).await).starts_with("later Some(60000)"));
    let heard = &server.heard()[0];
    assert_eq!(heard.path, "/dingtalk?timestamp=1700000100000&sign=pOGM5NKcSeUjam5x3K7COeozDlIAv4wN%2FG1Y7SlYS9c%3D");
    let body: Json = serde_json::from_str(&heard.body).unwrap();
    assert_eq!(body["at"], json!({ "atMobiles": ["138"], "atUserIds": [], "isAtAll": false }));
    assert!(body["markdown"]["text"].as_str().unwrap().ends_with(" @138"));

    server.forget();
    for more in ["", ", message_type: template_card"] {
        assert_eq!(word(&tell(&out, &robot("wecom", more), true).await), "told");
    }
    let body = |nth: usize| serde_json::from_str::<Json>(&server.heard()[nth].body).unwrap();
    assert!(
        body(0)["markdown"]["content"]
            .as_str()
            .unwrap()
            .starts_with("**[RESOLVED] Disk (critical)**\n**Resolved**\n\n**Disk** full\nlasted 1m 0s\n"),
        "{}",
        body(0)
    );
    assert_eq!(body(1)["template_card"]["card_action"]["url"], "http://am/#/alerts?receiver=r");
}

#[tokio::test]
async fn ntfy_and_providers_of_short_messages() {
    let server = Listener::start(|_| (200, r#"{"Code":"OK","Response":{}}"#.to_owned()));
    let url = server.url("");
    let out = outbound();
    let ntfy = settings("ntfy", &format!("{{url: '{url}', topic: t, token: CANARY, tags: 'a, b'}}"));
    assert_eq!(word(&tell(&out, &ntfy, false).await), "told");
    let body: Json = serde_json::from_str(&server.heard()[0].body).unwrap();
    assert_eq!((&body["topic"], &body["priority"], &body["tags"]), (&json!("t"), &json!(4), &json!(["a", "b"])));
    assert_eq!(server.heard()[0].header("authorization"), "Bearer CANARY");

    server.forget();
    let own = format!(
        "{{provider: http, api_url: '{url}/send/{{{{ $to }}}}', to: ['1', '{{{{ .CommonLabels.phone }}}}', '2,3'], headers: {{X-Key: CANARY}}, payload: {{mobile: '{{{{ $to }}}}', n: 1, text: '{{{{ $text }}}}'}}}}"
    );
    assert_eq!(word(&tell(&out, &settings("sms", &own), false).await), "told");
    assert_eq!(lines(&server.heard()), ["POST /send/1", "POST /send/2", "POST /send/3"]);
    let body: Json = serde_json::from_str(&server.heard()[2].body).unwrap();
    assert_eq!(body, json!({ "mobile": "3", "n": 1, "text": "[FIRING:1] Disk (critical) full" }));
    assert_eq!(server.heard()[0].header("x-key"), "CANARY");
    for provider in ["aliyun", "tencent"] {
        let text = format!(
            "{{provider: {provider}, api_url: '{url}', to: ['1'], account: a, secret: b, template_id: c, sign_name: d, app_id: e}}"
        );
        assert_eq!(word(&tell(&out, &settings("sms", &text), false).await), "told", "{provider}");
    }
}

#[tokio::test]
async fn a_host_that_an_alert_names_is_judged() {
    let server = Listener::start(|_| (200, String::new()));
    let path = settings("webhook", &format!("{{url: '{}/{{{{ .CommonLabels.severity }}}}'}}", server.url("")));
    assert_eq!(word(&tell(&outbound(), &path, false).await), "told", "the host is the operator's word");
    let host = settings("webhook", &format!("{{url: 'http://{{{{ \"127.0.0.1\" }}}}:{}/x'}}", server.port));
    let outcome = word(&tell(&outbound(), &host, false).await);
    assert_eq!(outcome, "refused: 127.0.0.1 is a loopback address, where this request may not go");
    let all = settings("webhook", "{url: '{{ \"http://169.254.169.254/latest/meta-data\" }}'}");
    assert!(word(&tell(&outbound(), &all, false).await).contains("a metadata service"));
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_mail_arrives() {
    let (port, mails) = listener::mailbox();
    let text = format!(
        "{{to: '\"On, Call\" <a@x>, b@x', from: me@x, smarthost: '127.0.0.1:{port}', require_tls: false, text: '.{{{{ .Status }}}} ü', html: '<b>{{{{ .Status }}}}</b>', headers: {{Subject: 'Ä'}}}}"
    );
    assert_eq!(word(&tell(&outbound(), &settings("email", &text), false).await), "told");
    let mail = mails.lock().unwrap()[0].clone();
    assert!(mail.starts_with("MAIL FROM:<me@x> BODY=8BITMIME\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\n"), "{mail}");
    for part in [
        "Subject: =?utf-8?q?=C3=84?=\r\n",
        "To: \"On, Call\" <a@x>, b@x\r\n",
        "\r\n\r\n.firing =C3=BC\r\n",
        "\r\n\r\n<b>firing</b>\r\n",
    ] {
        assert!(mail.contains(part), "{part}\n{mail}");
    }
}

/// Every HTTP receiver, with `CANARY` wherever a secret may stand.
fn everybody(url: &str) -> Vec<(&'static str, String)> {
    [
        ("webhook", "url: 'URL/CANARY', http_config: {basic_auth: {username: u, password: CANARY}}"),
        ("pagerduty", "url: 'URL/x', routing_key: CANARY"),
        ("opsgenie", "api_url: 'URL/x', api_key: CANARY"),
        ("slack", "api_url: 'URL/CANARY'"),
        ("victorops", "api_url: 'URL/x', api_key: CANARY, routing_key: r"),
        ("wechat", "api_url: 'URL/x', api_secret: CANARY, corp_id: c"),
        ("telegram", "api_url: 'URL', bot_token: CANARY, chat_id: 1"),
        ("discord", "webhook_url: 'URL/CANARY'"),
        ("webex", "api_url: 'URL/x', room_id: r, http_config: {authorization: {credentials: CANARY}}"),
        ("msteams", "webhook_url: 'URL/CANARY'"),
        ("msteamsv2", "webhook_url: 'URL/CANARY'"),
        ("mattermost", "webhook_url: 'URL/CANARY'"),
        ("rocketchat", "api_url: 'URL/x', token: CANARY, token_id: CANARY"),
        ("incidentio", "url: 'URL/x', alert_source_token: CANARY"),
        ("jira", "api_url: 'URL/x', project: P, issue_type: Bug, http_config: {basic_auth: {username: u, password: CANARY}}"),
        ("sns", "api_url: 'URL/x', topic_arn: t, sigv4: {region: r, access_key: a, secret_key: CANARY}"),
        ("feishu", "webhook_url: 'URL/CANARY', secret: CANARY"),
        ("dingtalk", "webhook_url: 'URL/CANARY', secret: CANARY"),
        ("wecom", "webhook_url: 'URL/CANARY'"),
        ("ntfy", "url: 'URL', topic: t, token: CANARY"),
        ("sms", "provider: http, api_url: 'URL/CANARY', to: ['1'], headers: {X-Key: CANARY}"),
        ("sms", "provider: aliyun, api_url: 'URL', to: ['1'], account: a, secret: CANARY, template_id: t, sign_name: s"),
        ("sms", "provider: tencent, api_url: 'URL', to: ['1'], account: a, secret: CANARY, template_id: t, sign_name: s, app_id: i"),
        ("sms", "provider: twilio, api_url: 'URL', to: ['1'], account: a, secret: CANARY, from: '2'"),
    ]
    .map(|(kind, text)| (kind, format!("{{{}}}", text.replace("URL", url))))
    .into()
}

#[tokio::test]
async fn what_answers_mean() {
    for (status, usual) in [
        (500, "later None"),
        (503, "later None"),
        (429, "later Some(7000)"),
        (404, "refused"),
        (403, "refused"),
        (302, "refused"),
    ] {
        let server = Listener::start(move |_| (status, String::new()));
        let out = outbound();
        for (kind, text) in everybody(&server.url("")) {
            let outcome = word(&tell(&out, &settings(kind, &text), false).await);
            let expected = match kind {
                "telegram" if usual == "refused" => "later None",
                // The token is asked for first, and what is not one is refused.
                "wechat" => "refused",
                _ => usual,
            };
            assert!(outcome.starts_with(expected), "{kind} {status}: {outcome}");
            assert!(!outcome.contains("CANARY"), "{kind} {status}: {outcome}");
        }
    }
}

#[tokio::test]
async fn no_error_shows_a_secret() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let liar = Listener::start(|_| (200, "<html>no</html>".to_owned()));
    for url in [format!("http://127.0.0.1:{nobody}"), liar.url("")] {
        for (kind, text) in everybody(&url) {
            let settings = settings(kind, &text);
            assert!(!format!("{settings:?}").contains("CANARY"), "{kind}");
            let shown = config(kind, &text).shown().to_owned();
            assert!(!shown.contains("CANARY") && shown.contains("<secret>"), "{kind}: {shown}");
            let outcome = word(&tell(&outbound(), &settings, false).await);
            assert!(!outcome.contains("CANARY"), "{kind}: {outcome}");
        }
    }
}

#[tokio::test]
async fn a_tarpit_holds_nobody_longer_than_the_message_may_take() {
    let tarpit = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tarpit.local_addr().unwrap().port();
    let mail = settings("email", &format!("{{to: a@x, from: b@x, smarthost: '127.0.0.1:{port}'}}"));
    let web = settings("webhook", &format!("{{url: 'http://127.0.0.1:{port}/'}}"));
    let templates = Templates::new("http://am/", []).unwrap();
    for settings in [mail, web] {
        let delivery = build(&settings, &message(false), &templates, 0, &|_| Err(String::new())).unwrap();
        let begun = std::time::Instant::now();
        let outcome = outbound().carry(&settings, Path::new("/"), delivery, Duration::from_millis(500)).await;
        assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
    drop(tarpit);
}

/// What the services get that Debian's version does not know, as 0.34 sends it.
#[tokio::test]
async fn bodies_of_the_newer_services() {
    let link = "http://am/#/alerts?receiver=r";
    let title = "[FIRING:1] Disk (critical)";
    let markdown = "\n\n# Alerts Firing:\n\nLabels:\n  - alertname = Disk\n  - severity = critical\n\nAnnotations:\n  - summary = full\n\nSource: http://prom/g\n\n\n\n\n";
    let table: [(&str, &str, &str, Json); 6] = [
        (
            "msteams",
            "webhook_url: 'URL/t', text: T",
            "POST /t",
            json!({
                "@context": "http://schema.org/extensions", "type": "MessageCard", "title": title, "summary": title,
                "text": "T", "themeColor": "8C1A1A",
            }),
        ),
        (
            "msteamsv2",
            "webhook_url: 'URL/t', text: T",
            "POST /t",
            json!({
                "type": "message",
                "attachments": [{
                    "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null,
                    "content": {
                        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.2",
                        "body": [
                            { "type": "TextBlock", "text": title, "weight": "Bolder", "size": "Medium", "wrap": true, "style": "heading", "color": "Attention" },
                            { "type": "TextBlock", "text": "T", "wrap": true },
                        ],
                        "msteams": { "width": "full" },
                    },
                }],
            }),
        ),
        (
            "rocketchat",
            "api_url: 'URL', token: t, token_id: i, channel: c, actions: [{type: x, text: a, url: 'http://u', msg: m}], fields: [{title: a, value: b}]",
            "POST /api/v1/chat.postMessage",
            json!({
                "channel": "c",
                "attachments": [{
                    "title": title, "title_link": link, "color": "red",
                    "fields": [{ "title": "a", "value": "b", "short": false }],
                    "actions": [{ "type": "button", "text": "a", "url": "http://u", "msg": "m", "is_webview": false, "msg_in_chat_window": false }],
                }],
            }),
        ),
        (
            "mattermost",
            "webhook_url: 'URL/m', channel: c, text: T, attachments: [{text: A}], priority: {priority: Important, requested_ack: true, persistent_notifications: true}",
            "POST /m",
            json!({
                "channel": "c", "username": "Alertmanager", "text": "T", "attachments": [{ "text": "A" }],
                "priority": { "priority": "important", "requested_ack": true },
            }),
        ),
        (
            "incidentio",
            "url: 'URL/i', alert_source_token: t",
            "POST /i",
            json!({
                "receiver": "r", "status": "firing", "version": "1", "groupKey": "{}:{alertname=\"Disk\"}", "truncatedAlerts": 0,
                "notification_reason": "first notification", "externalURL": "http://am",
                "groupLabels": { "alertname": "Disk" }, "commonLabels": { "alertname": "Disk", "severity": "critical" },
                "commonAnnotations": { "summary": "full" }, "routeLabels": {},
                "alerts": [{
                    "status": "firing", "labels": { "alertname": "Disk", "severity": "critical" }, "annotations": { "summary": "full" },
                    "startsAt": "2023-11-14T22:13:20Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prom/g",
                    "fingerprint": message(false).alerts[0].fingerprint.to_string(),
                }],
            }),
        ),
        (
            "jira",
            "api_url: 'URL/rest/api/2', project: P, issue_type: Bug",
            "POST /rest/api/2/issue",
            json!({ "fields": {
            "project": { "key": "P" }, "issuetype": { "name": "Bug" }, "summary": title, "priority": { "name": "High" },
            "labels": [format!("ALERT{{{}}}", nightjar_alertmanager::notify::sha256_hex(r#"{}:{alertname="Disk"}"#))],
            "description": markdown,
        } }),
        ),
    ];
    let server = Listener::start(|_| (200, r#"{"success":true,"issues":[]}"#.to_owned()));
    for (kind, text, line, expected) in table {
        server.forget();
        let settings = settings(kind, &format!("{{{}}}", text.replace("URL", &server.url(""))));
        assert_eq!(word(&tell(&outbound(), &settings, false).await), "told", "{kind}");
        let heard = server.heard();
        let last = heard.last().unwrap();
        assert_eq!(lines(&heard).last().unwrap(), line);
        let body: Json = serde_json::from_str(&last.body).unwrap();
        assert_eq!(body, expected, "{kind}\n{body}");
        let authorized = match kind {
            "rocketchat" => (last.header("x-auth-token"), last.header("x-user-id")) == ("t", "i"),
            "incidentio" => last.header("authorization") == "Bearer t",
            _ => true,
        };
        assert!(
            authorized && last.header("content-type") == "application/json" && last.header("user-agent") == "test",
            "{kind} {last:?}"
        );
    }
}
