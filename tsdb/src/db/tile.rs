//! Epochs that are over, decoded and kept: whoever asks again for the same series finds all but the newest rows here.

use std::sync::Arc;

use nightjar_model::TimestampMs;
use nightjar_model::cache::Cache;

use super::directory::{Pick, Position};
use super::packed::Places;
use crate::wal::section::Kind;

/// Tiles by what they were decoded from.
pub(crate) type Tiles = Cache<TileKey, Arc<Tile>>;

/// The rows of one epoch of a timeline: from the first to the last one there is. Rows never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TileKey {
    timeline: u32,
    first: Position,
    last: Position,
}

impl TileKey {
    /// The rows among `picks`, the first of which begins an epoch; nothing when some cannot be read or must not be read
    /// as a whole.
    pub(crate) fn of(timeline: u32, picks: &[Pick]) -> Option<TileKey> {
        let mut rows = picks.iter().filter(|p| p.entry.kind() == Kind::Rows);
        let first = rows.next().filter(|first| first.entry.begins_epoch() && !first.broken)?;
        let last = rows.try_fold(first, |_, row| (!row.broken && row.floor == first.floor).then_some(row))?;
        Some(TileKey { timeline, first: first.entry.position(), last: last.entry.position() })
    }

    /// Where the epoch begins.
    pub(crate) fn first(&self) -> Position {
        self.first
    }
}

/// Bytes a column takes besides its samples, about,
const COLUMN: usize = 128;
/// and a member in any case.
const MEMBER: usize = 12;

/// Some members of one epoch.
#[derive(Debug, Default)]
pub(crate) struct Tile {
    /// Ascending.
    pub(crate) members: Vec<u32>,
    /// Times of all rows, whether a member has a sample then or not.
    pub(crate) times: Vec<TimestampMs>,
    /// By member.
    pub(crate) columns: Vec<Arc<TileColumn>>,
}

/// The samples of one member; those that have none in an epoch share one.
#[derive(Debug, Default)]
pub(crate) struct TileColumn {
    /// Places among the tile's times, in order of writing.
    pub(crate) at: Places,
    pub(crate) values: TileValues,
    /// Empty while all are unknown; the last ones may be missing then.
    pub(crate) starts: Vec<TimestampMs>,
}

/// Values: most series do not change within an epoch.
#[derive(Debug)]
pub(crate) enum TileValues {
    /// The same one each time.
    Same(f64),
    /// One after the other.
    Each(Box<[f64]>),
}

impl Default for TileValues {
    fn default() -> TileValues {
        TileValues::Each(Box::default())
    }
}

impl TileColumn {
    /// About how many bytes it takes.
    fn weight(&self) -> usize {
        let values = match &self.values {
            TileValues::Same(_) => 0,
            TileValues::Each(values) if values.is_empty() => return 0,
            TileValues::Each(values) => 8 * values.len(),
        };
        COLUMN + values + 8 * self.starts.len() + self.at.weight()
    }
}

impl TileValues {
    /// Keeps values small.
    pub(crate) fn new(values: Vec<f64>) -> TileValues {
        match values.first() {
            Some(first) if values.iter().all(|v| v.to_bits() == first.to_bits()) => TileValues::Same(*first),
            _ => TileValues::Each(values.into_boxed_slice()),
        }
    }

    /// Value `i`.
    pub(crate) fn get(&self, i: usize) -> f64 {
        match self {
            TileValues::Same(value) => *value,
            TileValues::Each(values) => values[i],
        }
    }
}

impl Tile {
    /// The columns of `members` (ascending), if it has them all.
    pub(crate) fn columns_of<'a>(&'a self, members: &[u32]) -> Option<Vec<&'a TileColumn>> {
        let (mut found, mut at) = (Vec::with_capacity(members.len()), 0);
        for member in members {
            at += self.members[at..].iter().position(|own| own >= member)?;
            if self.members[at] != *member {
                return None;
            }
            found.push(&*self.columns[at]);
        }
        Some(found)
    }

    /// The same with the members of another tile of the same epoch.
    pub(crate) fn with(self, other: &Tile) -> Tile {
        let own = self.members.into_iter().zip(self.columns);
        let more = other.members.iter().copied().zip(other.columns.iter().cloned());
        let mut all: Vec<_> = own.chain(more).collect();
        all.sort_by_key(|(member, _)| *member);
        all.dedup_by_key(|(member, _)| *member);
        let (members, columns) = all.into_iter().unzip();
        Tile { members, times: self.times, columns }
    }

    /// About how many bytes it takes.
    pub(crate) fn weight(&self) -> usize {
        let columns: usize = self.columns.iter().map(|c| MEMBER + c.weight()).sum();
        columns + 8 * self.times.len() + COLUMN
    }
}
