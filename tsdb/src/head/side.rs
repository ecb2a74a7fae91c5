//! What few series have: histograms, start timestamps, exemplars, metadata.

use hashbrown::HashMap;
use nightjar_model::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Span, is_known};
use nightjar_model::metadata::Metadata;
use nightjar_model::{Exemplar, HistogramSample, TimestampMs, is_stale};

/// An exemplar's labels together are never longer, in characters.
const EXEMPLAR_CHARS: usize = 128;
/// Different metadata of one metric kept.
const METADATA_VARIANTS: usize = 8;

/// Facts about few series, by series.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// The start timestamp readers know in an epoch.
    starts: HashMap<u32, (u32, TimestampMs)>,
    /// A fingerprint of the newest histogram.
    pub(crate) histograms: HashMap<u32, u64>,
    /// The newest exemplar.
    exemplars: HashMap<u32, Exemplar>,
    /// Metadata by metric.
    metadata: HashMap<Box<str>, Known>,
    metadata_round: u32,
}

/// Metadata of one metric.
#[derive(Debug, Default)]
struct Known {
    /// The round in which the newest variant was written.
    round: u32,
    variants: Vec<Metadata>,
}

/// What is to be done with an exemplar.
pub(crate) enum ExemplarVerdict {
    /// Store it.
    New,
    /// It is stored.
    Same,
    /// Refuse it.
    Refuse(String),
}

impl Side {
    /// Whether no start timestamp was ever seen.
    pub(crate) fn no_starts(&self) -> bool {
        self.starts.is_empty()
    }

    /// Notes the start timestamp of a sample; whether readers must be told.
    pub(crate) fn note_start(&mut self, id: u32, epoch: u32, start: TimestampMs) -> bool {
        let known = self.starts.get(&id).filter(|(e, _)| *e == epoch).map_or(0, |(_, start)| *start);
        if known == start {
            return false;
        }
        self.starts.insert(id, (epoch, start));
        true
    }

    /// Forgets the newest histogram and exemplar of a series.
    pub(crate) fn forget_newest(&mut self, id: u32) {
        self.histograms.remove(&id);
        self.exemplars.remove(&id);
    }

    /// Judges an exemplar and remembers it if it is new.
    pub(crate) fn judge_exemplar(&mut self, id: u32, exemplar: &Exemplar) -> ExemplarVerdict {
        let chars: usize = exemplar.labels.iter().map(|l| l.name.chars().count() + l.value.chars().count()).sum();
        if chars > EXEMPLAR_CHARS {
            return ExemplarVerdict::Refuse(format!(
                "its labels have {chars} characters, {EXEMPLAR_CHARS} are allowed"
            ));
        }
        match self.exemplars.get(&id) {
            Some(last)
                if last.labels == exemplar.labels
                    && last.timestamp == exemplar.timestamp
                    && last.value.to_bits() == exemplar.value.to_bits() =>
            {
                return ExemplarVerdict::Same;
            }
            Some(last) if exemplar.timestamp < last.timestamp => {
                return ExemplarVerdict::Refuse(format!(
                    "out of order exemplar: the newest one is at {}",
                    last.timestamp
                ));
            }
            _ => {}
        }
        self.exemplars.insert(id, exemplar.clone());
        ExemplarVerdict::New
    }

    /// Remembers metadata; whether it is new. Beyond `limit` metrics nothing new is kept.
    pub(crate) fn note_metadata(&mut self, metric: &str, metadata: &Metadata, limit: usize) -> bool {
        let round = self.metadata_round;
        let full = self.metadata.len() >= limit;
        match self.metadata.get_mut(metric) {
            Some(known) if known.round == round && known.variants.last() == Some(metadata) => return false,
            Some(known) => known.learn(metadata, round),
            None if full => return false,
            None => self.metadata.entry(metric.into()).or_default().learn(metadata, round),
        }
        true
    }

    /// Metadata by metric, in no order.
    pub(crate) fn metadata(&self) -> impl Iterator<Item = (&str, &[Metadata])> {
        self.metadata.iter().map(|(metric, known)| (&**metric, &known.variants[..]))
    }

