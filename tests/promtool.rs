//! `nightjar check rules` and `nightjar test rules` beside Debian's promtool: the same verdict on every file there is,
//! and on every file with its expectations bent.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::process::installed;

/// Files whose verdict by promtool 2.42 is another, and why. Ours is Prometheus 3.14's.
const OLDER: [(&str, i32, &str); 7] = [
    ("absent_alert-test.yaml", 0, "ranges are left-open since 3.0: a sample on the edge keeps absent() away"),
    ("tests.yaml", 0, "ranges are left-open since 3.0: one change more is counted"),
    ("no-test-group-interval.yml", 0, "a test without interval takes evaluation_interval since 2.44"),
    ("rules_run_fuzzy.yml", 1, "fuzzy_compare is unknown to 2.42"),
    ("rules_run_no_fuzzy.yml", 1, "fuzzy_compare is unknown to 2.42"),
    ("start-time-test.yml", 0, "start_timestamp is unknown to 2.42"),
    ("unittest.yml", 0, "histograms in expectations are unknown to 2.42"),
];

/// The folder of test data beside the repository; `None`, loudly, if it is absent.
fn shared() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    if path.join("promtool").is_dir() {
        return Some(path.canonicalize().expect("a path"));
    }
    eprintln!("SKIPPED: no test data at {}", path.display());
    None
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// What a tool said.
#[derive(Debug, PartialEq)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(program: &Path, directory: &Path, arguments: &[&str]) -> Said {
    let output = Command::new(program).current_dir(directory).args(arguments).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    // Later versions do not say this line.
    let out = text(output.stdout);
    let out: Vec<&str> = out.lines().filter(|line| !line.starts_with("Unit Testing: ")).collect();
    Said { code: output.status.code(), out: out.join("\n"), err: text(output.stderr) }
}

#[test]
fn every_file_is_checked_alike() {
    let (Some(shared), Some(promtool)) = (shared(), installed("promtool")) else { return };
    let nightjar = Path::new(env!("CARGO_BIN_EXE_nightjar"));
    let mut files = Vec::new();
    for folder in ["promtool", "prometheus/rules", "realworld/raw"] {
        files_below(&shared.join(folder), &mut files);
    }
    files.sort();
    let paths: Vec<&str> = files.iter().map(|path| path.to_str().expect("UTF-8")).collect();
    let options: [&[&str]; 3] = [&[], &["--lint-fatal"], &["--lint=none"]];
    for option in options {
        // All in one go: what stands on standard output tells the verdict of each.
        let arguments = [&["check", "rules"], option, &paths].concat();
        let (ours, theirs) = (run(nightjar, &shared, &arguments), run(&promtool, &shared, &arguments));
        assert!(ours.out == theirs.out && ours.code == theirs.code, "{option:?}: {}", first_difference(&ours, &theirs));
    }
    // One by one for the exit codes; those of published rules only on demand, for they are many and alike.
    let all = std::env::var_os("NIGHTJAR_PROMTOOL_ALL").is_some();
    let mut checked = 0;
    for path in paths.iter().filter(|path| all || !path.contains("realworld")) {
        for option in [&["--lint=all"][..], &["--lint=all", "--lint-fatal"]] {
            let arguments = [&["check", "rules"], option, &[path]].concat();
            let (ours, theirs) = (run(nightjar, &shared, &arguments), run(&promtool, &shared, &arguments));
            assert_eq!((ours.code, ours.out), (theirs.code, theirs.out), "{option:?} {path}");
            checked += 1;
        }
    }
    eprintln!("{} files, {checked} exit codes alike", paths.len());
    assert!(paths.len() > 190 && checked > 100);
}

fn first_difference(ours: &Said, theirs: &Said) -> String {
    let differing = ours.out.lines().zip(theirs.out.lines()).position(|(a, b)| a != b).unwrap_or(0);
    let near = |said: &Said| said.out.lines().skip(differing.saturating_sub(2)).take(4).collect::<Vec<_>>().join("\n");
    format!("exit {:?} and {:?}\nours:\n{}\ntheirs:\n{}", ours.code, theirs.code, near(ours), near(theirs))
}

/// The Kubernetes mixin's tests beside the rules they are about, in a folder of their own.
fn mixin(shared: &Path, root: &Path) {
    let raw = shared.join("realworld/raw");
    std::fs::create_dir_all(root.join("tests")).expect("a folder");
    for name in ["alerts", "rules"] {
        let from = raw.join(format!("monitoring-mixins/assets/kubernetes/{name}.yaml"));
        std::fs::copy(from, root.join(format!("prometheus_{name}.yaml"))).expect("a copy");
    }
    let mut tests = Vec::new();
    files_below(&raw.join("kubernetes-mixin/tests"), &mut tests);
    for test in tests {
        std::fs::copy(&test, root.join("tests").join(test.file_name().expect("a name"))).expect("a copy");
    }
}

