//! Which samples each step sees. Depends on timestamps only, so it is computed once per timeline.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use nightjar_model::TimestampMs;

use crate::eval::Grid;
use crate::eval::bits::Bits;
use crate::eval::grid::reference;
use crate::plan::Selector;
use crate::rollup::reach::{Extrapolation, Extrapolations};

/// How windows lie relative to steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowSpec {
    /// The steps.
    pub(crate) grid: Grid,
    /// A fixed time instead of the step's.
    pub(crate) at: Option<TimestampMs>,
    /// Shift into the past.
    pub(crate) offset_ms: i64,
    /// Width as written.
    pub(crate) range_ms: i64,
    /// Looked at beyond the left end.
    pub(crate) before_ms: i64,
    /// Looked at beyond the right end.
    pub(crate) after_ms: i64,
}

/// Samples `from..to`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl Extent {
    #[inline]
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.from as usize..self.to as usize
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        (self.to - self.from) as usize
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.from == self.to
    }
}

impl WindowSpec {
    /// Windows of a selector evaluated at `grid`.
    pub(crate) fn of(selector: &Selector, range_ms: i64, grid: Grid, lookback_ms: i64) -> WindowSpec {
        let reads = selector.reads(0, 0, range_ms, lookback_ms);
        WindowSpec {
            grid,
            at: selector.at,
            offset_ms: selector.offset_ms,
            range_ms,
            before_ms: 1 - reads.start - range_ms,
            after_ms: reads.end,
        }
    }

    /// Right end of the range of a step.
    #[inline]
    pub(crate) fn range_end(&self, step: usize) -> TimestampMs {
        reference(self.grid.time(step), self.at, self.offset_ms)
    }

    /// Extents of all steps over ascending `times`.
    pub(crate) fn extents(&self, times: &[TimestampMs]) -> Vec<Extent> {
        let (mut from, mut to) = (0, 0);
        let width = self.range_ms + self.before_ms;
        (0..self.grid.len)
            .map(|step| {
                let end = self.range_end(step);
                let (first, last) = (end - width, end + self.after_ms);
                while from < times.len() && times[from] <= first {
                    from += 1;
                }
                to = to.max(from);
                while to < times.len() && times[to] <= last {
                    to += 1;
                }
                Extent { from: from as u32, to: to as u32 }
            })
            .collect()
    }
}

/// The windows of one timeline.
#[derive(Debug)]
pub(crate) struct Timeline {
    times: Arc<[TimestampMs]>,
    /// One a step.
    pub(crate) extents: Vec<Extent>,
    extrapolations: OnceCell<Extrapolations>,
    pairs: OnceCell<Bits>,
    samples: OnceCell<(u64, u64)>,
}

impl Timeline {
    /// Windows over `times`.
    pub(crate) fn new(spec: &WindowSpec, times: Arc<[TimestampMs]>) -> Timeline {
        let extents = spec.extents(&times);
        let (extrapolations, pairs, samples) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Timeline { extents, times, extrapolations, pairs, samples }
    }

    /// How many samples the steps see together, and how many different ones.
    pub(crate) fn samples(&self) -> (u64, u64) {
        *self.samples.get_or_init(|| {
            let (mut samples, mut fresh, mut seen) = (0, 0, 0);
            for extent in &self.extents {
                samples += extent.len() as u64;
                fresh += u64::from(extent.to.saturating_sub(extent.from.max(seen)));
                seen = seen.max(extent.to);
            }
            (samples, fresh)
        })
    }

    /// Steps that see at least two samples.
    pub(crate) fn pairs(&self) -> &Bits {
        self.pairs.get_or_init(|| {
            let mut bits = Bits::default();
            bits.fill_with(self.extents.len(), |step| self.extents[step].len() >= 2);
            bits
        })
    }

    /// What extrapolation needs, for each step.
    pub(crate) fn extrapolations(&self, spec: &WindowSpec) -> &Extrapolations {
        self.extrapolations.get_or_init(|| {
            let one = |(step, extent): (usize, &Extent)| {
                Extrapolation::new(&self.times[extent.range()], spec.range_end(step), spec.range_ms)
            };
            self.extents.iter().enumerate().map(one).collect()
        })
    }
}

/// Timelines seen lately; series of one scrape target share theirs.
#[derive(Debug, Default)]
pub(crate) struct Timelines {
    known: Vec<Rc<Timeline>>,
    next: usize,
}

const KNOWN_TIMELINES: usize = 32;

impl Timelines {
    /// The windows over `times`.
    pub(crate) fn get(&mut self, spec: &WindowSpec, times: &Arc<[TimestampMs]>) -> Rc<Timeline> {
        if let Some(known) = self.known.iter().find(|known| Arc::ptr_eq(&known.times, times)) {
            return Rc::clone(known);
        }
        let timeline = Rc::new(Timeline::new(spec, Arc::clone(times)));
        if self.known.len() < KNOWN_TIMELINES {
            self.known.push(Rc::clone(&timeline));
        } else {
            self.known[self.next] = Rc::clone(&timeline);
            self.next = (self.next + 1) % KNOWN_TIMELINES;
        }
        timeline
    }
}
