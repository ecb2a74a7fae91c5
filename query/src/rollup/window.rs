//! Which samples each step sees. Depends on timestamps only, so it is computed once per timeline.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use nightjar_model::TimestampMs;
use parking_lot::Mutex;

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
    strides: OnceLock<Vec<Stride>>,
    extrapolations: OnceLock<Extrapolations>,
    pairs: OnceLock<Bits>,
    samples: OnceLock<(u64, u64)>,
}

/// Steps of which each sees a window that lies a sample behind the one before; no window is empty.
#[derive(Debug)]
pub(crate) struct Stride {
    /// The steps.
    pub(crate) steps: Range<usize>,
    /// Index of the first sample of the first window,
    pub(crate) first: usize,
    /// and of its last one.
    pub(crate) last: usize,
}

impl Timeline {
    /// Windows over `times`.
    pub(crate) fn new(spec: &WindowSpec, times: Arc<[TimestampMs]>) -> Timeline {
        let extents = spec.extents(&times);
        let (strides, extrapolations, pairs, samples) = Default::default();
        Timeline { extents, times, strides, extrapolations, pairs, samples }
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

    /// All steps that see samples, in strides.
    pub(crate) fn strides(&self) -> &[Stride] {
        self.strides.get_or_init(|| {
            let mut strides: Vec<Stride> = Vec::new();
            for (step, extent) in self.extents.iter().enumerate().filter(|(_, extent)| !extent.is_empty()) {
                let (first, last) = (extent.from as usize, extent.to as usize - 1);
                match strides.last_mut() {
                    Some(stride)
                        if stride.steps.end == step
                            && (stride.first + stride.steps.len(), stride.last + stride.steps.len())
                                == (first, last) =>
                    {
                        stride.steps.end = step + 1;
                    }
                    _ => strides.push(Stride { steps: step..step + 1, first, last }),
                }
            }
            strides
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

/// Timelines seen lately; series of one scrape target share theirs, and threads share all.
#[derive(Debug, Default)]
pub(crate) struct Timelines {
    /// By the address of their times, which they keep.
    known: Mutex<HashMap<usize, Arc<Timeline>>>,
}

/// Steps of all timelines that are known at once.
const KNOWN_STEPS: usize = 1 << 19;
/// Timelines that are known at once in any case.
const KNOWN_TIMELINES: usize = 32;

impl Timelines {
    /// The windows over `times`.
    pub(crate) fn get(&self, spec: &WindowSpec, times: &Arc<[TimestampMs]>) -> Arc<Timeline> {
        let address = times.as_ptr().addr();
        if let Some(known) = self.known.lock().get(&address) {
            return Arc::clone(known);
        }
        let timeline = Arc::new(Timeline::new(spec, Arc::clone(times)));
        let mut known = self.known.lock();
        if known.len() >= KNOWN_TIMELINES && known.len() * spec.grid.len >= KNOWN_STEPS {
            known.clear();
        }
        known.insert(address, Arc::clone(&timeline));
        timeline
    }
}
