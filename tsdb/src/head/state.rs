//! The head: everything the writer knows, behind one lock.

use nightjar_model::labels::{METRIC_NAME, SpellingPairs};
use nightjar_model::storage::RejectReason;
use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::both;

use super::index::Index;
use super::side::Side;
use super::table::{NEVER, Slot, Table, UNKNOWN};
use super::timeline::{Timelines, key};
use crate::options::Options;

/// The newest samples of a timeline's members, from what is on disk.
pub(crate) trait Recall {
    /// Calls `each` with member, time, value bits and whether it is a histogram, in the order of writing, for every
    /// sample at or after `from`.
    fn newest(&self, timeline: u32, from: TimestampMs, each: &mut dyn FnMut(u32, TimestampMs, u64, bool));
}

/// Further back than asked, so that a sender that comes step by step is not looked up at every step.
const RECALL_MARGIN_MS: i64 = 600_000;

/// What the writer knows.
pub(crate) struct Head {
    /// The limits.
    pub(crate) options: Options,
    /// Series by spelling.
    pub(crate) table: Table,
    /// Decimal places in use, by series.
    pub(crate) scales: Vec<u8>,
    /// Series by label.
    pub(crate) index: Index,
    /// Series by target.
    pub(crate) timelines: Timelines,
    /// What few series have.
    pub(crate) side: Side,
    /// Time of the newest sample; `MIN` without any.
    pub(crate) max_t: TimestampMs,
    /// Number of the next frame.
    pub(crate) next_lsn: u64,
    /// Counts up when every timeline must begin a new epoch.
    pub(crate) generation: u32,
    /// Samples older than this leave a mark on their series.
    pub(crate) sealing_until: TimestampMs,
    /// The generation that began with the last seal.
    pub(crate) seal_generation: u32,
    /// Number of the current seal, 1 to 3 in turn.
    pub(crate) seal_round: u8,
    /// Number of the current batch.
    pub(crate) batch: u64,
    /// Series that came since the database was opened, and series that went.
    pub(crate) churn: Churn,
}

/// Series that came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Churn {
    pub(crate) created: u64,
    pub(crate) removed: u64,
}

/// A label set that is refused.
pub(crate) type BadSeries = (RejectReason, String);

impl Head {
    /// A head without series.
    pub(crate) fn new(options: Options, seed: u64) -> Head {
        Head {
            options,
            table: Table::new(seed),
            scales: Vec::new(),
            index: Index::default(),
            timelines: Timelines::default(),
            side: Side::default(),
            max_t: TimestampMs::MIN,
            next_lsn: 1,
            generation: 1,
            sealing_until: TimestampMs::MIN,
            seal_generation: 0,
            seal_round: 0,
            batch: 0,
            churn: Churn::default(),
        }
    }

    /// The series with this spelling, created if need be. `previous` is the series before it in the request.
    #[inline]
    pub(crate) fn resolve(&mut self, previous: u32, spelling: &[u8]) -> Result<u32, BadSeries> {
        match self.table.predicted(previous, spelling) {
            Some(id) => Ok(id),
            None => self.resolve_unpredicted(previous, spelling),
        }
    }

    #[cold]
    fn resolve_unpredicted(&mut self, previous: u32, spelling: &[u8]) -> Result<u32, BadSeries> {
        let id = match self.table.find(spelling).or_else(|| self.table.find_alias(spelling)) {
            Some(id) => id,
            None => self.create(spelling)?,
        };
        self.table.learn(previous, id);
        Ok(id)
    }

    fn create(&mut self, spelling: &[u8]) -> Result<u32, BadSeries> {
        let labels = Labels::from_spelling(spelling).map_err(|e| (RejectReason::InvalidLabels, e.to_string()))?;
        self.check_labels(&labels).map_err(|text| (RejectReason::InvalidLabels, text))?;
        let mut canonical = Vec::with_capacity(spelling.len());
        labels.spell(&mut canonical);
        if canonical != spelling
            && let Some(id) = self.table.find(&canonical)
        {
            self.table.add_alias(spelling, id);
            return Ok(id);
        }
        self.check_limits(&labels).map_err(|text| (RejectReason::SeriesLimit, text))?;
        let key = key(labels.iter().map(|l| (l.name, l.value)));
        let (timeline, index) = self.timelines.place(&key, self.table.len() as u32);
        let id = self.add(&canonical, timeline, index).ok_or_else(|| {
            (RejectReason::SeriesLimit, format!("no room for the name of another series: {labels} was not created"))
        })?;
        if canonical != spelling {
            self.table.add_alias(spelling, id);
        }
        self.churn.created += 1;
        Ok(id)
    }

    /// Whether another series may come.
    fn check_limits(&self, labels: &Labels) -> Result<(), String> {
        let Options { max_series: all, max_series_per_metric: each, .. } = self.options;
        if all > 0 && self.table.len() >= all {
            return Err(format!(
                "the limit of {all} series is reached (max_series): {labels} was not created; \
                 see /api/v1/status/tsdb for what has most, or raise --storage.max-series"
            ));
        }
        let metric = labels.metric_name();
        if each > 0 && self.index.count(METRIC_NAME, metric) >= each {
            return Err(format!(
                "the limit of {each} series of one metric is reached by {metric:?} (max_series_per_metric): {labels} \
                 was not created; drop a label that has too many values, or raise --storage.max-series-per-metric"
            ));
        }
        Ok(())
    }

    /// Adds a series under its canonical spelling; its place in the timeline is taken already.
    fn add(&mut self, canonical: &[u8], timeline: u32, index: u32) -> Option<u32> {
        let id = self.add_to_table(canonical, timeline, index)?;
        self.index.add(id, canonical);
        Some(id)
    }

