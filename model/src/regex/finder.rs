//! Finds the matching ones among very many texts: literals are searched in all of them at once, and the pattern is tried
//! only where one stands.

use regex_automata::util::prefilter::Prefilter;
use regex_automata::{MatchKind, Span};
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Hir, HirKind};

use super::{Regex, parse, shape};

/// Most texts that are tried to find out what to look for.
const SAMPLE: usize = 2048;
/// Fewer texts than these are sooner tried than it is found out what to look for.
const FEW: usize = 256;
/// Of so many texts of the sample at most one may hold what is looked for; else every text is tried at once.
const PAYS: usize = 4;
/// The end of a literal is as telling as the whole, and quicker to compare.
const TAIL: usize = 6;

/// Texts that lie one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    /// All of them.
    pub text: &'a str,
    /// Where each ends, exclusive; ascending.
    pub ends: &'a [u32],
}

impl<'a> Texts<'a> {
    /// Text `number`; empty past the end.
    pub fn get(&self, number: usize) -> &'a str {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        let end = self.ends.get(number).map_or(start, |end| *end as usize);
        self.text.get(start..end).unwrap_or("")
    }

    fn first(&self, count: usize) -> Texts<'a> {
        let ends = &self.ends[..count.min(self.ends.len())];
        Texts { text: self.text.get(..ends.last().map_or(0, |end| *end as usize)).unwrap_or(""), ends }
    }

    /// The text behind `number` or it that holds byte `at`.
    fn holding(&self, number: usize, at: usize) -> usize {
        let (mut low, mut step) = (number, 1);
        while self.ends.get(low + step).is_some_and(|end| *end as usize <= at) {
            low += step;
            step *= 2;
        }
        let high = (low + step + 1).min(self.ends.len());
        low + self.ends[low..high].partition_point(|end| *end as usize <= at)
    }
}

/// Finds texts that match a pattern. Made for texts like those of a sample.
pub struct Finder<'r> {
    regex: &'r Regex,
    /// Finds a literal that stands in every match.
    literals: Option<Prefilter>,
}

impl Regex {
    /// What finds matching texts among many that are like those of `sample`.
    pub fn finder(&self, sample: Texts<'_>) -> Finder<'_> {
        if sample.ends.len() < FEW {
            return Finder { regex: self, literals: None };
        }
        let sample = sample.first(SAMPLE);
        let parsed = self.parts.anchored.then(|| parse::parse(&self.parts.pattern, true).ok()).flatten();
        let mut best: Option<(usize, Prefilter)> = None;
        for clue in parsed.map_or(Vec::new(), |parsed| clues(&parsed.hir)) {
            let Some(literals) = Prefilter::new(MatchKind::LeftmostFirst, &clue) else { continue };
            let mut held = 0;
            each_holding(&literals, sample, |_| held += 1);
            if best.as_ref().is_none_or(|(least, _)| held <= *least) {
                best = Some((held, literals));
            }
        }
        let literals = best.filter(|(held, _)| held * PAYS <= sample.ends.len()).map(|(_, literals)| literals);
        Finder { regex: self, literals }
    }
}

impl Finder<'_> {
    /// Calls `each` with the numbers of the texts that match, ascending.
    pub fn find(&self, texts: Texts<'_>, mut each: impl FnMut(usize)) {
        let mut one = |number| {
            if self.regex.is_match(texts.get(number)) {
                each(number);
            }
        };
        match &self.literals {
            Some(literals) => each_holding(literals, texts, one),
            None => (0..texts.ends.len()).for_each(&mut one),
        }
    }
}

/// Calls `each` with the numbers of the texts that hold a literal.
fn each_holding(literals: &Prefilter, texts: Texts<'_>, mut each: impl FnMut(usize)) {
    let bytes = texts.text.as_bytes();
    let (mut at, mut number) = (0, 0);
    while let Some(hit) = literals.find(bytes, Span::from(at..bytes.len())) {
        number = texts.holding(number, hit.start);
        let Some(end) = texts.ends.get(number) else { return };
        let end = *end as usize;
        // What spans two texts stands in neither, but it may hide a shorter literal, or a later one, of the first.
        if hit.end <= end || literals.find(bytes, Span::from(hit.start..end)).is_some() {
            each(number);
        }
        at = end;
        number += 1;
    }
}

