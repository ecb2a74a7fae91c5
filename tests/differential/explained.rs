//! Differences that are the other version's: `testdata/promql/differences.tsv` names them, each with the change in
//! Prometheus after which it answers as we do.

use nightjar_model::regex::Regex;

use crate::peer::Version;

const TABLE: &str = include_str!("../../testdata/promql/differences.tsv");

/// How native histograms were pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buckets {
    /// With all buckets, empty ones too: every storage keeps the same.
    All,
    /// Without empty buckets. Prometheus' chunks have room for the buckets of all their histograms, and what comes out of
    /// them has empty ones where a neighbour has full ones.
    Full,
}

/// A reason why Prometheus answers differently.
pub struct Reason {
    applies: Applies,
    /// Queries it concerns.
    pattern: Regex,
    /// Answers it concerns: `"text of an error instead of ..."`.
    difference: Regex,
    /// What changed, and where.
    pub change: &'static str,
}

/// Where a reason counts.
#[derive(Clone, Copy, Debug)]
enum Applies {
    /// `3.14`: before this version.
    Before(Version),
    /// `3.14+`: from this version on.
    From(Version),
    /// `-`
    Everywhere,
    /// `empty`: where empty buckets are missing.
    WithoutEmptyBuckets,
}

impl Applies {
    fn read(text: &str) -> Applies {
        let version = |text: &str| {
            let (major, minor) = text.split_once('.').unwrap_or_else(|| panic!("a version, not {text:?}"));
            (major.parse().expect("a number"), minor.parse().expect("a number"))
        };
        match (text, text.strip_suffix('+')) {
            ("-", _) => Applies::Everywhere,
            ("empty", _) => Applies::WithoutEmptyBuckets,
            (_, Some(first)) => Applies::From(version(first)),
            (first, None) => Applies::Before(version(first)),
        }
    }

    fn to(self, this: Version, buckets: Buckets) -> bool {
        match self {
            Applies::Before(version) => this < version,
            Applies::From(version) => this >= version,
            Applies::Everywhere => true,
            Applies::WithoutEmptyBuckets => buckets == Buckets::Full,
        }
    }
}

/// All reasons for this version and this data.
pub fn reasons(version: Version, buckets: Buckets) -> Vec<Reason> {
    let rows = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let reasons = rows.map(|row| {
        let columns: Vec<&'static str> = row.split('\t').collect();
        let [applies, pattern, difference, change] = columns[..] else { panic!("four columns, not {row:?}") };
        Reason {
            applies: Applies::read(applies),
            pattern: Regex::unanchored(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}")),
            difference: Regex::unanchored(difference).unwrap_or_else(|e| panic!("{difference}: {e}")),
            change,
        }
    });
    reasons.filter(|reason| reason.applies.to(version, buckets)).collect()
}

/// The first reason that explains this difference.
pub fn explain(reasons: &[Reason], query: &str, difference: &str) -> Option<usize> {
    reasons.iter().position(|reason| reason.pattern.is_match(query) && reason.difference.is_match(difference))
}
