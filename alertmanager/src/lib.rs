//! Alerts to pages: route, group, inhibit, silence, notify.