    /// Gives series their new numbers.
    pub(crate) fn renumber(&mut self, places: &[u32]) {
        let new = |id: u32| places.get(id as usize).copied().filter(|id| *id != super::table::NOBODY);
        self.starts = self.starts.drain().filter_map(|(id, v)| Some((new(id)?, v))).collect();
        self.histograms = self.histograms.drain().filter_map(|(id, v)| Some((new(id)?, v))).collect();
        self.exemplars = self.exemplars.drain().filter_map(|(id, v)| Some((new(id)?, v))).collect();
    }

    /// What was noted lately may not have been written: note it again when it comes again.
    pub(crate) fn distrust(&mut self) {
        self.metadata_round += 1;
        self.exemplars.clear();
    }
}

impl Known {
    fn learn(&mut self, metadata: &Metadata, round: u32) {
        self.round = round;
        self.variants.retain(|m| m != metadata);
        if self.variants.len() >= METADATA_VARIANTS {
            self.variants.remove(0);
        }
        self.variants.push(metadata.clone());
    }
}

/// A fingerprint of a histogram: equal histograms have equal ones.
pub(crate) fn fingerprint(sample: &HistogramSample) -> u64 {
    let mut bytes = Vec::with_capacity(256);
    crate::codec::histogram::encode(sample, &mut bytes);
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

/// What contradicts itself in a histogram.
pub(crate) fn contradiction(sample: &HistogramSample) -> Option<String> {
    let h = &sample.histogram;
    if is_stale(h.sum) {
        return None;
    }
    if h.schema == CUSTOM_BUCKETS_SCHEMA { custom(h) } else { exponential(h) }
        .or_else(|| layout("positive", &h.positive_spans, &h.positive_buckets))
        .or_else(|| layout("negative", &h.negative_spans, &h.negative_buckets))
        .or_else(|| counts(sample))
}

fn custom(h: &FloatHistogram) -> Option<String> {
    let bounds = h.custom_values.as_deref().unwrap_or(&[]);
    if !bounds.is_sorted_by(|a, b| a < b) || bounds.iter().any(|b| b.is_nan() || *b == f64::INFINITY) {
        return Some("histogram custom bounds must be finite and in strictly increasing order".into());
    }
    if h.zero_count != 0.0 || h.zero_threshold != 0.0 {
        return Some("custom buckets: must have zero count and zero threshold of 0".into());
    }
    if !h.negative_spans.is_empty() || !h.negative_buckets.is_empty() {
        return Some("custom buckets: must not have negative spans or buckets".into());
    }
    if h.positive_buckets.len() > bounds.len() + 1 {
        return Some(format!("only {} custom bounds defined which is insufficient to cover all buckets", bounds.len()));
    }
    None
}

fn exponential(h: &FloatHistogram) -> Option<String> {
    if !is_known(h.schema) {
        return Some(format!("histogram has an invalid schema: {}", h.schema));
    }
    h.custom_values
        .as_ref()
        .filter(|v| !v.is_empty())
        .map(|_| "histogram with exponential schema must not have custom bounds".into())
}

fn layout(side: &str, spans: &[Span], buckets: &[f64]) -> Option<String> {
    if let Some(n) = spans.iter().skip(1).position(|s| s.offset < 0) {
        return Some(format!(
            "{side} side: span number {} with offset {}: histogram has a span whose offset is negative",
            n + 2,
            spans[n + 1].offset
        ));
    }
    let total: u64 = spans.iter().map(|s| u64::from(s.length)).sum();
    if total != buckets.len() as u64 {
        return Some(format!(
            "{side} side: spans need {total} buckets, have {} buckets: histogram spans specify different number of buckets than provided",
            buckets.len()
        ));
    }
    let bad = buckets.iter().position(|b| *b < 0.0)?;
    Some(format!(
        "{side} side: bucket number {} has observation count of {}: histogram has a bucket whose observation count is negative",
        bad + 1,
        buckets[bad]
    ))
}

fn counts(sample: &HistogramSample) -> Option<String> {
    let h = &sample.histogram;
    if h.zero_count < 0.0 || h.count < 0.0 {
        return Some("histogram's observation count is negative".into());
    }
    if !sample.integer {
        return None;
    }
    let total: f64 = h.positive_buckets.iter().chain(&h.negative_buckets).sum::<f64>() + h.zero_count;
    let wrong = if h.sum.is_nan() { total > h.count } else { total != h.count };
    wrong.then(|| format!("{total} observations found in buckets, but the Count field is {}: histogram's observation count should equal the number of observations found in the buckets", h.count))
}
