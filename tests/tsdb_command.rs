//! `nightjar tsdb verify|inspect|dump` on a data directory that must stay as it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/wal/v2")
}

fn nightjar(args: &[&str], directory: &Path) -> Output {
    let (kind, rest) = args.split_first().unwrap();
    let binary = env!("CARGO_BIN_EXE_nightjar");
    Command::new(binary).args(["tsdb", kind]).arg(directory).args(rest).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// All files below a directory and their content.
fn content(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(content(&path));
        } else {
            all.insert(path.clone(), std::fs::read(path).unwrap());
        }
    }
    all
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}

#[test]
fn looking_changes_nothing() {
    let before = content(&fixture());
    let verified = nightjar(&["verify"], &fixture());
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    let told = text(&verified.stdout);
    assert!(told.starts_with("2 blocks, ") && told.ends_with(": nothing is damaged\n"), "{told}");

    let inspected = text(&nightjar(&["inspect", "--limit", "3"], &fixture()).stdout);
    assert!(inspected.contains("00000005.blk") && inspected.contains("B/sample"), "{inspected}");
    assert!(inspected.contains("3 of "), "{inspected}");

    let dumped = nightjar(&["dump", "--match", "rule", "--match", "{__name__=~\"rul.\"}"], &fixture());
    let lines = text(&dumped.stdout);
    assert_eq!(lines.lines().count(), 31, "each sample once: {lines}");
    assert_eq!(lines.lines().next(), Some("{__name__=\"rule\"} 0 1700000000000"));
    let json = text(
        &nightjar(&["dump", "--match", "rule", "--format", "json", "--max-time", "1700000001"], &fixture()).stdout,
    );
    let line: serde_json::Value = serde_json::from_str(json.trim()).unwrap();
    let expected = serde_json::json!({
        "metric": {"__name__": "rule"}, "values": ["0", "1"], "timestamps": [1_700_000_000_000_i64, 1_700_000_001_000_i64]
    });
    assert_eq!(line, expected);
    assert_eq!(content(&fixture()), before);
}

#[test]
fn damage_is_named_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    copy(&fixture(), directory.path());
    let path = directory.path().join("blocks/00000005.blk");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let verified = nightjar(&["verify"], directory.path());
    assert_eq!(verified.status.code(), Some(1));
    let told = text(&verified.stdout);
    assert!(
        told.starts_with("blocks/00000005.blk bytes 32 to ") && told.contains("LOST: what columns page 0 says"),
        "{told}"
    );
}

#[test]
fn other_directories_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for kind in ["verify", "inspect", "dump"] {
        let refused = nightjar(&[kind], directory.path());
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains("it is not a data directory"), "{}", text(&refused.stderr));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        let help =
            text(&Command::new(env!("CARGO_BIN_EXE_nightjar")).args(["tsdb", kind, "--help"]).output().unwrap().stdout);
        assert!(help.contains("Examples:"), "{help}");
    }
}
