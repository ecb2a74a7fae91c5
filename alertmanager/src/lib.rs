//! Alerts to pages: route, group, inhibit, silence, notify.

pub mod alert;
pub mod config;
pub mod fingerprint;
pub mod inhibit;
pub mod log;
pub mod machine;
pub mod matcher;
pub mod notify;
pub mod outbound;
pub mod record;
pub mod route;
pub mod router;
pub mod silence;
pub mod time_interval;