    fn add_to_table(&mut self, canonical: &[u8], timeline: u32, index: u32) -> Option<u32> {
        let id = self.table.add(canonical, timeline, index)?;
        self.scales.push(0);
        Some(id)
    }

    /// Builds the index anew from the table. On a million series this is half of the time a restart takes, so two
    /// threads share it.
    pub(crate) fn build_index(&mut self) {
        let table = &self.table;
        let index = |ids: std::ops::Range<u32>| {
            let mut index = Index::default();
            ids.for_each(|id| index.add(id, table.spelling(id)));
            index
        };
        let len = table.len() as u32;
        let (later, mut all) = both("index", || index(len / 2..len), || index(0..len / 2));
        all.absorb(later);
        self.index = all;
    }

    /// Puts a series back as a definition in the log tells it. It is selected only after [`Head::build_index`].
    pub(crate) fn restore(&mut self, spelling: &[u8], timeline: u32, index: u32) {
        if index >= crate::wal::rows::MAX_MEMBERS {
            return;
        }
        let id = match self.table.find_or_add(spelling, timeline, index) {
            None => return,
            Some((id, true)) => {
                self.scales.push(0);
                id
            }
            Some((id, false)) => {
                // It was released and came back: what is told last holds.
                let slot = &mut self.table.slots[id as usize];
                self.timelines.vacate(slot.timeline, slot.index);
                (slot.timeline, slot.index) = (timeline, index);
                id
            }
        };
        self.timelines.restore(timeline, index, id, || key(SpellingPairs::new(spelling).flatten()));
        let slot = &mut self.table.slots[id as usize];
        slot.last_t = UNKNOWN;
        slot.flags = Slot::DEFINED;
    }

    fn check_labels(&self, labels: &Labels) -> Result<(), String> {
        let o = &self.options;
        if labels.get(METRIC_NAME).is_none() {
            return Err(format!("invalid labels: {labels} has no metric name (label {METRIC_NAME})"));
        }
        if labels.len() > o.max_labels {
            return Err(format!(
                "invalid labels: {labels} has {} labels, the limit max_labels is {}",
                labels.len(),
                o.max_labels
            ));
        }
        for l in labels.iter() {
            if l.name.len() > o.max_label_name_bytes {
                return Err(format!(
                    "invalid labels: a label name of {labels} has {} bytes, the limit max_label_name_bytes is {}",
                    l.name.len(),
                    o.max_label_name_bytes
                ));
            }
            if l.value.len() > o.max_label_value_bytes {
                return Err(format!(
                    "invalid labels: the value of {:?} has {} bytes, the limit max_label_value_bytes is {}",
                    l.name,
                    l.value.len(),
                    o.max_label_value_bytes
                ));
            }
        }
        Ok(())
    }

    /// The labels of a series.
    pub(crate) fn labels(&self, id: u32) -> Labels {
        Labels::from_spelling(self.table.spelling(id)).unwrap_or_default()
    }

    /// Finds out the newest sample of a series of which nothing is known, as far as it matters for a sample at `t`.
    #[cold]
    pub(crate) fn recall(&mut self, id: u32, t: TimestampMs, recall: &dyn Recall) {
        let slot = self.table.slots[id as usize];
        let Some(timeline) = self.timelines.get_mut(slot.timeline) else { return };
        if t > timeline.bound {
            return;
        }
        let from = t.saturating_sub(RECALL_MARGIN_MS);
        let slots = &mut self.table.slots;
        let mut found: Vec<(u32, Slot)> = Vec::new();
        recall.newest(slot.timeline, from, &mut |index, t, bits, histogram| {
            let Some(&id) = timeline.members.get(index as usize) else { return };
            let Some(slot) = slots.get_mut(id as usize) else { return };
            if slot.flags & FOUND == 0 {
                if slot.last_t != UNKNOWN {
                    return;
                }
                slot.flags |= FOUND;
                slot.last_t = NEVER;
                found.push((id, *slot));
            }
            if t > slot.last_t {
                slot.last_t = t;
                slot.epoch = 0;
                slot.flags &= !(Slot::STALE | Slot::HISTOGRAM);
                if histogram {
                    slot.flags |= Slot::HISTOGRAM;
                } else if bits == nightjar_model::STALE_NAN_BITS {
                    slot.flags |= Slot::STALE;
                } else {
                    slot.last = bits;
                }
            }
        });
        for (id, _) in found {
            slots[id as usize].flags &= !FOUND;
        }
        timeline.bound = timeline.bound.min(from.saturating_sub(1));
    }

    /// Everything told about these timelines and series after what is on disk is void: it could not be written.
    pub(crate) fn forget(
        &mut self,
        next_lsn: u64,
        max_t: TimestampMs,
        timelines: &[(u32, TimestampMs)],
        defined: &[u32],
    ) {
        self.next_lsn = next_lsn;
        self.side.distrust();
        self.max_t = max_t;
        for id in defined {
            self.table.slots[*id as usize].flags &= !Slot::DEFINED;
        }
        for (number, on_disk) in timelines {
            let Some(timeline) = self.timelines.get_mut(*number) else { continue };
            timeline.bound = *on_disk;
            timeline.max_t = *on_disk;
            for id in timeline.members.iter().filter(|id| **id != super::table::NOBODY) {
                self.table.slots[*id as usize].last_t = UNKNOWN;
                self.side.histograms.remove(id);
            }
        }
    }
}

/// Marks a series while it is being recalled.
const FOUND: u8 = 0x80;
