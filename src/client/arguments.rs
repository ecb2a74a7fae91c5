//! The command line of `nightjar query`, and what it asks the server.

use clap::{Args, Subcommand, ValueEnum};
use nightjar_model::TimestampMs;
use nightjar_platform::net::percent::percent_encode;

use crate::units;

const EXAMPLES: &str = "\
Examples:
  nightjar query instant 'up == 0'
  nightjar query instant 'sum by (job) (up)' --time 2026-11-20T12:00:00Z -o json
  nightjar query range 'rate(http_requests_total[5m])' --since 6h
  nightjar query range 'go_goroutines' --start 1700000000 --end 1700003600 --step 15s -o table
  nightjar query labels
  nightjar query labels job --match 'up'
  nightjar query running
  nightjar query recent -o json
  nightjar query cancel 17
  nightjar query series '{__name__=~\"node_.*\",job=\"node\"}' --server http://10.0.0.5:9090";

/// Arguments of `nightjar query`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct QueryCommand {
    /// What to ask.
    #[command(subcommand)]
    pub kind: QueryKind,

    /// Server to ask.
    #[arg(long, global = true, value_name = "URL", default_value = "http://localhost:9090", env = "NIGHTJAR_SERVER")]
    pub server: String,
}

/// How the answer is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Aligned columns.
    Table,
    /// The server's answer as it is.
    Json,
    /// A graph; of range queries only.
    Chart,
}

