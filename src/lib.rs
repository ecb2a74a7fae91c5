//! Nightjar as a library: everything the binary does, so that tests can start it inside themselves.
//!
//! [`commands::main`] reads the command line. [`serve`] wires storage, PromQL and the HTTP API together; [`client`] is
//! the other end of the wire.

#![forbid(unsafe_code)]

pub mod alert_tools;
pub mod alerting;
pub mod alertmanager;
pub mod app;
pub mod client;
pub mod commands;
pub mod config;
pub mod downsampling;
pub mod execution;
pub mod exposition;
pub mod features;
pub mod files;
pub mod flags;
pub mod history;
pub mod http;
pub mod ingest;
pub mod log;
pub mod memory;
pub mod metrics;
pub mod parts;
pub mod queries;
pub mod relabel;
pub mod retention;
pub mod rule_tools;
pub mod rules;
pub mod safe_text;
pub mod serve;
pub mod server;
pub mod signals;
pub mod slo;
pub mod store;
pub mod tsdb_command;
pub mod units;
