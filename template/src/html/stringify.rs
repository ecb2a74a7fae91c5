//! What escapers are given, as text.

use std::sync::Arc;

use crate::format::{self, TooLong};
use crate::function::Context;
use crate::value::{Content, Value};

/// A text and what it is known to be safe as.
pub(super) struct Printed {
    pub(super) text: Arc<str>,
    pub(super) content: Option<Content>,
}

impl Printed {
    /// The arguments as text; nil is nothing.
    pub(super) fn of(context: &mut Context<'_>, args: &[Value]) -> Result<Self, String> {
        if let [arg] = args {
            match arg.target() {
                Value::Str(text) => return Ok(Self { text: text.clone(), content: None }),
                Value::Safe(content, text) => return Ok(Self { text: text.clone(), content: Some(*content) }),
                _ => {}
            }
        }
        let there: Vec<Value> = args.iter().filter(|arg| !matches!(arg, Value::Nil)).cloned().collect();
        Ok(Self { text: sprint(context, &there)?.into(), content: None })
    }

    pub(super) fn is(&self, content: Content) -> bool {
        self.content == Some(content)
    }
}

/// The arguments in their default form, pointers followed.
pub(super) fn sprint(context: &mut Context<'_>, args: &[Value]) -> Result<String, String> {
    let args: Vec<Value> = args.iter().map(|arg| arg.target().clone()).collect();
    match format::sprint(&args, context.room()) {
        Ok(text) => Ok(text),
        Err(TooLong) => context.too_long(),
    }
}

/// `text` with characters replaced.
pub(super) fn replace(text: &str, replacement: impl Fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match replacement(c) {
            Some(with) => out.push_str(with),
            None => out.push(c),
        }
    }
    out
}
