//! Trees back to text, byte for byte as Prometheus prints them: [`Display`](std::fmt::Display) on one line, [`pretty`]
//! on as many as it takes.

mod duration_expr;
mod expr;
mod pretty;

pub use pretty::pretty;