/// Runs one test file through both; answers whether promtool could be compared. A report of ours goes to `report`.
fn compare(nightjar: &Path, promtool: &Path, path: &Path, report: &Path) -> bool {
    let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a name").to_str().expect("UTF-8"));
    let arguments = ["test", "rules", name, "--junit", report.to_str().expect("UTF-8")];
    let (ours, theirs) = (run(nightjar, folder, &arguments), run(promtool, folder, &arguments[..3]));
    if let Some((_, expected, why)) = OLDER.iter().find(|(older, ..)| *older == name && ours != theirs) {
        assert_eq!(ours.code, Some(*expected), "{name}: {}", ours.err);
        eprintln!("{name}: exit {expected} instead of {:?}: {why}", theirs.code);
        return false;
    }
    assert_eq!((ours.code, &ours.out), (theirs.code, &theirs.out), "{name}: {} {}", ours.err, theirs.err);
    assert_eq!(words(&ours.err), words(&theirs.err), "{name}");
    true
}

/// Texts without the order in which a map was walked.
fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split([' ', '\n', ',', '[', ']']).collect();
    words.sort_unstable();
    words
}

#[test]
fn every_test_file_has_the_same_verdict() {
    let (Some(shared), Some(promtool)) = (shared(), installed("promtool")) else { return };
    let nightjar = Path::new(env!("CARGO_BIN_EXE_nightjar"));
    let root = tempfile::tempdir().expect("a folder");
    mixin(&shared, root.path());
    let mut files = Vec::new();
    files_below(&shared.join("promtool"), &mut files);
    files_below(&root.path().join("tests"), &mut files);
    files.sort();
    let report = |path: &Path| root.path().join(path.file_name().expect("a name")).with_extension("xml");
    let alike = files.iter().filter(|path| compare(nightjar, &promtool, path, &report(path))).count();
    eprintln!("{alike} of {} files are tested alike, the others are listed", files.len());
    assert!(alike + OLDER.len() >= files.len() && files.len() > 50);

    // What is compared at all.
    let mut assertions = 0;
    let mut groups = 0;
    for path in files.iter().filter(|path| path.starts_with(root.path())) {
        let report = std::fs::read_to_string(report(path)).expect("a report");
        assert!(report.contains("failures=\"0\" errors=\"0\""), "{}", path.display());
        groups += report.matches("<testcase").count();
        assertions += std::fs::read_to_string(path).expect("a text").matches("eval_time:").count();
    }
    assert_eq!((groups, assertions), (113, 158 + 40));
}

/// Expectations bent so that they fail: what to replace by what.
const BENT: [(&str, &str); 4] = [
    ("severity: warning", "severity: other"),
    ("value: 1", "value: 17"),
    ("summary: ", "summary: not "),
    ("eval_time: 1", "eval_time: 7"),
];

#[test]
fn what_fails_fails_alike() {
    let (Some(shared), Some(promtool)) = (shared(), installed("promtool")) else { return };
    let nightjar = Path::new(env!("CARGO_BIN_EXE_nightjar"));
    let root = tempfile::tempdir().expect("a folder");
    mixin(&shared, root.path());
    let mut files = Vec::new();
    files_below(&root.path().join("tests"), &mut files);
    let mut compared = 0;
    for path in &files {
        let (name, text) =
            (path.file_name().unwrap().to_str().unwrap(), std::fs::read_to_string(path).expect("a text"));
        for (from, to) in BENT.iter().filter(|_| !OLDER.iter().any(|(older, ..)| *older == name)) {
            let bent = text.replace(from, to);
            if bent == text {
                continue;
            }
            std::fs::write(path, bent).expect("a file");
            let (ours, theirs) = (
                run(nightjar, path.parent().unwrap(), &["test", "rules", name]),
                run(&promtool, path.parent().unwrap(), &["test", "rules", name]),
            );
            assert_eq!((ours.code, &ours.out), (theirs.code, &theirs.out), "{name} with {to:?}");
            assert_eq!(words(&ours.err), words(&theirs.err), "{name} with {to:?}");
            compared += usize::from(ours.code == Some(1));
        }
    }
    eprintln!("{compared} failing files alike");
    assert!(compared > 10);
}
