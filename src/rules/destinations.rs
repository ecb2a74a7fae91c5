//! All destinations of alerts: the Alertmanager inside and those outside.

use std::sync::Arc;

use nightjar_ruler::{AlertBatch, SentAlert};
use parking_lot::RwLock;

use super::alerts::AlertSink;
use super::senders::Senders;
use crate::config::alerting::Alerting;
use crate::exposition::Exposition;
use crate::relabel::{Relabel, relabel};

/// All destinations of alerts.
pub struct Destinations {
    /// The Alertmanager of this process.
    pub embedded: Option<Arc<dyn AlertSink>>,
    /// Those of the configuration.
    pub senders: Senders,
    /// `alert_relabel_configs`: rules for the labels of all alerts, wherever they go.
    pub relabel: RwLock<Vec<Relabel>>,
}

impl Destinations {
    /// Sends as this section says from now on.
    pub fn replace(&self, alerting: &Alerting) {
        self.relabel.write().clone_from(&alerting.alert_relabel);
        self.senders.replace(alerting);
    }

    /// Applies `alert_relabel_configs`. None: the alert goes nowhere.
    fn relabelled(&self, mut alert: SentAlert) -> Option<SentAlert> {
        let rules = self.relabel.read();
        if !rules.is_empty() {
            let mut labels = alert.labels.to_builder();
            if !relabel(&rules, &mut labels) {
                return None;
            }
            alert.labels = labels.build();
        }
        Some(alert)
    }
}

impl AlertSink for Destinations {
    fn send(&self, mut batch: AlertBatch) {
        batch.alerts = batch.alerts.into_iter().filter_map(|alert| self.relabelled(alert)).collect();
        if let Some(embedded) = &self.embedded {
            embedded.send(batch.clone());
        }
        self.senders.send(batch);
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
