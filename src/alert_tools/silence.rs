//! `nightjar silence`.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use nightjar_alertmanager::matcher::Matcher;
use nightjar_alertmanager::silence::notice;
use serde_json::{Value, json};

use super::arguments::{AddSilence, Output, ScheduleArguments, ServerArguments, SilenceCommand, SilenceKind};
use super::server::{ask, query};
use super::{table, words};
use crate::files;

/// Largest file of silences.
const MAX_BYTES: u64 = 64 << 20;

/// Answers what is to be printed.
pub(super) fn run(command: &SilenceCommand) -> Result<String, String> {
    let server = &command.server;
    match &command.kind {
        SilenceKind::Add(add) => self::add(add, server),
        SilenceKind::Query { matchers, expired, created_by, within, quiet } => {
            let found = find(matchers, *expired, server)?;
            let asked = |s: &Value| {
                created_by.as_ref().is_none_or(|name| s["createdBy"] == name.as_str()) && ends_within(s, *within)
            };
            let found: Vec<Value> = found.into_iter().filter(asked).collect();
            match (quiet, server.output) {
                (true, _) => Ok(found.iter().map(|s| format!("{}\n", s["id"].as_str().unwrap_or(""))).collect()),
                (false, Output::Json) => Ok(format!("{}\n", Value::Array(found))),
                (false, Output::Table) => Ok(show(&found, &announced(server))),
            }
        }
        SilenceKind::Preview { matchers } => preview(matchers, server),
        SilenceKind::Expire { ids } => {
            for id in ids {
                ask(server, "DELETE", &format!("/api/v2/silence/{id}"), None).map_err(|e| format!("{id}: {e}"))?;
            }
            Ok(String::new())
        }
        SilenceKind::Update { ids, duration, end, comment } => {
            let mut out = String::new();
            for id in ids {
                out += &update(id, *duration, end.as_deref(), comment.as_deref(), server)?;
            }
            Ok(out)
        }
        SilenceKind::Import { file } => import(file.as_deref(), server),
    }
}

fn add(add: &AddSilence, server: &ServerArguments) -> Result<String, String> {
    let starts = add.start.as_deref().map_or(Ok(words::now()), words::read_time)?;
    let ends = match &add.end {
        Some(end) => words::read_time(end)?,
        None => starts.saturating_add(add.duration.as_millis() as i64),
    };
    let mut body = json!({
        "matchers": words::matchers(&add.matchers)?.iter().map(words::condition).collect::<Vec<_>>(),
        "startsAt": words::time(starts),
        "endsAt": words::time(ends),
        "createdBy": add.author,
        "comment": add.comment,
        "annotations": words::pairs(&add.annotation)?,
    });
    if let Some(schedule) = schedule(&add.schedule)? {
        body["schedule"] = schedule;
    }
    set(&body, server)
}

/// When it holds, as the API takes it; `None`: all the time.
fn schedule(asked: &ScheduleArguments) -> Result<Option<Value>, String> {
    let ScheduleArguments { time_interval, times, weekdays, days_of_month, location } = asked;
    let time = |text: &String| {
        let (from, to) =
            text.split_once('-').ok_or_else(|| format!("{text:?} is no time of day; write 02:00-04:00"))?;
        Ok::<_, String>(json!({"start_time": from, "end_time": to}))
    };
    let times = times.iter().map(time).collect::<Result<Vec<_>, _>>()?;
    let mut own = serde_json::Map::new();
    for (name, list) in [("times", times), ("weekdays", texts(weekdays)), ("days_of_month", texts(days_of_month))] {
        if !list.is_empty() {
            own.insert(name.to_owned(), list.into());
        }
    }
    match (own.is_empty(), location) {
        (true, Some(_)) => {
            return Err("--location says nothing without --times, --weekdays or --days-of-month".to_owned());
        }
        (false, Some(zone)) => {
            own.insert("location".to_owned(), zone.as_str().into());
        }
        _ => {}
    }
    if own.is_empty() && time_interval.is_empty() {
        return Ok(None);
    }
    let intervals: Vec<Value> = Some(Value::Object(own)).filter(|own| own != &json!({})).into_iter().collect();
    Ok(Some(json!({"timeIntervals": time_interval, "intervals": intervals})))
}

fn texts(list: &[String]) -> Vec<Value> {
    list.iter().map(|text| text.as_str().into()).collect()
}

fn set(silence: &Value, server: &ServerArguments) -> Result<String, String> {
    let answer = ask(server, "POST", "/api/v2/silences", Some(silence))?;
    Ok(format!("{}\n", answer["silenceID"].as_str().unwrap_or("")))
}

