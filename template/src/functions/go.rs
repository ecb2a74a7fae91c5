//! The functions every Go template has.

use super::{compare, element, fitting, html_escape, joined, query_escape, text};
use crate::format::{sprint, sprintf, sprintln};
use crate::function::{Body, Functions};
use crate::value::{Signature, Type, Value};

const RAW: Signature = Signature::of(&[Type::Raw]);
const TWO: Signature = Signature::of(&[Type::Raw, Type::Raw]);
const SOME: Signature = Signature::variadic(&[Type::Raw, Type::Raw]);
const ANY: Signature = Signature::variadic(&[Type::Any]);

/// `and or not eq ne lt le gt ge len index slice call print printf println html js urlquery`.
#[must_use]
pub fn builtins() -> Functions {
    Functions::new()
        .with_body("and", SOME, Body::And)
        .with_body("or", SOME, Body::Or)
        .with("not", RAW, |_, args| Ok((!args[0].truth()).into()))
        .with("eq", SOME, |_, args| compare::equal_any(&args[0], &args[1..]).map(Value::Bool))
        .with("ne", TWO, |_, args| compare::equal(&args[0], &args[1]).map(|equal| Value::Bool(!equal)))
        .with("lt", TWO, |_, args| compare::less(&args[0], &args[1]).map(Value::Bool))
        .with("le", TWO, |_, args| compare::less_or_equal(&args[0], &args[1]).map(Value::Bool))
        .with("gt", TWO, |_, args| compare::less_or_equal(&args[0], &args[1]).map(|le| Value::Bool(!le)))
        .with("ge", TWO, |_, args| compare::less(&args[0], &args[1]).map(|less| Value::Bool(!less)))
        .with("len", RAW, |_, args| element::length(&args[0]))
        .with("index", SOME, |_, args| element::index(&args[0], &args[1..]))
        .with("slice", SOME, |_, args| element::slice(&args[0], &args[1..]))
        .with("call", SOME, |_, args| match &args[0] {
            Value::Nil => Err("call of nil".to_owned()),
            // The executor has put the whole sentence here: only it knows how the argument is written.
            other => Err(other.as_str().unwrap_or_default().to_owned()),
        })
        .with("print", ANY, |context, args| {
            let text = sprint(args, context.room());
            fitting(context, text)
        })
        .with("println", ANY, |context, args| {
            let text = sprintln(args, context.room());
            fitting(context, text)
        })
        .with("printf", Signature::variadic(&[Type::STRING, Type::Any]), |context, args| {
            let text = sprintf(text(args, 0), &args[1..], context.room());
            fitting(context, text)
        })
        .with("html", ANY, |context, args| Ok(html_escape(&joined(context, args)?).into()))
        .with("js", ANY, |context, args| Ok(super::text::js_escape(&joined(context, args)?).into()))
        .with("urlquery", ANY, |context, args| Ok(query_escape(&joined(context, args)?).into()))
}
