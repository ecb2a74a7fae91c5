//! What services get to see.

use serde_json::json;

use super::*;
use crate::alert::Alert;
use crate::config::Config;
use crate::fingerprint::Fingerprint;
use crate::machine::{Before, Change, SentAlert};
use crate::matcher::MatcherMode;
use crate::record::{GroupId, LineId, Reason};
use nightjar_model::Labels;

const CONFIG: &str = r#"
global: {smtp_smarthost: 'mail:25', smtp_from: 'me@x', slack_api_url: 'https://hooks.slack/CANARY', opsgenie_api_key: CANARY, victorops_api_key: CANARY,
  rocketchat_token: CANARY, rocketchat_token_id: CANARY, telegram_bot_token: CANARY}
route: {receiver: web.hook}
receivers:
- name: web.hook
  webhook_configs: [{url: 'http://x/{{ .GroupLabels.alertname }}'}, {url: 'http://x', max_alerts: 1, payload: {n: 7, s: '{{ .Status }}', a: '{{ .Alerts | toJson }}'}}]
  email_configs: [{to: 'you@x', headers: {X-Bad: "a\nBcc: evil"}, threading: {enabled: true, thread_by_date: daily}}]
  pagerduty_configs: [{routing_key: CANARY}]
  opsgenie_configs: [{responders: [{name: 'a, b', type: teams}], update_alerts: true}]
  slack_configs: [{channel: '#c', send_resolved: true}]
  victorops_configs: [{routing_key: r}]
  pushover_configs: [{user_key: CANARY, token: CANARY}]
  telegram_configs: [{chat_id: 5}]
  discord_configs: [{webhook_url: 'https://d/CANARY'}]
  msteams_configs: [{webhook_url: 'https://m/CANARY'}]
  msteamsv2_configs: [{webhook_url: 'https://m/CANARY'}]
  incidentio_configs: [{url: 'https://i', alert_source_token: CANARY}]
  rocketchat_configs: [{channel: c}]
  wechat_configs: [{api_secret: CANARY, corp_id: 'a b'}]
  mattermost_configs: [{webhook_url: 'https://m/CANARY'}]
"#;

