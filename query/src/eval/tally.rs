//! Counting the samples a query looks at.

use std::cell::{Cell, RefCell};

use crate::eval::bits::Bits;

/// Samples seen by the expressions that are evaluated at one grid.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    total: Cell<u64>,
    read: Cell<u64>,
    per_step: Option<RefCell<Vec<u64>>>,
}

impl Tally {
    /// Counts; for each of `steps` steps too when `per_step`.
    pub(crate) fn new(steps: usize, per_step: bool) -> Tally {
        Tally { per_step: per_step.then(|| RefCell::new(vec![0; steps])), ..Tally::default() }
    }

    /// Step `step` sees `samples` samples, of which `new` were read for it.
    #[inline]
    pub(crate) fn see(&self, step: usize, samples: usize, new: usize) {
        self.total.set(self.total.get() + samples as u64);
        self.read.set(self.read.get() + new as u64);
        if let Some(counts) = &self.per_step {
            counts.borrow_mut()[step] += samples as u64;
        }
    }

    /// Every step of `steps` sees one sample, read for it.
    pub(crate) fn see_each(&self, steps: &Bits) {
        let samples = steps.count() as u64;
        self.total.set(self.total.get() + samples);
        self.read.set(self.read.get() + samples);
        if let Some(counts) = &self.per_step {
            let mut counts = counts.borrow_mut();
            steps.ones().for_each(|step| counts[step] += 1);
        }
    }

    /// The steps see `samples` samples together, `each` says how many each, of which `read` were read for them.
    pub(crate) fn see_windows<I: Iterator<Item = u64>>(&self, samples: u64, read: u64, each: impl Fn() -> I) {
        self.total.set(self.total.get() + samples);
        self.read.set(self.read.get() + read);
        if let Some(counts) = &self.per_step {
            counts.borrow_mut().iter_mut().zip(each()).for_each(|(count, samples)| *count += samples);
        }
    }

    /// Whether each step is counted too.
    pub(crate) fn is_per_step(&self) -> bool {
        self.per_step.is_some()
    }

    /// What was seen at the same steps elsewhere.
    pub(crate) fn add(&self, other: &Tally) {
        self.total.set(self.total.get() + other.total.get());
        self.add_read(other);
        if let (Some(counts), Some(more)) = (&self.per_step, &other.per_step) {
            counts.borrow_mut().iter_mut().zip(&*more.borrow()).for_each(|(count, more)| *count += more);
        }
    }

    /// Every one of `steps` steps sees what `inner` saw, which was read once.
    pub(crate) fn repeat(&self, inner: &Tally, steps: usize) {
        self.total.set(self.total.get() + inner.total.get() * steps as u64);
        self.add_read(inner);
        if let Some(counts) = &self.per_step {
            counts.borrow_mut().iter_mut().for_each(|count| *count += inner.total.get());
        }
    }

    /// What was read for `inner` was read for this too.
    pub(crate) fn add_read(&self, inner: &Tally) {
        self.read.set(self.read.get() + inner.read.get());
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.get()
    }

    pub(crate) fn read(&self) -> u64 {
        self.read.get()
    }

    /// Counts per step, if they were kept.
    pub(crate) fn per_step(&self) -> Option<Vec<u64>> {
        self.per_step.as_ref().map(|counts| counts.borrow().clone())
    }
}
