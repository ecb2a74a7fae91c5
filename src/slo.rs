//! `nightjar rules slo`: objectives in, multi-window multi-burn-rate rules out, as sloth writes them.

mod generate;
mod spec;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::Args;
use nightjar_ruler::file::print::print;
use nightjar_ruler::file::{GroupSpec, RuleFile};

use crate::safe_text;

/// Largest specification.
const MAX_BYTES: u64 = 16 << 20;

/// Arguments of `nightjar rules slo`.
#[derive(Debug, Args)]
#[command(after_help = "Example: nightjar rules slo slos.yml > rules/slos.yml

A specification (prometheus/v1, as sloth reads it):
  version: prometheus/v1
  service: shop
  slos:
    - name: requests
      objective: 99.9
      sli:
        events:
          error_query: sum(rate(http_requests_total{job=\"shop\", code=~\"5..\"}[{{.window}}]))
          total_query: sum(rate(http_requests_total{job=\"shop\"}[{{.window}}]))
      alerting: {name: ShopErrors, page_alert: {labels: {severity: page}}, ticket_alert: {labels: {severity: ticket}}}")]
pub struct SloCommand {
    /// Specifications; standard input if there is none. A file may hold several documents.
    pub files: Vec<String>,

    /// The time the objective is about: 30d or 28d.
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    pub period: String,

    /// Labels for all rules, as name=value; may be repeated.
    #[arg(long = "extra-labels", value_name = "NAME=VALUE")]
    pub extra_labels: Vec<String>,

    /// Write no recording rules.
    #[arg(long)]
    pub disable_recordings: bool,

    /// Write no alerts.
    #[arg(long)]
    pub disable_alerts: bool,
}

/// Generates; answers 0, or 1 when a specification makes no sense.
pub fn run(command: &SloCommand) -> ExitCode {
    let outcome = texts(command).and_then(|texts| rules(command, &texts));
    let written = outcome.and_then(|text| io::stdout().write_all(text.as_bytes()).map_err(|e| e.to_string()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            let _ = writeln!(io::stderr(), "nightjar: {}", safe_text::escaped(&reason));
            ExitCode::FAILURE
        }
    }
}

/// The specifications with what they are called.
fn texts(command: &SloCommand) -> Result<Vec<(String, String)>, String> {
    if command.files.is_empty() {
        let mut text = String::new();
        io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text).map_err(|e| format!("standard input: {e}"))?;
        return Ok(vec![("standard input".to_owned(), text)]);
    }
    let read = |path: &String| {
        let text = crate::files::read_text(path.as_ref(), MAX_BYTES).map_err(|e| format!("{path}: {e}"))?;
        Ok((path.clone(), text))
    };
    command.files.iter().map(read).collect()
}

fn rules(command: &SloCommand, texts: &[(String, String)]) -> Result<String, String> {
    let period = generate::Period::parse(&command.period)?;
    let mut extra = Vec::new();
    for pair in &command.extra_labels {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is not name=value"))?;
        extra.push((name.to_owned(), value.to_owned()));
    }
    let mut groups: Vec<GroupSpec> = Vec::new();
    for (path, text) in texts {
        for service in spec::read(text).map_err(|e| format!("{path}: {e}"))? {
            let made = generate::groups(&service, period, &extra).map_err(|e| format!("{path}: {e}"))?;
            groups.extend(made.into_iter().filter(|group| {
                let alerts = group.rules.iter().any(|rule| rule.alerting.is_some());
                if alerts { !command.disable_alerts } else { !command.disable_recordings }
            }));
        }
    }
    let head = "# Made by nightjar rules slo; edit the specification instead.\n";
    Ok(format!("{head}{}", print(&RuleFile { groups, more_documents: false })))
}

#[cfg(test)]
mod tests;
