//! Reads members of several timelines in one walk through the log.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use nightjar_model::ClosedRange;
use nightjar_platform::Disk;

use super::columns::{Columns, Waiting};
use super::deletions::Hidden;
use super::directory::{Pick, Position};
use super::epochs::Epochs;
use super::frames::{FrameReader, Lane};
use super::growing::Growing;
use super::tile::{Tile, TileKey};
use crate::wal::section::Kind;

/// Some members of one timeline.
pub(crate) struct Wanted<'a> {
    pub(crate) timeline: u32,
    /// The timeline's sections to read, in order of writing.
    pub(crate) picks: &'a [Pick],
    /// Numbers within the timeline, ascending, each once.
    pub(crate) members: Vec<u32>,
}

/// What is done at a place of the log.
#[derive(Clone, Copy)]
enum Step {
    /// A section is read.
    Read(u32),
    /// Rows of an epoch that is to be kept are read.
    Collect(u32),
    /// They were the last ones.
    Keep(u32),
    /// An epoch was kept.
    Take(u32),
    /// Rows of the newest epoch are read, to be kept as well.
    Grow(u32),
    /// They were the last ones.
    Grown(u32),
}

/// A timeline on the way through the log.
struct Track<'a> {
    wanted: &'a Wanted<'a>,
    lane: Lane,
    columns: Columns,
    /// The epoch that is to be kept; whether all of it could be read.
    collecting: Option<(Columns, bool)>,
    /// Epochs that are to be kept, in order.
    keys: VecDeque<TileKey>,
    /// Epochs that were kept, in order.
    kept: VecDeque<Arc<Tile>>,
    /// The newest epoch.
    growing: Option<Growing>,
}

