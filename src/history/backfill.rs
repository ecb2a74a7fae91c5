//! What recording rules would have recorded, written into the history of the server that is asked.

use std::io::{self, Write};

use nightjar_model::labels::METRIC_NAME;
use nightjar_model::{Labels, Sample, TimestampMs};
use nightjar_query::{SampleValue, VectorSample};
use nightjar_remote_write::encode::{SeriesOut, encode_v1, snappy};
use nightjar_ruler::file::{GroupSpec, RuleSpec};
use nightjar_ruler::replay::History;

use super::{Task, shown};

/// Evaluations read at once.
const STRIDE: i64 = 500;

/// Samples written at once.
const BATCH: usize = 2_000;

/// Fills the history rule by rule, so that later rules find what earlier ones recorded.
pub(super) fn run(task: &Task) -> Result<(), String> {
    let mut out = io::stdout().lock();
    for group in &task.groups {
        for rule in group.rules.iter().filter(|rule| rule.alerting.is_none()) {
            let written = fill(task, group, rule).map_err(|e| format!("{}: {}: {e}", group.name, rule.name))?;
            task.progressed();
            let (name, from, to) = (&rule.name, shown(task.stretch.start), shown(task.stretch.end));
            writeln!(out, "{name}: {written} samples from {from} to {to}").map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

fn fill(task: &Task, group: &GroupSpec, rule: &RuleSpec) -> Result<usize, String> {
    let step_ms = task.step_ms(group);
    let (mut from, mut written) = (task.stretch.start, 0);
    while from <= task.stretch.end {
        let to = task.stretch.end.min(from + (STRIDE - 1) * step_ms);
        let mut times: Vec<(TimestampMs, Vec<VectorSample>)> =
            task.remote.range(&rule.expr, from, to, step_ms)?.into_iter().collect();
        times.sort_unstable_by_key(|(at, _)| *at);
        let samples: Vec<(Labels, Sample)> = times
            .into_iter()
            .flat_map(|(_, vector)| vector)
            .filter_map(|sample| recorded(group, rule, sample))
            .collect();
        for batch in samples.chunks(BATCH) {
            write(task, batch)?;
        }
        written += samples.len();
        task.progress(&rule.name, to);
        from = to + step_ms;
    }
    Ok(written)
}

/// The sample under its recorded name.
fn recorded(group: &GroupSpec, rule: &RuleSpec, sample: VectorSample) -> Option<(Labels, Sample)> {
    let SampleValue::Float(value) = sample.value else { return None };
    let mut labels = sample.labels.to_builder();
    labels.set(METRIC_NAME, &rule.name);
    for (name, text) in group.labels.overlaid(&rule.labels).iter() {
        labels.set(name, text);
    }
    Some((labels.build(), Sample { timestamp: sample.timestamp, start: 0, value }))
}

fn write(task: &Task, samples: &[(Labels, Sample)]) -> Result<(), String> {
    let series: Vec<SeriesOut<'_>> = samples
        .iter()
        .map(|(labels, sample)| SeriesOut {
            labels: Some(labels),
            samples: std::slice::from_ref(sample),
            ..SeriesOut::default()
        })
        .collect();
    let mut message = Vec::new();
    encode_v1(&series, &mut message);
    let body = snappy(&message).map_err(|e| e.to_string())?;
    task.remote.write(&body).map_err(|reason| {
        let remedy = if reason.contains("too old") || reason.contains("too far in the past") {
            "; start the server with a longer --storage.tsdb.out-of-order-time-window for the time of the backfill"
        } else {
            ""
        };
        format!("the server refuses the samples: {reason}{remedy}")
    })
}
