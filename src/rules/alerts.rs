//! Where alerts go.

use nightjar_model::Labels;
use nightjar_ruler::AlertBatch;

use crate::exposition::Exposition;

/// Takes the alerts of rules: an embedded Alertmanager, or senders to others.
pub trait AlertSink: Send + Sync {
    /// Takes alerts. External labels belong to each that lacks them. Must not block.
    fn send(&self, batch: AlertBatch, external_labels: &Labels);

    /// The URLs alerts are posted to.
    fn receivers(&self) -> Vec<String> {
        Vec::new()
    }

    /// The URLs that relabelling took out.
    fn discarded(&self) -> Vec<String> {
        Vec::new()
    }

    /// Ends in good order.
    fn stop(&self) {}

    /// Writes its own metrics.
    fn expose(&self, _: &mut Exposition) {}
}
