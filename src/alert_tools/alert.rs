//! `nightjar alert`.

use serde_json::{Value, json};

use super::arguments::{AlertCommand, AlertKind, Output, ServerArguments};
use super::server::{ask, query};
use super::{table, words};

/// Answers what is to be printed.
pub(super) fn run(command: &AlertCommand) -> Result<String, String> {
    let server = &command.server;
    match &command.kind {
        AlertKind::Query { matchers, silenced, inhibited, active, receiver, .. } => {
            let matchers: Vec<String> = words::matchers(matchers)?.iter().map(ToString::to_string).collect();
            let none = !silenced && !inhibited && !active;
            let flag = |on: bool| if on { "true" } else { "false" };
            let mut pairs: Vec<(&str, &str)> = matchers.iter().map(|matcher| ("filter", matcher.as_str())).collect();
            pairs.extend([
                ("silenced", flag(*silenced)),
                ("inhibited", flag(*inhibited)),
                ("active", flag(*active || none)),
            ]);
            pairs.extend(receiver.iter().map(|receiver| ("receiver", receiver.as_str())));
            let answer = ask(server, "GET", &format!("/api/v2/alerts?{}", query(pairs)), None)?;
            match server.output {
                Output::Json => Ok(format!("{answer}\n")),
                Output::Table => Ok(show(answer.as_array().map_or(&[][..], Vec::as_slice))),
            }
        }
        AlertKind::Add { labels, start, end, annotation, generator_url } => {
            let mut alert = json!({"labels": words::labels(labels)?, "annotations": words::pairs(annotation)?});
            for (name, time) in [("startsAt", start), ("endsAt", end)] {
                if let Some(time) = time {
                    alert[name] = words::time(words::read_time(time)?).into();
                }
            }
            if let Some(url) = generator_url {
                alert["generatorURL"] = url.as_str().into();
            }
            ask(server, "POST", "/api/v2/alerts", Some(&json!([alert]))).map(|_| String::new())
        }
        AlertKind::Explain { labels } => explain(labels, server),
    }
}

/// Alerts as a table.
pub(super) fn show(alerts: &[Value]) -> String {
    let row = |alert: &Value| {
        let labels = alert["labels"].as_object().cloned().unwrap_or_default();
        let name = labels.get("alertname").and_then(Value::as_str).unwrap_or("").to_owned();
        let others = labels.iter().filter(|(label, _)| *label != "alertname");
        let others: Vec<String> = others.map(|(n, v)| format!("{n}={}", v.as_str().unwrap_or(""))).collect();
        let notes = &alert["annotations"];
        let summary = notes["summary"].as_str().or(notes["description"].as_str()).unwrap_or("").to_owned();
        let since = alert["startsAt"].as_str().unwrap_or("").replace('T', " ").chars().take(19).collect();
        let state = alert["status"]["state"].as_str().unwrap_or("").to_owned();
        vec![name, since, state, others.join(" "), summary]
    };
    table(&["Alertname", "Starts At", "State", "Labels", "Summary"], &alerts.iter().map(row).collect::<Vec<_>>())
}

fn explain(labels: &[String], server: &ServerArguments) -> Result<String, String> {
    let labels = words::labels(labels)?;
    let pairs: Vec<String> = labels.iter().map(|(n, v)| format!("{n}={}", v.as_str().unwrap_or(""))).collect();
    let pairs = pairs.iter().map(|pair| ("label", pair.as_str()));
    let answer = ask(server, "GET", &format!("/api/v1/alerts/explain?{}", query(pairs)), None)?;
    if server.output == Output::Json {
        return Ok(format!("{answer}\n"));
    }
    let mut out = String::new();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let data = &answer["data"];
    out += &format!("state: {}\n", text(&data["state"]));
    for route in data["routes"].as_array().into_iter().flatten() {
        out += &format!(
            "\nroute {}\n  receiver: {}\n  group: {}\n",
            text(&route["route"]),
            text(&route["receiver"]),
            text(&route["groupKey"])
        );
        out += &format!("  verdict: {}\n", text(&route["verdict"]));
        if let Some(next) = route["nextLook"].as_str() {
            out += &format!("  looks next: {next}\n");
        }
        for line in route["integrations"].as_array().into_iter().flatten() {
            out += &format!("  {}: {}\n", text(&line["integration"]), text(&line["status"]));
        }
    }
    Ok(crate::safe_text::escaped(&out).replace("\\n", "\n"))
}
