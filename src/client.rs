//! `nightjar query`: asks a server and shows the answer.

mod answer;
mod arguments;
mod chart;
pub(crate) mod connection;
mod queries;
mod table;

use std::io::{IsTerminal, Write};

use nightjar_platform::{Clock, RealClock};

use answer::Answer;
pub use arguments::QueryCommand;
use arguments::{Ask, Output, QueryKind};
use connection::Url;

/// Runs the command; the error is what the server, or the network, said.
pub fn run(command: &QueryCommand, out: &mut dyn Write) -> Result<(), String> {
    let url = Url::parse(&command.server)?;
    let ask = command.kind.ask(RealClock::new().wall_ms())?;
    let method = match (ask.delete, ask.form.is_empty()) {
        (true, _) => "DELETE",
        (false, true) => "GET",
        (false, false) => "POST",
    };
    let body = connection::send(&url, method, &ask.path, &ask.form)?;
    let text = show(&command.kind, &ask, &body, screen())?;
    match out.write_all(text.as_bytes()) {
        // The reader (`head`, a pager) has seen enough.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| e.to_string()),
    }
}

/// What the output is shown on.
#[derive(Clone, Copy, Debug)]
struct Screen {
    columns: usize,
    color: bool,
}

fn screen() -> Screen {
    let stdout = std::io::stdout();
    let columns = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
    Screen { columns: columns.clamp(40, 400), color: stdout.is_terminal() && !plain && !dumb }
}

fn show(kind: &QueryKind, ask: &Ask, body: &[u8], screen: Screen) -> Result<String, String> {
    let answer = Answer::read(body)?;
    let mut text = match kind.output() {
        Output::Json => format!("{}\n", String::from_utf8_lossy(body).trim_end()),
        Output::Table => table::table(&answer.data, screen.columns),
        Output::Chart => chart::chart(&answer.data, ask.range, screen),
    };
    if kind.output() != Output::Json {
        for note in &answer.notes {
            text.push_str(&format!("{}\n", crate::safe_text::escaped(note)));
        }
    }
    Ok(text)
}
