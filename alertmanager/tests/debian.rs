//! The requests of Debian's Alertmanager (0.25) and ours, for the same configuration and alerts, at the same listener.
//!
//! What differs, and why, stands in [`DIFFERS`]; nothing else may.

#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, clippy::disallowed_types, reason = "tests")]
#![allow(unreachable_pub, dead_code, missing_docs, reason = "modules of a test")]

mod listener;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use listener::{Heard, Listener};
use nightjar_alertmanager::alert::Alert;
use nightjar_alertmanager::config::Config;
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

/// Where a field may differ: the integration, the field's path, and why.
const DIFFERS: [(&str, &str, &str); 2] =
    [("webhook", "/notification_reason", "new in 0.32"), ("webhook", "/routeLabels", "new in 0.34")];

/// A peer that ends with the test.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn config(listener: &Listener, mail: u16) -> String {
    let url = |path: &str| listener.url(path);
    format!(
        r#"
global:
  smtp_smarthost: '127.0.0.1:{mail}'
  smtp_from: 'Night Jar <jar@x>'
  smtp_require_tls: false
  slack_api_url: '{slack}'
  pagerduty_url: '{pagerduty}'
  opsgenie_api_url: '{opsgenie}'
  opsgenie_api_key: 'okey'
  victorops_api_url: '{victorops}'
  victorops_api_key: 'vkey'
  wechat_api_url: '{wechat}'
  wechat_api_secret: 'wsecret'
  wechat_api_corp_id: 'wcorp'
  telegram_api_url: '{telegram}'
route:
  receiver: all.of/it
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
receivers:
- name: all.of/it
  webhook_configs: [{{url: '{webhook}'}}]
  email_configs: [{{to: 'you@x, "Second, One" <two@x>', send_resolved: true, text: 'T {{{{ .Status }}}} ä = .', html: '<b>{{{{ .CommonLabels.zone }}}}</b>', headers: {{X-One: 'é {{{{ .Status }}}}'}}}}]
  slack_configs:
  - {{channel: '#c', send_resolved: true, fields: [{{title: a, value: '{{{{ .Status }}}}'}}], actions: [{{type: button, text: t, url: 'http://u'}}], text: '{{{{ range .Alerts }}}}{{{{ .Annotations.summary }}}}{{{{ end }}}}', link_names: true}}
  pagerduty_configs:
  - {{routing_key: 'rkey', severity: warning, class: c, component: d, group: g, details: {{firing: F, resolved: R, num_firing: one, num_resolved: two, own: '{{{{ .Status }}}}'}}, images: [{{src: 'http://i', alt: a, href: 'http://h'}}], links: [{{href: 'http://l', text: t}}]}}
  opsgenie_configs:
  - {{responders: [{{name: 'a,b', type: teams}}, {{username: u, type: user}}], tags: 'x,y', note: n, priority: P1, entity: e, actions: 'p,q', update_alerts: true, details: {{alertname: A, severity: S, zone: Z, own: '{{{{ .Status }}}}'}}}}
  victorops_configs: [{{routing_key: 'route', custom_fields: {{f: '{{{{ .Status }}}}'}}}}]
  wechat_configs: [{{to_user: '@all', agent_id: '7', send_resolved: true}}, {{to_party: p, message_type: markdown, send_resolved: true}}]
  telegram_configs: [{{bot_token: 'tok', chat_id: -5}}]
  discord_configs: [{{webhook_url: '{discord}'}}]
  webex_configs: [{{api_url: '{webex}', room_id: r, http_config: {{authorization: {{credentials: wx}}}}}}]
  sns_configs: [{{api_url: '{sns}', topic_arn: 'arn:aws:sns:us-east-2:1:t', attributes: {{k: v}}, sigv4: {{region: us-east-2, access_key: a, secret_key: b}}}}]
"#,
        slack = url("/slack"),
        pagerduty = url("/pagerduty"),
        opsgenie = url("/opsgenie/"),
        victorops = url("/victorops/"),
        wechat = url("/wechat/"),
        telegram = url("/telegram"),
        webhook = url("/webhook"),
        discord = url("/discord"),
        webex = url("/webex"),
        sns = url("/sns"),
    )
}

