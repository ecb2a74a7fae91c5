//! The same data in other people's forms: Prometheus' blocks and OpenMetrics text, read and written.
//!
//! What is read here was written by strangers: every reader is a total function over arbitrary bytes, allocates nothing
//! by a declared size, and says where it met nonsense. `docs/format/prometheus-block.md` has the bytes.

mod export;
mod import;
pub mod openmetrics;
pub mod prometheus;

pub use export::{ExportError, ExportProgress, ExportRequest, Exported, to_blocks, to_text};
pub use import::{ImportError, ImportOptions, ImportProgress, Imported, from_block, from_text};
