//! How much a query is, asked of storage before it runs.

use nightjar_model::storage::{Querier, Weight};

use crate::admission::{Selected, Survey};
use crate::error::{QueryError, go_on};
use crate::options::Interrupt;

/// What is found out about a query before it runs.
pub(crate) struct Census<'q> {
    querier: &'q dyn Querier,
    interrupt: &'q dyn Interrupt,
    /// How long all series lasted within the times asked for, and how long they would have at most.
    pub(crate) lasted: f64,
    pub(crate) asked: f64,
    /// See [`Interrupt::weighed`].
    pub(crate) effort: u64,
}

impl<'q> Census<'q> {
    /// Nothing is known yet.
    pub(crate) fn new(querier: &'q dyn Querier, interrupt: &'q dyn Interrupt) -> Census<'q> {
        Census { querier, interrupt, lasted: 0.0, asked: 0.0, effort: 0 }
    }
}

impl Survey for Census<'_> {
    fn weigh(&mut self, selection: &Selected<'_>) -> Result<Weight, QueryError> {
        let Selected { selector, times, .. } = *selection;
        if !self.querier.finds_soon(&selector.matchers) {
            self.effort = u64::MAX;
            self.interrupt.weighed(self.effort);
            go_on(self.interrupt)?;
        }
        let weight = self.querier.weigh(&selector.matchers, times)?.unwrap_or_default();
        self.lasted += weight.span_ms as f64;
        self.asked += weight.series as f64 * times.end.saturating_sub(times.start) as f64;
        self.effort = self.effort.saturating_add(selection.effort(&weight));
        Ok(weight)
    }

    fn evaluated(&mut self, steps: usize) {
        self.effort = self.effort.saturating_add(steps as u64);
    }
}
