//! How labels are spread over the series, from the lengths of lists: series are not walked.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use nightjar_model::labels::METRIC_NAME;
use nightjar_platform::Disk;

use super::inner::Inner;

/// How labels are spread over the series in memory. Each list is sorted by number, then name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cardinality {
    /// Series in memory.
    pub series: u64,
    /// Different label pairs.
    pub label_pairs: u64,
    /// Series by metric name.
    pub series_by_metric: Vec<(String, u64)>,
    /// Different values by label name.
    pub values_by_label: Vec<(String, u64)>,
    /// Bytes of all values by label name, each series counted.
    pub bytes_by_label: Vec<(String, u64)>,
    /// Series by label pair, as `name=value`.
    pub series_by_pair: Vec<(String, u64)>,
}

/// The greatest of many, without keeping the others.
struct Top<T: Ord> {
    limit: usize,
    heap: BinaryHeap<Reverse<(u64, Reverse<T>)>>,
}

impl<T: Ord> Top<T> {
    fn new(limit: usize) -> Top<T> {
        Top { limit, heap: BinaryHeap::new() }
    }

    fn offer(&mut self, item: T, n: u64) {
        self.heap.push(Reverse((n, Reverse(item))));
        if self.heap.len() > self.limit {
            self.heap.pop();
        }
    }

    fn sorted(self, mut spell: impl FnMut(T) -> String) -> Vec<(String, u64)> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse((n, Reverse(item)))| (spell(item), n)).collect()
    }
}

impl<D: Disk> Inner<D> {
    /// How labels are spread; at most `limit` lines a list.
    pub(crate) fn cardinality(&self, limit: usize) -> Cardinality {
        let writer = self.writer.read();
        let index = &writer.head.index;
        let mut out = Cardinality { series: writer.head.table.len() as u64, ..Cardinality::default() };
        let (mut names, mut bytes) = (Top::new(limit), Top::new(limit));
        let (mut metrics, mut pairs) = (Top::new(limit), Top::new(limit));
        for (name, values) in index.names() {
            let (mut different, mut size) = (0, 0);
            for (value, series) in values {
                let n = series.len() as u64;
                different += 1;
                size += value.len() as u64 * n;
                if name == METRIC_NAME {
                    metrics.offer(value, n);
                }
                pairs.offer((name, value), n);
            }
            out.label_pairs += different;
            names.offer(name, different);
            bytes.offer(name, size);
        }
        out.series_by_metric = metrics.sorted(str::to_owned);
        out.values_by_label = names.sorted(str::to_owned);
        out.bytes_by_label = bytes.sorted(str::to_owned);
        out.series_by_pair = pairs.sorted(|(name, value)| format!("{name}={value}"));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_then_by_name() {
        let items = [("b", 2), ("a", 2), ("z", 9), ("c", 1), ("d", 2)];
        let sorted = |limit| {
            let mut top = Top::new(limit);
            items.iter().for_each(|(item, n)| top.offer(*item, *n));
            top.sorted(str::to_owned).into_iter().map(|(item, _)| item).collect::<String>()
        };
        assert_eq!([0, 1, 3, 9].map(sorted), ["", "z", "zab", "zabdc"]);
    }
}
