//! Rules in the binary: rule files on disk, the tools around them, and the threads that evaluate.

pub mod alerts;
pub mod arguments;
pub mod check;
pub mod check_config;
pub mod destinations;
pub mod glob;
pub mod keeping;
pub mod load;
pub mod metrics;
mod outbox;
mod post;
pub mod recent;
pub mod senders;
pub mod service;
pub mod test;
mod writer;
pub mod written;

use std::path::Path;

use crate::files;

/// Largest rule file or file of tests.
const MAX_BYTES: u64 = 64 << 20;

/// The text of a rule file; the error is Go's sentence without the path's prefix.
fn read(path: &str) -> Result<String, String> {
    files::read_text(Path::new(path), MAX_BYTES).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => format!("open {path}: no such file or directory"),
        _ => format!("open {path}: {e}"),
    })
}