/// Reads the samples in `range` of members of several timelines, for each the list of its members. Timelines share
/// frames, so all are read in the order of writing: each frame once. `pack` keeps what is read small. What is in `epochs`
/// is not read, and what is read is put there.
pub(crate) fn read_many<D: Disk>(
    reader: &mut FrameReader<'_, D>,
    wanted: &[Wanted<'_>],
    range: ClosedRange,
    pack: bool,
    epochs: Option<&Epochs>,
) -> Vec<Vec<Waiting>> {
    let mut steps: Vec<(Position, u32, Step)> = Vec::new();
    let mut tracks = Vec::with_capacity(wanted.len());
    for (number, wanted) in wanted.iter().enumerate() {
        // A section has at least one row, and mostly no more. Where memory is short, columns grow as they must.
        let samples = if epochs.is_some() { wanted.picks.len() } else { 0 };
        let hidden = Hidden::new(&reader.view.parts.deletions, wanted.timeline, &wanted.members);
        // What was kept does not know what was deleted.
        let epochs = epochs.filter(|_| hidden.is_empty());
        let columns = Columns::new(range, wanted.members.len(), pack, samples, hidden);
        let lane = Lane::new(&wanted.members);
        let (keys, kept) = Default::default();
        let mut track = Track { wanted, lane, columns, collecting: None, keys, kept, growing: None };
        track.plan(number as u32, epochs, reader.view.horizon, &mut steps);
        tracks.push(track);
    }
    // Stable: it makes use of the order each timeline has already.
    steps.sort_by_key(|(position, ..)| *position);
    for (_, number, step) in steps {
        tracks[number as usize].step(step, reader, epochs);
    }
    tracks.into_iter().map(|track| track.columns.wait()).collect()
}

impl Track<'_> {
    /// Adds its steps, in order.
    fn plan(&mut self, number: u32, kept: Option<&Epochs>, horizon: Position, steps: &mut Vec<(Position, u32, Step)>) {
        let picks = self.wanted.picks;
        let Some(Epochs { over: tiles, growing }) = kept else {
            steps.extend((0..).zip(picks).map(|(i, p)| (p.entry.position(), number, Step::Read(i))));
            return;
        };
        for epoch in epochs(picks) {
            let own = &picks[epoch.clone()];
            let newest = epoch.end == picks.len();
            if newest {
                self.growing = Growing::plan(self.wanted.timeline, own, &self.wanted.members, horizon, growing);
            }
            if self.growing.is_some() {
                self.grow(&epoch, number, steps);
                continue;
            }
            // The newest epoch may go on.
            let key = (!newest).then(|| TileKey::of(self.wanted.timeline, own)).flatten();
            let kept =
                key.and_then(|key| tiles.get(&key)).filter(|tile| tile.columns_of(&self.wanted.members).is_some());
            let last = own.iter().rposition(|p| p.entry.kind() == Kind::Rows);
            if let Some(tile) = kept {
                self.kept.push_back(tile);
                steps.push((own[0].entry.position(), number, Step::Take(epoch.start as u32)));
                self.others(&epoch, number, steps);
                continue;
            }
            self.keys.extend(key);
            for (i, pick) in own.iter().enumerate() {
                let at = (epoch.start + i) as u32;
                let step = match key {
                    Some(_) if Some(i) == last => Step::Keep(at),
                    Some(_) if pick.entry.kind() == Kind::Rows => Step::Collect(at),
                    _ => Step::Read(at),
                };
                steps.push((pick.entry.position(), number, step));
            }
        }
    }

    /// Adds the steps of the newest epoch.
    fn grow(&self, epoch: &Range<usize>, number: u32, steps: &mut Vec<(Position, u32, Step)>) {
        let Some(growing) = &self.growing else { return };
        let rows = |i: &usize| self.wanted.picks[*i].entry.kind() == Kind::Rows;
        let last = epoch.clone().rfind(rows);
        for i in epoch.clone() {
            let pick = &self.wanted.picks[i];
            let step = match rows(&i) {
                true if Some(i) == last => Step::Grown(i as u32),
                true if growing.needs(pick) => Step::Grow(i as u32),
                true => continue,
                false => Step::Read(i as u32),
            };
            steps.push((pick.entry.position(), number, step));
        }
    }

    /// What is not rows in an epoch that was kept.
    fn others(&self, epoch: &Range<usize>, number: u32, steps: &mut Vec<(Position, u32, Step)>) {
        for i in epoch.clone() {
            let entry = &self.wanted.picks[i].entry;
            if entry.kind() != Kind::Rows {
                steps.push((entry.position(), number, Step::Read(i as u32)));
            }
        }
    }

    fn step<D: Disk>(&mut self, step: Step, reader: &mut FrameReader<'_, D>, epochs: Option<&Epochs>) {
        let picks = self.wanted.picks;
        match step {
            Step::Read(at) => {
                let pick = &picks[at as usize];
                self.columns.begin(pick);
                match pick.entry.kind() {
                    Kind::Histograms => self.columns.histograms(reader, pick, &self.wanted.members),
                    _ => self.lane.read(reader, pick, &mut self.columns),
                }
            }
            Step::Grow(at) => {
                if let Some(growing) = &mut self.growing {
                    growing.read(&picks[at as usize], reader);
                }
            }
            Step::Grown(at) => {
                let (Some(mut growing), Some(epochs)) = (self.growing.take(), epochs) else { return };
                growing.read(&picks[at as usize], reader);
                self.columns.begin(&picks[at as usize]);
                growing.finish(&mut self.columns, &epochs.growing);
            }
            Step::Collect(at) => self.collect(&picks[at as usize], reader),
            Step::Keep(at) => {
                self.collect(&picks[at as usize], reader);
                self.keep(&picks[at as usize], epochs);
            }
            Step::Take(at) => {
                let Some(tile) = self.kept.pop_front() else { return };
                self.columns.begin(&picks[at as usize]);
                if let Some(columns) = tile.columns_of(&self.wanted.members) {
                    self.columns.take(&tile.times, columns.into_iter());
                }
            }
        }
    }

    fn collect<D: Disk>(&mut self, pick: &Pick, reader: &mut FrameReader<'_, D>) {
        let members = self.wanted.members.len();
        let fresh = || (Columns::new(ClosedRange::ALL, members, false, 64, Hidden::default()), true);
        let (columns, whole) = self.collecting.get_or_insert_with(fresh);
        let lost = reader.lost;
        self.lane.read(reader, pick, columns);
        *whole &= reader.lost == lost;
    }
}

impl Track<'_> {
    /// Takes over the epoch that was collected, and keeps it if it is whole.
    fn keep(&mut self, pick: &Pick, epochs: Option<&Epochs>) {
        let (Some((columns, whole)), Some(key)) = (self.collecting.take(), self.keys.pop_front()) else { return };
        let tile = columns.into_tile(&self.wanted.members);
        self.columns.begin(pick);
        self.columns.take(&tile.times, tile.columns.iter().map(|column| &**column));
        let Some(Epochs { over: tiles, .. }) = epochs.filter(|_| whole) else { return };
        let tile = match tiles.get(&key) {
            Some(known) => tile.with(&known),
            None => tile,
        };
        let weight = tile.weight();
        tiles.put(key, Arc::new(tile), weight);
    }
}

/// The epochs of a timeline's sections: each begins with rows that begin one, but for what comes before the first.
fn epochs(picks: &[Pick]) -> impl Iterator<Item = Range<usize>> {
    let begins = |p: &Pick| p.entry.kind() == Kind::Rows && p.entry.begins_epoch();
    let mut start = 0;
    std::iter::from_fn(move || {
        (start < picks.len()).then(|| {
            let more = picks[start + 1..].iter().position(begins);
            let end = more.map_or(picks.len(), |more| start + 1 + more);
            std::mem::replace(&mut start, end)..end
        })
    })
}
