//! Ready-made functions: Go's, and those of the two products.

mod alertmanager;
mod base64;
mod compare;
mod duration;
mod element;
mod go;
mod humanize;
mod network;
mod prometheus;
mod replace;
mod text;
mod title;
mod url;

pub use alertmanager::alertmanager;
pub use go::builtins;
pub use prometheus::{console, prometheus};

pub(crate) use text::html_escape;
pub(crate) use url::query_escape;

use crate::format::{TooLong, sprint};
use crate::function::Context;
use crate::value::Value;

/// The text of an argument whose signature says it is one.
fn text(args: &[Value], at: usize) -> &str {
    args.get(at).and_then(Value::as_str).unwrap_or_default()
}

/// The elements of a list, or none.
fn items(value: &Value) -> Vec<Value> {
    match value.plain() {
        Value::List(list) => list.items().to_vec(),
        _ => Vec::new(),
    }
}

/// A text, if it fits what may still be made.
fn fitting(context: &mut Context<'_>, text: Result<String, TooLong>) -> Result<Value, String> {
    match text {
        Ok(text) => Ok(text.into()),
        Err(TooLong) => context.too_long(),
    }
}

/// The arguments as one text, the way the escaping functions of Go read them.
fn joined(context: &mut Context<'_>, args: &[Value]) -> Result<String, String> {
    let printable = |arg: &Value| match arg.target() {
        Value::Nil => "<no value>".into(),
        target => target.clone(),
    };
    let args: Vec<Value> = args.iter().map(printable).collect();
    match sprint(&args, context.room()) {
        Ok(text) => Ok(text),
        Err(TooLong) => context.too_long(),
    }
}
