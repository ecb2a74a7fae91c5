//! What the rules of a group made and nobody has written yet.
//!
//! A write is durable when it returns, so it is dear: the rules of a batch share one.

use std::collections::BTreeSet;
use std::mem;

use nightjar_model::{Labels, TimestampMs};

use crate::rule::Rule;
use crate::sink::{RuleSample, Sink};

/// Samples waiting to be written.
#[derive(Default)]
pub(super) struct Output {
    samples: Vec<RuleSample>,
    parts: Vec<Part>,
    written: Vec<(usize, BTreeSet<Labels>)>,
}

/// What one rule made.
struct Part {
    rule: usize,
    /// End of its samples.
    end: usize,
    series: BTreeSet<Labels>,
}

/// A rule whose output was not written.
pub(super) struct Failure {
    pub(super) rule: usize,
    /// Nothing was written, rather than all but a few samples.
    pub(super) whole: bool,
    pub(super) reason: String,
}

impl Output {
    /// Takes what rule `index` made, and ends the series it does not make any more.
    pub(super) fn add(&mut self, index: usize, rule: &Rule, samples: Vec<RuleSample>, at: TimestampMs) {
        let series: BTreeSet<Labels> = samples.iter().map(|sample| sample.labels.clone()).collect();
        let gone = rule.series.difference(&series).map(|labels| RuleSample::stale(labels.clone(), at));
        self.samples.extend(samples.into_iter().chain(gone));
        self.parts.push(Part { rule: index, end: self.samples.len(), series });
    }

    /// Writes everything; answers the rules for which that failed.
    pub(super) fn flush(&mut self, sink: &mut dyn Sink) -> Vec<Failure> {
        let (samples, mut parts) = (mem::take(&mut self.samples), mem::take(&mut self.parts));
        if samples.is_empty() {
            self.written.extend(parts.into_iter().map(|part| (part.rule, part.series)));
            return Vec::new();
        }
        let refusals = match sink.write(&samples) {
            Ok(refusals) => refusals,
            Err(reason) => {
                let failure = |part: &Part| Failure { rule: part.rule, whole: true, reason: reason.clone() };
                return parts.iter().map(failure).collect();
            }
        };
        let mut failures = Vec::new();
        for refusal in refusals {
            let part = parts.iter_mut().find(|part| refusal.index < part.end);
            let (Some(sample), Some(part)) = (samples.get(refusal.index), part) else { continue };
            // The end of a series is refused when another rule goes on with it.
            if sample.is_stale() {
                continue;
            }
            part.series.remove(&sample.labels);
            failures.push(Failure { rule: part.rule, whole: false, reason: refusal.reason });
        }
        self.written.extend(parts.into_iter().map(|part| (part.rule, part.series)));
        failures
    }

    /// The series written since this was last asked, by rule.
    pub(super) fn written(&mut self) -> Vec<(usize, BTreeSet<Labels>)> {
        mem::take(&mut self.written)
    }
}
