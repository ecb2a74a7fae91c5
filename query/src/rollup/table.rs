//! Which kernel serves which function.

use nightjar_model::TimestampMs;

use crate::error::QueryError;
use crate::eval::Column;
use crate::rollup::changes::Differ;
use crate::rollup::reach::Family;
use crate::rollup::series::{self, FloatWindows};
use crate::rollup::{Call, Outcome, Window, changes, over_time, regression};

/// How a function folds windows.
#[derive(Clone, Copy)]
pub(crate) enum Kernel {
    /// `rate`, `increase`, `delta`: a series at a time.
    Extrapolated(Family),
    /// A fold of floats; windows with histograms are handled as told.
    Floats(fn(&[TimestampMs], &[f64]) -> f64, Histograms),
    /// A count of neighbours that differ; the second fold serves windows with histograms.
    Neighbours(Differ, fn(&Window<'_>, &Call<'_>) -> Outcome),
    /// `irate` (true), `idelta`: the last two samples.
    LastTwo(bool),
    /// All windows of a series without histograms in one pass; the other fold serves windows with histograms.
    Series(
        fn(&FloatWindows<'_>, &Call<'_>, &mut Column) -> Result<(), QueryError>,
        fn(&Window<'_>, &Call<'_>) -> Outcome,
    ),
    /// A fold of whole windows.
    Windows(fn(&Window<'_>, &Call<'_>) -> Outcome),
}

/// What a fold of floats does with histograms.
#[derive(Clone, Copy)]
pub(crate) enum Histograms {
    /// Ignores them, and says so if there are floats beside.
    Ignored,
    /// Leaves every window with some to this fold.
    Whole(fn(&Window<'_>, &Call<'_>) -> Outcome),
    /// Folds them its own way; a mix is dropped with a warning.
    Folded(fn(&Window<'_>, &Call<'_>) -> Outcome),
}

/// The kernel of a function over a range vector.
pub(crate) fn kernel(func: &str) -> Option<Kernel> {
    use Histograms::{Folded, Ignored, Whole};
    use Kernel::{Extrapolated, Floats, LastTwo, Neighbours, Series, Windows};
    let family = |counter, per_second| Extrapolated(Family { counter, per_second });
    Some(match func {
        "rate" => family(true, true),
        "increase" => family(true, false),
        "delta" => family(false, false),
        "irate" => LastTwo(true),
        "idelta" => LastTwo(false),
        "resets" => Neighbours(Differ::Reset, changes::resets),
        "changes" => Neighbours(Differ::Change, changes::changes),
        "deriv" => Windows(regression::deriv),
        "predict_linear" => Windows(regression::predict_linear),
        "double_exponential_smoothing" => Series(series::smooth, regression::double_exponential_smoothing),
        "avg_over_time" => Floats(over_time::average, Folded(over_time::average_histograms)),
        "sum_over_time" => Floats(over_time::sum, Folded(over_time::sum_histograms)),
        "count_over_time" => Floats(|_, v| v.len() as f64, Whole(over_time::count)),
        "present_over_time" | "absent_over_time" => Floats(|_, _| 1.0, Whole(over_time::present)),
        "first_over_time" => Floats(|_, v| v[0], Whole(over_time::first)),
        "last_over_time" => Floats(|_, v| v[v.len() - 1], Whole(over_time::last)),
        "min_over_time" => Series(
            |w, _, out| {
                series::extremes(w, |new, best| new < best, out);
                Ok(())
            },
            |w, call| fold(over_time::min, Ignored, w, call),
        ),
        "max_over_time" => Series(
            |w, _, out| {
                series::extremes(w, |new, best| new > best, out);
                Ok(())
            },
            |w, call| fold(over_time::max, Ignored, w, call),
        ),
        "stddev_over_time" => Floats(over_time::deviation, Ignored),
        "stdvar_over_time" => Floats(over_time::variance, Ignored),
        "mad_over_time" => Floats(over_time::median_deviation, Ignored),
        "ts_of_max_over_time" => Floats(over_time::time_of_max, Ignored),
        "ts_of_min_over_time" => Floats(over_time::time_of_min, Ignored),
        "ts_of_first_over_time" => Windows(over_time::time_of_first),
        "ts_of_last_over_time" => Windows(over_time::time_of_last),
        "quantile_over_time" => Series(
            |w, call, out| {
                series::quantiles(w, call, out);
                Ok(())
            },
            over_time::quantile_over_time,
        ),
        _ => return None,
    })
}

/// The kernel of a function over what buckets say, and samples in their place.
pub(crate) fn of_buckets(func: &str, kernel: Kernel) -> Kernel {
    match func {
        "count_over_time" => Kernel::Floats(|_, v| v.iter().sum(), Histograms::Whole(over_time::count_buckets)),
        _ => kernel,
    }
}

/// One window for a fold of floats.
pub(crate) fn fold(
    floats: fn(&[TimestampMs], &[f64]) -> f64,
    histograms: Histograms,
    w: &Window<'_>,
    call: &Call<'_>,
) -> Outcome {
    match histograms {
        _ if w.h.is_empty() => {}
        Histograms::Ignored if w.v.is_empty() => return Ok(None),
        Histograms::Ignored => call.histograms_ignored(),
        Histograms::Folded(_) if !w.v.is_empty() => {
            call.mixed();
            return Ok(None);
        }
        Histograms::Whole(fold) | Histograms::Folded(fold) => return fold(w, call),
    }
    if w.v.is_empty() { Ok(None) } else { crate::rollup::float(floats(w.t, w.v)) }
}
