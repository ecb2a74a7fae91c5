//! The labels that describe a metric and go when its values are changed.

use nightjar_model::Labels;
use nightjar_model::labels::METRIC_NAME;

/// Name, type and unit of a metric.
pub(crate) const RESERVED: [&str; 3] = [METRIC_NAME, "__type__", "__unit__"];

/// The labels without name, type and unit.
pub(crate) fn without_reserved(labels: &Labels) -> Labels {
    labels.drop(&RESERVED)
}
