//! What all groups of a server share.

use nightjar_model::Labels;

/// What all groups of a server share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Labels of this server, for templates.
    pub external_labels: Labels,
    /// The address people reach the server at, without a slash at the end; for links and templates.
    pub external_url: String,
    /// Distance of evaluations of groups that name none. > 0.
    pub interval_ms: i64,
    /// How far in the past expressions of groups that name none are evaluated.
    pub query_offset_ms: i64,
    /// A firing alert is sent again after this time.
    pub resend_delay_ms: i64,
    /// How long an alert that was about to fire at shutdown waits at least.
    pub for_grace_period_ms: i64,
    /// How long the server may have been down for the state of alerts to be taken up again.
    pub for_outage_tolerance_ms: i64,
}

impl Default for Settings {
    /// What holds without flags and configuration.
    fn default() -> Settings {
        Settings {
            external_labels: Labels::empty(),
            external_url: String::new(),
            interval_ms: 60_000,
            query_offset_ms: 0,
            resend_delay_ms: 60_000,
            for_grace_period_ms: 600_000,
            for_outage_tolerance_ms: 3_600_000,
        }
    }
}
