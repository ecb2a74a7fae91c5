//! `nightjar rules replay` and `nightjar rules backfill`: rules over what a server remembers.

mod backfill;
mod remote;
mod replay;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use nightjar_model::TimestampMs;
use nightjar_platform::{Clock, RealClock};
use nightjar_ruler::Settings;
use nightjar_ruler::file::{GroupSpec, ReadOptions, parse};
use nightjar_ruler::replay::Stretch;

use crate::features::features;
use crate::rules::arguments::grammar;
use crate::{files, safe_text, units};
use remote::Remote;

/// Largest rule file.
const MAX_BYTES: u64 = 64 << 20;

/// What both commands want to know.
#[derive(Debug, Args)]
pub struct HistoryCommand {
    /// Rule files.
    #[arg(required = true)]
    pub rule_files: Vec<String>,

    /// Server whose history counts.
    #[arg(long, alias = "url", value_name = "URL", default_value = "http://localhost:9090", env = "NIGHTJAR_SERVER")]
    pub server: String,

    /// First evaluation: seconds since the epoch or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub start: String,

    /// Last evaluation; now by default.
    #[arg(long, value_name = "TIME")]
    pub end: Option<String>,

    /// Distance of evaluations of groups that name none.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = units::parse_duration)]
    pub eval_interval: Duration,

    /// Features as the server's --enable-feature.
    #[arg(long = "enable-feature", value_name = "NAME", value_delimiter = ',')]
    pub enable_feature: Vec<String>,
}

/// Runs `nightjar rules replay`.
pub fn replay(command: &HistoryCommand) -> ExitCode {
    ended(Task::new(command).and_then(|task| replay::run(&task)))
}

/// Runs `nightjar rules backfill`.
pub fn backfill(command: &HistoryCommand) -> ExitCode {
    ended(Task::new(command).and_then(|task| backfill::run(&task)))
}

fn ended(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            let _ = writeln!(io::stderr(), "nightjar: {}", safe_text::escaped(&reason));
            ExitCode::FAILURE
        }
    }
}

/// Groups, a server and a stretch of time.
struct Task {
    groups: Vec<GroupSpec>,
    remote: Remote,
    stretch: Stretch,
    settings: Settings,
}

impl Task {
    fn new(command: &HistoryCommand) -> Result<Task, String> {
        let now = RealClock::new().wall_ms();
        let start = time("--start", &command.start)?;
        let end = command.end.as_deref().map_or(Ok(now), |text| time("--end", text))?;
        if start > end {
            return Err("--start is after --end".to_owned());
        }
        let (features, _) = features(command.enable_feature.iter().map(String::as_str));
        let read = ReadOptions { ignore_unknown_fields: false, parser: grammar(features) };
        let mut groups = Vec::new();
        for path in &command.rule_files {
            let text = files::read_text(path.as_ref(), MAX_BYTES).map_err(|e| format!("{path}: {e}"))?;
            let file = parse(&text, &read).map_err(|errors| format!("{path}: {}", errors.join("\n")))?;
            groups.extend(file.groups);
        }
        let interval_ms = i64::try_from(command.eval_interval.as_millis()).unwrap_or(i64::MAX).max(1);
        let settings = Settings { interval_ms, external_url: command.server.clone(), ..Settings::default() };
        Ok(Task { groups, remote: Remote::new(&command.server)?, stretch: Stretch { start, end }, settings })
    }

    /// Distance of a group's evaluations.
    fn step_ms(&self, group: &GroupSpec) -> i64 {
        group.interval_ms.unwrap_or(self.settings.interval_ms).max(1)
    }

    /// Tells people, and nobody else, how far it is.
    fn progress(&self, what: &str, at: TimestampMs) {
        if io::stderr().is_terminal() {
            let whole = (self.stretch.end - self.stretch.start).max(1) as f64;
            let percent = ((at - self.stretch.start) as f64 / whole * 100.0).clamp(0.0, 100.0);
            let _ = write!(io::stderr(), "\r\x1b[K{} {percent:.0}%", safe_text::escaped(what));
        }
    }

    /// Takes the line of progress away.
    fn progressed(&self) {
        if io::stderr().is_terminal() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// A time as people write it.
fn time(flag: &str, text: &str) -> Result<TimestampMs, String> {
    if let Ok(seconds) = text.parse::<f64>()
        && seconds.abs() < 1e12
    {
        return Ok((seconds * 1000.0).round() as TimestampMs);
    }
    let parsed = text.parse::<jiff::Timestamp>().map(|t| t.as_millisecond());
    parsed.map_err(|_| format!("{flag}={text:?} is neither seconds since the epoch nor RFC 3339"))
}

/// A time for people.
fn shown(at: TimestampMs) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
