//! Alerts to pages: route, group, inhibit, silence, notify.

pub mod config;
pub mod fingerprint;
pub mod matcher;
pub mod time_interval;
