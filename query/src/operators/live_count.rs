//! `count` and `group` of an instant selector: which series live is known without their values.

use nightjar_model::TimestampMs;
use nightjar_model::storage::LiveCount;

use crate::error::QueryError;
use crate::eval::tally::Tally;
use crate::eval::{Column, Context, Packed, Vector};
use crate::operators::aggregate::Grouping;
use crate::operators::buffered::Buffered;
use crate::plan::Selector;

/// Beyond so many steps it is cheaper to read samples once.
const STEPS: usize = 8;

/// How many series of each group live at the steps, or whether any does; `None` when storage cannot tell.
pub(crate) fn live_count<'q>(
    context: &'q Context<'q>,
    selector: &Selector,
    grouping: &Grouping<'_>,
    times: &[TimestampMs],
    counts: bool,
    tally: &Tally,
) -> Result<Option<Vector<'q>>, QueryError> {
    let ascending = times.is_sorted();
    if context.downsampling.is_asked_for() || times.len() > STEPS || selector.mode.is_some() || !ascending {
        return Ok(None);
    }
    let keeps = |name: &str| grouping.keeps(name);
    let question = LiveCount {
        matchers: &selector.matchers,
        times,
        lookback_ms: context.settings.lookback_ms,
        keeps: if grouping.is_total() { None } else { Some(&keeps) },
    };
    let Some(groups) = context.querier()?.count_live(&question) else { return Ok(None) };
    let mut series = Vec::with_capacity(groups.len());
    for group in groups {
        let mut column = Column::new(times.len());
        for (step, count) in group.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            tally.see(step, *count as usize, *count as usize);
            column.set(step, if counts { *count as f64 } else { 1.0 });
        }
        series.push((group.labels, Packed::from(column)));
    }
    Ok(Some(Box::new(Buffered::new(context, series)?)))
}
