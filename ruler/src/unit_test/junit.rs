//! Outcomes as JUnit XML.

use super::TestOutcome;

/// A report of several files: path, why it could not be run at all, outcomes.
pub fn junit<'a>(files: impl IntoIterator<Item = (&'a str, Option<&'a str>, &'a [TestOutcome])>) -> String {
    let mut out = String::from("<testsuites>");
    for (path, aborted, outcomes) in files {
        let failures = outcomes.iter().filter(|outcome| !outcome.errors.is_empty()).count();
        let errors = usize::from(aborted.is_some());
        let tests = outcomes.len().max(errors);
        let path = escaped(path);
        out.push_str(&format!(
            "<testsuite name=\"{path}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">"
        ));
        for outcome in outcomes {
            out.push_str(&format!("<testcase name=\"{}\">", escaped(&outcome.name)));
            for error in &outcome.errors {
                out.push_str(&format!("<failure message=\"\">{}</failure>", escaped(error)));
            }
            out.push_str("</testcase>");
        }
        if let Some(reason) = aborted {
            out.push_str(&format!("<testcase name=\"\"><error>{}</error></testcase>", escaped(reason)));
        }
        out.push_str("</testsuite>");
    }
    out.push_str("</testsuites>");
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
