//! What rules write, as a batch for storage.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use nightjar_model::storage::{Atomicity, WriteBatch, WriteEntry};
use nightjar_model::{HistogramSample, Labels, Sample};
use nightjar_platform::Clock;
use nightjar_query::SampleValue;
use nightjar_ruler::{AlertBatch, Refusal, RuleSample, Sink, StateChange};

use super::alerts::AlertSink;
use super::keeping::Keeping;
use crate::store::Store;

/// Writes to storage and hands alerts on.
pub(super) struct StoreSink<'a> {
    pub(super) store: &'a Arc<dyn Store>,
    pub(super) clock: &'a dyn Clock,
    pub(super) alerts: &'a dyn AlertSink,
    pub(super) external_labels: &'a Labels,
    pub(super) keeping: &'a Keeping,
}

impl Sink for StoreSink<'_> {
    fn write(&mut self, samples: &[RuleSample]) -> Result<Vec<Refusal>, String> {
        let (sender, receiver) = sync_channel(1);
        let done = Box::new(move |outcome| {
            let _ = sender.send(outcome);
        });
        self.store.append(&Rows::new(samples), Atomicity::Partial, self.clock.wall_ms(), done);
        match receiver.recv() {
            Ok(Ok(report)) => {
                let refusals = report.rejections.into_iter();
                Ok(refusals.map(|r| Refusal { index: r.entry, reason: r.detail }).collect())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("storage gave no answer".to_owned()),
        }
    }

    fn send(&mut self, batch: AlertBatch) {
        self.alerts.send(batch, self.external_labels);
    }

    fn keep(&mut self, change: &StateChange) -> bool {
        self.keeping.keep(change)
    }
}

/// Samples as a batch, one entry each.
struct Rows {
    spellings: Vec<u8>,
    entries: Vec<Row>,
    floats: Vec<Sample>,
    histograms: Vec<HistogramSample>,
}

/// Ends of what belongs to an entry.
#[derive(Clone, Copy, Default)]
struct Row {
    spelling: usize,
    floats: usize,
    histograms: usize,
}

impl Rows {
    fn new(samples: &[RuleSample]) -> Rows {
        let mut rows = Rows {
            spellings: Vec::with_capacity(samples.len() * 96),
            entries: Vec::with_capacity(samples.len()),
            floats: Vec::with_capacity(samples.len()),
            histograms: Vec::new(),
        };
        for RuleSample { labels, timestamp, value } in samples {
            labels.spell(&mut rows.spellings);
            let (timestamp, start) = (*timestamp, 0);
            match value {
                SampleValue::Float(value) => rows.floats.push(Sample { timestamp, start, value: *value }),
                SampleValue::Histogram(h) => {
                    let histogram = (**h).clone();
                    rows.histograms.push(HistogramSample { timestamp, start, integer: false, histogram });
                }
            }
            rows.entries.push(Row {
                spelling: rows.spellings.len(),
                floats: rows.floats.len(),
                histograms: rows.histograms.len(),
            });
        }
        rows
    }
}

impl WriteBatch for Rows {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn entry(&self, index: usize) -> WriteEntry<'_> {
        let end = self.entries[index];
        let start = if index == 0 { Row::default() } else { self.entries[index - 1] };
        WriteEntry {
            spelling: &self.spellings[start.spelling..end.spelling],
            samples: &self.floats[start.floats..end.floats],
            histograms: &self.histograms[start.histograms..end.histograms],
            exemplars: &[],
            metadata: None,
        }
    }
}