fn send(resolved: bool) -> Send {
    let labels = Labels::from_pairs([("alertname", "Disk"), ("severity", "critical"), ("zone", "a<b>")]);
    let alert = Alert {
        labels: labels.clone(),
        annotations: Labels::from_pairs([("summary", "full & hot")]),
        starts_at: 1_700_000_000_000,
        ends_at: if resolved { 1_700_000_060_500 } else { 0 },
        updated_at: 0,
        timeout: false,
        generator_url: "http://prom/g?a=1&b=2".to_owned(),
    };
    let group = GroupId { route: "{}".into(), labels: labels.keep(&["alertname"]) };
    Send {
        line: LineId { group, receiver: "web.hook".into(), kind: "webhook".into(), index: 0 },
        seq: 3,
        attempt: 1,
        idempotency_key: "k-3".to_owned(),
        group_key: r#"{}:{alertname="Disk"}"#.to_owned(),
        route_labels: [("a", "{{ .Status }}"), ("b", "{{ routeLabels \"a\" }}!")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .into(),
        reason: Reason::First,
        decided_at: 0,
        before: Default::default(),
        alerts: vec![SentAlert { fingerprint: Fingerprint::of(&labels), alert, resolved, change: Default::default() }],
        thread: BTreeMap::new(),
        timeout_ms: 1,
    }
}

fn built(resolved: bool) -> Vec<(Settings, Result<Delivery, String>)> {
    let config = Config::parse(CONFIG, MatcherMode::Fallback).unwrap();
    let templates = Templates::new("http://am/", []).unwrap();
    let build = |settings: Settings| {
        let delivery =
            build(&settings, &send(resolved), &templates, 1_700_000_000_000, &|_| Err("no files".to_owned()));
        (settings, delivery)
    };
    config.receivers[0].integrations.iter().map(|integration| build(integration.settings.clone())).collect()
}

fn body(of: &str, nth: usize, resolved: bool) -> (Vec<Request>, String) {
    let all = built(resolved);
    let (_, delivery) = all.into_iter().filter(|(settings, _)| settings.kind() == of).nth(nth).unwrap();
    let Delivery::Http(requests) = delivery.unwrap() else { panic!("{of} is not HTTP") };
    let text = String::from_utf8(requests[0].body.clone()).unwrap();
    (requests, text)
}

#[test]
fn the_webhook_body_is_equal_byte_by_byte() {
    let (requests, text) = body("webhook", 0, false);
    assert_eq!(requests[0].url.expose(), "http://x/Disk");
    let labels = r#"{"alertname":"Disk","severity":"critical","zone":"a<b>"}"#;
    let fingerprint = send(false).alerts[0].fingerprint;
    let expected = format!(
        r#"{{"receiver":"web\\.hook","status":"firing","alerts":[{{"status":"firing","labels":{labels},"annotations":{{"summary":"full & hot"}},"startsAt":"2023-11-14T22:13:20Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prom/g?a=1&b=2","fingerprint":"{fingerprint}"}}],"notification_reason":"first notification","groupLabels":{{"alertname":"Disk"}},"commonLabels":{labels},"commonAnnotations":{{"summary":"full & hot"}},"routeLabels":{{"a":"firing","b":"firing!"}},"externalURL":"http://am","version":"4","groupKey":"{{}}:{{alertname=\"Disk\"}}","truncatedAlerts":0}}"#
    );
    // Go's encoder writes these three as escapes.
    let expected = expected.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    assert_eq!(text, expected + "\n");
    assert!(body("webhook", 0, true).1.contains(r#""endsAt":"2023-11-14T22:14:20.5Z""#));
}

#[test]
fn a_payload_of_ones_own() {
    let (_, text) = body("webhook", 1, true);
    let json: Json = serde_json::from_str(&text).unwrap();
    assert_eq!((json["n"].as_i64(), json["s"].as_str()), (Some(7), Some("resolved")));
    assert_eq!(json["a"][0]["labels"]["zone"], "a<b>");
}

#[test]
fn services_know_the_group_by_its_hash() {
    let hash = sha256_hex(r#"{}:{alertname="Disk"}"#);
    let json = |kind, resolved| serde_json::from_str::<Json>(&body(kind, 0, resolved).1).unwrap();
    let event = json("pagerduty", false);
    assert_eq!((event["dedup_key"].as_str(), event["event_action"].as_str()), (Some(hash.as_str()), Some("trigger")));
    assert_eq!(event["payload"]["summary"], "[FIRING:1] Disk (critical a<b>)");
    assert_eq!(event["payload"]["custom_details"]["num_firing"], 1);
    assert_eq!(json("pagerduty", true)["event_action"], "resolve");
    let alert = json("opsgenie", false);
    assert_eq!((alert["alias"].as_str(), alert["responders"][1]["name"].as_str()), (Some(hash.as_str()), Some(" b")));
    assert_eq!(body("opsgenie", 0, false).0.len(), 3);
    assert!(
        body("opsgenie", 0, true).0[0].url.expose().ends_with(&format!("v2/alerts/{hash}/close?identifierType=alias"))
    );
    assert_eq!(json("victorops", true)["message_type"], "RECOVERY");
    assert_eq!(json("slack", false)["attachments"][0]["color"], "danger");
    assert_eq!(json("slack", false)["attachments"][0]["title_link"], "http://am/#/alerts?receiver=web%5C.hook");
}

#[test]
fn every_integration_builds_and_shows_no_secret() {
    for resolved in [false, true] {
        for (settings, delivery) in built(resolved) {
            let delivery = delivery.unwrap_or_else(|error| panic!("{}: {error}", settings.kind()));
            assert!(!format!("{delivery:?}").contains("CANARY"), "{}", settings.kind());
        }
    }
}

#[test]
fn a_mail_has_one_line_per_header() {
    let (_, delivery) = built(false).into_iter().find(|(settings, _)| settings.kind() == "email").unwrap();
    let Delivery::Mail(mail) = delivery.unwrap() else { panic!() };
    assert_eq!(mail.headers["Subject"], "[FIRING:1] Disk (critical a<b>)");
    assert_eq!(mail.headers["X-Bad"], "a Bcc: evil");
    assert!(mail.headers["References"].contains("2023-11-14"));
    assert!(mail.html.contains("zone = a&lt;b&gt;"), "{}", mail.html);
}

#[test]
fn answers() {
    let settings =
        |kind: &str| built(false).into_iter().map(|(settings, _)| settings).find(|s| s.kind() == kind).unwrap();
    let word = |outcome: Outcome| match outcome {
        Outcome::Delivered(_) => "delivered".to_owned(),
        Outcome::Retry { after_ms, .. } => format!("retry {after_ms:?}"),
        Outcome::Refused { .. } => "refused".to_owned(),
    };
    let table = [
        ("webhook", 204, None, "", "delivered"),
        ("webhook", 500, None, "", "retry None"),
        ("webhook", 404, None, "", "refused"),
        ("webhook", 429, Some(7), "", "retry Some(7000)"),
        ("slack", 200, None, "ok", "delivered"),
        ("slack", 200, None, r#"{"ok":true}"#, "delivered"),
        ("slack", 200, None, r#"{"ok":false,"error":"no"}"#, "refused"),
        ("telegram", 400, None, "", "retry None"),
        ("wechat", 200, None, r#"{"errcode":0}"#, "delivered"),
        ("wechat", 200, None, r#"{"errcode":42001}"#, "retry None"),
        ("wechat", 200, None, r#"{"errcode":40001}"#, "refused"),
        ("rocketchat", 200, None, r#"{"success":false}"#, "refused"),
    ];
    for (kind, status, after, body, expected) in table {
        assert_eq!(word(judge(&settings(kind), status, after, body)), expected, "{kind} {status} {body}");
    }
}

#[test]
fn a_rendered_text_may_be_a_structure() {
    let templates = Templates::new("http://am/", []).unwrap();
    let message = send(false);
    let rendering = templates.begin(&message, 0, 0);
    let table = [
        ("hello", json!("hello")),
        ("foo: bar", json!({ "foo": "bar" })),
        ("{{ .Alerts | len }}", json!(1)),
        ("yes", json!(true)),
        (
            r#"[{"id":"value1:","n":"123","t":true,"e":null}]"#,
            json!([{ "id": "value1:", "n": "123", "t": true, "e": null }]),
        ),
        ("null", Json::Null),
        ("", json!("")),
        ("#channel", json!("#channel")),
        ("0049301234", json!("0049301234")),
        ("0.5", json!(0.5)),
        ("2026-01-01", json!("2026-01-01")),
        ("[a] and more", json!("[a] and more")),
        ("a: &a [x]\nb: [*a, *a]", json!({ "a": ["x"], "b": [["x"], ["x"]] })),
    ];
    for (text, expected) in table {
        assert_eq!(rendering.json(&json!(text)), expected, "{text}");
    }
    assert_eq!(rendering.json(&json!({ "{{ .Status }}": [7, "{{ .Status }}"] })), json!({ "firing": [7, "firing"] }));
    let bomb = format!(
        "a0: &a0 [x,x]\n{}",
        (1..40).map(|i| format!("a{i}: &a{i} [*a{0},*a{0}]\n", i - 1)).collect::<String>()
    );
    assert_eq!(rendering.json(&json!(bomb)), json!(bomb));
}

/// A reminder: the fourth message, one alert is new, one has ended.
fn reminder() -> Send {
    let mut send = two();
    let started = send.alerts[0].alert.starts_at;
    let at = |minutes: i64| started + minutes * 60_000;
    (send.reason, send.decided_at) = (Reason::Repeat, at(180));
    send.before = Before { count: 3, first_at: Some(at(1)), last_at: Some(at(120)) };
    send.alerts[0].change = Change::New;
    send.alerts[1].change = Change::Resolved;
    send
}

#[test]
fn templates_tell_reminders_from_news() {
    let templates = Templates::new("http://am/", []).unwrap();
    let message = reminder();
    let rendering = templates.begin(&message, 0, 0);
    let table = [
        ("{{ .NotificationKind }} {{ .NotificationNumber }}", "repeat 4"),
        ("{{ .FiringFor }}, {{ humanizeDuration .FiringFor.Seconds }}", "3h0m0s, 3h 0m 0s"),
        (r#"{{ .FirstNotifiedAt.Format "15:04" }} {{ .LastNotifiedAt.Format "15:04" }}"#, "22:14 00:13"),
        (
            "{{ range .Alerts }}{{ .Labels.zone }}:{{ .Change }}:{{ .FiringFor }} {{ end }}",
            "a:new:3h0m0s b:resolved:1m0.5s ",
        ),
        ("{{ len .Alerts.New }}{{ len .Alerts.NewlyResolved }}{{ len .Alerts.Unchanged }}", "110"),
        ("{{ range .Alerts.New }}{{ .Labels.zone }}{{ end }}", "a"),
    ];
    for (template, expected) in table {
        assert_eq!(rendering.text(template), expected, "{template}: {:?}", rendering.finish());
    }
    // What was written for Alertmanager prints what it printed there.
    let shown = rendering.text("{{ . | toJson }} {{ .Alerts | toJson }}");
    assert!(!shown.contains("hange") && !shown.contains("iringFor") && !shown.contains("umber"), "{shown}");
    let robots = rendering.text(r#"{{ template "feishu.default.text" . }}"#);
    assert!(robots.starts_with("Reminder: firing for 3h 0m 0s, notification 4\n\n**Disk**"), "{robots}");
}

#[test]
fn a_webhook_that_asks_for_changes_gets_them_beside_everything_else() {
    let body = |settings: &str| {
        let text = format!("route: {{receiver: r}}\nreceivers: [{{name: r, webhook_configs: [{settings}]}}]\n");
        let config = Config::parse(&text, MatcherMode::Fallback).unwrap();
        let templates = Templates::new("http://am/", []).unwrap();
        let settings = &config.receivers[0].integrations[0].settings;
        let Ok(Delivery::Http(requests)) = build(settings, &reminder(), &templates, 0, &|_| Err(String::new())) else {
            panic!("no request")
        };
        serde_json::from_slice::<Json>(&requests[0].body).unwrap()
    };
    let mut told = body("{url: 'http://x', changes: true}");
    assert_eq!(
        told["notification"],
        json!({
            "kind": "repeat", "number": 4, "firingForSeconds": 10800.0,
            "firstNotifiedAt": "2023-11-14T22:14:20Z", "lastNotifiedAt": "2023-11-15T00:13:20Z",
        })
    );
    let changes: Vec<_> = told["alerts"].as_array().unwrap().iter().map(|alert| alert["change"].clone()).collect();
    assert_eq!(changes, ["new", "resolved"]);
    told.as_object_mut().unwrap().remove("notification");
    for alert in told["alerts"].as_array_mut().unwrap() {
        ["change", "firingForSeconds"].iter().for_each(|name| drop(alert.as_object_mut().unwrap().remove(*name)));
    }
    assert_eq!(told, body("{url: 'http://x'}"));
}

/// One alert fires, another has ended.
fn two() -> Send {
    let one = |zone: &str, resolved: bool, runbook: &str| {
        let mut sent = send(resolved).alerts.remove(0);
        sent.alert.labels = Labels::from_pairs([("alertname", "Disk"), ("severity", "critical"), ("zone", zone)]);
        sent.alert.annotations = Labels::from_pairs([("summary", "full & hot"), ("runbook", runbook)]);
        sent.alert.generator_url = "http://prom/g".to_owned();
        sent
    };
    Send { alerts: vec![one("a", false, "r"), one("b", true, "")], ..send(false) }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "golden files lie in the repository")]
fn defaults_look_as_alertmanagers() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/alertmanager/templates");
    let templates = Templates::new("http://am/", []).unwrap();
    let message = two();
    let mut seen = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let data = if name == "pagerduty.default.instances" { ".Alerts" } else { "." };
        let rendering = templates.begin(&message, 0, 0);
        let text = rendering.text(&format!("{{{{ template {name:?} {data} }}}}"));
        rendering.finish().unwrap();
        let golden = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, golden, "{name}");
        seen += 1;
    }
    assert!(seen >= 15, "{seen}");
}

/// The words one sees of a page.
fn visible(page: &str) -> String {
    let mut words = String::new();
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        words.push_str(&rest[..open]);
        words.push(' ');
        let tag = &rest[open..];
        let end = match ["style", "title"].into_iter().find(|name| tag[1..].starts_with(name)) {
            Some(name) => tag.find(&format!("</{name}>")).map_or(tag.len(), |at| at + name.len() + 3),
            None => tag.find('>').map_or(tag.len(), |at| at + 1),
        };
        rest = &tag[end..];
    }
    words.push_str(rest);
    let plain = words.replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", "\"").replace("&amp;", "&");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
#[expect(clippy::disallowed_methods, reason = "golden files lie in the repository")]
fn the_default_mail_says_what_alertmanagers_says() {
    let templates = Templates::new("http://am/", []).unwrap();
    let message = two();
    let rendering = templates.begin(&message, 0, 0);
    let page = rendering.html(r#"{{ template "email.default.html" . }}"#);
    rendering.finish().unwrap();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/alertmanager/email.visible.txt");
    assert_eq!(visible(&page), std::fs::read_to_string(golden).unwrap().trim_end());
}

/// The requests of one integration.
fn requests(kind: &str, settings: &str) -> Vec<Request> {
    let text = format!("route: {{receiver: r}}\nreceivers: [{{name: r, {kind}_configs: [{settings}]}}]\n");
    let config = Config::parse(&text, MatcherMode::Fallback).unwrap();
    let templates = Templates::new("http://am/", []).unwrap();
    match build(&config.receivers[0].integrations[0].settings, &send(false), &templates, 0, &|_| Err(String::new())) {
        Ok(Delivery::Http(requests)) => requests,
        other => panic!("{other:?}"),
    }
}

#[test]
fn services_whose_address_is_fixed() {
    let hash = sha256_hex(r#"{}:{alertname="Disk"}"#);
    let v1 = requests(
        "pagerduty",
        "{service_key: k, details: {firing: f, resolved: r, num_firing: one, num_resolved: two}}",
    )
    .remove(0);
    assert_eq!(v1.url.expose(), "https://events.pagerduty.com/generic/2010-04-15/create_event.json");
    assert_eq!(
        serde_json::from_slice::<Json>(&v1.body).unwrap(),
        json!({
            "service_key": "k", "incident_key": hash, "event_type": "trigger", "event_action": "", "payload": null,
            "description": "[FIRING:1] Disk (critical a<b>)", "client": "Alertmanager",
            "client_url": "http://am/#/alerts?receiver=web%5C.hook",
            "details": { "firing": "f", "resolved": "r", "num_firing": "one", "num_resolved": "two" },
        })
    );
    let push = requests(
        "pushover",
        "{user_key: u, token: t, title: T, message: M, url: 'http://x/?a b', ttl: 90s, monospace: true}",
    )
    .remove(0);
    assert_eq!(
        push.url.expose(),
        "https://api.pushover.net/1/messages.json?device=&expire=3600&message=M&monospace=1&priority=2&retry=60&sound=\
         &title=T&token=t&ttl=90&url=http%3A%2F%2Fx%2F%3Fa+b&url_title=&user=u"
    );
    assert_eq!((push.method, push.body.len()), ("POST", 0));
}
