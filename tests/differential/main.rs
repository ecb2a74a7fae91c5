//! PromQL here and in a real Prometheus: the same data in both, the same questions, the same answers.
//!
//! The Prometheus is the one installed, or the one `NIGHTJAR_DIFF_PROMETHEUS` names. What an older version answers
//! differently is listed in `testdata/promql/differences.tsv`; from 3.14 on everything must be equal, texts of errors,
//! warnings and infos included.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(unreachable_pub, reason = "modules of a test")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod compare;
mod compliance;
mod data;
mod explained;
mod grammar;
mod judge;
mod otlp;
mod peer;
mod random;
mod realworld;
mod rng;
mod selectors;
mod started;
#[path = "../support/mod.rs"]
mod support;
mod tree;
mod world;

use peer::Setup;

#[test]
fn random_queries() {
    random::random_queries(Setup::Plain);
}

#[test]
fn random_queries_with_names_dropped_late() {
    random::random_queries(Setup::NamesDroppedLate);
}

#[test]
fn random_queries_with_start_times() {
    random::random_queries(Setup::StartTimes);
}

#[test]
fn compliance_queries() {
    compliance::compliance_queries();
}

#[test]
fn realworld_expressions() {
    realworld::realworld_expressions();
}
