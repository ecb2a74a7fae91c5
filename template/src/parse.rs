//! Template text to syntax trees, with Go's tokens, grammar and messages.

mod lexer;
mod number;
mod parser;
mod show;
mod tree;

pub(crate) use number::Number;
pub(crate) use parser::parse;
pub(crate) use tree::{Action, Branch, Call, Command, Expr, ExprKind, Node, Pipe, Text, Tree};

/// How deep control structures and parentheses may nest. Go allows 10,000 parentheses; people write five.
pub(crate) const MOST_NESTING: usize = 100;

/// How many bytes one template text may have.
pub(crate) const MOST_TEXT_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests;
