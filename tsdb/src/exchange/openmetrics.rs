//! OpenMetrics 1.0 text with a time on every sample, as `promtool tsdb create-blocks-from openmetrics` takes it.

mod line;
mod lines;
mod print;

pub use line::{Item, LineError, parse_line};
pub use lines::{Lines, TextError};
pub use print::put_series;
