//! Runs scripts in Prometheus' test language: Prometheus' own, where they are at hand, and ours in `testdata/promql` (those
//! in `server` with names dropped at once).
//!
//! `PROMQLTEST=name` runs only files whose name contains it and prints every failure; the counts are not compared then.

#![allow(unreachable_pub, reason = "modules of a test")]
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "promqltest/check.rs"]
mod check;
#[path = "promqltest/memory.rs"]
mod memory;
#[path = "promqltest/pin.rs"]
mod pin;
#[path = "promqltest/run.rs"]
mod run;
#[path = "promqltest/script.rs"]
mod script;
#[path = "promqltest/series.rs"]
mod series;

use std::path::{Path, PathBuf};

use run::{Mode, Outcome};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[allow(clippy::disallowed_methods, reason = "a test reads its scripts")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[allow(clippy::disallowed_methods, reason = "a test reads its scripts")]
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "test"));
    paths.sort();
    paths
}

/// Runs one file; answers what to say of it in the table of counts.
fn run_file(path: &Path, mode: Mode, verbose: bool) -> (String, Outcome) {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let outcome = run::run(&read(path), mode);
    println!("{name}: {} of {}", outcome.passed, outcome.total);
    if verbose {
        outcome.failures.iter().for_each(|failure| println!("    {name}:{failure}"));
    }
    (name, outcome)
}

/// The least number of passing evaluations per file.
fn expected_counts() -> Vec<(String, usize)> {
    read(&root("testdata/promql/expected-counts.txt"))
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, count) = line.split_once(' ').unwrap();
            (name.to_owned(), count.trim().parse().unwrap())
        })
        .collect()
}

#[test]
fn prometheus_scripts() {
    let only = std::env::var("PROMQLTEST").ok();
    let folder = root("../shared/promqltest");
    let paths = scripts(&folder);
    if paths.is_empty() {
        println!("SKIPPED: no Prometheus scripts in {}", folder.display());
        return;
    }
    let wanted = |path: &&PathBuf| only.as_ref().is_none_or(|only| path.to_string_lossy().contains(only));
    let results: Vec<_> =
        paths.iter().filter(wanted).map(|path| run_file(path, Mode::Script, only.is_some())).collect();
    let (passed, total) = results.iter().fold((0, 0), |(p, t), (_, o)| (p + o.passed, t + o.total));
    println!("all: {passed} of {total}");
    if only.is_some() {
        return;
    }
    for (name, expected) in expected_counts() {
        let (_, outcome) = results.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no script {name}"));
        let few: Vec<_> = outcome.failures.iter().take(10).collect();
        assert!(outcome.passed >= expected, "{name}: {} of {expected} expected passes; {few:#?}", outcome.passed);
    }
}

#[test]
fn own_scripts() {
    let mut failures = Vec::new();
    for (folder, mode) in [("testdata/promql", Mode::Script), ("testdata/promql/server", Mode::Server)] {
        let paths = scripts(&root(folder));
        assert!(!paths.is_empty(), "no scripts in {folder}");
        for path in paths {
            let (name, outcome) = run_file(&path, mode, true);
            assert!(outcome.total > 0, "{name} evaluates nothing");
            failures.extend(outcome.failures.into_iter().map(|failure| format!("{name}:{failure}")));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// A runner that finds no fault proves nothing: each of these scripts holds one.
#[test]
fn planted_faults_are_found() {
    let load = "load 1m\n  m{a=\"x\"} 1 2 3\n  m{a=\"y\"} 10x2\n  h {{schema:0 count:2 sum:3 buckets:[1 1]}}x2\n\n";
    let good = format!("{load}eval instant at 1m m\n  m{{a=\"x\"}} 2\n  m{{a=\"y\"}} 10\n");
    let outcome = run::run(&good, Mode::Script);
    assert!(outcome.failures.is_empty() && outcome.passed == 1, "{:?}", outcome.failures);
    let table = [
        ("wrong value", "eval instant at 1m m{a=\"x\"}\n  m{a=\"x\"} 2.00001\n"),
        ("zero is exact", "eval instant at 1m m{a=\"x\"} - 2\n  {a=\"x\"} 1e-300\n"),
        ("series missing", "eval instant at 1m m\n  m{a=\"x\"} 2\n  m{a=\"y\"} 10\n  m{a=\"z\"} 1\n"),
        ("series too many", "eval instant at 1m m\n  m{a=\"x\"} 2\n"),
        ("wrong labels", "eval instant at 1m m{a=\"x\"}\n  m{a=\"X\"} 2\n"),
        ("wrong order", "eval instant at 1m sort(m)\n  expect ordered\n  m{a=\"y\"} 10\n  m{a=\"x\"} 2\n"),
        ("no warning", "eval instant at 1m quantile(0.5, m)\n  expect warn\n  {} 6\n"),
        ("unexpected warning", "eval instant at 1m quantile(2, m)\n  expect no_warn\n  {} Inf\n"),
        (
            "other info",
            "eval instant at 2m rate(m{a=\"x\"}[2m])\n  expect info msg: nothing\n  {a=\"x\"} 0.016666666666666666\n",
        ),
        ("no failure", "eval instant at 1m m{a=\"x\"}\n  expect fail\n"),
        ("other failure", "eval instant at 1m m + on() m\n  expect fail msg: nothing\n"),
        ("wrong point", "eval range from 0 to 2m step 1m m{a=\"x\"}\n  m{a=\"x\"} 1 2 4\n"),
        ("missing point", "eval range from 0 to 2m step 1m m{a=\"x\"} > 1\n  m{a=\"x\"} 1 2 3\n"),
        ("wrong scalar", "eval instant at 1m 1 + 1\n  3\n"),
        ("wrong string", "eval instant at 1m \"a\"\n  expect string \"b\"\n"),
        ("wrong bucket", "eval instant at 1m h\n  h {{schema:0 count:2 sum:3 buckets:[1 2]}}\n"),
        ("wrong hint", "eval instant at 1m h\n  h {{schema:0 count:2 sum:3 buckets:[1 1] counter_reset_hint:gauge}}\n"),
        ("float for histogram", "eval instant at 1m h\n  h 2\n"),
    ];
    for (fault, eval) in table {
        let outcome = run::run(&format!("{load}{eval}"), Mode::Script);
        assert_eq!((outcome.passed, outcome.failures.len()), (0, 1), "{fault} was not found");
    }
}
