//! Queries of the server as a table.

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::safe_text::escaped;

/// A query as the server sees it.
#[derive(Debug, Default)]
pub(super) struct Query {
    id: String,
    state: String,
    elapsed_seconds: f64,
    cpu_seconds: f64,
    samples: f64,
    bytes: f64,
    asked_by: String,
    text: String,
}

impl Query {
    /// Reads one; what is missing stays empty.
    pub(super) fn read(value: &Value) -> Option<Query> {
        let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        let number = |of: &Value, name: &str| of.get(name).and_then(Value::as_f64).unwrap_or(0.0);
        let cost = value.get("cost")?;
        let state = match text(value, "state") {
            running if running == "running" => text(value, "phase"),
            other => other,
        };
        Some(Query {
            id: text(value, "id"),
            state,
            elapsed_seconds: number(value, "elapsedSeconds"),
            cpu_seconds: number(cost, "cpuSeconds"),
            samples: number(cost, "samples"),
            bytes: number(cost, "peakBytes"),
            asked_by: asked_by(value.get("askedBy")?),
            text: text(value, "query"),
        })
    }
}

/// The most telling of what is known.
fn asked_by(value: &Value) -> String {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if let Some(rule) = value.get("rule") {
        let part = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or("");
        return format!("rule {}/{}", part("group"), part("name"));
    }
    if let Some(rule) = text("ruleName") {
        return format!("grafana rule {rule}");
    }
    if let Some(dashboard) = text("dashboardUid") {
        return format!("dashboard {dashboard} panel {}", text("panelId").unwrap_or("?"));
    }
    [text("user"), text("userAgent"), text("clientIP")].into_iter().flatten().next().unwrap_or("?").to_owned()
}

/// One line a query.
pub(super) fn table(queries: &[Query], screen_columns: usize) -> String {
    if queries.is_empty() {
        return "no queries\n".to_owned();
    }
    let head = ["ID", "STATE", "SECONDS", "CPU", "SAMPLES", "MEMORY", "ASKED BY", "QUERY"].map(str::to_owned);
    let row = |q: &Query| {
        [
            escaped(&q.id),
            escaped(&q.state),
            format!("{:.2}", q.elapsed_seconds),
            format!("{:.2}", q.cpu_seconds),
            short(q.samples),
            short(q.bytes),
            cut(&escaped(&q.asked_by), 40),
            escaped(&q.text.split_whitespace().collect::<Vec<_>>().join(" ")),
        ]
    };
    let rows: Vec<[String; 8]> = std::iter::once(head).chain(queries.iter().map(row)).collect();
    let width = |i: usize| rows.iter().map(|row| row[i].width()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (i, (cell, width)) in row.iter().zip(widths).enumerate() {
            let gap = " ".repeat(width - cell.width());
            let right = (2..=5).contains(&i);
            line.push_str(&if right { format!("{gap}{cell}  ") } else { format!("{cell}{gap}  ") });
        }
        let rest = screen_columns.saturating_sub(line.width()).max(20);
        line.push_str(&cut(&row[7], rest));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `1.2M`.
fn short(value: f64) -> String {
    let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match units.iter().find(|(unit, _)| value >= *unit) {
        Some((unit, name)) => format!("{:.1}{name}", value / unit),
        None => format!("{value}"),
    }
}

/// As much of a text as fits.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= columns
    };
    let head: String = text.chars().take_while(fits).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines() {
        let cost = json!({"cpuSeconds": 1.5, "samples": 1_234_567, "peakBytes": 10});
        let list = [
            json!({"id": "17", "state": "running", "phase": "evaluate", "elapsedSeconds": 2.5, "cost": cost, "query": "sum(\n  up)",
                   "askedBy": {"clientIP": "10.0.0.1", "dashboardUid": "abc", "panelId": "4\u{1b}"}}),
            json!({"id": "3", "state": "done", "elapsedSeconds": 0, "cost": cost, "query": "x".repeat(500),
                   "askedBy": {"rule": {"file": "f", "group": "g", "name": "r"}}}),
        ];
        let queries: Vec<_> = list.iter().map(|value| Query::read(value).unwrap()).collect();
        let text = table(&queries, 120);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "17  evaluate     2.50  1.50     1.2M      10  dashboard abc panel 4\\x1b  sum( up)");
        assert!(lines[2].contains("rule g/r") && lines[2].width() <= 120 && lines[2].ends_with('…'), "{text}");
        assert_eq!(table(&[], 80), "no queries\n");
    }
}
