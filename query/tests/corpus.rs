//! Everything in the wild and in Prometheus' own test scripts parses, prints, and parses again to the same.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test that reads files and says what it skips"
)]

use std::path::{Path, PathBuf};

use nightjar_query::printer::pretty;
use nightjar_query::{ParserOptions, parse};
use proptest::prelude::*;

/// The shared test data beside the repository; `None`, loudly, if it is absent.
fn shared(folder: &str) -> Option<Vec<PathBuf>> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")).join(folder);
    match std::fs::read_dir(&path) {
        Ok(entries) => Some(entries.flatten().map(|entry| entry.path()).collect()),
        Err(_) => {
            println!("SKIPPED: no test data at {}", path.display());
            None
        }
    }
}

fn with_extension(paths: Vec<PathBuf>, extension: &str) -> impl Iterator<Item = String> {
    let wanted = extension.to_owned();
    let chosen = paths.into_iter().filter(move |path| path.extension().is_some_and(|e| *e == *wanted));
    chosen.filter_map(|path| std::fs::read_to_string(path).ok())
}

/// The expressions of `eval instant at ... expr` and `eval range from ... to ... step ... expr`.
fn script_expressions(script: &str) -> Vec<String> {
    let line = |line: &str| {
        let (command, rest) = line.trim().split_once(char::is_whitespace)?;
        let (kind, rest) = rest.trim_start().split_once(char::is_whitespace).filter(|_| command.starts_with("eval"))?;
        let arguments = match (kind, rest.trim_start().starts_with("at ")) {
            ("instant", true) => 2,
            ("instant", false) => 0,
            _ => 6,
        };
        let mut rest = rest.trim_start();
        for _ in 0..arguments {
            rest = rest.split_once(char::is_whitespace)?.1.trim_start();
        }
        Some(rest.to_owned())
    };
    script.lines().filter_map(line).collect()
}

fn dashboard_expressions(json: &str) -> Vec<String> {
    let rows: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let rows = rows.as_array().cloned().unwrap_or_default();
    // Variables such as `[$__rate_interval]` are no PromQL: the interpolated form is.
    let text = |row: &serde_json::Value| {
        let row = row.get("expr_interpolated").filter(|e| e.is_string()).or_else(|| row.get("expr"))?;
        row.as_str().map(str::to_owned)
    };
    rows.iter().filter_map(text).collect()
}

fn prints_and_parses_again(text: &str) {
    let expr = parse(text, &ParserOptions::ALL).unwrap_or_else(|e| panic!("{text}: {e}"));
    for printed in [expr.to_string(), pretty(&expr)] {
        let again = parse(&printed, &ParserOptions::ALL).unwrap_or_else(|e| panic!("{text} printed as {printed}: {e}"));
        assert_eq!(again.to_string(), expr.to_string(), "{text}");
        assert_eq!(again.value_type(), expr.value_type(), "{text}");
    }
}

#[test]
fn scripts() {
    let Some(paths) = shared("promqltest") else { return };
    let expressions: Vec<String> = with_extension(paths, "test").flat_map(|s| script_expressions(&s)).collect();
    assert_eq!(expressions.len(), 2214);
    expressions.iter().for_each(|text| prints_and_parses_again(text));
}

#[test]
fn dashboards_and_rules() {
    let Some(paths) = shared("realworld") else { return };
    let expressions: Vec<String> = with_extension(paths, "json").flat_map(|j| dashboard_expressions(&j)).collect();
    assert!(expressions.len() > 2000, "{}", expressions.len());
    expressions.iter().for_each(|text| prints_and_parses_again(text));
}

/// Another parser, where it knows the language: what it takes we take too, with the same type.
#[test]
fn agrees_with_promql_parser() {
    let scripts =
        shared("promqltest").map(|p| with_extension(p, "test").flat_map(|s| script_expressions(&s)).collect());
    let boards =
        shared("realworld").map(|p| with_extension(p, "json").flat_map(|j| dashboard_expressions(&j)).collect());
    let expressions: Vec<String> = [scripts, boards].into_iter().flatten().flat_map(|e: Vec<String>| e).collect();
    let mut agreed = 0;
    for text in &expressions {
        let Ok(theirs) = promql_parser::parser::parse(text) else { continue };
        let ours = parse(text, &ParserOptions::ALL).unwrap_or_else(|e| panic!("{text}: {e}"));
        let name = match theirs.value_type() {
            promql_parser::parser::value::ValueType::Vector => "instant vector",
            promql_parser::parser::value::ValueType::Matrix => "range vector",
            promql_parser::parser::value::ValueType::Scalar => "scalar",
            promql_parser::parser::value::ValueType::String => "string",
        };
        assert_eq!(ours.value_type().documented(), name, "{text}");
        agreed += 1;
    }
    assert!(expressions.is_empty() || agreed * 10 > expressions.len() * 8, "{agreed} of {}", expressions.len());
}

/// No `Inf`: Prometheus prints it as `+Inf`, whose sign binds less tightly than `^`.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "foo",
        "a:b",
        "sum",
        "topk",
        "rate",
        "abs",
        "info",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "bool",
        "offset",
        "@",
        "anchored",
        "smoothed",
        "fill(1)",
        "start()",
        "step()",
        "range",
        "max_of",
        "and",
        "or",
        "unless",
        "atan2",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "[5m]",
        "[1h:]",
        ",",
        ":",
        "+",
        "-",
        "*",
        "/",
        "^",
        "==",
        "!=",
        "=~",
        "</",
        ">/",
        "=",
        "1",
        "0",
        "5m",
        "1e",
        "0x",
        "\"s\"",
        "'",
        "`",
        "\\",
        "#",
        "\n",
        "é",
        "{a=\"b\"}",
        "(foo)",
    ]);
    prop::collection::vec((piece, prop::sample::select(vec!["", " "])), 0..14)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, space)| [piece, space]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = parse(&text, &ParserOptions::ALL);
    }

    #[test]
    fn printing_is_stable(text in pieces()) {
        if let Ok(expr) = parse(&text, &ParserOptions::ALL) {
            let printed = expr.to_string();
            match parse(&printed, &ParserOptions::ALL) {
                Ok(again) => prop_assert_eq!(again.to_string(), printed),
                Err(e) => prop_assert!(false, "{} printed as {}: {}", text, printed, e),
            }
        }
    }

    #[test]
    fn spans_lie_in_the_text(text in pieces()) {
        match parse(&text, &ParserOptions::ALL) {
            Ok(expr) => expr.walk(|node| assert!(text.get(node.span.start as usize..node.span.end as usize).is_some())),
            Err(e) => prop_assert!(e.span.start as usize <= text.len() && e.span.end as usize <= text.len()),
        }
    }
}

/// Every sample line under `load` and every expected series under `eval` can be read.
#[test]
fn series_descriptions() {
    let Some(paths) = shared("promqltest") else { return };
    let (mut read, mut inside) = (0, false);
    for script in with_extension(paths, "test") {
        for line in script.lines().map(str::trim) {
            let command = ["load", "eval", "clear"].iter().any(|word| line.starts_with(word));
            inside = !line.is_empty() && !line.starts_with('#') && (inside || command);
            let first = line.split([' ', '{']).next().unwrap_or_default();
            let other = command || first.starts_with("expect") || line.contains("}@st ") || first.ends_with("@st");
            if !inside || other || line.parse::<f64>().is_ok() {
                continue;
            }
            nightjar_query::parser::parse_series(line).unwrap_or_else(|e| panic!("{line}: {e}"));
            read += 1;
        }
    }
    assert!(read > 4000, "{read}");
}
