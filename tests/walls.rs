//! The walls of the house: which crate may know which, and which habits are not allowed anywhere.
//!
//! Levels: `model` and `template` import nothing of ours; `platform` and `query` know `model`; the engines know those;
//! only the binary knows everybody. Inside a crate no two modules may (transitively) import each other.

#![allow(clippy::expect_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
#![allow(unreachable_pub, reason = "modules of a test")]

#[path = "walls/modules.rs"]
mod modules;
#[path = "walls/sources.rs"]
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use sources::{crates, files};

/// Who may import whom, by crate folder. What is not listed is forbidden.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("template", &[]),
    ("platform", &["model"]),
    ("query", &["model"]),
    ("tsdb", &["model", "platform"]),
    ("remote_write", &["model", "platform"]),
    ("alertmanager", &["model", "platform", "template"]),
    ("ruler", &["model", "platform", "template", "query"]),
];

/// Files that may contain `unsafe`, each with the reason at its head.
const UNSAFE: &[&str] = &[];

/// No file may grow beyond this.
const MOST_LINES: usize = 800;

#[test]
fn crates_point_only_where_they_may() {
    let arrows: BTreeMap<_, BTreeSet<_>> =
        ARROWS.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    for (from, to) in dependencies() {
        let Some(allowed) = arrows.get(from.as_str()) else { continue };
        for name in to {
            assert!(
                allowed.contains(name.as_str()),
                "`{from}` must not depend on `{name}`: see ARROWS in tests/walls.rs"
            );
        }
    }
}

/// Normal (not dev) dependencies between the crates of this workspace, by folder name.
fn dependencies() -> Vec<(String, Vec<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let folder = |package: &str| package.strip_prefix("nightjar-").map(|n| n.replace('-', "_"));
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .filter_map(|p| {
            let to = p["dependencies"].as_array()?.iter().filter(|d| d["kind"].is_null());
            Some((folder(p["name"].as_str()?)?, to.filter_map(|d| folder(d["name"].as_str()?)).collect()))
        })
        .collect()
}

#[test]
fn modules_do_not_import_each_other() {
    for krate in crates() {
        let graph = modules::graph(&krate);
        if let Some(cycle) = modules::cycle(&graph) {
            panic!("modules of `{krate}` import each other: {}", cycle.join(" -> "));
        }
    }
}

#[test]
fn unsafe_stands_only_where_it_is_named() {
    for (path, text) in files() {
        let found =
            text.lines().any(|l| !l.trim_start().starts_with("//") && l.contains("unsafe ") && !l.contains('"'));
        assert!(
            !found || UNSAFE.contains(&path.as_str()),
            "{path} contains unsafe; name it in tests/walls.rs with a reason"
        );
    }
}

#[test]
fn every_module_says_what_it_is() {
    for (path, text) in files() {
        assert!(text.starts_with("//!"), "{path} does not start with a `//!` head");
    }
}

#[test]
fn files_stay_small() {
    for (path, text) in files() {
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{path} has {lines} lines; split it by nouns (at most {MOST_LINES})");
    }
}

#[test]
fn words_we_do_not_use() {
    for (path, _) in files() {
        for word in ["util", "common", "helper", "manager", "misc"] {
            let named = path.split(['/', '.']).any(|part| part.trim_end_matches('s') == word);
            assert!(!named, "{path}: `{word}` says nothing about what is inside");
        }
    }
}

/// Every page in `docs/format/`, and where a file of that format is kept for ever.
const FIXTURES: &[(&str, &str)] = &[
    ("alert-history", "testdata/alertmanager/history-v1.jsonl"),
    ("alert-log", "testdata/alertmanager/v1.log"),
    ("block", "testdata/block/v1"),
    ("column", "testdata/block/v1"),
    ("imports", "testdata/imports/v1"),
    ("manifest", "testdata/wal/v2/MANIFEST"),
    ("openmetrics", "testdata/openmetrics"),
    ("peers", "testdata/alertmanager/exchange-v1.json"),
    ("prometheus-block", "testdata/prometheus-block/v1"),
    ("remote_write", "testdata/remote_write"),
    ("rule-state", "testdata/rules/state/v1.log"),
    ("wal", "testdata/wal/v1/wal"),
];

#[test]
fn every_format_has_a_page_and_a_fixture() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs/format")).expect("docs/format");
    let mut pages: Vec<String> =
        pages.map(|p| p.expect("entry").file_name().to_string_lossy().trim_end_matches(".md").to_owned()).collect();
    pages.sort();
    assert_eq!(pages, FIXTURES.iter().map(|(page, _)| *page).collect::<Vec<_>>(), "every page needs its fixture");
    for (page, fixture) in FIXTURES {
        assert!(root.join(fixture).exists(), "{fixture}, the fixture of docs/format/{page}.md, is missing");
    }
}
