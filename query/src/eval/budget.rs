//! How many samples a query holds, and how many it may.

use std::cell::Cell;

use crate::error::QueryError;

/// Samples held by one query.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    held: Cell<usize>,
    peak: Cell<usize>,
}

impl Budget {
    /// At most `limit` samples at once.
    pub(crate) fn new(limit: usize) -> Budget {
        Budget { limit, held: Cell::new(0), peak: Cell::new(0) }
    }

    /// Errs when a single series could have more samples than may be held.
    pub(crate) fn admit_steps(&self, steps: usize) -> Result<(), QueryError> {
        if steps > self.limit { Err(QueryError::too_many_samples()) } else { Ok(()) }
    }

    /// Holds `samples` more, until the result is dropped.
    pub(crate) fn hold(&self, samples: usize) -> Result<Held<'_>, QueryError> {
        let mut held = Held { budget: self, samples: 0 };
        held.more(samples)?;
        Ok(held)
    }

    /// The most samples held at once so far.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.get() as u64
    }
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Held<'q> {
    budget: &'q Budget,
    samples: usize,
}

impl Held<'_> {
    /// Holds `samples` more.
    pub(crate) fn more(&mut self, samples: usize) -> Result<(), QueryError> {
        self.samples += samples;
        let held = self.budget.held.get() + samples;
        self.budget.held.set(held);
        self.budget.peak.set(self.budget.peak.get().max(held));
        if held > self.budget.limit { Err(QueryError::too_many_samples()) } else { Ok(()) }
    }

    /// Holds exactly `samples` from now on.
    pub(crate) fn exactly(&mut self, samples: usize) -> Result<(), QueryError> {
        self.budget.held.set(self.budget.held.get() - self.samples);
        self.samples = 0;
        self.more(samples)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.budget.held.set(self.budget.held.get() - self.samples);
    }
}
