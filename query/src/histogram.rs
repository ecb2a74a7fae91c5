//! What PromQL does with native histograms, as pure functions.
//!
//! Each answers a value and a list of [`Note`]s: facts the evaluator turns into annotations, since only it knows the
//! metric's name and the position in the query.

mod average;
mod binary;
mod changes;
mod classic;
mod extended;
mod fraction;
mod instant;
mod note;
mod quantile;
mod range;
mod start;
mod statistics;
mod stats_only;
#[cfg(test)]
mod tests;
mod trim;
mod window;

pub use average::{Average, Total, avg_over_time, sum_over_time};
pub use binary::{add, divide, multiply, subtract};
pub use changes::{changes, is_reset, resets};
pub use classic::{ClassicError, ClassicHistogram};
pub use extended::{extended_rate, interpolate};
pub use fraction::fraction;
pub use instant::{InstantKind, instant_rate};
pub use note::{Note, Noted, Operation};
pub use quantile::quantile;
pub use range::rate;
pub use start::{is_start_reset, starts_overlap};
pub use statistics::{average, stddev, stdvar};
pub use stats_only::StatsOnly;
pub use trim::{TrimSide, trim};
pub use window::{RangeKind, Window};
