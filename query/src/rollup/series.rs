//! Folds that pass over a series once instead of once a window.

use std::collections::VecDeque;

use crate::error::QueryError;
use crate::eval::Column;
use crate::quantile::{Sorted, quantile_of};
use crate::rollup::Call;
use crate::rollup::window::Extent;

/// The floats of a series without histograms, and what each step sees of them. Neither end of a window ever falls.
#[derive(Clone, Copy)]
pub(crate) struct FloatWindows<'a> {
    pub(crate) extents: &'a [Extent],
    pub(crate) v: &'a [f64],
}

impl<'a> FloatWindows<'a> {
    /// The steps that see something.
    fn occupied(&self) -> impl Iterator<Item = (usize, Extent)> + use<'a> {
        self.extents.iter().copied().enumerate().filter(|(_, extent)| !extent.is_empty())
    }
}

/// `max_over_time` and `min_over_time`: `better(new, best)` says whether a value takes the place of the best so far.
/// NaN only when there is nothing else; of equal values the first.
pub(crate) fn extremes(w: &FloatWindows<'_>, better: impl Fn(f64, f64) -> bool, out: &mut Column) {
    let (mut candidates, mut seen): (VecDeque<u32>, u32) = (VecDeque::new(), 0);
    for (step, extent) in w.occupied() {
        for i in seen.max(extent.from)..extent.to {
            let value = w.v[i as usize];
            if !value.is_nan() {
                while candidates.back().is_some_and(|back| better(value, w.v[*back as usize])) {
                    candidates.pop_back();
                }
                candidates.push_back(i);
            }
        }
        seen = extent.to;
        while candidates.front().is_some_and(|front| *front < extent.from) {
            candidates.pop_front();
        }
        let best = candidates.front().copied().unwrap_or(extent.to - 1);
        out.set(step, w.v[best as usize]);
    }
}

/// The values of a window, sorted, that moves on.
#[derive(Default)]
struct Moving {
    sorted: Sorted,
    held: std::ops::Range<usize>,
}

impl Moving {
    /// Holds the values in `range` from now on.
    fn advance(&mut self, v: &[f64], range: std::ops::Range<usize>) {
        let kept = range.start..self.held.end.max(range.start);
        let moved = (kept.start - self.held.start) + (range.end - kept.end);
        if kept.is_empty() || moved > range.len() / 4 {
            self.sorted.fill(&v[range.clone()]);
        } else {
            v[self.held.start..kept.start].iter().for_each(|v| self.sorted.remove(*v));
            v[kept.end..range.end].iter().for_each(|v| self.sorted.insert(*v));
        }
        self.held = range;
    }

    fn quantile(&self, q: f64) -> f64 {
        quantile_of(q, self.sorted.len(), |rank| self.sorted.get(rank))
    }
}

/// `quantile_over_time`: the values of the window are kept sorted.
pub(crate) fn quantiles(w: &FloatWindows<'_>, call: &Call<'_>, out: &mut Column) {
    let mut window = Moving::default();
    for (step, extent) in w.occupied() {
        let q = call.params[0][step];
        if !(0.0..=1.0).contains(&q) {
            call.notes.invalid_quantile(q, call.span);
        }
        window.advance(w.v, extent.range());
        out.set(step, window.quantile(q));
    }
}

/// Windows smoothed side by side: each is a chain in which every operation waits for the one before.
const SIDE_BY_SIDE: usize = 8;

/// `double_exponential_smoothing`.
pub(crate) fn smooth(w: &FloatWindows<'_>, call: &Call<'_>, out: &mut Column) -> Result<(), QueryError> {
    let mut steps: Vec<(usize, Extent)> = Vec::with_capacity(w.extents.len());
    for (step, extent) in w.occupied() {
        check_factors(call.params[0][step], call.params[1][step])?;
        steps.extend((extent.len() >= 2).then_some((step, extent)));
    }
    let chain = |(step, extent): &(usize, Extent)| Chain::new(w, *extent, call.params[0][*step], call.params[1][*step]);
    let mut groups = steps.chunks_exact(SIDE_BY_SIDE);
    for group in &mut groups {
        let mut chains: [Chain<'_>; SIDE_BY_SIDE] = std::array::from_fn(|i| chain(&group[i]));
        let common = chains.iter().map(|chain| chain.rest.len()).min().unwrap_or(0);
        together(&mut chains, common);
        for ((step, _), chain) in group.iter().zip(chains) {
            out.set(*step, chain.finish());
        }
    }
    for one in groups.remainder() {
        out.set(one.0, chain(one).finish());
    }
    Ok(())
}

/// Errs when a factor is not between 0 and 1.
pub(crate) fn check_factors(smoothing: f64, trend: f64) -> Result<(), QueryError> {
    for (what, short, factor) in [("smoothing", "sf", smoothing), ("trend", "tf", trend)] {
        if factor <= 0.0 || factor >= 1.0 {
            let text = format!("invalid {what} factor. Expected: 0 < {short} < 1, got: {factor:.6}");
            return Err(QueryError::execution(text));
        }
    }
    Ok(())
}

/// Double exponential smoothing on the way through one window of at least two values.
#[derive(Clone, Copy)]
pub(crate) struct Chain<'a> {
    smoothing: f64,
    trend: f64,
    before: f64,
    now: f64,
    slope: f64,
    /// Values to come.
    rest: &'a [f64],
}

