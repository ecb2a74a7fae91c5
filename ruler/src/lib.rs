//! Rule groups over time: recording and alerting rules, and their unit tests. Pure: time, storage and the way out are
//! arguments.
//!
//! [`file`] reads rule files. A [`Ruler`] holds the groups of a server; each [`Group`] is a state machine that reads
//! through [`Query`] and writes through [`Sink`]. [`lint`] and [`unit_test`] are what the command line tools run.

pub mod file;
pub mod lint;
pub mod replay;
pub mod unit_test;

mod alert;
mod alerting;
mod group;
mod key;
mod memory;
mod query;
mod reads;
mod rule;
mod ruler;
mod schedule;
mod settings;
mod sink;
#[cfg(test)]
mod stage;
mod state;
mod state_log;
mod templates;
mod texts;
mod yaml;

pub use alert::{Alert, AlertState};
pub use group::{Group, GroupCounters, GroupView, World};
pub use key::GroupKey;
pub use query::{EngineQuery, Expression, NewestSample, Query};
pub use rule::{AlertingView, Health, RuleView};
pub use ruler::Ruler;
pub use settings::Settings;
pub use sink::{AlertBatch, Refusal, RuleSample, SentAlert, Sink};
pub use state::{SavedState, StateChange};
pub use state_log::{RecoveredState, StateLog};
pub use texts::Texts;
