//! Selected series and their samples.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use nightjar_model::storage::{SeriesData, SeriesSet, StorageError};
use nightjar_model::{ClosedRange, Labels};
use nightjar_platform::Disk;
use parking_lot::Mutex;

use super::columns;
use super::directory::Pick;
use super::frames::FrameReader;
use super::inner::Inner;
use super::view::View;

/// A series and where its samples are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selected {
    /// Its spelling within [`Set::text`].
    pub(crate) start: u32,
    /// End of the spelling.
    pub(crate) end: u32,
    /// Its timeline in the head and its number there.
    pub(crate) member: Option<(u32, u32)>,
}

/// Selected series, sorted by labels.
pub(crate) struct Set<D: Disk> {
    pub(crate) inner: Arc<Inner<D>>,
    pub(crate) view: View<D::File>,
    /// The spellings.
    pub(crate) text: Vec<u8>,
    pub(crate) series: Vec<Selected>,
    /// Sections of each timeline.
    pub(crate) picks: HashMap<u32, Vec<Pick>>,
    pub(crate) ahead: Mutex<Ahead>,
}

/// Samples that were read before they were asked for.
#[derive(Default)]
pub(crate) struct Ahead {
    range: Option<ClosedRange>,
    /// By index; taken out when asked for.
    ready: BTreeMap<usize, SeriesData>,
    lost: u64,
}

/// Bytes a decoded sample takes on average while it waits.
const SAMPLE_BYTES: usize = 12;

impl<D: Disk> Set<D> {
    /// Reads series from `indices.start` on: all that are asked for, and as many of those behind them as memory allows,
    /// because neighbours by label are members of many timelines and reading one member costs nearly as much as all.
    fn read_ahead(&self, ahead: &mut Ahead, indices: Range<usize>, range: ClosedRange) {
        let mut budget = self.inner.options.read_ahead_bytes;
        let mut by_timeline: BTreeMap<u32, Vec<(u32, usize)>> = BTreeMap::new();
        for index in indices.start..self.series.len() {
            let Some((timeline, member)) = self.series[index].member else { continue };
            if ahead.ready.contains_key(&index) {
                continue;
            }
            let cost = self.picks.get(&timeline).map_or(0, Vec::len) * SAMPLE_BYTES;
            if index >= indices.end && cost > budget {
                break;
            }
            budget = budget.saturating_sub(cost);
            by_timeline.entry(timeline).or_default().push((member, index));
        }
        let mut reader = FrameReader::new(&self.view, &self.inner.counters.damaged);
        for (timeline, mut wanted) in by_timeline {
            let Some(picks) = self.picks.get(&timeline) else { continue };
            wanted.sort_unstable();
            let members: Vec<u32> = wanted.iter().map(|(member, _)| *member).collect();
            let data = columns::read(&mut reader, picks, &members, range);
            ahead.ready.extend(wanted.iter().map(|(_, index)| *index).zip(data));
        }
        ahead.lost += reader.lost;
    }
}

impl<D: Disk> SeriesSet for Set<D> {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, index: usize) -> Labels {
        let s = self.series[index];
        Labels::from_spelling(&self.text[s.start as usize..s.end as usize]).unwrap_or_default()
    }

    fn read(&self, indices: Range<usize>, range: ClosedRange, out: &mut Vec<SeriesData>) -> Result<(), StorageError> {
        let mut ahead = self.ahead.lock();
        if ahead.range != Some(range) {
            ahead.range = Some(range);
            ahead.ready.clear();
        }
        let missing = |i: &usize| self.series[*i].member.is_some() && !ahead.ready.contains_key(i);
        if let Some(first) = indices.clone().find(missing) {
            self.read_ahead(&mut ahead, first..indices.end, range);
        }
        out.extend(indices.map(|i| ahead.ready.remove(&i).unwrap_or_default()));
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        match self.ahead.lock().lost {
            0 => Vec::new(),
            n => vec![format!("{n} damaged sections of the write-ahead log were left out: samples are missing")],
        }
    }
}
