//! PromQL text to values: parse, check, plan, evaluate. Pure and synchronous; time and storage are arguments.

pub mod ast;
pub mod engine;
pub mod functions;
pub mod parser;
pub mod printer;
pub mod value;

pub use engine::{Answer, Engine, EngineOptions, Evaluate, Features, Interrupt, QueryError, QueryOptions, Steps, Stop};
pub use parser::{ParseError, ParserOptions, parse, parse_selector};
pub use value::{MatrixSeries, SampleValue, Value, VectorSample};
