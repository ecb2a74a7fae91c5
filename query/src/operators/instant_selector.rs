//! Instant selectors: the newest sample not older than the lookback.

use std::rc::Rc;
use std::sync::Arc;

use nightjar_model::storage::SeriesData;
use nightjar_model::{FloatHistogram, Labels, TimestampMs, is_stale};

use crate::ast::{RangeMode, Span};
use crate::error::QueryError;
use crate::eval::selection::Selection;
use crate::eval::tally::Tally;
use crate::eval::{Column, Context, Grid, Operator};
use crate::histogram::interpolate;
use crate::operators::statistics;
use crate::operators::tiles::Tiles;
use crate::plan::Selector;
use crate::rollup::extended::smoothed_at;

/// What is made of the samples found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// Their values.
    Value,
    /// When they were taken, in seconds (`timestamp`).
    Time,
    /// When they were taken, in milliseconds; floats only.
    FloatTimeMs,
    /// When counting began, in seconds (`start_timestamp`).
    Start,
}

/// No sample.
const NONE: u32 = u32::MAX;

/// Timelines whose lookups are remembered.
const KNOWN: usize = 32;

/// A timeline and, for each step, the index of the sample found in it.
type Lookup = (Arc<[TimestampMs]>, Arc<[u32]>);

/// `metric{...} offset d @ t`.
pub(crate) struct InstantSelector<'q> {
    context: &'q Context<'q>,
    tally: Rc<Tally>,
    tiles: Tiles<'q>,
    selector: Selector,
    span: Span,
    grid: Grid,
    take: Take,
    next: usize,
    known: Vec<Lookup>,
    replace: usize,
}

