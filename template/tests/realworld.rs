//! The annotations of published rule files are templates.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

#[path = "support/data.rs"]
mod data;

use std::path::{Path, PathBuf};

use nightjar_template::{Context, Limits, RULE_PRELUDE};
use serde_json::Value;

/// YAML files below a folder.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in dir.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "yml" || e == "yaml") {
            found.push(path);
        }
    }
}

/// The texts of the `annotations` and `labels` of all alerts in a document.
fn templates(node: &Value, found: &mut Vec<String>) {
    match node {
        Value::Object(map) => {
            if map.contains_key("alert") {
                for part in ["annotations", "labels"] {
                    let texts = map.get(part).and_then(Value::as_object).into_iter().flatten();
                    found.extend(texts.filter_map(|(_, text)| text.as_str().map(str::to_owned)));
                }
            }
            map.values().for_each(|value| templates(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| templates(value, found)),
        _ => {}
    }
}

#[test]
fn published_annotations_parse_and_render() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/realworld/raw");
    if !shared.is_dir() {
        println!("SKIPPED: ../shared is absent, published rule files were not tried");
        return;
    }
    let mut paths = Vec::new();
    files(&shared, &mut paths);
    let mut texts = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_default();
        documents.iter().for_each(|document| templates(document, &mut texts));
    }
    texts.sort();
    texts.dedup();
    let templates = texts.iter().filter(|text| text.contains("{{")).count();
    assert!(templates > 1000, "only {templates} templates found");
    let mut failed = Vec::new();
    for text in &texts {
        let (mut set, alert) = data::set("rule", "text");
        if let Err(e) = set.parse("t", &format!("{RULE_PRELUDE}{text}")) {
            failed.push(format!("{text}: {e}"));
            continue;
        }
        let mut world = data::World;
        let rendered = set.render("t", &alert, &mut Context::new(&mut world, Limits::RULE));
        // The world here answers few queries.
        if let Err(e) = rendered
            && !text.contains("query")
        {
            failed.push(format!("{text}: {e}"));
        }
    }
    println!("{templates} templates in {} texts", texts.len());
    assert!(failed.is_empty(), "{} fail:\n{}", failed.len(), failed.join("\n"));
}
