//! PromQL text to syntax tree: a lexer, operator precedence, then Prometheus' type check.
//!
//! The parser stops at the first mistake; it finds the same first one as Prometheus, with the same words and place.
//! Three limits keep any text harmless. [`MAX_TEXT_BYTES`] bounds the work. [`MAX_NESTING`] bounds recursion: it counts
//! parentheses, calls, right operands, signs. [`MAX_DEPTH`] bounds the height of the tree when left operands are counted
//! too: `a + b + c` is parsed by a loop and may be longer than nesting allows, yet whoever walks, clones or drops the
//! tree by recursion must fit a thread's stack. Longer chains are refused.

mod check;
mod duration_expr;
mod error;
mod expr;
mod grouping;
mod lexer;
mod modifier;
mod number;
mod options;
mod quoting;
mod selector;
mod series;
mod stream;
#[cfg(test)]
mod tests;
mod token;

use nightjar_model::Matcher;

use crate::ast::Expr;
pub use error::ParseError;
pub use options::ParserOptions;
pub use series::{SeriesDescription, SeriesItem, parse_metric, parse_series};
pub use stream::{MAX_DEPTH, MAX_NESTING, MAX_TEXT_BYTES};

/// Parses and type-checks an expression.
pub fn parse(text: &str, options: &ParserOptions) -> Result<Expr, ParseError> {
    let mut expr = stream::Parser::new(text, options)?.whole_expr()?;
    check::check(&expr, text)?;
    check::settle_matching(&mut expr);
    Ok(expr)
}

/// Parses a selector without modifiers, such as `up{job="x"}`, for `match[]` parameters. Not type-checked: it may
/// select everything, which is for the caller to judge.
pub fn parse_selector(text: &str, options: &ParserOptions) -> Result<Vec<Matcher>, ParseError> {
    stream::Parser::new(text, options)?.whole_selector()
}