/// What to ask.
#[derive(Debug, Subcommand)]
pub enum QueryKind {
    /// Evaluate PromQL at one time
    #[command(after_help = "Example: nightjar query instant 'topk(5, rate(http_requests_total[5m]))'")]
    Instant {
        /// The query.
        expr: String,
        /// When: seconds since the epoch or RFC 3339; now by default.
        #[arg(long, value_name = "TIME")]
        time: Option<String>,
        /// How to show the answer.
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
    /// Evaluate PromQL over a stretch of time, drawn as a graph
    #[command(after_help = "Example: nightjar query range 'node_load1' --since 3h")]
    Range {
        /// The query.
        expr: String,
        /// How far back to begin, when there is no --start.
        #[arg(long, value_name = "DURATION", default_value = "1h")]
        since: String,
        /// First time.
        #[arg(long, value_name = "TIME")]
        start: Option<String>,
        /// Last time; now by default.
        #[arg(long, value_name = "TIME")]
        end: Option<String>,
        /// Distance of points; by default one for each column of a wide terminal.
        #[arg(long, value_name = "DURATION")]
        step: Option<String>,
        /// How to show the answer.
        #[arg(short, long, value_enum, default_value = "chart")]
        output: Output,
    },
    /// List label names, or the values of one label
    #[command(after_help = "Example: nightjar query labels instance --match 'up{job=\"node\"}'")]
    Labels {
        /// The label whose values to list.
        name: Option<String>,
        /// Only of series this selects; may be repeated.
        #[arg(long = "match", value_name = "SELECTOR")]
        matches: Vec<String>,
        /// How to show the answer.
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
    /// List the queries that run now: how long, what they cost, who asked
    #[command(after_help = "Example: nightjar query running --server http://10.0.0.5:9090")]
    Running {
        /// How to show the answer.
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
    /// List the queries that ended lately, newest first
    #[command(after_help = "Example: nightjar query recent --limit 20")]
    Recent {
        /// Most queries to list.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        /// How to show the answer.
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
    /// Stop a running query
    #[command(after_help = "Example: nightjar query cancel 17    (the number is in `nightjar query running`)")]
    Cancel {
        /// Its number.
        id: u64,
    },
    /// List series
    #[command(after_help = "Example: nightjar query series 'up' '{job=\"node\"}'")]
    Series {
        /// Which ones.
        #[arg(required = true, value_name = "SELECTOR")]
        matches: Vec<String>,
        /// How to show the answer.
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
}

/// A request, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    /// Path below the server's URL.
    pub(super) path: String,
    /// Form body; empty = a GET.
    pub(super) form: String,
    /// The stretch of time of a range query.
    pub(super) range: Option<(TimestampMs, TimestampMs)>,
    /// Whether it takes something away instead of asking.
    pub(super) delete: bool,
}

impl Ask {
    fn form(path: &str, form: String) -> Ask {
        Ask { path: path.to_owned(), form, range: None, delete: false }
    }

    fn get(path: String) -> Ask {
        Ask { path, form: String::new(), range: None, delete: false }
    }
}

impl QueryKind {
    /// How the answer is shown: only ranges can be drawn.
    pub(super) fn output(&self) -> Output {
        match self {
            QueryKind::Range { output, .. } => *output,
            QueryKind::Cancel { .. } => Output::Table,
            QueryKind::Instant { output, .. }
            | QueryKind::Labels { output, .. }
            | QueryKind::Running { output }
            | QueryKind::Recent { output, .. }
            | QueryKind::Series { output, .. } => {
                if *output == Output::Chart {
                    Output::Table
                } else {
                    *output
                }
            }
        }
    }

    /// The request.
    pub(super) fn ask(&self, now: TimestampMs) -> Result<Ask, String> {
        match self {
            QueryKind::Instant { expr, time, .. } => {
                let mut form = pair("query", expr);
                if let Some(time) = time {
                    form += &format!("&{}", pair("time", time));
                }
                Ok(Ask::form("/api/v1/query", form))
            }
            QueryKind::Range { expr, since, start, end, step, .. } => {
                let end = end.as_deref().map_or(Ok(now), time)?;
                let start = match start {
                    Some(text) => time(text)?,
                    None => end - duration_ms(since)?,
                };
                let step = match step {
                    Some(text) => text.clone(),
                    None => format!("{}", ((end - start) as f64 / 240_000.0).ceil().max(1.0)),
                };
                let bounds = format!("start={}&end={}", start as f64 / 1000.0, end as f64 / 1000.0);
                let form = format!("{}&{bounds}&{}", pair("query", expr), pair("step", &step));
                Ok(Ask { range: Some((start, end)), ..Ask::form("/api/v1/query_range", form) })
            }
            QueryKind::Labels { name: None, matches, .. } => {
                let form = if matches.is_empty() { "limit=0".to_owned() } else { matchers(matches) };
                Ok(Ask::form("/api/v1/labels", form))
            }
            QueryKind::Labels { name: Some(name), matches, .. } => {
                let path = format!("/api/v1/label/{}/values?{}", percent_encode(name), matchers(matches));
                Ok(Ask::get(path))
            }
            QueryKind::Series { matches, .. } => Ok(Ask::form("/api/v1/series", matchers(matches))),
            QueryKind::Running { .. } => Ok(Ask::get("/api/v1/status/queries?state=running".into())),
            QueryKind::Recent { limit, .. } => {
                Ok(Ask::get(format!("/api/v1/status/queries?state=recent&limit={limit}")))
            }
            QueryKind::Cancel { id } => Ok(Ask { delete: true, ..Ask::get(format!("/api/v1/status/queries/{id}")) }),
        }
    }
}

fn matchers(matches: &[String]) -> String {
    matches.iter().map(|m| pair("match[]", m)).collect::<Vec<_>>().join("&")
}

fn pair(name: &str, value: &str) -> String {
    format!("{}={}", percent_encode(name), percent_encode(value))
}

fn duration_ms(text: &str) -> Result<i64, String> {
    units::parse_duration(text).map(|d| d.as_millis() as i64).map_err(|e| e.to_string())
}

fn time(text: &str) -> Result<TimestampMs, String> {
    if let Ok(seconds) = text.parse::<f64>()
        && seconds.abs() < 1e12
    {
        return Ok((seconds * 1000.0).round() as i64);
    }
    match text.parse::<jiff::Timestamp>() {
        Ok(t) => Ok(t.as_millisecond()),
        Err(_) => Err(format!("{text:?} is not a time; write seconds since the epoch or 2026-11-20T12:00:00Z")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let kind = QueryKind::Range {
            expr: "a+b".into(),
            since: "1h".into(),
            start: None,
            end: None,
            step: None,
            output: Output::Chart,
        };
        let ask = kind.ask(7_200_000).unwrap();
        assert_eq!(ask.form, "query=a%2Bb&start=3600&end=7200&step=15");
        let kind = QueryKind::Labels { name: Some("a/b".into()), matches: vec!["up".into()], output: Output::Chart };
        assert_eq!(kind.ask(0).unwrap().path, "/api/v1/label/a%2Fb/values?match%5B%5D=up");
        assert_eq!(kind.output(), Output::Table);
        assert!(time("yesterday").is_err());
    }
}
