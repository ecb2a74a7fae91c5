//! `nightjar check alertmanager`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::alerting::load::Source;
use crate::safe_text::escaped;

/// Arguments of `nightjar check alertmanager`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example: nightjar check alertmanager alertmanager.yml")]
pub struct CheckAlertmanager {
    /// Configuration files.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

/// Checks the files with their templates; answers 0, or 1 if one is invalid.
pub fn run(arguments: &CheckAlertmanager) -> ExitCode {
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
    let mut code = ExitCode::SUCCESS;
    for path in &arguments.files {
        let _ = write!(out, "Checking '{}'", escaped(&path.display().to_string()));
        let source = Source {
            path: Some(path.clone()),
            external_url: "http://localhost:9093".to_owned(),
            mode: Default::default(),
        };
        match source.load() {
            Ok(setup) => {
                let config = &setup.config;
                let _ = writeln!(
                    out,
                    "  SUCCESS\nFound:\n - global config\n - route\n - {} inhibit rules\n - {} receivers\n - {} templates\n",
                    config.inhibit_rules.len(),
                    config.receivers.len(),
                    config.templates.len()
                );
                for section in &config.ignored {
                    let _ = writeln!(out, "   {section} is accepted and has no effect here");
                }
            }
            Err(error) => {
                let _ = writeln!(out, "  FAILED");
                let _ = writeln!(err, "{}", escaped(&error));
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
