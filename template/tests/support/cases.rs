//! The files of golden templates.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test binary uses a part")]
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

/// What a template gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This text.
    Text(String),
    /// This failure.
    Error(String),
}

/// A template, its data and what it gives.
#[derive(Debug)]
pub struct Case {
    pub data: String,
    pub mode: String,
    pub template: String,
    pub outcome: Outcome,
}

/// The cases of a file in `testdata/template`; its README describes the format.
pub fn read(file: &str) -> Vec<Case> {
    let path = format!("{}/../testdata/template/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let (mut data, mut mode) = ("plain".to_owned(), "text".to_owned());
    let (mut cases, mut template, mut lines) = (Vec::new(), String::new(), text.lines().peekable());
    while let Some(line) = lines.next() {
        let (mark, rest) = match line.split_at_checked(1) {
            Some((mark, rest)) if rest.is_empty() || rest.starts_with(' ') => {
                (mark, rest.strip_prefix(' ').unwrap_or(rest))
            }
            _ => continue,
        };
        let mut body = rest.to_owned();
        while let Some(more) = lines.next_if(|l| *l == "|" || l.starts_with("| ")) {
            body.push('\n');
            body.push_str(more[1..].strip_prefix(' ').unwrap_or_default());
        }
        let outcome = match mark {
            "@" => {
                let words: Vec<&str> = body.split(' ').collect();
                data = words[0].to_owned();
                mode = words.get(1).unwrap_or(&"text").to_string();
                continue;
            }
            "T" => {
                template = body;
                continue;
            }
            "=" => Outcome::Text(body),
            "!" => Outcome::Error(body),
            _ => continue,
        };
        cases.push(Case { data: data.clone(), mode: mode.clone(), template: template.clone(), outcome });
    }
    cases
}