impl<'a> Chain<'a> {
    fn new(w: &FloatWindows<'a>, extent: Extent, smoothing: f64, trend: f64) -> Chain<'a> {
        Chain::over(&w.v[extent.range()], smoothing, trend)
    }

    /// Through at least two values.
    pub(crate) fn over(v: &'a [f64], smoothing: f64, trend: f64) -> Chain<'a> {
        let (before, slope) = (v[0], v[1] - v[0]);
        let x = smoothing * v[1];
        let y = (1.0 - smoothing) * (before + slope);
        Chain { smoothing, trend, before, now: x + y, slope, rest: &v[2..] }
    }

    #[inline]
    fn step(&mut self, value: f64) {
        let x = self.smoothing * value;
        self.slope = self.trend * (self.now - self.before) + (1.0 - self.trend) * self.slope;
        let y = (1.0 - self.smoothing) * (self.now + self.slope);
        (self.before, self.now) = (self.now, x + y);
    }

    /// The end of the window.
    pub(crate) fn finish(mut self) -> f64 {
        let rest = self.rest;
        rest.iter().for_each(|value| self.step(*value));
        self.now
    }
}

/// Takes all chains `count` values further.
fn together(chains: &mut [Chain<'_>; SIDE_BY_SIDE], count: usize) {
    let own = *chains;
    let values: [&[f64]; SIDE_BY_SIDE] = std::array::from_fn(|i| &own[i].rest[..count]);
    let of = |field: fn(&Chain<'_>) -> f64| -> [f64; SIDE_BY_SIDE] { std::array::from_fn(|i| field(&own[i])) };
    let (smoothing, trend) = (of(|c| c.smoothing), of(|c| c.trend));
    let (mut before, mut now, mut slope) = (of(|c| c.before), of(|c| c.now), of(|c| c.slope));
    for at in 0..count {
        for i in 0..SIDE_BY_SIDE {
            let x = smoothing[i] * values[i][at];
            slope[i] = trend[i] * (now[i] - before[i]) + (1.0 - trend[i]) * slope[i];
            let y = (1.0 - smoothing[i]) * (now[i] + slope[i]);
            before[i] = now[i];
            now[i] = x + y;
        }
    }
    for (i, chain) in chains.iter_mut().enumerate() {
        (chain.before, chain.now, chain.slope) = (before[i], now[i], slope[i]);
        chain.rest = &chain.rest[count..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::over_time;
    use proptest::prelude::*;

    fn windows() -> impl Strategy<Value = (Vec<f64>, Vec<Extent>)> {
        let value = prop_oneof![6 => (-4..4i32).prop_map(f64::from), 1 => Just(f64::NAN), 1 => Just(-0.0)];
        let ends = prop::collection::vec((0..4u32, 0..9u32), 1..40);
        (prop::collection::vec(value, 1..60), ends).prop_map(|(v, moves)| {
            let (mut from, mut to) = (0u32, 0u32);
            let n = v.len() as u32;
            let extents = moves.into_iter().map(|(a, b)| {
                from = (from + a).min(n);
                to = (to + b).clamp(from, n);
                Extent { from, to }
            });
            let extents = extents.collect();
            (v, extents)
        })
    }

    fn same(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
            (a, b) => a.is_none() && b.is_none(),
        }
    }

    proptest! {
        #[test]
        fn every_window_is_as_if_it_were_alone((v, extents) in windows(), q in 0..=4u32) {
            let w = FloatWindows { extents: &extents, v: &v };
            let steps = extents.len();
            let (mut least, mut most) = (Column::new(steps), Column::new(steps));
            extremes(&w, |new, best| new < best, &mut least);
            extremes(&w, |new, best| new > best, &mut most);
            let mut window = Moving::default();
            for (step, extent) in extents.iter().enumerate() {
                let own = &v[extent.range()];
                let alone = |f: fn(&[i64], &[f64]) -> f64| (!own.is_empty()).then(|| f(&[], own));
                prop_assert!(same(least.float(step), alone(over_time::min)), "{least:?}");
                prop_assert!(same(most.float(step), alone(over_time::max)), "{most:?}");
                if own.is_empty() || own.iter().any(|v| *v == 0.0) {
                    // Of the two zeros any may come first.
                    continue;
                }
                window.advance(&v, extent.range());
                let q = f64::from(q) / 4.0;
                prop_assert!(same(Some(window.quantile(q)), Some(crate::quantile::quantile(q, &mut own.to_vec()))));
            }
        }

        #[test]
        fn side_by_side_is_one_by_one(v in prop::collection::vec(-1e3..1e3f64, 10..40)) {
            let mut chains: [Chain<'_>; SIDE_BY_SIDE] =
                std::array::from_fn(|i| Chain::over(&v[i.min(v.len() - 2)..], 0.3, 0.1 * (i + 1) as f64));
            let alone: Vec<u64> = chains.iter().map(|chain| chain.finish().to_bits()).collect();
            let common = chains.iter().map(|chain| chain.rest.len()).min().unwrap();
            together(&mut chains, common);
            prop_assert_eq!(chains.map(|chain| chain.finish().to_bits()).to_vec(), alone);
        }
    }
}
