//! The API as clients meet it: a whole server on a port of its own, a database on a simulated disk, raw HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]

mod admin;
mod client;
mod errors;
mod lifecycle;
mod queries;
mod quirks;
mod server;
mod slow;
mod write;
