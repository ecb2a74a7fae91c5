//! PromQL text to values: parse, check, plan, evaluate. Pure and synchronous; time and storage are arguments.

pub mod ast;
pub mod engine;
pub mod histogram;
pub mod parser;
pub mod value;

pub use engine::{Answer, Engine, EngineOptions, Evaluate, Features, Interrupt, QueryError, QueryOptions, Steps, Stop};
pub use parser::{ParseError, ParserOptions, parse};
pub use value::{MatrixSeries, SampleValue, Value, VectorSample};
