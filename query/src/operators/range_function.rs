//! Functions over range vectors.

use std::rc::Rc;
use std::sync::Arc;

use nightjar_model::Labels;

use crate::ast::{RangeMode, Span};
use crate::error::QueryError;
use crate::eval::reserved::without_reserved;
use crate::eval::tally::Tally;
use crate::eval::{Column, Context, Operator};
use crate::rollup::extrapolate::{self, FloatSeries};
use crate::rollup::series::FloatWindows;
use crate::rollup::window::{Extent, Timeline, Timelines, WindowSpec};
use crate::rollup::{Call, Kernel, RangeSeries, RangeSource, Window, changes, extended, fold, instant_rate};

/// What a range function was called with.
pub(crate) struct RangeCall {
    /// Name of the function.
    pub(crate) func: &'static str,
    /// How it folds.
    pub(crate) kernel: Kernel,
    /// Its scalar arguments at all steps.
    pub(crate) params: Vec<Vec<f64>>,
    /// Place of the first argument.
    pub(crate) span: Span,
    /// `anchored` or `smoothed`.
    pub(crate) mode: Option<RangeMode>,
    /// Whether the samples come from a subquery rather than from storage.
    pub(crate) from_subquery: bool,
}

/// `rate(source)` and its like.
pub(crate) struct RangeFunction<'q> {
    context: &'q Context<'q>,
    tally: Rc<Tally>,
    source: Box<dyn RangeSource + 'q>,
    spec: WindowSpec,
    call: Arc<RangeCall>,
    timelines: Arc<Timelines>,
    next: usize,
}

