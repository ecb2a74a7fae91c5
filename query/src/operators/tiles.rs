//! Reading selected series in runs, so that storage decodes neighbours together.

use std::ops::Range;
use std::sync::Arc;

use nightjar_model::storage::{Buckets, SelectHints, SeriesData};
use nightjar_model::{Labels, MatchOp};

use crate::error::QueryError;
use crate::eval::Context;
use crate::eval::budget::Held;
use crate::eval::reserved::DESCRIBING;
use crate::eval::selection::Selection;
use crate::plan::Selector;

/// Series read at once.
pub(crate) const TILE: usize = 64;

/// Samples a tile should not exceed much; fewer series are read at once when they are long.
const TILE_SAMPLES: usize = 1 << 20;

/// Some neighbours among the series of a selector, read tile by tile.
pub(crate) struct Tiles<'q> {
    context: &'q Context<'q>,
    selection: Arc<Selection>,
    series: Range<usize>,
    tile: std::vec::IntoIter<SeriesData>,
    buffer: Vec<SeriesData>,
    next: usize,
    width: usize,
    held: Held<'q>,
}

impl<'q> Tiles<'q> {
    /// Selects the series.
    pub(crate) fn select(
        context: &'q Context<'q>,
        selector: &Selector,
        hints: &SelectHints,
    ) -> Result<Tiles<'q>, QueryError> {
        let set = context.querier()?.select(&selector.matchers, hints)?;
        let name = selector.matchers.iter().find(|m| m.op == MatchOp::Equal && &*m.name == "__name__");
        let name = name.map(|m| m.value.to_string());
        let (all, buckets) = (0..set.len(), set.buckets());
        let selection = Arc::new(Selection { set, range: hints.range, buckets, name });
        Tiles::of(context, selection, all)
    }

    /// The series with these numbers.
    pub(crate) fn of(
        context: &'q Context<'q>,
        selection: Arc<Selection>,
        series: Range<usize>,
    ) -> Result<Tiles<'q>, QueryError> {
        let long = selection.range.end.saturating_sub(selection.range.start) > 86_400_000;
        Ok(Tiles {
            context,
            tile: Vec::new().into_iter(),
            buffer: Vec::new(),
            next: series.start,
            width: if long { 4 } else { TILE },
            held: context.budget.hold(0)?,
            series,
            selection,
        })
    }

    /// What was selected.
    pub(crate) fn selection(&self) -> &Arc<Selection> {
        &self.selection
    }

    /// Number of series.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// Labels of a series.
    pub(crate) fn labels(&self, index: usize) -> Labels {
        self.selection.set.labels(self.series.start + index)
    }

    /// What stands for samples.
    pub(crate) fn buckets(&self) -> &Buckets {
        &self.selection.buckets
    }

    /// The one metric name the selector asks for.
    pub(crate) fn metric_name(&self) -> Option<&str> {
        self.selection.name.as_deref()
    }

    /// Whether all series are told apart by labels that do not describe the metric.
    pub(crate) fn one_name(&self) -> bool {
        self.selection.name.is_some() && !self.selection.set.has_label(&DESCRIBING)
    }

    /// All samples of the next series.
    pub(crate) fn next(&mut self) -> Result<SeriesData, QueryError> {
        if let Some(data) = self.tile.next() {
            return Ok(data);
        }
        self.context.check()?;
        let end = (self.next + self.width).min(self.series.end);
        let mut tile = std::mem::take(&mut self.buffer);
        tile.clear();
        self.selection.set.read(self.next..end, self.selection.range, &mut tile)?;
        let samples: usize = tile.iter().map(|s| s.floats.values.len() + s.histograms.values.len()).sum();
        self.held.exactly(samples)?;
        let longest = samples / (end - self.next).max(1);
        self.width = (TILE_SAMPLES / longest.max(1)).clamp(1, TILE);
        self.next = end;
        self.tile = tile.into_iter();
        Ok(self.tile.next().unwrap_or_default())
    }
}

impl Drop for Tiles<'_> {
    fn drop(&mut self) {
        self.context.damaged(self.selection.set.warnings());
        self.context.downsampling.note(self.selection.buckets.clone());
    }
}
