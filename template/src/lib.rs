//! Go text/template and html/template as Prometheus and Alertmanager use them.

mod error;
mod exec;
mod format;
mod function;
mod functions;
mod html;
mod json;
mod limits;
mod methods;
pub mod notification;
mod numeral;
mod parse;
mod quote;
mod regex;
mod rule;
mod set;
mod time;
mod unicode;
mod value;

pub use error::{Error, Stage};
pub use exec::MissingKey;
pub use function::{Call, Context, Functions, Host, Sample};
pub use functions::{alertmanager, builtins, console, prometheus};
pub use limits::Limits;
pub use regex::{Regex, Span, compile};
pub use rule::{RULE_PRELUDE, RuleData};
pub use set::Set;
pub use time::{Duration, Location, Time};
pub use value::{Content, Field, List, Map, Object, Signature, Type, Under, Value};