impl<'q> RangeFunction<'q> {
    /// The function over `source` with windows by `spec`.
    pub(crate) fn new(
        context: &'q Context<'q>,
        tally: Rc<Tally>,
        source: Box<dyn RangeSource + 'q>,
        spec: WindowSpec,
        call: Arc<RangeCall>,
    ) -> RangeFunction<'q> {
        RangeFunction { context, tally, source, spec, call, timelines: Arc::default(), next: 0 }
    }

    /// The same with windows that others have computed, or will use.
    pub(crate) fn sharing(self, timelines: Arc<Timelines>) -> RangeFunction<'q> {
        RangeFunction { timelines, ..self }
    }

    fn keeps_name(&self) -> bool {
        matches!(self.call.func, "last_over_time" | "first_over_time")
    }

    fn uses_starts(&self) -> bool {
        self.context.settings.features.start_timestamps
            && matches!(self.call.func, "rate" | "irate" | "increase" | "resets")
    }

    fn count(&self, timeline: &Timeline, histograms: &[Extent], series: &RangeSeries) {
        let floats = &timeline.extents;
        if series.histograms.values.is_empty() {
            let (samples, fresh) = timeline.samples();
            let each = || floats.iter().map(|extent| extent.len() as u64);
            return self.tally.see_windows(samples, if self.call.from_subquery { 0 } else { fresh }, each);
        }
        let weigh = |extent: &Extent, from: usize| {
            let range = from.max(extent.range().start)..extent.range().end;
            series.histograms.values[range].iter().map(|h| crate::eval::column::histogram_samples(h)).sum::<usize>()
        };
        let (mut seen, mut seen_histograms) = (0, 0);
        for step in 0..floats.len() {
            let (f, h) = (&floats[step], &histograms[step]);
            if f.is_empty() && h.is_empty() {
                continue;
            }
            let fresh = (f.to.saturating_sub(f.from.max(seen))) as usize;
            let (mut samples, mut new) = (f.len(), fresh);
            if !h.is_empty() {
                samples += weigh(h, 0);
                new += weigh(h, seen_histograms);
                seen_histograms = h.to as usize;
            }
            seen = f.to.max(seen);
            self.tally.see(step, samples, if self.call.from_subquery { 0 } else { new });
        }
    }

    /// Folds window by window.
    fn windows(
        &self,
        series: &RangeSeries,
        floats: &[Extent],
        histograms: &[Extent],
        out: &mut Column,
    ) -> Result<(), QueryError> {
        let call = self.kernel_call();
        let starts = self.uses_starts();
        let st = series.floats.starts.as_deref().filter(|_| starts).unwrap_or(&[]);
        let hst = series.histograms.starts.as_deref().filter(|_| starts).unwrap_or(&[]);
        for step in 0..self.spec.grid.len {
            let (f, h) = (floats[step], histograms[step]);
            if f.is_empty() && h.is_empty() {
                continue;
            }
            self.context.worked(f.len() + h.len())?;
            let range_end = self.spec.range_end(step);
            let window = Window {
                step,
                time: self.spec.grid.time(step),
                range_start: range_end - self.spec.range_ms,
                range_end,
                t: &series.floats.timestamps[f.range()],
                v: &series.floats.values[f.range()],
                st: if st.is_empty() { st } else { &st[f.range()] },
                ht: &series.histograms.timestamps[h.range()],
                h: &series.histograms.values[h.range()],
                hst: if hst.is_empty() { hst } else { &hst[h.range()] },
            };
            let sample = match self.call.kernel {
                Kernel::Extrapolated(family) if call.mode.is_some() => extended::window(family, &window, &call)?,
                Kernel::Extrapolated(family) => extrapolate::window(family, &window, &call)?,
                Kernel::Floats(floats, histograms) => fold(floats, histograms, &window, &call)?,
                Kernel::Neighbours(_, kernel) | Kernel::Series(_, kernel) | Kernel::Windows(kernel) => {
                    kernel(&window, &call)?
                }
                Kernel::LastTwo(rate) => instant_rate::window(rate, &window, &call)?,
            };
            if let Some(sample) = sample {
                out.push(step, sample);
            }
        }
        Ok(())
    }

    /// Folds a series without histograms, as fast as possible.
    fn floats(&self, series: &RangeSeries, timeline: &Timeline, out: &mut Column) -> Result<bool, QueryError> {
        let (t, v) = (&*series.floats.timestamps, &*series.floats.values);
        match self.call.kernel {
            Kernel::Extrapolated(family) if self.call.mode.is_none() => {
                let starts = series.floats.starts.as_deref().filter(|_| self.uses_starts());
                let floats = FloatSeries { spec: &self.spec, timeline, t, v, st: starts.unwrap_or(&[]) };
                extrapolate::floats(family, &floats, &self.kernel_call(), out);
            }
            Kernel::Floats(fold, _) => {
                for (step, extent) in timeline.extents.iter().enumerate() {
                    if !extent.is_empty() {
                        self.context.worked(extent.len())?;
                        out.set(step, fold(&t[extent.range()], &v[extent.range()]));
                    }
                }
            }
            Kernel::Neighbours(differ, _) if self.call.mode.is_none() => {
                let starts = series.floats.starts.as_deref().filter(|_| self.uses_starts());
                changes::floats(&timeline.extents, t, v, starts.unwrap_or(&[]), differ, out);
            }
            Kernel::LastTwo(rate) if series.floats.starts.is_none() || !self.uses_starts() => {
                instant_rate::floats(rate, &timeline.extents, t, v, out);
            }
            Kernel::Series(fold, _) => {
                fold(&FloatWindows { extents: &timeline.extents, v }, &self.kernel_call(), out)?;
            }
            Kernel::Extrapolated(_) | Kernel::Neighbours(..) | Kernel::LastTwo(_) | Kernel::Windows(_) => {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn kernel_call(&self) -> Call<'_> {
        Call {
            params: &self.call.params,
            notes: &self.context.notes,
            span: self.call.span,
            range_seconds: self.spec.range_ms as f64 / 1000.0,
            mode: self.call.mode,
            source: &*self.source,
            index: self.next,
        }
    }

    /// Notes that `rate` or `increase` is asked of something that does not look like a counter.
    fn doubt_counter(&self, out: &Column) {
        if !matches!(self.call.func, "rate" | "increase") || !out.present.any() {
            return;
        }
        let notes = &self.context.notes;
        if self.context.settings.features.type_and_unit_labels {
            let labels = self.source.labels(self.next);
            let (name, kind) = (labels.metric_name(), labels.value("__type__"));
            if !name.is_empty() && kind != "counter" && kind != "histogram" {
                notes.possible_non_counter_label(name, kind, self.call.span);
            }
            return;
        }
        let name = match self.source.metric_name() {
            Some(name) => std::borrow::Cow::Borrowed(name),
            None => std::borrow::Cow::Owned(self.source.labels(self.next).metric_name().to_owned()),
        };
        if !name.is_empty() && !["_total", "_sum", "_count", "_bucket"].iter().any(|end| name.ends_with(end)) {
            notes.possible_non_counter(&name, self.call.span);
        }
    }
}

impl Operator for RangeFunction<'_> {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn labels(&self, index: usize) -> Labels {
        let labels = self.source.labels(index);
        if self.context.drops_now() && !self.keeps_name() { without_reserved(&labels) } else { labels }
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        out.reset(self.spec.grid.len);
        let mut series = RangeSeries::default();
        self.source.next(&mut series)?;
        self.context.worked(self.spec.grid.len + series.floats.values.len())?;
        let timeline = self.timelines.get(&self.spec, &series.floats.timestamps);
        let only_floats = series.histograms.values.is_empty();
        if only_floats && self.floats(&series, &timeline, out)? {
            self.count(&timeline, &[], &series);
        } else {
            let histograms = self.spec.extents(&series.histograms.timestamps);
            self.windows(&series, &timeline.extents, &histograms, out)?;
            self.count(&timeline, &histograms, &series);
        }
        self.doubt_counter(out);
        out.drop_name = !self.keeps_name() || series.drop_name;
        self.next += 1;
        Ok(())
    }

    fn one_name(&self) -> bool {
        self.source.one_name()
    }
}
