//! Buckets of series in a range of time.

use std::sync::Arc;

use hashbrown::HashMap;
use nightjar_model::storage::{Aggregate, FloatColumn};
use nightjar_model::{ClosedRange, TimestampMs};
use nightjar_platform::Disk;

use super::Bucketed;
use super::fold::{AS_LAST, OWN};
use crate::block::error::BlockError;
use crate::block::reader::Block;
use crate::block::sample_reader::SampleReader;
use crate::block::section::Kind;
use crate::bytes::{Corrupt, Cursor};
use crate::codec::column::decode;

/// Buckets of one series.
#[derive(Clone, Debug, Default)]
pub struct BucketColumn {
    /// The aggregate asked for, at the times of the last samples.
    pub floats: FloatColumn,
    /// How counters go on before and after them.
    pub joint: Joint,
}

/// Where the counter of one block meets that of the next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Joint {
    /// The first sample of the series in the block.
    pub first: f64,
    /// The sample at the end of the buckets asked for.
    pub last: f64,
}

/// Times and the part of them inside a range, by the address of the times, which are kept so that no others get it.
type Cut = HashMap<usize, (Arc<[TimestampMs]>, Arc<[TimestampMs]>)>;

/// The part of ascending times inside `range`.
fn inside(times: &[TimestampMs], range: ClosedRange) -> std::ops::Range<usize> {
    let start = times.partition_point(|t| *t < range.start);
    start..times.partition_point(|t| *t <= range.end).max(start)
}

fn kind(aggregate: Aggregate) -> Option<Kind> {
    Some(match aggregate {
        Aggregate::Last => return None,
        Aggregate::Count => Kind::Counts,
        Aggregate::Sum => Kind::Sums,
        Aggregate::Min => Kind::Minima,
        Aggregate::Max => Kind::Maxima,
        Aggregate::Counter => Kind::Counters,
    })
}

impl<D: Disk> Block<D> {
    /// Appends the buckets of each of `ids` (ascending is fastest) that stand within `range`, one entry an id; `None` for
    /// a series with something on a damaged page, which [`Block::damage`] then names. Fails only when the disk does.
    pub fn read_buckets(
        &self,
        ids: &[u32],
        aggregate: Aggregate,
        range: ClosedRange,
        out: &mut Vec<Option<BucketColumn>>,
    ) -> Result<(), BlockError> {
        let mut reader = SampleReader::new(self, ClosedRange::ALL);
        // Series of one target share their times, and parts of them.
        let mut cut = Cut::new();
        let before = out.len();
        for id in ids {
            match self.buckets(&mut reader, *id, aggregate, range, &mut cut) {
                Ok(column) => out.push(Some(column)),
                Err(BlockError::Damaged(_)) => out.push(None),
                Err(e) => {
                    out.truncate(before);
                    return Err(e);
                }
            }
        }
        Ok(())
    }

    fn buckets(
        &self,
        reader: &mut SampleReader<'_, D>,
        id: u32,
        aggregate: Aggregate,
        range: ClosedRange,
        cut: &mut Cut,
    ) -> Result<BucketColumn, BlockError> {
        let mut floats = FloatColumn::default();
        if id >= self.series() {
            return Ok(BucketColumn::default());
        }
        reader.floats(id, &mut floats)?;
        let n = floats.values.len();
        let inside = inside(&floats.timestamps, range);
        let Some(end) = inside.end.checked_sub(1).filter(|_| !inside.is_empty()) else {
            return Ok(BucketColumn::default());
        };
        let mut joint = Joint { first: f64::NAN, last: floats.values[end] };
        if let Some(kind) = kind(aggregate) {
            let mut column = Vec::with_capacity(n);
            self.each_entry(kind, id, |bytes| {
                let mut cursor = Cursor::new(bytes);
                if kind == Kind::Counters {
                    joint.first = cursor.f64("first sample")?;
                }
                let corrupt = cursor.corrupt("buckets");
                match if matches!(kind, Kind::Counts | Kind::Sums) { OWN } else { cursor.u8("buckets")? } {
                    AS_LAST => column.extend_from_slice(&floats.values),
                    OWN => decode(cursor.rest(), n, &mut column)?,
                    _ => return Err(corrupt),
                }
                Ok(())
            })?;
            if column.len() != n {
                let page = self.page_with(kind, id)?;
                return Err(self.corrupt(kind, page, Corrupt { what: "buckets", at: 0 }));
            }
            floats.values = column;
        }
        if inside.len() < n {
            let times = Arc::clone(&floats.timestamps);
            let own = cut.entry(times.as_ptr().addr()).or_insert_with(|| (times.clone(), times[inside.clone()].into()));
            floats.timestamps = Arc::clone(&own.1);
            floats.values.truncate(inside.end);
            floats.values.drain(..inside.start);
        }
        Ok(BucketColumn { floats, joint })
    }

    /// All buckets of a series, to be written again.
    pub(in crate::block) fn bucketed(&self, reader: &mut SampleReader<'_, D>, id: u32) -> Result<Bucketed, BlockError> {
        let mut read = |aggregate| self.buckets(reader, id, aggregate, ClosedRange::ALL, &mut Cut::new());
        let last = read(Aggregate::Last)?.floats;
        let counters = read(Aggregate::Counter)?;
        Ok(Bucketed {
            times: last.timestamps.to_vec(),
            last: last.values,
            counts: read(Aggregate::Count)?.floats.values,
            sums: read(Aggregate::Sum)?.floats.values,
            minima: read(Aggregate::Min)?.floats.values,
            maxima: read(Aggregate::Max)?.floats.values,
            counters: counters.floats.values,
            first: counters.joint.first,
        })
    }
}
