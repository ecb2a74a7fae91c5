//! Recorded scrapes: series, and their values at each scrape.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::Outcome;

/// What one exporter said over time.
pub(crate) struct Capture {
    /// Pairs of each series, metric name first.
    pub(crate) series: Vec<Vec<(String, String)>>,
    /// Values by scrape, then by series; `None` where a series was absent.
    pub(crate) scrapes: Vec<Vec<Option<f64>>>,
}

impl Capture {
    /// Reads a recording, every `every`-th scrape of it.
    pub(crate) fn read(path: &Path, every: usize) -> Outcome<Capture> {
        let at = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
        let file = std::fs::File::open(path).map_err(|e| at(&e))?;
        let decoder = zstd::stream::read::Decoder::new(file).map_err(|e| at(&e))?;
        let mut capture = Capture { series: Vec::new(), scrapes: Vec::new() };
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut seen = 0;
        for line in BufReader::new(decoder).lines() {
            let line = line.map_err(|e| at(&e))?;
            if line.starts_with("#TS ") {
                seen += 1;
                if (seen - 1) % every == 0 {
                    capture.scrapes.push(vec![None; capture.series.len()]);
                }
                continue;
            }
            if line.starts_with('#') || line.is_empty() || seen == 0 || (seen - 1) % every != 0 {
                continue;
            }
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let value: f64 = value.parse().map_err(|_| at(&format!("{value:?} is not a number")))?;
            let number = match numbers.get(name) {
                Some(number) => *number,
                None => {
                    let pairs = pairs(name).ok_or_else(|| at(&format!("{name:?} is not a series")))?;
                    capture.series.push(pairs);
                    numbers.insert(name.to_owned(), capture.series.len() - 1);
                    capture.series.len() - 1
                }
            };
            if let Some(scrape) = capture.scrapes.last_mut() {
                scrape.resize(capture.series.len(), None);
                scrape[number] = Some(value);
            }
        }
        let width = capture.series.len();
        capture.scrapes.iter_mut().for_each(|scrape| scrape.resize(width, None));
        if capture.scrapes.is_empty() { Err(at(&"no scrape found")) } else { Ok(capture) }
    }

    /// Only the series of the metrics asked for by name.
    pub(crate) fn only(mut self, asked: impl Fn(&str) -> bool) -> Capture {
        let keep: Vec<bool> = self.series.iter().map(|pairs| asked(&pairs[0].1)).collect();
        let mut kept = keep.iter();
        self.series.retain(|_| kept.next() == Some(&true));
        for scrape in &mut self.scrapes {
            let mut kept = keep.iter();
            scrape.retain(|_| kept.next() == Some(&true));
        }
        self
    }
}

/// `name{a="b"}` as pairs.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let (name, rest) = match text.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}')?),
        None => (text, ""),
    };
    let mut pairs = vec![("__name__".to_owned(), name.to_owned())];
    let mut chars = rest.chars().peekable();
    while chars.peek().is_some() {
        let label: String = chars.by_ref().take_while(|c| *c != '=').collect();
        (chars.next() == Some('"')).then_some(())?;
        let mut value = String::new();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => match chars.next()? {
                    'n' => value.push('\n'),
                    c => value.push(c),
                },
                c => value.push(c),
            }
        }
        if chars.peek() == Some(&',') {
            chars.next();
        }
        pairs.push((label, value));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_line_is_read() {
        let own =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        assert_eq!(pairs("up"), Some(own(&[("__name__", "up")])));
        assert_eq!(
            pairs("x{a=\"1\",b=\"q\\\"\\\\\\n, }\"}"),
            Some(own(&[("__name__", "x"), ("a", "1"), ("b", "q\"\\\n, }")]))
        );
        assert_eq!(pairs("x{a=1}"), None);
    }
}
