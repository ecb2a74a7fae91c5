//! `nightjar test rules`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use nightjar_model::regex::Regex;
use nightjar_platform::{Disk, DiskFile, OpenMode, RealDisk};
use nightjar_ruler::file::ReadOptions;
use nightjar_ruler::unit_test::{self, RunOptions, TestFile, TestOutcome};

use super::arguments::{TestRules, enabled, grammar};
use super::glob::{glob, join};

/// How a file of tests went: why it could not be run at all, or its tests.
type Outcome = Result<Vec<TestOutcome>, String>;

/// Runs the tests; answers 0 if all passed, else 1.
pub fn run(arguments: &TestRules, junit: Option<&Path>) -> ExitCode {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    match test(arguments, junit, &mut out, &mut err) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            let _ = writeln!(err, "nightjar: {e}");
            ExitCode::FAILURE
        }
    }
}

fn test(
    arguments: &TestRules,
    junit: Option<&Path>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<bool, String> {
    let chosen = match arguments.run.is_empty() {
        true => None,
        false => Some(Regex::anchored(&format!(".*(?:{}).*", arguments.run.join("|"))).map_err(|e| e.to_string())?),
    };
    let chosen = |name: &str| chosen.as_ref().is_none_or(|regex| regex.is_match(name));
    let mut outcomes = Vec::new();
    for path in &arguments.test_rule_files {
        let outcome = test_file(path, arguments, &chosen, err);
        report(&outcome, arguments, out, err).map_err(|e| e.to_string())?;
        outcomes.push((path.as_str(), outcome));
    }
    if let Some(path) = junit {
        write_junit(path, &outcomes).map_err(|e| format!("failed to write JUnit XML to {}: {e}", path.display()))?;
    }
    let passed = |outcome: &Outcome| outcome.as_ref().is_ok_and(|tests| tests.iter().all(|t| t.errors.is_empty()));
    Ok(outcomes.iter().all(|(_, outcome)| passed(outcome)))
}

fn test_file(path: &str, arguments: &TestRules, chosen: &dyn Fn(&str) -> bool, err: &mut impl Write) -> Outcome {
    let file = TestFile::parse(&super::read(path)?, arguments.ignore_unknown_fields)?;
    let directory = Path::new(path).parent().unwrap_or(Path::new(""));
    let mut rules = Vec::new();
    for pattern in &file.rule_files {
        let pattern = join(&directory.display().to_string(), pattern);
        let paths = glob(&pattern)?;
        if paths.is_empty() {
            let _ = writeln!(err, "  WARNING: no file match pattern {pattern}");
        }
        for path in paths {
            let text = super::read(&path)?;
            rules.push((path, text));
        }
    }
    let features = enabled(&arguments.enable_feature);
    let read = ReadOptions { ignore_unknown_fields: arguments.ignore_unknown_fields, parser: grammar(features) };
    Ok(unit_test::run(&file, &rules, &read, &RunOptions { features, diff: arguments.diff }, chosen))
}

fn report(outcome: &Outcome, arguments: &TestRules, out: &mut impl Write, err: &mut impl Write) -> io::Result<()> {
    let failures: Vec<&String> = match outcome {
        Err(reason) => vec![reason],
        Ok(tests) => tests.iter().flat_map(|test| &test.errors).collect(),
    };
    for test in outcome.iter().flatten().filter(|_| arguments.debug) {
        writeln!(err, "DEBUG: Test {} finished with {} errors", test.name, test.errors.len())?;
    }
    if failures.is_empty() {
        return writeln!(out, "  SUCCESS\n");
    }
    writeln!(err, "  FAILED:")?;
    for failure in failures {
        writeln!(err, "{failure}")?;
        writeln!(out)?;
    }
    writeln!(out)
}

fn write_junit(path: &Path, outcomes: &[(&str, Outcome)]) -> io::Result<()> {
    let files = outcomes.iter().map(|(path, outcome)| match outcome {
        Ok(tests) => (*path, None, tests.as_slice()),
        Err(reason) => (*path, Some(reason.as_str()), &[][..]),
    });
    let report = unit_test::junit(files);
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = Path::new(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    let disk = RealDisk::new(directory)?;
    let file = match disk.open(name, OpenMode::ReadWrite) {
        Ok(file) => file,
        Err(_) => disk.open(name, OpenMode::CreateNew)?,
    };
    file.set_len(0)?;
    file.write_all_at(report.as_bytes(), 0)
}
