//! All destinations of alerts: the Alertmanager inside and those outside.

use std::sync::Arc;

use nightjar_model::Labels;
use nightjar_ruler::AlertBatch;

use super::alerts::AlertSink;
use super::senders::Senders;
use crate::exposition::Exposition;

/// All destinations of alerts.
pub struct Destinations {
    /// The Alertmanager of this process.
    pub embedded: Option<Arc<dyn AlertSink>>,
    /// Those of the configuration.
    pub senders: Senders,
}

impl AlertSink for Destinations {
    fn send(&self, batch: AlertBatch, external_labels: &Labels) {
        if let Some(embedded) = &self.embedded {
            embedded.send(batch.clone(), external_labels);
        }
        self.senders.send(batch, external_labels);
    }

    fn receivers(&self) -> Vec<String> {
        let embedded = self.embedded.iter().flat_map(|sink| sink.receivers());
        embedded.chain(self.senders.receivers()).collect()
    }

    fn discarded(&self) -> Vec<String> {
        self.senders.discarded()
    }

    fn stop(&self) {
        self.senders.stop();
        if let Some(embedded) = &self.embedded {
            embedded.stop();
        }
    }

    fn expose(&self, out: &mut Exposition) {
        self.senders.expose(out);
        if let Some(embedded) = &self.embedded {
            embedded.expose(out);
        }
    }
}
