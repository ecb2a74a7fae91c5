//! Log lines on stderr: one line an event, safe to show in a terminal.

use std::fmt::{self, Write};
use std::sync::Arc;

use nightjar_platform::{Clock, PanicPolicy};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::flags::{LogFlags, LogFormat, LogLevel};
use crate::safe_text;

/// Starts logging; later calls change nothing.
pub fn start(flags: &LogFlags, clock: Arc<dyn Clock>) {
    let level = match flags.level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    report_panics();
    let lines = Lines { format: flags.format, clock };
    let _ = tracing_subscriber::fmt().with_max_level(level).event_format(lines).with_writer(std::io::stderr).try_init();
}

/// A panic is one log line too, with its place.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        tracing::error!(thread, place, panic = message, "a bug in this program");
    }));
}

/// A server that panicked half way is worse than one that starts again: acknowledged data is on disk.
pub fn abort_on_panic() -> PanicPolicy {
    PanicPolicy::new(|thread, message| {
        tracing::error!(thread, message, "a thread panicked; ending the process");
        std::process::abort();
    })
}

struct Lines {
    format: LogFormat,
    clock: Arc<dyn Clock>,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_millisecond(self.clock.wall_ms()).unwrap_or_default();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = level(*event.metadata().level());
        let line = match self.format {
            LogFormat::Logfmt => logfmt(&format!("{time:.3}"), level, &fields),
            LogFormat::Json => json(&format!("{time:.3}"), level, &fields),
        };
        writer.write_str(&line)
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG | Level::TRACE => "debug",
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            name => self.rest.push((name, value)),
        }
    }
}

fn logfmt(time: &str, level: &str, fields: &Fields) -> String {
    let mut line = format!("time={time} level={level} msg=");
    safe_text::push_logfmt(&mut line, &fields.message);
    for (name, value) in &fields.rest {
        let _ = write!(line, " {name}=");
        safe_text::push_logfmt(&mut line, value);
    }
    line.push('\n');
    line
}

fn json(time: &str, level: &str, fields: &Fields) -> String {
    let mut object = serde_json::Map::new();
    for (name, value) in [("time", time), ("level", level), ("msg", &fields.message)] {
        object.insert(name.to_owned(), value.into());
    }
    for (name, value) in &fields.rest {
        object.insert((*name).to_owned(), value.as_str().into());
    }
    format!("{}\n", serde_json::Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let fields =
            Fields { message: "it \u{1b}[31m failed".into(), rest: vec![("path", "/x\n".into()), ("n", "1".into())] };
        assert_eq!(logfmt("T", "info", &fields), "time=T level=info msg=\"it \\x1b[31m failed\" path=\"/x\\n\" n=1\n");
        let parsed: serde_json::Value = serde_json::from_str(&json("T", "info", &fields)).unwrap();
        assert_eq!((&parsed["path"], &parsed["msg"]), (&"/x\n".into(), &"it \u{1b}[31m failed".into()));
    }
}
