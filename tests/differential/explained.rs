//! Differences that are the other version's: `testdata/promql/differences.tsv` names them, each with the change in
//! Prometheus after which it answers as we do.

use nightjar_model::regex::Regex;

use crate::peer::Version;

const TABLE: &str = include_str!("../../testdata/promql/differences.tsv");

/// A reason why an older Prometheus answers differently.
pub struct Reason {
    /// The first version that answers as we do; none does where `-` stands.
    since: Option<Version>,
    /// Queries it concerns.
    pattern: Regex,
    /// Answers it concerns: `"text of an error instead of ..."`.
    difference: Regex,
    /// What changed, and where.
    pub change: &'static str,
}

/// All reasons, those for this version only.
pub fn reasons(version: Version) -> Vec<Reason> {
    let rows = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let reasons = rows.map(|row| {
        let columns: Vec<&'static str> = row.split('\t').collect();
        let [since, pattern, difference, change] = columns[..] else { panic!("four columns, not {row:?}") };
        let number = |text: &str| text.parse().expect("a number");
        Reason {
            since: since.split_once('.').map(|(major, minor)| (number(major), number(minor))),
            pattern: Regex::unanchored(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}")),
            difference: Regex::unanchored(difference).unwrap_or_else(|e| panic!("{difference}: {e}")),
            change,
        }
    });
    reasons.filter(|reason| reason.since.is_none_or(|since| version < since)).collect()
}

/// The first reason that explains this difference.
pub fn explain(reasons: &[Reason], query: &str, difference: &str) -> Option<usize> {
    reasons.iter().position(|reason| reason.pattern.is_match(query) && reason.difference.is_match(difference))
}