/// What makes every service content.
fn content(heard: &Heard) -> (u16, String) {
    match heard.path.split('/').nth(1).unwrap_or("") {
        "sns" => (200, "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>".to_owned()),
        "discord" => (204, String::new()),
        _ => (200, r#"{"ok":true,"errcode":0,"access_token":"T","status":"success","result":{"message_id":1,"date":1,"chat":{"id":-5,"type":"group"}}}"#.to_owned()),
    }
}

/// Name, zone and state of the alerts of a round.
fn alerts(resolved: &[bool]) -> Vec<SentAlert> {
    let one = |(i, resolved): (usize, &bool)| {
        let zone = format!("z{i}<&>");
        let labels = Labels::from_pairs([("alertname", "Disk full"), ("severity", "critical"), ("zone", &zone)]);
        let alert = Alert {
            annotations: Labels::from_pairs([
                ("summary", "it is \"hot\"\nhere"),
                ("runbook", &format!("http://r/{i}")),
            ]),
            starts_at: STARTED,
            ends_at: if *resolved { STARTED + 60_500 } else { 0 },
            updated_at: 0,
            timeout: false,
            generator_url: "http://prom/g?a=1&b=2".to_owned(),
            labels: labels.clone(),
        };
        SentAlert { fingerprint: Fingerprint::of(&labels), alert, resolved: *resolved, change: Default::default() }
    };
    resolved.iter().enumerate().map(one).collect()
}

const STARTED: i64 = 1_700_000_000_000;

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
}

/// Alerts as the API takes them.
fn posted(alerts: &[SentAlert]) -> String {
    let map =
        |labels: &Labels| labels.iter().map(|l| (l.name.to_owned(), l.value.into())).collect::<serde_json::Map<_, _>>();
    let one = |sent: &SentAlert| {
        let mut alert = json!({
            "labels": map(&sent.alert.labels),
            "annotations": map(&sent.alert.annotations),
            "startsAt": time(sent.alert.starts_at),
            "generatorURL": sent.alert.generator_url,
        });
        if sent.resolved {
            alert["endsAt"] = time(sent.alert.ends_at).into();
        }
        alert
    };
    Json::from(alerts.iter().map(one).collect::<Vec<_>>()).to_string()
}

/// One request to a peer on this machine.
fn call(port: u16, head: &str, body: &str) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request =
        format!("{head} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Waits until nothing new has come for a while.
async fn quiet(listener: &Listener, least: usize) -> Vec<Heard> {
    let mut before = 0;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_millis(1200)).await;
        let now = listener.heard().len();
        if now == before && now >= least {
            break;
        }
        before = now;
    }
    listener.heard()
}

async fn ours(text: &str, out: &Outbound, alerts: &[SentAlert]) {
    let config = Config::parse(text, MatcherMode::Fallback).unwrap();
    let templates = Templates::new("http://am.example/base", []).unwrap();
    for integration in &config.receivers[0].integrations {
        let labels = alerts[0].alert.labels.keep(&["alertname"]);
        let group = GroupId { route: "{}".into(), labels };
        let send = Send {
            line: LineId { group, receiver: "all.of/it".into(), kind: integration.kind().into(), index: 0 },
            seq: 1,
            attempt: 1,
            idempotency_key: "k".to_owned(),
            group_key: r#"{}:{alertname="Disk full"}"#.to_owned(),
            route_labels: BTreeMap::new(),
            reason: Reason::First,
            decided_at: 0,
            before: Default::default(),
            alerts: alerts.to_vec(),
            thread: BTreeMap::new(),
            timeout_ms: 5_000,
        };
        let now = jiff::Timestamp::now().as_millisecond();
        let delivery = build(&integration.settings, &send, &templates, now, &|_| Err("no files".to_owned())).unwrap();
        let outcome = out.carry(&integration.settings, Path::new("/"), delivery, Duration::from_secs(10)).await;
        assert!(matches!(outcome, Outcome::Delivered(_)), "{}: {outcome:?}", integration.kind());
    }
}