impl<'q> InstantSelector<'q> {
    /// The selector over selected series.
    pub(crate) fn new(
        context: &'q Context<'q>,
        tally: Rc<Tally>,
        tiles: Tiles<'q>,
        selector: &Selector,
        span: Span,
        grid: Grid,
        take: Take,
    ) -> InstantSelector<'q> {
        let selector = selector.clone();
        InstantSelector { context, tally, tiles, selector, span, grid, take, next: 0, known: Vec::new(), replace: 0 }
    }

    /// What was selected.
    pub(crate) fn selection(&self) -> &Arc<Selection> {
        self.tiles.selection()
    }

    /// For each step the index of the newest sample within the lookback.
    fn lookups(&mut self, times: &Arc<[TimestampMs]>) -> Arc<[u32]> {
        if let Some((_, found)) = self.known.iter().find(|(known, _)| Arc::ptr_eq(known, times)) {
            return Arc::clone(found);
        }
        let found: Arc<[u32]> = self.find(times).into();
        let entry = (Arc::clone(times), Arc::clone(&found));
        if self.known.len() < KNOWN {
            self.known.push(entry);
        } else {
            self.known[self.replace] = entry;
            self.replace = (self.replace + 1) % KNOWN;
        }
        found
    }

    /// How far a sample at `t` is seen: the last one of a bucket until the next bucket is over.
    fn lookback_ms(&self, t: TimestampMs) -> i64 {
        let inexact = &self.tiles.buckets().inexact;
        let width_ms = inexact.iter().find(|(times, _)| times.contains(t)).map_or(0, |(_, width_ms)| *width_ms);
        self.context.settings.lookback_ms + width_ms
    }

    fn find(&self, times: &[TimestampMs]) -> Vec<u32> {
        let mut after = 0;
        (0..self.grid.len)
            .map(|step| {
                let at = self.selector.reference(self.grid.time(step));
                while after < times.len() && times[after] <= at {
                    after += 1;
                }
                match after.checked_sub(1) {
                    Some(i) if times[i] > at - self.lookback_ms(times[i]) => i as u32,
                    _ => NONE,
                }
            })
            .collect()
    }

    /// The usual case: no histograms.
    fn floats(&mut self, data: &SeriesData, out: &mut Column) {
        let found = self.lookups(&data.floats.timestamps);
        let values = &data.floats.values;
        let Column { values: column, present, .. } = out;
        present.fill_with(found.len(), |step| match values.get(found[step] as usize) {
            Some(value) => {
                column[step] = *value;
                !is_stale(*value)
            }
            None => false,
        });
        if self.take != Take::Value {
            for step in out.present.ones() {
                out.values[step] = self.instead(&data.floats.timestamps, data.floats.starts.as_deref(), found[step]);
            }
        }
    }

    /// What is taken instead of the value of sample `i`.
    fn instead(&self, times: &[TimestampMs], starts: Option<&[TimestampMs]>, i: u32) -> f64 {
        let i = i as usize;
        match self.take {
            Take::FloatTimeMs => times[i] as f64,
            Take::Time | Take::Value => times[i] as f64 / 1000.0,
            Take::Start => starts.map_or(0, |starts| starts[i]) as f64 / 1000.0,
        }
    }

    /// Series with histograms, perhaps among floats.
    fn mixed(&mut self, data: &SeriesData, out: &mut Column) -> Result<(), QueryError> {
        let floats = self.find(&data.floats.timestamps);
        let histograms = self.find(&data.histograms.timestamps);
        let resets = statistics::Resets::new(self.selector.statistics_only, &data.histograms);
        for step in 0..self.grid.len {
            let (f, h) = (floats[step], histograms[step]);
            let float_wins =
                f != NONE && (h == NONE || data.floats.timestamps[f as usize] > data.histograms.timestamps[h as usize]);
            if float_wins {
                let value = data.floats.values[f as usize];
                if !is_stale(value) {
                    let starts = data.floats.starts.as_deref();
                    let plain = self.take == Take::Value;
                    out.set(step, if plain { value } else { self.instead(&data.floats.timestamps, starts, f) });
                }
            } else if h != NONE && !data.histograms.values[h as usize].is_stale() {
                match self.take {
                    Take::Value => out.push_histogram(step, resets.at(h as usize, &data.histograms)),
                    Take::FloatTimeMs => {
                        let labels = self.tiles.labels(self.next - 1);
                        let text = format!("this should be an info metric, with float samples: {labels}");
                        return Err(QueryError::execution(text));
                    }
                    _ => {
                        let starts = data.histograms.starts.as_deref();
                        out.set(step, self.instead(&data.histograms.timestamps, starts, h));
                    }
                }
            }
        }
        Ok(())
    }

    /// `smoothed`: values on the line between neighbours.
    fn smoothed(&self, data: &SeriesData, out: &mut Column) {
        let lookback = self.context.settings.lookback_ms;
        let name = || self.tiles.labels(self.next - 1).metric_name().to_owned();
        for step in 0..self.grid.len {
            let at = self.selector.reference(self.grid.time(step));
            let window = |t: &[TimestampMs]| {
                t.partition_point(|t| *t <= at - lookback)..t.partition_point(|t| *t <= at + lookback)
            };
            let (f, h) = (window(&data.floats.timestamps), window(&data.histograms.timestamps));
            match (f.is_empty(), h.is_empty()) {
                (true, true) => {}
                (false, false) => self.context.notes.mixed_floats_histograms(&name(), self.span),
                (false, true) => {
                    let (t, v) = (&data.floats.timestamps[f.clone()], &data.floats.values[f]);
                    if let Some(value) = smoothed_at(t, v, at) {
                        out.set(step, value);
                    }
                }
                (true, false) => {
                    let (t, v) = (&data.histograms.timestamps[h.clone()], &data.histograms.values[h]);
                    if let Some(histogram) = self.smoothed_histogram(t, v, at, name) {
                        out.push_histogram(step, histogram);
                    }
                }
            }
        }
    }

    fn smoothed_histogram(
        &self,
        t: &[TimestampMs],
        h: &[Arc<FloatHistogram>],
        at: TimestampMs,
        name: impl Fn() -> String,
    ) -> Option<Arc<FloatHistogram>> {
        use nightjar_model::histogram::CounterResetHint;
        let i = t.partition_point(|t| *t < at);
        if t.get(i) == Some(&at) {
            return Some(Arc::clone(&h[i]));
        }
        let before = i.checked_sub(1)?;
        if i == t.len() {
            let carried = FloatHistogram { counter_reset_hint: CounterResetHint::Unknown, ..(*h[before]).clone() };
            return Some(Arc::new(carried));
        }
        let gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
        let counter = !(gauge(&h[before]) && gauge(&h[i]));
        let same_kind = h[before].uses_custom_buckets() == h[i].uses_custom_buckets();
        match interpolate((t[before], &h[before]), (t[i], &h[i]), at, counter) {
            Ok(noted) if same_kind => Some(Arc::new(self.context.notes.keep(noted, name, self.span))),
            _ => {
                self.context.notes.mixed_exponential_custom(&name(), self.span);
                None
            }
        }
    }

    fn count(&self, out: &Column) {
        self.tally.see_each(&out.present);
        for (step, h) in &out.histograms {
            let samples = crate::eval::column::histogram_samples(h);
            self.tally.see(*step as usize, samples, samples);
        }
    }
}

impl Operator for InstantSelector<'_> {
    fn len(&self) -> usize {
        self.tiles.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.tiles.labels(index)
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        out.reset(self.grid.len);
        let mut data = self.tiles.next()?;
        self.next += 1;
        self.context.worked(self.grid.len)?;
        if self.selector.mode == Some(RangeMode::Smoothed) {
            statistics::drop_stale(&mut data);
            self.smoothed(&data, out);
            // Prometheus does not count what it smooths.
            return Ok(());
        }
        if data.histograms.values.is_empty() {
            self.floats(&data, out);
        } else {
            self.mixed(&data, out)?;
        }
        self.count(out);
        Ok(())
    }

    fn one_name(&self) -> bool {
        self.tiles.one_name()
    }
}
