//! Where alerts go.

use nightjar_model::Labels;
use nightjar_ruler::AlertBatch;

/// Takes the alerts of rules: an embedded Alertmanager, or senders to others.
pub trait AlertSink: Send + Sync {
    /// Takes alerts. External labels belong to each that lacks them. Must not block.
    fn send(&self, batch: AlertBatch, external_labels: &Labels);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl AlertSink for Nowhere {
    fn send(&self, _: AlertBatch, _: &Labels) {}
}
