//! Hands the samples of one timeline to a block.

use std::io;
use std::sync::Arc;

use hashbrown::HashMap;
use nightjar_model::{Exemplar, Labels, TimestampMs};
use nightjar_platform::Disk;

use super::columns::Samples;
use crate::block::{BlockBuilder, BlockSeries, Presence};

/// Distinct timestamp columns of a target, and where each lies in their union.
struct Times {
    union: Vec<TimestampMs>,
    columns: Vec<(Arc<[TimestampMs]>, Vec<u64>)>,
}

impl Times {
    fn of(samples: &[Samples]) -> Times {
        let mut columns: Vec<(Arc<[TimestampMs]>, Vec<u64>)> = Vec::new();
        let mut seen = HashMap::new();
        for s in samples {
            let times = &s.floats.timestamps;
            if !times.is_empty() && seen.insert(times.as_ptr(), ()).is_none() {
                columns.push((Arc::clone(times), Vec::new()));
            }
        }
        let mut union: Vec<TimestampMs> = columns.iter().flat_map(|(times, _)| times.iter().copied()).collect();
        if columns.len() > 1 {
            union.sort_unstable();
            union.dedup();
        }
        for (times, bitmap) in &mut columns {
            if times.len() < union.len() {
                *bitmap = positions(times, &union);
            }
        }
        Times { union, columns }
    }
}

/// A bitmap over `union` of those in `times`, a subset of it; both ascend.
fn positions(times: &[TimestampMs], union: &[TimestampMs]) -> Vec<u64> {
    let mut bitmap = vec![0; union.len().div_ceil(64)];
    let mut at = 0;
    for t in times {
        while union[at] < *t {
            at += 1;
        }
        bitmap[at / 64] |= 1 << (at % 64);
    }
    bitmap
}

/// Adds the members of a timeline that have anything; whether any has.
pub(crate) fn add_target<D: Disk>(
    builder: &mut BlockBuilder<D>,
    members: &[u32],
    labels: Vec<Labels>,
    samples: &[Samples],
    mut exemplars: HashMap<u32, Vec<Exemplar>>,
) -> io::Result<bool> {
    exemplars.values_mut().for_each(|list| list.sort_by_key(|e| e.timestamp));
    let times = Times::of(samples);
    let places: HashMap<_, _> = times.columns.iter().map(|(t, bitmap)| (t.as_ptr(), bitmap)).collect();
    let mut series = Vec::new();
    for ((index, labels), s) in members.iter().zip(labels).zip(samples) {
        let exemplars = exemplars.get(index).map_or(&[][..], |list| list);
        if s.floats.values.is_empty() && s.histograms.is_empty() && exemplars.is_empty() {
            continue;
        }
        let presence = match places.get(&s.floats.timestamps.as_ptr()) {
            Some(bitmap) if bitmap.is_empty() => Presence::All,
            Some(bitmap) => Presence::Bitmap(bitmap),
            None => Presence::Bitmap(&[]),
        };
        series.push(BlockSeries {
            labels,
            presence,
            values: &s.floats.values,
            starts: s.floats.starts.as_deref(),
            histograms: &s.histograms,
            exemplars,
        });
    }
    builder.add_target(&times.union, &series)?;
    Ok(!series.is_empty())
}
