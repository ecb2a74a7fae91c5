//! Range selectors as a source of samples for functions, and as an answer by themselves.

use std::sync::Arc;

use nightjar_model::Labels;
use nightjar_model::storage::FloatColumn;

use crate::ast::RangeMode;
use crate::error::QueryError;
use crate::eval::Context;
use crate::eval::selection::Selection;
use crate::eval::tally::Tally;
use crate::operators::statistics;
use crate::operators::tiles::Tiles;
use crate::rollup::extended::with_ends;
use crate::rollup::window::WindowSpec;
use crate::rollup::{RangeSeries, RangeSource};
use crate::value::MatrixSeries;

/// `metric{...}[d]`.
pub(crate) struct RangeSelector<'q> {
    context: &'q Context<'q>,
    tiles: Tiles<'q>,
    statistics_only: bool,
}

impl<'q> RangeSelector<'q> {
    /// The samples of selected series.
    pub(crate) fn new(context: &'q Context<'q>, tiles: Tiles<'q>, statistics_only: bool) -> RangeSelector<'q> {
        RangeSelector { context, tiles, statistics_only }
    }
}

impl RangeSource for RangeSelector<'_> {
    fn len(&self) -> usize {
        self.tiles.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.tiles.labels(index)
    }

    fn next(&mut self, out: &mut RangeSeries) -> Result<(), QueryError> {
        let mut data = self.tiles.next()?;
        self.context.worked(data.floats.values.len())?;
        statistics::drop_stale(&mut data);
        if self.statistics_only {
            statistics::reduce(&mut data.histograms);
        }
        *out = RangeSeries { floats: data.floats, histograms: data.histograms, drop_name: false };
        Ok(())
    }

    fn metric_name(&self) -> Option<&str> {
        self.tiles.metric_name()
    }

    fn one_name(&self) -> bool {
        self.tiles.one_name()
    }

    fn selection(&self) -> Option<&Arc<Selection>> {
        Some(self.tiles.selection())
    }

    fn aggregated(&self) -> bool {
        self.tiles.buckets().aggregated
    }
}

/// The samples of a range selector at a single time, as a matrix.
pub(crate) fn matrix(
    mut source: RangeSelector<'_>,
    spec: &WindowSpec,
    mode: Option<RangeMode>,
    tally: &Tally,
) -> Result<Vec<MatrixSeries>, QueryError> {
    let mut held = source.context.budget.hold(0)?;
    let mut out = Vec::new();
    let mut series = RangeSeries::default();
    let end = spec.range_end(0);
    for index in 0..source.len() {
        source.next(&mut series)?;
        let FloatColumn { timestamps, values, .. } = &series.floats;
        let floats = spec.extents(timestamps).first().map_or(0..0, |extent| extent.range());
        let times = &series.histograms.timestamps;
        let histograms = spec.extents(times).first().map_or(0..0, |extent| extent.range());
        if let Some(mode) = mode
            && !histograms.is_empty()
        {
            let mode = if mode == RangeMode::Anchored { "anchored" } else { "smoothed" };
            return Err(QueryError::execution(format!("{mode} modifier is not supported with histograms")));
        }
        let floats = match mode {
            None => floats.map(|i| (timestamps[i], values[i])).collect(),
            Some(mode) => {
                let smoothed = mode == RangeMode::Smoothed;
                with_ends(&timestamps[floats.clone()], &values[floats], end - spec.range_ms, end, smoothed)
            }
        };
        let histograms: Vec<_> = histograms.map(|i| (times[i], series.histograms.values[i].clone())).collect();
        let weight = histograms.iter().map(|(_, h)| crate::eval::column::histogram_samples(h)).sum::<usize>();
        let samples = floats.len() + weight;
        if samples > 0 {
            tally.see(0, samples, samples);
            held.more(samples)?;
            out.push(MatrixSeries { labels: source.labels(index), floats, histograms });
        }
    }
    Ok(out)
}
