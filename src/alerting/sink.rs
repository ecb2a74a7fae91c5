//! Alerts of rules, handed over without HTTP.

use std::sync::atomic::Ordering;

use nightjar_alertmanager::alert::PostedAlert;
use nightjar_model::Labels;
use nightjar_ruler::AlertBatch;

use super::metrics;
use super::service::Alerting;
use crate::exposition::Exposition;
use crate::rules::alerts::AlertSink;

impl AlertSink for Alerting {
    fn send(&self, batch: AlertBatch) {
        let posted = batch.alerts.iter().map(|alert| PostedAlert {
            labels: alert.labels.clone(),
            annotations: Labels::from_pairs(alert.annotations.iter()),
            starts_at: Some(alert.starts_at),
            ends_at: Some(alert.ends_at),
            generator_url: batch.generator_url.to_string(),
        });
        let (alerts, complaints) = self.admit(posted.collect());
        for complaint in complaints {
            tracing::error!(error = complaint, "an alert of a rule is not valid");
        }
        let count = alerts.len() as u64;
        if count > 0 && !self.take(alerts) {
            // Rules say again what they said, so this delays and loses nothing.
            self.counters().dropped.fetch_add(count, Ordering::Relaxed);
        }
    }

    fn stop(&self) {
        Alerting::stop(self);
    }

    fn expose(&self, out: &mut Exposition) {
        metrics::expose(self, out);
    }
}
