//! Functions from native histogram to float: `histogram_count` and its like.

use nightjar_model::FloatHistogram;

use crate::error::QueryError;
use crate::eval::{Column, Context, Vector};
use crate::kahan::Kahan;
use crate::operators::map::{Name, map};

/// The function of that name.
pub(crate) fn function(func: &str) -> Option<fn(&FloatHistogram) -> f64> {
    Some(match func {
        "histogram_count" => |h| h.count,
        "histogram_sum" => |h| h.sum,
        "histogram_avg" => |h| h.sum / h.count,
        "histogram_stdvar" => variance,
        "histogram_stddev" => |h| variance(h).sqrt(),
        _ => return None,
    })
}

/// Histograms through `f`, floats gone.
pub(crate) fn values<'q>(
    context: &'q Context<'q>,
    inner: Vector<'q>,
    f: fn(&FloatHistogram) -> f64,
) -> Result<Vector<'q>, QueryError> {
    let change = move |column: &mut Column| {
        let histograms = std::mem::take(&mut column.histograms);
        column.reset(column.len());
        histograms.iter().for_each(|(step, h)| column.set(*step as usize, f(h)));
        Ok(())
    };
    map(context, inner, Name::Drop, Box::new(change))
}

/// Variance, as if all observations of a bucket lay in its middle.
fn variance(h: &FloatHistogram) -> f64 {
    let mean = h.sum / h.count;
    let mut squares = Kahan::default();
    for bucket in h.buckets().into_iter().filter(|bucket| bucket.count != 0.0) {
        let middle = if h.uses_custom_buckets() {
            (bucket.upper + bucket.lower) / 2.0
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else if bucket.upper < 0.0 {
            -(bucket.upper * bucket.lower).sqrt()
        } else {
            (bucket.upper * bucket.lower).sqrt()
        };
        let delta = middle - mean;
        squares.add(bucket.count * delta * delta);
    }
    squares.value() / h.count
}
