//! A thousand alerting rules with ten thousand pending alerts, and what a restart does to ten thousand firing ones.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

use nightjar_model::{Labels, Sample};
use nightjar_remote_write::encode::{SeriesOut, encode_v1, snappy};

use super::{files, now, wait};
use crate::Outcome;
use crate::bench::Bench;
use crate::fleet::Load;
use crate::load::send;
use crate::report::Report;
use crate::server::{Kind, Server};

const RULES: usize = 1_000;
const SERIES: usize = 100_000;
const ALERTS: usize = 10_000;
const LIMIT: Duration = Duration::from_secs(120);

pub(super) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let dir = bench.root.join(format!("{}-alerts", kind.name));
    let _ = std::fs::remove_dir_all(&dir);
    files::write(&dir, &rules("1h"))?;
    let (server, _) = Server::start(kind, &dir)?;
    write(&server)?;
    let row = format!("{RULES} alerting rules over {SERIES} series, {ALERTS} pending: evaluation, ms");
    let seconds = evaluation(&server, "pending")?;
    report.add(&row, &kind.name, format!("{:.1}", seconds * 1e3));
    drop(server);

    let dir = bench.root.join(format!("{}-restart-alerts", kind.name));
    let _ = std::fs::remove_dir_all(&dir);
    files::write(&dir, &rules("1s"))?;
    let (server, _) = Server::start(kind, &dir)?;
    write(&server)?;
    evaluation(&server, "firing")?;
    let before = alerts(&server)?;
    server.kill()?;
    let begin = Instant::now();
    let (server, ready) = Server::start(kind, &dir)?;
    let after = wait("alerts after the restart", LIMIT, || {
        let alerts = alerts(&server)?;
        Ok((alerts.iter().filter(|alert| alert.0 == "firing").count() == ALERTS).then_some(alerts))
    })?;
    let kept = before.intersection(&after).count();
    let row = |what: &str| format!("kill -9 with {ALERTS} firing alerts: {what}");
    report.add(&row("ready, s"), &kind.name, format!("{:.2}", ready.as_secs_f64()));
    report.add(&row("all firing again, s"), &kind.name, format!("{:.1}", begin.elapsed().as_secs_f64()));
    report.add(&row("alerts as old as before"), &kind.name, kept.to_string());
    Ok(())
}

/// A group of rules that find ten series each.
fn rules(wait: &str) -> String {
    let mut text = "groups:\n- name: g\n  interval: 10s\n  rules:\n".to_owned();
    for rule in 0..RULES {
        let _ = writeln!(
            text,
            "  - {{alert: A{rule}, expr: 'm{{rule=\"{rule}\"}} > 0.9', for: {wait}, labels: {{severity: page}}, annotations: {{summary: '{{{{ $labels.instance }}}} is at {{{{ $value }}}}'}}}}"
        );
    }
    text
}

/// One sample of every series; each tenth is above the threshold.
fn write(server: &Server) -> Outcome<()> {
    let each = SERIES / RULES;
    // The series of a target are scraped at once.
    let timestamp = now();
    let series: Vec<(Labels, [Sample; 1])> = (0..SERIES)
        .map(|i| {
            let (rule, instance) = (i / each, i % each);
            let (rule, instance) = (rule.to_string(), format!("host-{instance:05}.example.net:9100"));
            let labels = Labels::from_pairs([("__name__", "m"), ("rule", &rule), ("instance", &instance)]);
            let value = if i % (SERIES / ALERTS) == 0 { 0.95 } else { 0.5 };
            (labels, [Sample { timestamp, start: 0, value }])
        })
        .collect();
    let mut requests = Vec::new();
    for chunk in series.chunks(2000) {
        let out =
            chunk.iter().map(|(labels, samples)| SeriesOut { labels: Some(labels), samples, ..Default::default() });
        let mut message = Vec::new();
        encode_v1(&out.collect::<Vec<_>>(), &mut message);
        requests.push(snappy(&message).map_err(|e| e.to_string())?);
    }
    let load = Load { samples: SERIES as u64, bytes: 0, requests: vec![requests] };
    send(&load, server.port, nightjar_remote_write::Protocol::V1)?.checked().map(|_| ())
}

/// How long the group takes once all alerts are in a state; the best of three evaluations.
fn evaluation(server: &Server, state: &str) -> Outcome<f64> {
    wait("all alerts", LIMIT, || {
        let alerts = alerts(server)?;
        Ok((alerts.iter().filter(|alert| alert.0 == state).count() == ALERTS).then_some(()))
    })?;
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        std::thread::sleep(Duration::from_secs(10));
        let text = server.client()?.get("/metrics")?.text();
        let name = "prometheus_rule_group_last_duration_seconds{";
        let line = text.lines().find(|line| line.starts_with(name)).ok_or("no duration")?;
        let seconds = line.rsplit_once(' ').and_then(|(_, v)| v.parse::<f64>().ok()).ok_or("no duration")?;
        best = best.min(seconds);
    }
    Ok(best)
}

/// State, name and age of all alerts.
fn alerts(server: &Server) -> Outcome<BTreeSet<(String, String, String)>> {
    let text = server.client()?.get("/api/v1/alerts")?.text();
    let field = |alert: &str, name: &str| {
        let (_, rest) = alert.split_once(&format!("\"{name}\":\""))?;
        Some(rest.split('"').next().unwrap_or("").to_owned())
    };
    let alerts = text.split("{\"labels\":").skip(1).filter_map(|alert| {
        let labels = alert.split('}').next()?;
        // Whole seconds survive everywhere.
        let since = field(alert, "activeAt")?.chars().take(19).collect();
        Some((field(alert, "state")?, labels.to_owned(), since))
    });
    Ok(alerts.collect())
}