fn find(matchers: &[String], expired: bool, server: &ServerArguments) -> Result<Vec<Value>, String> {
    let matchers: Vec<String> = words::matchers(matchers)?.iter().map(ToString::to_string).collect();
    let (living, over) = if expired { ("false", "true") } else { ("true", "false") };
    let states = [("active", living), ("pending", living), ("expired", over)];
    let pairs = matchers.iter().map(|matcher| ("filter", matcher.as_str())).chain(states);
    let answer = ask(server, "GET", &format!("/api/v2/silences?{}", query(pairs)), None)?;
    match answer {
        Value::Array(found) => Ok(found),
        _ => Err("the answer is not understood; is this an Alertmanager API?".to_owned()),
    }
}

fn ends_within(silence: &Value, within: Option<Duration>) -> bool {
    let end = silence["endsAt"].as_str().and_then(|end| words::read_time(end).ok()).unwrap_or(0);
    within.is_none_or(|within| end <= words::now().saturating_add(within.as_millis() as i64))
}

/// Silences whose end was announced. A server that does not do that has no such alerts.
fn announced(server: &ServerArguments) -> BTreeSet<String> {
    let filter = Matcher::equal("alertname", notice::ALERT_NAME).to_string();
    let notices = ask(server, "GET", &format!("/api/v2/alerts?{}", query([("filter", filter.as_str())])), None);
    let notices = notices.ok().and_then(|notices| notices.as_array().cloned()).unwrap_or_default();
    notices.iter().filter_map(|alert| alert["labels"][notice::SILENCE_ID].as_str().map(str::to_owned)).collect()
}

fn show(silences: &[Value], announced: &BTreeSet<String>) -> String {
    let text = |s: &Value, name: &str| s[name].as_str().unwrap_or("").to_owned();
    let rows: Vec<Vec<String>> = silences
        .iter()
        .map(|s| {
            let matchers: Vec<String> = s["matchers"].as_array().into_iter().flatten().map(words::shown).collect();
            let mut ends: String = text(s, "endsAt").replace('T', " ").chars().take(19).collect();
            if announced.contains(&text(s, "id")) {
                ends += " (announced)";
            }
            let comment = text(s, "comment");
            let comment = if s["schedule"].is_object() { format!("{comment} (recurs)") } else { comment };
            vec![text(s, "id"), matchers.join(" "), ends, text(s, "createdBy"), comment]
        })
        .collect();
    table(&["ID", "Matchers", "Ends At", "Created By", "Comment"], &rows)
}

fn preview(matchers: &[String], server: &ServerArguments) -> Result<String, String> {
    let matchers: Vec<String> = words::matchers(matchers)?.iter().map(ToString::to_string).collect();
    let pairs = matchers.iter().map(|matcher| ("filter", matcher.as_str()));
    let answer = ask(server, "GET", &format!("/api/v1/silences/preview?{}", query(pairs)), None)?;
    if server.output == Output::Json {
        return Ok(format!("{answer}\n"));
    }
    let data = &answer["data"];
    let alerts = data["now"].as_array().cloned().unwrap_or_default();
    let past = data["lastDay"].as_u64().unwrap_or(0);
    Ok(format!(
        "{}now it would silence {} alerts; in the last day {past} alerts had such labels\n",
        super::alert::show(&alerts),
        alerts.len()
    ))
}

fn update(
    id: &str,
    duration: Option<Duration>,
    end: Option<&str>,
    comment: Option<&str>,
    server: &ServerArguments,
) -> Result<String, String> {
    let mut silence = ask(server, "GET", &format!("/api/v2/silence/{id}"), None).map_err(|e| format!("{id}: {e}"))?;
    if let Some(duration) = duration {
        silence["endsAt"] = words::time(words::now().saturating_add(duration.as_millis() as i64)).into();
    }
    if let Some(end) = end {
        silence["endsAt"] = words::time(words::read_time(end)?).into();
    }
    if let Some(comment) = comment {
        silence["comment"] = comment.into();
    }
    set(&silence, server)
}

fn import(file: Option<&Path>, server: &ServerArguments) -> Result<String, String> {
    let text = match file {
        Some(path) => files::read_text(path, MAX_BYTES).map_err(|e| format!("cannot read {}: {e}", path.display()))?,
        None => {
            let mut text = String::new();
            std::io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text).map_err(|e| e.to_string())?;
            text
        }
    };
    let silences: Vec<Value> =
        serde_json::from_str(&text).map_err(|e| format!("couldn't unmarshal silences as JSON: {e}"))?;
    let (mut out, mut failures) = (String::new(), Vec::new());
    for mut silence in silences.clone() {
        if let Some(members) = silence.as_object_mut() {
            // Ids of another server mean nothing here.
            members.remove("id");
        }
        match set(&silence, server) {
            Ok(id) => out += &id,
            Err(error) => failures.push(error),
        }
    }
    match failures.first() {
        None => Ok(out),
        Some(first) => Err(format!("couldn't import {} out of {} silences: {first}", failures.len(), silences.len())),
    }
}
