//! Go text/template and html/template as Prometheus and Alertmanager use them.

mod error;
mod numeral;
mod parse;
mod quote;
mod unicode;

pub use error::{Error, Stage};
