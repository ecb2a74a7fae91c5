//! What each metric of a block costs.

use std::collections::BTreeMap;

use nightjar_model::labels::METRIC_NAME;
use nightjar_platform::Disk;

use super::entries::Entries;
use super::error::BlockError;
use super::facts::Facts;
use super::reader::Block;
use super::section::Kind;

/// What a metric costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricUsage {
    /// Series.
    pub series: u64,
    /// Float samples and histograms.
    pub samples: u64,
    /// Bytes of their values in the file; index and timestamps, which many share, are not in it.
    pub bytes: u64,
}

impl<D: Disk> Block<D> {
    /// What each metric costs, by name. Reads every page of samples.
    pub fn usage(&self) -> Result<BTreeMap<String, MetricUsage>, BlockError> {
        let mut usage: BTreeMap<String, MetricUsage> = BTreeMap::new();
        // Series ascend by labels, but the metric name need not be the first of them.
        let mut metrics: Vec<u32> = Vec::with_capacity(self.series() as usize);
        let names = self.metric_pairs()?;
        let mut by_pair: BTreeMap<u32, MetricUsage> = BTreeMap::new();
        for page in 0..self.directory.section(Kind::Facts).pages.len() {
            let raw = self.load(Kind::Facts, page)?;
            let parsed = Facts::parse_all(&raw, self.directory.pairs);
            let (facts, samples, histograms) = parsed.map_err(|e| self.corrupt(Kind::Facts, page, e))?;
            for i in 0..facts.len() {
                let metric = facts.pairs(i).iter().copied().find(|p| names.contains_key(p)).unwrap_or(u32::MAX);
                let known = by_pair.entry(metric).or_default();
                known.series += 1;
                known.samples += samples[i].saturating_add(histograms[i]).max(0) as u64;
                metrics.push(metric);
            }
        }
        for kind in [Kind::Columns, Kind::Histograms] {
            for page in 0..self.directory.section(kind).pages.len() {
                self.share_page(kind, page, &metrics, &mut by_pair)?;
            }
        }
        for (pair, known) in by_pair {
            usage.insert(names.get(&pair).cloned().unwrap_or_default(), known);
        }
        Ok(usage)
    }

    /// Metric names by pair number.
    fn metric_pairs(&self) -> Result<BTreeMap<u32, String>, BlockError> {
        let mut names = BTreeMap::new();
        if let Some((_, name)) = self.directory.find_name(METRIC_NAME) {
            self.each_value(name.base..name.base + name.count, |pair, value| {
                names.insert(pair, value.to_owned());
                true
            })?;
        }
        Ok(names)
    }

    /// Divides the stored bytes of a page among metrics as they share it before compression.
    fn share_page(
        &self,
        kind: Kind,
        page: usize,
        metrics: &[u32],
        by_pair: &mut BTreeMap<u32, MetricUsage>,
    ) -> Result<(), BlockError> {
        let entries = Entries::parse(self.load(kind, page)?).map_err(|e| self.corrupt(kind, page, e))?;
        let lens = (0..entries.keys().len()).map(|i| entries.get(i).len() as u64);
        let total: u64 = lens.clone().sum();
        let stored = u64::from(self.page_ref(kind, page).stored);
        for (key, len) in entries.keys().iter().zip(lens) {
            if let Some(known) = metrics.get(*key as usize).and_then(|metric| by_pair.get_mut(metric)) {
                known.bytes += stored * len / total.max(1);
            }
        }
        Ok(())
    }
}