/// A request in a form that can be compared: method, path, kind of body, and the body's meaning.
fn meaning(heard: &Heard) -> (String, Json) {
    let kind = heard.path.split('/').nth(1).unwrap_or("").split('?').next().unwrap_or("").to_owned();
    let mut body: Json = match serde_json::from_str(&heard.body) {
        Ok(json) => json,
        Err(_) => {
            let mut form: Vec<&str> = heard.body.split('&').collect();
            form.sort_unstable();
            form.into()
        }
    };
    for (of, path, _) in DIFFERS {
        let (parent, name) = path.rsplit_once('/').unwrap();
        if let Some(Json::Object(fields)) = body.pointer_mut(parent).filter(|_| of == kind) {
            fields.remove(name);
        }
    }
    let header = |name: &str| heard.header(name).to_owned();
    let mut authorization = header("authorization");
    authorization.truncate(authorization.find("Signature=").unwrap_or(authorization.len()));
    let authorization =
        if kind == "sns" { authorization.split("Credential").next().unwrap().to_owned() } else { authorization };
    let content = header("content-type").split(';').next().unwrap_or("").to_owned();
    (format!("{} {} {content} {authorization}", heard.method, heard.path), body)
}

fn sorted(heard: &[Heard]) -> Vec<(String, Json)> {
    let mut all: Vec<_> = heard.iter().map(meaning).filter(|(line, _)| !line.contains("/gettoken")).collect();
    all.sort_by_key(|(line, body)| format!("{line} {body}"));
    all
}

/// What of a mail is meant to be equal: envelope, headers but those of one message, and the parts decoded.
fn mail_meaning(mail: &str) -> Vec<String> {
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    let joined = format!("{}\r\n\r\n{}", head.replace("\r\n ", " "), body.replace("=\r\n", ""));
    let boundary = joined
        .split("boundary=")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next())
        .unwrap_or("")
        .trim_matches('"')
        .to_owned();
    let own = ["Message-Id:", "Date:", "Content-Type: multipart/"];
    let mut lines: Vec<String> = joined
        .lines()
        .map(|line| line.replace(&boundary, "BOUNDARY").trim_end().to_owned())
        .filter(|line| !line.is_empty() && !own.iter().any(|name| line.starts_with(name)))
        .collect();
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_debians() {
    if Command::new("prometheus-alertmanager").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no prometheus-alertmanager to compare with");
        return;
    }
    let listener = Listener::start(content);
    let (mail, mails) = listener::mailbox();
    let text = config(&listener, mail);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("am.yml");
    std::fs::write(&file, &text).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let peer = Command::new("prometheus-alertmanager")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.path={}", dir.path().join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--web.external-url=http://am.example/base", "--web.route-prefix=/", "--cluster.listen-address="])
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(dir.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let _peer = Peer(peer);
    for _ in 0..100 {
        if call(port, "GET /-/ready", "").is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let out = Outbound::new("test", Guard::default(), Arc::new(RealClock::new()));
    let rounds =
        [("both fire", vec![false, false]), ("one has ended", vec![true, false]), ("both have", vec![true, true])];
    for (round, resolved) in rounds {
        let alerts = alerts(&resolved);
        listener.forget();
        mails.lock().unwrap().clear();
        let answer = call(port, "POST /api/v2/alerts", &posted(&alerts)).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
        let theirs = quiet(&listener, 11).await;
        let their_mails = mails.lock().unwrap().clone();
        let log = || std::fs::read_to_string(dir.path().join("log")).unwrap();
        listener.forget();
        mails.lock().unwrap().clear();
        ours(&text, &out, &alerts).await;
        let (theirs, ours) = (sorted(&theirs), sorted(&listener.heard()));
        let names = |all: &[(String, Json)]| all.iter().map(|(line, _)| line.clone()).collect::<Vec<_>>();
        assert_eq!(names(&theirs), names(&ours), "{round}\n{}", log());
        for ((line, theirs), (_, ours)) in theirs.iter().zip(&ours) {
            assert_eq!(theirs, ours, "{round}: {line}\ntheirs {theirs}\nours   {ours}");
        }
        let our_mails = mails.lock().unwrap().clone();
        assert_eq!((their_mails.len(), our_mails.len()), (1, 1), "{round}\n{}", log());
        assert_eq!(
            mail_meaning(&their_mails[0]),
            mail_meaning(&our_mails[0]),
            "{round}\n{}\n{}",
            their_mails[0],
            our_mails[0]
        );
        println!("{round}: {} requests and 1 mail are equal", ours.len());
    }
}
