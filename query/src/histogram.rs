//! What PromQL does with native histograms, as pure functions.
//!
//! Each answers a value and a list of [`Note`]s: facts the evaluator turns into annotations, since only it knows the
//! metric's name and the position in the query.

mod average;
mod binary;
mod extended;
mod fraction;
mod instant;
mod note;
mod quantile;
mod range;
mod reset;
mod statistics;
mod stats_only;
#[cfg(test)]
mod tests;
mod trim;
mod window;

pub(crate) use average::{Average, Total, avg_over_time, sum_over_time};
pub(crate) use binary::{add, divide, multiply, subtract};
pub(crate) use extended::{extended_rate, interpolate};
pub(crate) use fraction::fraction;
pub(crate) use instant::{InstantKind, instant_rate};
pub(crate) use note::{Note, Noted, Operation};
pub(crate) use quantile::quantile;
pub(crate) use range::rate;
pub(crate) use reset::is_reset;
pub(crate) use statistics::{average, stddev, stdvar};
pub(crate) use stats_only::StatsOnly;
pub(crate) use trim::{TrimSide, trim};
pub(crate) use window::{RangeKind, Window};
