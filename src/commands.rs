//! What the command line asks for.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use crate::alert_tools;
use crate::alertmanager;
use crate::app::{PROMETHEUS_VERSION, VERSION};
use crate::client;
use crate::flags::{self, CheckKind, Command};
use crate::parts;
use crate::rule_tools;
use crate::rules;
use crate::safe_text;
use crate::serve;
use crate::tsdb_command;

/// Runs the program; answers its exit code: 0 done, 1 failed, 2 the command line makes no sense.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let (cli, listing) = match flags::parse(args) {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let outcome = match cli.command {
        Some(Command::Query(query)) => client::run(&query, &mut std::io::stdout().lock()),
        Some(Command::Check(check)) => {
            return match &check.kind {
                CheckKind::Rules(rules) => rules::check::run(rules),
                CheckKind::Config(config) => rules::check_config::run(config),
                CheckKind::Alertmanager(files) => alert_tools::check::run(files),
            };
        }
        Some(Command::Test(test)) => return rules::arguments::test(&test),
        Some(Command::Rules(rules)) => return rule_tools::run(&rules),
        Some(Command::Tsdb(tsdb)) => tsdb_command::run(&tsdb),
        Some(Command::Silence(command)) => alert_tools::silence(&command),
        Some(Command::Alert(command)) => alert_tools::alert(&command),
        Some(Command::Config(command)) => alert_tools::config(&command),
        Some(Command::Alertmanager(command)) => alertmanager::run(*command),
        None if cli.serve.version => {
            let text = format!("nightjar, version {VERSION} (speaks the API of Prometheus {PROMETHEUS_VERSION})\n");
            std::io::stdout().write_all(text.as_bytes()).map_err(|e| e.to_string())
        }
        None => serve::run(cli.serve, listing, parts::real()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            let _ = writeln!(std::io::stderr(), "nightjar: {}", safe_text::escaped(&sentence));
            ExitCode::FAILURE
        }
    }
}
