//! The labels that describe a metric and go when its values are changed.

use nightjar_model::Labels;
use nightjar_model::labels::METRIC_NAME;

/// Name, type and unit of a metric.
pub(crate) const RESERVED: [&str; 3] = [METRIC_NAME, DESCRIBING[0], DESCRIBING[1]];

/// What a metric may say of itself besides its name: its type and its unit.
pub(crate) const DESCRIBING: [&str; 2] = ["__type__", "__unit__"];

/// The labels without name, type and unit.
pub(crate) fn without_reserved(labels: &Labels) -> Labels {
    labels.drop(&RESERVED)
}

/// Whether a label may have that name: any text but none. What was not UTF-8 in the query is U+FFFD by now.
pub(crate) fn is_valid_label_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(char::REPLACEMENT_CHARACTER)
}
