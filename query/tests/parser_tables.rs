//! What is PromQL and what is not: tables in `testdata/promql/parser`, the cases of Prometheus' own parser and printer tests
//! restated with what Prometheus 3.14 answers.

#![allow(clippy::disallowed_methods, clippy::panic, reason = "a test that reads its tables")]

use nightjar_query::printer::pretty;
use nightjar_query::{ParserOptions, parse};

/// Rows of a table, columns unescaped.
fn rows(name: &str) -> Vec<Vec<String>> {
    let path = format!("{}/../testdata/promql/parser/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let rows = text.lines().skip_while(|line| line.starts_with("# "));
    rows.map(|row| row.split('\t').map(unescape).collect()).collect()
}

fn unescape(column: &str) -> String {
    let (mut text, mut chars) = (String::new(), column.chars());
    while let Some(c) = chars.next() {
        text.push(match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                other => other.unwrap_or('\\'),
            },
            (c, false) => c,
        });
    }
    text
}

/// All complaints at once: one wrong row does not hide the others.
fn report(faults: Vec<String>) {
    assert!(faults.is_empty(), "{} rows differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn accepted() {
    let (mut faults, rows) = (Vec::new(), rows("accepted.tsv"));
    assert!(rows.len() > 300, "{}", rows.len());
    for row in rows {
        let (kind, text) = (&row[0], &row[1]);
        let printed = if row[2] == "=" { text } else { &row[2] };
        let arranged = row.get(3).unwrap_or(printed);
        match parse(text, &ParserOptions::ALL) {
            Err(e) => faults.push(format!("{text:?} was refused: {e}")),
            Ok(expr) => {
                let found = [expr.value_type().documented().to_owned(), expr.to_string(), pretty(&expr)];
                for (found, expected) in found.iter().zip([kind, printed, arranged]) {
                    if found != expected {
                        faults.push(format!("{text:?}: {found:?} instead of {expected:?}"));
                    }
                }
            }
        }
    }
    report(faults);
}

#[test]
fn rejected() {
    let (mut faults, rows) = (Vec::new(), rows("rejected.tsv"));
    assert!(rows.len() > 180, "{}", rows.len());
    for row in rows {
        let (text, complaint) = (&row[0], &row[1]);
        match parse(text, &ParserOptions::ALL) {
            Ok(expr) => faults.push(format!("{text:?} was taken for {expr}")),
            Err(e) if e.to_string() != *complaint => {
                faults.push(format!("{text:?}:\n    {e}\n  instead of\n    {complaint}"));
            }
            Err(_) => {}
        }
    }
    report(faults);
}
