//! The router from outside, through the binary: what Alertmanager's clients, receivers and its acceptance tests see.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]
#![allow(unreachable_pub, reason = "modules of a test")]

#[path = "../support/mod.rs"]
mod support;

mod acceptance;
mod amtool;
mod api;
mod clients;
mod crash;
mod destinations;
mod differential;
mod insight;
mod listener;
mod metrics;
mod pulse;
mod router;
mod scenario;
mod takeover;
mod tools;
