//! Go text/template and html/template as Prometheus and Alertmanager use them.
//!
//! A [`Set`] holds templates and the [`Functions`] they may call. A template is rendered from a [`Value`], in a
//! [`Context`]: the [`Host`] it may ask (time, queries, zones) and what is left of its [`Limits`].
//!
//! ```
//! use nightjar_template::{Context, Host, Limits, MissingKey, RULE_PRELUDE, RuleData, Set, Time, Value, prometheus};
//!
//! struct Clock;
//! impl Host for Clock {
//!     fn now(&self) -> Time {
//!         Time::from_unix_ms(0)
//!     }
//! }
//!
//! let mut rules = Set::new(prometheus()).missing_key(MissingKey::Zero);
//! let text = "{{ $labels.job }} at {{ $value | humanizePercentage }}";
//! rules.parse("summary", &format!("{RULE_PRELUDE}{text}"))?;
//! let alert = Value::object(RuleData {
//!     labels: Value::string_map([("job", "node")]),
//!     external_labels: Value::string_map([("cluster", "eu")]),
//!     external_url: "http://localhost:9090".into(),
//!     value: Value::Float(0.957),
//! });
//! let mut clock = Clock;
//! let summary = rules.render("summary", &alert, &mut Context::new(&mut clock, Limits::RULE))?;
//! assert_eq!(summary, "node at 95.7%");
//! # Ok::<(), nightjar_template::Error>(())
//! ```
//!
//! The modules, from the ground up: `unicode quote numeral time` know Go's spellings; `value` is the data, `format` and
//! `json` print it; `parse` makes trees; `function functions methods` are what trees may call; `exec` runs them; `html`
//! puts escapers into them; `rule` and `notification` are the data of the two products.

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
