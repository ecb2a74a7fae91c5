//! `nightjar check config`: what the server would say about a configuration, and about the rule files it names.

use std::io::{self, Write};
use std::process::ExitCode;

use nightjar_ruler::file::ReadOptions;
use nightjar_ruler::lint::LintOptions;

use super::arguments::{CheckConfig, enabled, grammar};
use super::check::{Verdict, check_files};
use super::glob::glob;
use crate::config;

/// Checks the files; answers 0, 1 (invalid) or 3 (suspicious, and that is fatal).
pub fn run(arguments: &CheckConfig) -> ExitCode {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let mut worst = Verdict::Good;
    for path in &arguments.config_files {
        match check(path, arguments, &mut out, &mut err) {
            Ok(verdict) => worst = worst.max(verdict),
            Err(_) => return ExitCode::FAILURE,
        }
    }
    worst.exit_code(arguments.lint_fatal)
}

fn check(path: &str, arguments: &CheckConfig, out: &mut impl Write, err: &mut impl Write) -> io::Result<Verdict> {
    writeln!(out, "Checking {path}")?;
    let loaded = config::load(path.as_ref()).and_then(|config| {
        let files = if arguments.syntax_only { Vec::new() } else { rule_files(&config)? };
        Ok((config, files))
    });
    let (config, files) = match loaded {
        Ok(loaded) => loaded,
        Err(reason) => {
            writeln!(err, "  FAILED: {reason}")?;
            writeln!(out)?;
            return Ok(Verdict::Invalid);
        }
    };
    if !files.is_empty() {
        writeln!(out, "  SUCCESS: {} rule files found", files.len())?;
    }
    writeln!(out, " SUCCESS: {path} is valid prometheus config file syntax")?;
    if !config.ignored.is_empty() {
        writeln!(err, "  WARNING: without effect here: {}", config.ignored.join(", "))?;
    }
    writeln!(out)?;
    let features = enabled(&arguments.enable_feature);
    let read = ReadOptions { ignore_unknown_fields: arguments.ignore_unknown_fields, parser: grammar(features) };
    check_files(&files, &read, &LintOptions::parse(&arguments.lint), out, err)
}

/// The rule files a configuration names; one that is named without a pattern must be there.
fn rule_files(config: &config::Config) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for pattern in &config.rule_files {
        let pattern = pattern.display().to_string();
        let found = glob(&pattern)?;
        if found.is_empty() && !pattern.contains('*') {
            return Err(format!("{} does not point to an existing file", nightjar_model::labels::quote(&pattern)));
        }
        files.extend(found);
    }
    Ok(files)
}
