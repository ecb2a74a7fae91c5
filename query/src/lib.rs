//! PromQL text to values: parse, check, plan, evaluate. Pure and synchronous; time and storage are arguments.

pub mod ast;
pub mod engine;
pub mod functions;
pub mod parser;
pub mod printer;
pub mod value;

mod admission;
mod annotations;
mod build;
mod cache;
mod calendar;
mod census;
mod error;
mod eval;
mod gomath;
mod histogram;
mod kahan;
mod memory;
mod operators;
mod options;
mod plan;
mod quantile;
mod rollup;
mod start_time;

pub use cache::{AnswerCache, CacheFigures};
pub use engine::{
    Answer, Engine, EngineOptions, Features, Interrupt, MaxSourceResolution, Phase, QueryError, QueryOptions, Steps,
    Stop, Uninterrupted,
};
pub use memory::{MemoryPool, Reservation};
pub use parser::{ParseError, ParserOptions, parse, parse_selector};
pub use value::{MatrixSeries, SampleValue, Stats, Value, VectorSample};
