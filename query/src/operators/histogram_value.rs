//! Functions from native histogram to float: `histogram_count` and its like.

use nightjar_model::FloatHistogram;

use crate::error::QueryError;
use crate::eval::{Column, Context, Vector};
use crate::histogram;
use crate::operators::map::{Name, map};

/// The function of that name.
pub(crate) fn function(func: &str) -> Option<fn(&FloatHistogram) -> f64> {
    Some(match func {
        "histogram_count" => |h| h.count,
        "histogram_sum" => |h| h.sum,
        "histogram_avg" => histogram::average,
        "histogram_stdvar" => histogram::stdvar,
        "histogram_stddev" => histogram::stddev,
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
    map(context, inner, Name::DropAlone, Box::new(change))
}
