//! Who contributes most series, counted by looking at all of them.

use std::collections::HashMap;

use nightjar_model::labels::METRIC_NAME;
use nightjar_model::storage::{SelectHints, Storage, StorageError};
use nightjar_model::{ClosedRange, MatchOp, Matcher};

use super::Cardinality;

/// Counts over all series; the largest `limit` of each kind.
pub(super) fn count(storage: &dyn Storage, limit: usize) -> Result<Cardinality, StorageError> {
    let range = ClosedRange::ALL;
    let hints = SelectHints { labels_only: true, ..SelectHints::range(range) };
    let Ok(named) = Matcher::new(MatchOp::NotEqual, METRIC_NAME, "") else { return Ok(Cardinality::default()) };
    let set = storage.querier(range)?.select(&[named], &hints)?;
    let mut metrics: HashMap<String, u64> = HashMap::new();
    let mut pairs: HashMap<(String, String), u64> = HashMap::new();
    for index in 0..set.len() {
        let labels = set.labels(index);
        *metrics.entry(labels.metric_name().to_owned()).or_default() += 1;
        for label in labels.iter() {
            *pairs.entry((label.name.to_owned(), label.value.to_owned())).or_default() += 1;
        }
    }
    let (mut values, mut bytes): (HashMap<String, u64>, HashMap<String, u64>) = Default::default();
    for (name, value) in pairs.keys() {
        *values.entry(name.clone()).or_default() += 1;
        *bytes.entry(name.clone()).or_default() += value.len() as u64;
    }
    let pairs = pairs.into_iter().map(|((name, value), n)| (format!("{name}={value}"), n));
    Ok(Cardinality {
        series_by_metric: largest(metrics, limit),
        values_by_label: largest(values, limit),
        bytes_by_label: largest(bytes, limit),
        series_by_pair: largest(pairs, limit),
    })
}

fn largest(counts: impl IntoIterator<Item = (String, u64)>, limit: usize) -> Vec<(String, u64)> {
    let mut list: Vec<(String, u64)> = counts.into_iter().collect();
    list.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list.truncate(limit);
    list
}
