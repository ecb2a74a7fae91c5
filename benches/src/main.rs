//! Nightjar measured beside its peers: the same recorded load, the same machine, one after the other.
//!
//! `cargo run --release -p nightjar-benches -- all --quick`
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool that watches servers from outside"
)]

mod bench;
mod capture;
mod cost;
mod decode;
mod fleet;
mod http;
mod listener;
mod load;
mod options;
mod questions;
mod report;
mod server;
mod synthetic;

use std::process::ExitCode;

use options::{Options, USAGE};

/// What may go wrong, for people.
pub(crate) type Outcome<T> = Result<T, String>;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match questions::answer(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
