//! The data of golden templates, and the world around them.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test binary uses a part")]
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

use std::sync::Arc;

use nightjar_template::Functions;
use nightjar_template::notification::{Alert, Alerts, Data, Kv, News, Pair, Pairs};
use nightjar_template::{
    Content, Duration, Host, MissingKey, RuleData, Sample, Set, Time, Value, alertmanager, console, prometheus,
};

/// 2026-11-21T08:30:15.25Z
pub fn now() -> Time {
    Time::from_unix_ms(1_795_249_815_250)
}

/// Answers a few queries.
pub struct World;

impl Host for World {
    fn now(&self) -> Time {
        now()
    }

    fn external_url(&self) -> &str {
        "http://prom.example.com:9090/pre%20fix/x"
    }

    fn query(&mut self, expression: &str) -> Result<Vec<Sample>, String> {
        let sample = |labels: &[(&str, &str)], value| Sample {
            labels: Value::string_map(labels.iter().copied()),
            value: Value::Float(value),
        };
        match expression {
            "up" => Ok(vec![
                sample(&[("__name__", "up"), ("job", "node"), ("instance", "b:9100")], 1.0),
                sample(&[("__name__", "up"), ("job", "node"), ("instance", "a:9100")], 0.0),
            ]),
            "time()" => Ok(vec![sample(&[], 1_795_163_415.25)]),
            "strings" => Ok(vec![sample(&[("__value__", "a string")], f64::NAN)]),
            "empty" => Ok(vec![]),
            _ => Err("unknown query".to_owned()),
        }
    }

    fn route_label(&mut self, name: &str) -> Result<String, String> {
        match name {
            "bad" => Err("route label cycle detected: bad -> bad".to_owned()),
            _ => Ok(format!("route-{name}")),
        }
    }
}

/// The templates to parse into, and the data, of a name.
pub fn set(name: &str, mode: &str) -> (Set, Value) {
    match name {
        "plain" => (Set::new(alertmanager()), plain()),
        "plain-zero" => (Set::new(Functions::new()).missing_key(MissingKey::Zero), plain()),
        "plain-error" => (Set::new(Functions::new()).missing_key(MissingKey::Error), plain()),
        "rule" if mode == "text" => (Set::new(prometheus()).missing_key(MissingKey::Zero), rule()),
        "rule" => (Set::new(console()).missing_key(MissingKey::Zero), rule()),
        "notify" => (Set::new(alertmanager()).missing_key(MissingKey::Zero), notification()),
        _ => panic!("no data {name}"),
    }
}

pub fn rule() -> Value {
    Value::object(RuleData {
        labels: Value::string_map([
            ("alertname", "HighLoad"),
            ("instance", "db-1.example.com:9100"),
            ("job", "node"),
            ("severity", "critical"),
            ("xss", r#"<script>alert("1 & '2'")</script>"#),
        ]),
        external_labels: Value::string_map([("cluster", "eu"), ("replica", "a")]),
        external_url: "http://prom.example.com:9090/prefix".into(),
        value: Value::Float(0.9573),
    })
}

fn kv(entries: &[(&str, &str)]) -> Value {
    Value::object(Kv::new(entries.iter().copied()))
}

fn minutes_ago(minutes: i64) -> Time {
    Time::from_unix_ms(1_795_249_815_250 - minutes * 60_000)
}

pub fn notification() -> Value {
    let alert =
        |status: &str, instance, severity, annotations: &[_], minutes, generator: &str, fingerprint: &str| Alert {
            status: status.into(),
            labels: kv(&[("alertname", "HighLoad"), ("instance", instance), ("severity", severity)]),
            annotations: kv(annotations),
            starts_at: minutes_ago(minutes),
            ends_at: if status == "firing" { Time::zero() } else { now() },
            generator_url: generator.into(),
            fingerprint: fingerprint.into(),
            change: "".into(),
            firing_for: Duration::from_nanos(minutes * 60_000_000_000),
        };
    let rising = [("summary", "load is <high> & rising"), ("runbook", "javascript:alert(1)")];
    let high = [("summary", "load is high")];
    let alerts = vec![
        alert("firing", "a:9100", "critical", &rising, 90, "http://prom/graph?g0.expr=up&g0.tab=1", "00f1"),
        alert("firing", "b:9100", "warning", &high, 5, "http://prom/graph?g0.expr=down", "00f2"),
        alert("resolved", "c:9100", "info", &[], 120, "", "00f3"),
    ];
    Data {
        receiver: "team-X\\.mails".into(),
        status: "firing".into(),
        alerts: Value::object(Alerts::new(alerts)),
        notification_reason: "first notification".into(),
        group_labels: kv(&[("alertname", "HighLoad")]),
        common_labels: kv(&[("alertname", "HighLoad"), ("cluster", "eu"), ("az", "1")]),
        common_annotations: kv(&[]),
        route_labels: kv(&[("team", "X")]),
        external_url: "http://am.example.com".into(),
        news: News::default(),
    }
    .into_value()
}

fn plain() -> Value {
    let pair = |name: &str, value: &str| Pair { name: name.into(), value: value.into() };
    let safe = |content, text: &str| Value::Safe(content, Arc::from(text));
    let words = Value::strings(["a", "b", "c"]);
    let deep = Value::map([("c", Value::from("deep"))]);
    let list = vec![Value::Int(1), "two".into(), Value::Float(3.5), Value::Nil, Value::strings(["x"])];
    Value::map([
        ("int", Value::Int(42)),
        ("neg", Value::Int(-7)),
        ("zero", Value::Int(0)),
        ("uint", Value::Uint(7)),
        ("float", Value::Float(1.5)),
        ("big", Value::Float(1e8)),
        ("small", Value::Float(1e-7)),
        ("nan", Value::Float(f64::NAN)),
        ("inf", Value::Float(f64::INFINITY)),
        ("s", "hello".into()),
        ("empty", "".into()),
        ("html", r#"<b>"x" & 'y'</b>"#.into()),
        ("uni", "héllo wörld".into()),
        ("t", true.into()),
        ("f", false.into()),
        ("nil", Value::Nil),
        ("list", Value::list(list)),
        ("words", words),
        ("none", Value::strings(Vec::<&str>::new())),
        ("labels", Value::string_map([("job", "node"), ("instance", "a:9100")])),
        ("m", Value::map([("a", Value::Int(1)), ("b", deep), ("n", Value::Nil)])),
        ("emptymap", Value::string_map(Vec::<(&str, &str)>::new())),
        ("time", Value::Time(now())),
        ("timep", Value::pointer(Value::Time(now()))),
        ("dur", Value::Duration(Duration::from_nanos(5_401_500_000_000))),
        ("kv", kv(&[("b", "2"), ("a", "1"), ("alertname", "X")])),
        ("pair", Value::object(pair("n", "v"))),
        ("pairs", Value::object(Pairs(vec![pair("n", "v"), pair("m", "w")]))),
        ("url", "http://h/p?q=a b&c=<d>".into()),
        ("js", "javascript:alert(1)".into()),
        ("css", "color: red; x: expression(1)".into()),
        ("safe", safe(Content::Html, "<i>safe</i>")),
        ("safeurl", safe(Content::Url, "javascript:ok()")),
        ("safecss", safe(Content::Css, "a: b; c: d")),
        ("safejs", safe(Content::Js, "f(1)")),
        ("safejsstr", safe(Content::JsStr, r"x\u0041")),
        ("safeattr", safe(Content::HtmlAttr, r#" dir="ltr""#)),
        ("safesrcset", safe(Content::Srcset, "a.png 1x, b.png 2x")),
    ])
}
