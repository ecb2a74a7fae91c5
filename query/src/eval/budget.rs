//! How many samples and bytes a query holds, and how many it may.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::error::QueryError;
use crate::memory::{MemoryPool, Reservation};

/// Bytes one held sample takes: a value and a time, or a place among all steps.
const SAMPLE_BYTES: u64 = 16;

/// What one query holds.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    held: Cell<usize>,
    peak: Cell<usize>,
    /// Bytes held besides samples.
    bytes: Cell<u64>,
    peak_bytes: Cell<u64>,
    /// The part of the time asked for that a series lasts, about; 0 when it is not known.
    presence: f64,
    reservation: RefCell<Reservation>,
}

impl Budget {
    /// At most `limit` samples at once, and as many bytes as the reservation may grow to.
    pub(crate) fn new(limit: usize, presence: f64, reservation: Reservation) -> Budget {
        let (held, peak, bytes, peak_bytes) = Default::default();
        Budget { limit, held, peak, bytes, peak_bytes, presence, reservation: RefCell::new(reservation) }
    }

    /// Without limits: for a part of a query, which counts what parts hold.
    pub(crate) fn of_part() -> Budget {
        Budget::new(usize::MAX, 0.0, Arc::new(MemoryPool::unlimited()).reserve())
    }

    /// Errs when a single series could have more samples than may be held.
    pub(crate) fn admit_steps(&self, steps: usize) -> Result<(), QueryError> {
        if steps > self.limit { Err(QueryError::too_many_samples()) } else { Ok(()) }
    }

    /// Errs when so many series over so many steps cannot be held.
    pub(crate) fn expect(&self, series: usize, steps: usize) -> Result<(), QueryError> {
        let samples = (series as f64 * steps as f64 * self.presence) as u64;
        self.reservation.borrow_mut().admit(samples.saturating_mul(SAMPLE_BYTES))
    }

    /// Holds `samples` more, until the result is dropped.
    pub(crate) fn hold(&self, samples: usize) -> Result<Held<'_>, QueryError> {
        let mut held = Held { budget: self, samples: 0, bytes: 0 };
        held.more(samples)?;
        Ok(held)
    }

    /// Whether so many bytes more than now may be held.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let held = self.bytes.get().saturating_add(self.held.get() as u64 * SAMPLE_BYTES);
        self.reservation.borrow().has_room(held.saturating_add(bytes as u64))
    }

    /// Holds `bytes` that are not samples, until the result is dropped.
    pub(crate) fn hold_bytes(&self, bytes: usize) -> Result<Held<'_>, QueryError> {
        let mut held = Held { budget: self, samples: 0, bytes: 0 };
        held.more_bytes(bytes)?;
        Ok(held)
    }

    /// The most samples held at once so far.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.get() as u64
    }

    /// The most bytes held at once so far.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.peak_bytes.get()
    }

    /// The reservation, for whoever holds the answer.
    pub(crate) fn into_reservation(self) -> Reservation {
        self.reservation.into_inner()
    }

    fn settle(&self) -> Result<(), QueryError> {
        let bytes = self.bytes.get().saturating_add(self.held.get() as u64 * SAMPLE_BYTES);
        if bytes <= self.peak_bytes.get() {
            return Ok(());
        }
        self.reservation.borrow_mut().grow_to(bytes)?;
        self.peak_bytes.set(bytes);
        Ok(())
    }
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Held<'q> {
    budget: &'q Budget,
    samples: usize,
    bytes: u64,
}

impl Held<'_> {
    /// Holds `samples` more.
    pub(crate) fn more(&mut self, samples: usize) -> Result<(), QueryError> {
        self.samples += samples;
        let held = self.budget.held.get() + samples;
        self.budget.held.set(held);
        self.budget.peak.set(self.budget.peak.get().max(held));
        if held > self.budget.limit {
            return Err(QueryError::too_many_samples());
        }
        self.budget.settle()
    }

    /// Holds `bytes` more that are not samples.
    pub(crate) fn more_bytes(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.budget.bytes.set(self.budget.bytes.get().saturating_add(bytes as u64));
        self.budget.settle()
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
        self.budget.bytes.set(self.budget.bytes.get().saturating_sub(self.bytes));
    }
}
