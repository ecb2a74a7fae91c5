//! Threads that help groups with their rules: as many as may evaluate and are not evaluating a group.

use std::sync::atomic::{AtomicUsize, Ordering};

use nightjar_platform::beside;
use nightjar_ruler::Workers;

/// Counts who evaluates, and lets others help while those are fewer than there may be.
#[derive(Default)]
pub(super) struct Spare {
    most: AtomicUsize,
    busy: AtomicUsize,
}

/// Somebody evaluates while it is held.
pub(super) struct Busy<'a>(&'a AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Spare {
    /// So many may evaluate at once.
    pub(super) fn limit(&self, most: u32) {
        self.most.store(most as usize, Ordering::Relaxed);
    }

    /// A thread evaluates a group. It does so even when helpers are in its way: those leave after their rule.
    pub(super) fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(&self.busy)
    }

    fn free(&self) -> usize {
        self.most.load(Ordering::Relaxed).saturating_sub(self.busy.load(Ordering::Relaxed))
    }

    /// One more helps, if it may.
    fn help(&self) -> Option<Busy<'_>> {
        let most = self.most.load(Ordering::Relaxed);
        let one_more = |busy: usize| (busy < most).then_some(busy + 1);
        self.busy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Busy(&self.busy))
    }
}

impl Workers for Spare {
    fn run(&self, step: &(dyn Fn() -> bool + Sync), own: &mut dyn FnMut()) {
        let help = || while self.help().is_some_and(|_busy| step()) {};
        beside("rules-help", self.free(), help, own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_are_those_that_are_free() {
        let spare = Spare::default();
        spare.limit(3);
        let (_one, two) = (spare.busy(), spare.busy());
        let third = spare.help();
        assert!(third.is_some() && spare.help().is_none() && spare.free() == 0);
        drop((two, third));
        assert_eq!(spare.free(), 2);
    }

    #[test]
    fn all_that_is_to_do_is_done_once() {
        let (spare, left) = (Spare::default(), AtomicUsize::new(1000));
        spare.limit(4);
        let _busy = spare.busy();
        let done = AtomicUsize::new(0);
        let step = || {
            let more = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            done.fetch_add(usize::from(more), Ordering::Relaxed);
            more
        };
        spare.run(&step, &mut || while step() {});
        assert_eq!((done.into_inner(), spare.free()), (1000, 3));
    }
}
