//! `nightjar check rules`.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use nightjar_ruler::file::{ReadOptions, parse};
use nightjar_ruler::lint::{self, LintOptions};

use super::arguments::{CheckRules, enabled, grammar};

/// What was found in a file, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Good,
    Suspicious,
    Invalid,
}

impl Verdict {
    /// 0, 1 (invalid) or 3 (suspicious, and that is fatal).
    pub(super) fn exit_code(self, lint_fatal: bool) -> ExitCode {
        match self {
            Verdict::Invalid => ExitCode::FAILURE,
            Verdict::Suspicious if lint_fatal => ExitCode::from(3),
            Verdict::Good | Verdict::Suspicious => ExitCode::SUCCESS,
        }
    }
}

/// Checks the files; answers 0, 1 (invalid) or 3 (suspicious, and that is fatal).
pub fn run(arguments: &CheckRules) -> ExitCode {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let verdict = check(arguments, &mut out, &mut err);
    verdict.map_or(ExitCode::FAILURE, |verdict| verdict.exit_code(arguments.lint_fatal))
}

fn check(arguments: &CheckRules, out: &mut impl Write, err: &mut impl Write) -> io::Result<Verdict> {
    let parser = grammar(enabled(&arguments.enable_feature));
    let read = ReadOptions { ignore_unknown_fields: arguments.ignore_unknown_fields, parser };
    let lint = LintOptions::parse(&arguments.lint);
    for name in &lint.unknown {
        writeln!(out, "WARNING: unknown lint option: {}", nightjar_model::labels::quote(name))?;
    }
    let mut worst = Verdict::Good;
    if arguments.rule_files.is_empty() {
        writeln!(out, "Checking standard input")?;
        let mut text = String::new();
        let text = io::stdin().lock().take(super::MAX_BYTES).read_to_string(&mut text).map(|_| text);
        worst = check_text("", text.map_err(|e| e.to_string()), &read, &lint, out, err)?;
    }
    Ok(worst.max(check_files(&arguments.rule_files, &read, &lint, out, err)?))
}

/// Checks rule files one after the other.
pub(super) fn check_files(
    paths: &[String],
    read: &ReadOptions,
    lint: &LintOptions,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Verdict> {
    let mut worst = Verdict::Good;
    for path in paths {
        writeln!(out, "Checking {path}")?;
        let verdict = check_text(&format!("{path}: "), super::read(path), read, lint, out, err)?;
        worst = worst.max(verdict);
    }
    Ok(worst)
}

/// Checks one text; `place` stands before each error.
fn check_text(
    place: &str,
    text: Result<String, String>,
    read: &ReadOptions,
    lint: &LintOptions,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Verdict> {
    let file = text.map_err(|e| vec![e]).and_then(|text| parse(&text, read));
    let verdict = match file {
        Err(errors) => {
            writeln!(err, "  FAILED:")?;
            for error in errors {
                writeln!(err, "{place}{error}")?;
            }
            Verdict::Invalid
        }
        Ok(file) => match lint::check(&file, lint) {
            Ok(rules) => {
                if file.more_documents {
                    let what = "only the first document of a rule file is read";
                    writeln!(err, "  WARNING: {place}{what}")?;
                }
                writeln!(out, "  SUCCESS: {rules} rules found")?;
                Verdict::Good
            }
            Err(message) => {
                writeln!(err, "  FAILED:\n{message}")?;
                Verdict::Suspicious
            }
        },
    };
    writeln!(out)?;
    Ok(verdict)
}
