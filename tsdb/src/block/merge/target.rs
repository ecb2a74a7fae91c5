//! The merged timelines of scrape targets.
//!
//! Series of one target share their timestamps in each source, so they share the union of these in the outcome. What of
//! a target is met later than its first series makes its timeline longer: series from then on use the longer one.

use std::io;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use nightjar_model::TimestampMs;
use nightjar_platform::Disk;

use crate::block::spill::Spill;
use crate::block::timelines::Timelines;

/// Bytes of decoded timelines kept at hand.
const KEPT_BYTES: usize = 16 << 20;

/// What tells a target from others: its pairs of `job` and `instance`.
pub(super) type Key = (Option<u32>, Option<u32>);

/// A segment of a timeline of a source.
pub(super) struct Node {
    pub(super) source: u32,
    pub(super) number: u32,
    pub(super) times: Arc<[TimestampMs]>,
}

struct Target {
    nodes: HashSet<(u32, u32)>,
    /// First segment of its timeline in the outcome.
    number: u32,
    len: usize,
}

/// The targets met so far.
pub(super) struct Targets {
    pub(super) timelines: Timelines,
    by_key: HashMap<Key, Target>,
    /// Decoded timelines by number and length.
    kept: HashMap<(u32, usize), Arc<[TimestampMs]>>,
    kept_bytes: usize,
}

impl Targets {
    /// No targets; timelines are cut into segments of `width`.
    pub(super) fn new(width: usize) -> Targets {
        Targets { timelines: Timelines::new(width), by_key: HashMap::new(), kept: HashMap::new(), kept_bytes: 0 }
    }

    /// The timeline for a series with samples in these nodes: number of its first segment, and all its timestamps.
    pub(super) fn timeline<D: Disk>(
        &mut self,
        key: Key,
        nodes: &[Node],
        spill: &mut Spill<D>,
    ) -> io::Result<(u32, Arc<[TimestampMs]>)> {
        let known = self.by_key.get(&key);
        let is_new = |n: &&Node| known.is_none_or(|t| !t.nodes.contains(&(n.source, n.number)));
        let new: Vec<&Node> = nodes.iter().filter(is_new).collect();
        let place = known.map(|t| (t.number, t.len));
        if let (Some(place), true) = (place, new.is_empty()) {
            return Ok((place.0, self.times(place, spill)?));
        }
        let mut times: Vec<TimestampMs> = match place {
            Some(place) => self.times(place, spill)?.to_vec(),
            None => Vec::new(),
        };
        new.iter().for_each(|n| times.extend_from_slice(&n.times));
        times.sort();
        times.dedup();
        let number = self.timelines.add(&times, spill)?;
        let target =
            self.by_key.entry(key).or_insert_with(|| Target { nodes: HashSet::new(), number, len: times.len() });
        target.nodes.extend(new.iter().map(|n| (n.source, n.number)));
        (target.number, target.len) = (number, times.len());
        let times: Arc<[TimestampMs]> = times.into();
        self.keep((number, times.len()), &times);
        Ok((number, times))
    }

    fn times<D: Disk>(&mut self, place: (u32, usize), spill: &Spill<D>) -> io::Result<Arc<[TimestampMs]>> {
        if let Some(times) = self.kept.get(&place) {
            return Ok(Arc::clone(times));
        }
        let times: Arc<[TimestampMs]> = self.timelines.read(place.0, place.1, spill)?.into();
        self.keep(place, &times);
        Ok(times)
    }

    fn keep(&mut self, place: (u32, usize), times: &Arc<[TimestampMs]>) {
        if self.kept_bytes > KEPT_BYTES {
            self.kept.clear();
            self.kept_bytes = 0;
        }
        if self.kept.insert(place, Arc::clone(times)).is_none() {
            self.kept_bytes += 8 * times.len();
        }
    }
}
