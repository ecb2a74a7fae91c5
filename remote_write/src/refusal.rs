//! What was refused while decoding, before storage saw it.

use nightjar_model::Labels;
use nightjar_model::storage::{RejectReason, Rejection};

/// How many refusals are described.
const DESCRIBED: usize = 10;

/// Refused items: all counted, the first ones described.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refusals {
    /// Number of refused items.
    pub count: u64,
    /// The first refusals, at most 10. `entry` is the index of the series in the request.
    pub first: Vec<Rejection>,
}

impl Refusals {
    pub(crate) fn add(&mut self, entry: usize, reason: RejectReason, detail: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < DESCRIBED {
            self.first.push(Rejection { entry, reason, detail: detail() });
        }
    }
}

/// A series for people: its label set, or what is wrong with it.
pub(crate) fn describe(spelling: &[u8]) -> String {
    match Labels::from_spelling(spelling) {
        Ok(labels) => labels.to_string(),
        Err(problem) => format!("({problem})"),
    }
}
