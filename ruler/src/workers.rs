//! Who helps with an evaluation.

/// Threads that help with an evaluation.
pub trait Workers {
    /// Calls `own` here, and on other threads `step` again and again until it answers false. Returns when all calls have
    /// returned. How many threads help, and whether any does, is up to it.
    fn run(&self, step: &(dyn Fn() -> bool + Sync), own: &mut dyn FnMut());
}

/// Nobody helps.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Workers for Alone {
    fn run(&self, _: &(dyn Fn() -> bool + Sync), own: &mut dyn FnMut()) {
        own();
    }
}
