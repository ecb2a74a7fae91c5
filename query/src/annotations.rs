//! What there is to say about an answer: warnings and infos with Prometheus' words and the place in the query.

use std::cell::RefCell;
use std::fmt::Write as _;

use hashbrown::HashMap;
use nightjar_model::TimestampMs;
use nightjar_model::labels::quote;
use nightjar_model::number::format_g;

use crate::ast::Span;

mod texts;

/// Notes of one query, each text once.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    inner: RefCell<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_text: HashMap<String, usize>,
    notes: Vec<Note>,
}

#[derive(Debug)]
struct Note {
    warning: bool,
    text: String,
    at: Span,
    detail: Detail,
}

/// What a note collects over its occurrences.
#[derive(Clone, Copy, Debug)]
enum Detail {
    None,
    Monotonicity { range: MonotonicityFix, first: TimestampMs, last: TimestampMs, count: u64 },
    Overlap { count: u64 },
}

/// What had to be changed to make classic buckets monotonic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MonotonicityFix {
    /// Lowest changed bound.
    pub(crate) min_bucket: f64,
    /// Highest changed bound.
    pub(crate) max_bucket: f64,
    /// Largest change.
    pub(crate) max_diff: f64,
}

impl Notes {
    fn add(&self, warning: bool, text: String, at: Span, detail: Detail) {
        let mut inner = self.inner.borrow_mut();
        if let Some(i) = inner.by_text.get(&text) {
            let i = *i;
            inner.notes[i].merge(at, detail);
            return;
        }
        let i = inner.notes.len();
        inner.by_text.insert(text.clone(), i);
        inner.notes.push(Note { warning, text, at, detail });
    }

    /// A warning.
    pub(crate) fn warn(&self, text: impl Into<String>, at: Span) {
        self.add(true, text.into(), at, Detail::None);
    }

    /// An info.
    pub(crate) fn info(&self, text: impl Into<String>, at: Span) {
        self.add(false, text.into(), at, Detail::None);
    }

    /// Whether there is nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        self.inner.borrow().notes.is_empty()
    }

    /// Adds the notes of a part.
    pub(crate) fn absorb(&self, part: Notes) {
        for note in part.inner.into_inner().notes {
            self.add(note.warning, note.text, note.at, note.detail);
        }
    }

    /// All warnings and all infos, rendered, in order of first occurrence.
    pub(crate) fn render(&self, query: &str) -> (Vec<String>, Vec<String>) {
        let (mut warnings, mut infos) = (Vec::new(), Vec::new());
        for note in &self.inner.borrow().notes {
            let list = if note.warning { &mut warnings } else { &mut infos };
            list.push(note.render(query));
        }
        (warnings, infos)
    }
}

impl Note {
    /// The place of the part that Prometheus would evaluate last wins, whatever the order of execution here; of notes
    /// that collect a detail, that of the first.
    fn merge(&mut self, at: Span, detail: Detail) {
        let order = |at: Span| (at.end, u32::MAX - at.start);
        let later = order(at) > order(self.at);
        if later == matches!(detail, Detail::None) {
            self.at = at;
        }
        match (&mut self.detail, detail) {
            (Detail::Overlap { count }, Detail::Overlap { count: more }) => *count += more,
            (
                Detail::Monotonicity { range, first, last, count },
                Detail::Monotonicity { range: r, first: f, last: l, count: c },
            ) => {
                range.min_bucket = range.min_bucket.min(r.min_bucket);
                range.max_bucket = range.max_bucket.max(r.max_bucket);
                range.max_diff = range.max_diff.max(r.max_diff);
                *first = (*first).min(f);
                *last = (*last).max(l);
                *count += c;
            }
            _ => {}
        }
    }

    fn render(&self, query: &str) -> String {
        let mut out = self.text.clone();
        match self.detail {
            Detail::Monotonicity { range, first, last, count } => {
                let _ = write!(
                    out,
                    ", from buckets {} to {}, with a max diff of {}, over {count} samples from {} to {}",
                    format_g(range.min_bucket),
                    format_g(range.max_bucket),
                    two_digits(range.max_diff),
                    rfc3339(first),
                    rfc3339(last),
                );
            }
            Detail::Overlap { count } if count > 1 => {
                let _ = write!(out, " ({count} occurrences)");
            }
            Detail::Overlap { .. } | Detail::None => {}
        }
        let _ = write!(out, " ({})", position(query, self.at));
        out
    }
}

/// `line:column` of the start of a span, both from 1, columns in bytes.
pub(crate) fn position(query: &str, at: Span) -> String {
    let Some(before) = query.as_bytes().get(..at.start as usize) else {
        return "invalid position".to_owned();
    };
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
    format!("{line}:{column}")
}

/// Go's `%.2g`.
fn two_digits(v: f64) -> String {
    if !v.is_finite() || v == 0.0 {
        return format_g(v);
    }
    let scientific = format!("{v:.1e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    if !(-4..2).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let decimals = usize::try_from(1 - exponent).unwrap_or(0);
    let plain = format!("{v:.decimals$}");
    match plain.contains('.') {
        true => plain.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => plain,
    }
}

/// `2006-01-02T15:04:05Z`, cut to the second towards zero.
pub(crate) fn rfc3339(t: TimestampMs) -> String {
    let seconds = t / 1000;
    let date = crate::calendar::Date::from_unix(seconds);
    let of_day = seconds.rem_euclid(86_400);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year,
        date.month,
        date.day,
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
}

/// ` for metric name "x"` when there is a name.
fn for_metric(text: &str, metric: &str) -> String {
    if metric.is_empty() { text.to_owned() } else { format!("{text} for metric name {}", quote(metric)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_as_go_prints() {
        let table =
            [(1.0, "1"), (0.5, "0.5"), (123.0, "1.2e+02"), (12.0, "12"), (0.00001234, "1.2e-05"), (2.25, "2.2")];
        for (v, text) in table {
            assert_eq!(two_digits(v), text);
        }
    }

    #[test]
    fn the_place_of_the_last_evaluated_part_wins() {
        let notes = Notes::default();
        notes.warn("x", Span { start: 8, end: 9 });
        notes.warn("x", Span { start: 2, end: 3 });
        assert_eq!(notes.render("ab\ncdefghij").0, ["x (2:6)"]);
    }

    #[test]
    fn of_collected_notes_the_place_of_the_first_evaluated_part_wins() {
        for places in [[8, 2], [2, 8]] {
            let notes = Notes::default();
            places.into_iter().for_each(|start| notes.start_time_overlap("x", Span { start, end: start + 1 }));
            assert!(notes.render("0123456789").0[0].ends_with("(2 occurrences) (1:3)"), "{:?}", notes.render(""));
        }
    }

    #[test]
    fn times() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_827_696_789), "2000-02-29T12:34:56Z");
    }
}