/// Sets of literals; of each set one stands in every match.
fn clues(hir: &Hir) -> Vec<Vec<Vec<u8>>> {
    let mut clues: Vec<Vec<Vec<u8>>> = Vec::new();
    for kind in [ExtractKind::Prefix, ExtractKind::Suffix] {
        let found = Extractor::new().kind(kind).extract(hir);
        if let Some(literals) = found.literals() {
            clues.push(literals.iter().map(|literal| literal.as_bytes().to_vec()).collect());
        }
    }
    let mut parts = Vec::new();
    shape::flatten(hir, &mut parts);
    for part in parts {
        if let HirKind::Literal(literal) = part.kind() {
            clues.push(vec![literal.0.to_vec()]);
        }
    }
    clues.retain(|clue| !clue.is_empty() && clue.iter().all(|literal| !literal.is_empty()));
    let long = clues.iter().filter(|clue| clue.iter().all(|literal| literal.len() > TAIL));
    let tails = long.map(|clue| clue.iter().map(|literal| literal[literal.len() - TAIL..].to_vec()).collect());
    let tails: Vec<_> = tails.collect();
    clues.extend(tails);
    clues
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lay(values: &[String]) -> (String, Vec<u32>) {
        let mut text = String::new();
        let ends = values.iter().map(|value| {
            text.push_str(value);
            text.len() as u32
        });
        let ends = ends.collect();
        (text, ends)
    }

    fn found(pattern: &str, values: &[String]) -> Vec<usize> {
        let (text, ends) = lay(values);
        let (regex, texts) = (Regex::anchored(pattern).unwrap(), Texts { text: &text, ends: &ends });
        let mut found = Vec::new();
        regex.finder(texts).find(texts, |number| found.push(number));
        found
    }

    #[test]
    fn what_is_looked_for() {
        let values: Vec<String> = (0..4000).map(|i| format!("svc-{:03}-{:05x}", i % 500, i * 7919)).collect();
        for pattern in
            ["svc-123-.*", "svc-(001|002|499)-.*", ".*ab.*", ".*7f", "(?i)SVC-12.*A", "svc-[0-4].*", ".*", "x"]
        {
            let regex = Regex::anchored(pattern).unwrap();
            let expected: Vec<usize> = (0..values.len()).filter(|i| regex.is_match(&values[*i])).collect();
            assert_eq!(found(pattern, &values), expected, "{pattern}");
        }
        let (text, ends) = lay(&values);
        let texts = Texts { text: &text, ends: &ends };
        let uses = |pattern: &str| Regex::anchored(pattern).unwrap().finder(texts).literals.is_some();
        assert!(uses("svc-(001|002|499)-.*") && uses(".*abc.*") && uses("svc-.*abc[0-9]") && !uses("svc-.*"));
    }

    #[test]
    fn a_literal_across_two_texts_hides_none() {
        let table: [(&str, &[&str], &[usize]); 4] = [
            ("büc?", &["bü", "c"], &[0]),
            ("(abc|b)", &["ab", "c", "b"], &[2]),
            (".*(bca|c)", &["bc", "a", "bca"], &[0, 2]),
            ("aba?", &["ab", "ab", "a"], &[0, 1]),
        ];
        for (pattern, values, expected) in table {
            // Looking for literals pays only if they are rare.
            let values = values.iter().copied().chain(["z"; 40]);
            let values: Vec<String> = values.map(str::to_owned).collect();
            assert_eq!(found(pattern, &values), expected, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn every_match_is_found(
            values in prop::collection::vec("[abcü]{0,4}", 0..60),
            pattern in "(\\.\\*)?[abcü]{1,3}(\\.[*+]|\\(a\\|bc\\)|\\[ab\\]|c\\?)?[abc]{0,2}(\\.\\*)?",
        ) {
            let regex = Regex::anchored(&pattern).unwrap();
            let expected: Vec<usize> = (0..values.len()).filter(|i| regex.is_match(&values[*i])).collect();
            prop_assert_eq!(found(&pattern, &values), expected);
        }
    }
}
