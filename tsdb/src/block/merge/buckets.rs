//! Series to buckets, on the way into a tier block.

use std::io;

use nightjar_model::ClosedRange;
use nightjar_platform::Disk;

use super::Merge;
use super::part::unite;
use crate::block::assembly::Indexed;
use crate::block::column_entry::Column;
use crate::block::presence::Runs;
use crate::block::section::Kind;
use crate::block::spool::Spool;
use crate::block::tier::Bucketed;

impl<D: Disk> Merge<'_, D> {
    /// Adds the buckets of the series at `places`; whether there are any.
    pub(super) fn add_buckets(&mut self, places: &[(usize, u32)], pairs: &[u32]) -> io::Result<bool> {
        let Some(buckets) = self.buckets(places)?.filter(|buckets| !buckets.times.is_empty()) else {
            return Ok(false);
        };
        let id = u32::try_from(self.summary.series).map_err(|_| io::Error::other("too many series for one block"))?;
        // Equal times are stored once, and most series of a target have them.
        let timeline = self.targets.timelines.add(&buckets.times, &mut self.press.spill)?;
        let width = self.targets.timelines.width();
        let Merge { columns, aggregates, press, encoder, buffer, .. } = self;
        let column = Column {
            timestamps: &buckets.times,
            timeline,
            runs: &Runs::all(buckets.times.len()),
            values: &buckets.last,
            starts: None,
            histograms: false,
        };
        column.encode(width, encoder, buffer, |segment, times, bytes| {
            while columns.len() <= segment as usize {
                columns.push(Spool::new(Kind::Columns));
            }
            columns[segment as usize].push(id, times, bytes, press)
        })?;
        let span = ClosedRange { start: buckets.times[0], end: buckets.times[buckets.times.len() - 1] };
        for spool in aggregates {
            buffer.clear();
            buckets.encode(spool.kind, encoder, buffer);
            spool.push(id, Some(span), buffer, press)?;
        }
        let samples = buckets.times.len() as u64;
        self.index.push(Indexed { pairs, times: Some(span), samples, histograms: 0 }, &mut self.press.spill)?;
        self.count(Some(span), samples, 0, 0);
        Ok(true)
    }

    /// The buckets of a series; `None` when it has histograms.
    fn buckets(&mut self, places: &[(usize, u32)]) -> io::Result<Option<Bucketed>> {
        let Some(width_ms) = self.tier.as_ref().map(|tier| tier.width_ms) else { return Ok(None) };
        if let [(source, id)] = places
            && let source = &self.sources[*source]
            && source.block.tier().is_some()
        {
            let mut buckets = source.block.bucketed(&mut self.readers[0], *id)?;
            let cuts = source.cuts.iter().filter(|cut| cut.series.contains(*id));
            cuts.for_each(|cut| buckets.cut(cut.times));
            return Ok(Some(buckets));
        }
        let (parts, _) = self.read(places)?;
        let all = unite(parts);
        Ok(all.histograms.is_empty().then(|| Bucketed::fold(&all.floats, width_ms)))
    }
}
