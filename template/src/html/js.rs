//! Escapers of values in JavaScript.

use super::stringify::{Printed, replace, sprint};
use crate::function::Context;
use crate::json::to_json;
use crate::value::{Content, Object, Value};

/// A value as an expression: JSON, set off from the names around it.
pub(super) fn value(context: &mut Context<'_>, args: &[Value]) -> Result<String, String> {
    let value: Value = match args {
        [arg] => match arg.target() {
            Value::Safe(Content::Js, code) => return Ok(code.to_string()),
            Value::Safe(Content::JsStr, inner) => return Ok(format!("\"{inner}\"")),
            Value::Duration(duration) => duration.to_string().into(),
            Value::Object(object) => match Object::text(&**object) {
                Some(text) => Value::Str(text),
                None => arg.target().clone(),
            },
            target => target.clone(),
        },
        _ => sprint(context, args)?.into(),
    };
    Ok(match to_json(&value, context.room()) {
        Ok(json) => spaced(json),
        Err(message) => format!(" /* {} */null ", in_comment(&message)),
    })
}

fn spaced(json: String) -> String {
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '$' | '_'));
    if json.is_empty() {
        return " null ".to_owned();
    }
    if joins(json.chars().next()) || joins(json.chars().next_back()) { format!(" {json} ") } else { json }
}

/// A message that can end neither the comment nor the script.
fn in_comment(message: &str) -> String {
    let safe = message.replace("*/", "* /").replace("<!--", "\\x3C!--");
    replace(&safe, |c| (c == '<').then_some("\\x3C"))
}

/// Control characters and line separators, in all literals.
fn low(c: char) -> Option<&'static str> {
    const LOW: [&str; 32] = [
        "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007", "\\u0008", "\\t",
        "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f", "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014",
        "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e",
        "\\u001f",
    ];
    match c {
        '\0'..='\u{1f}' => Some(LOW[c as usize]),
        '\u{2028}' => Some("\\u2028"),
        '\u{2029}' => Some("\\u2029"),
        _ => None,
    }
}

/// What would end a literal, or mean something to HTML.
fn special(c: char) -> Option<&'static str> {
    Some(match c {
        '"' => "\\u0022",
        '`' => "\\u0060",
        '&' => "\\u0026",
        '\'' => "\\u0027",
        '+' => "\\u002b",
        '/' => "\\/",
        '<' => "\\u003c",
        '>' => "\\u003e",
        _ => return low(c),
    })
}

/// The inside of a string.
pub(super) fn string(printed: &Printed) -> String {
    let keep = printed.is(Content::JsStr);
    replace(&printed.text, |c| if c == '\\' && !keep { Some("\\\\") } else { special(c) })
}

/// The inside of a template literal.
pub(super) fn template_literal(printed: &Printed) -> String {
    replace(&printed.text, |c| match c {
        '\\' => Some("\\\\"),
        '$' => Some("\\u0024"),
        '{' => Some("\\u007b"),
        '}' => Some("\\u007d"),
        _ => special(c),
    })
}

/// The inside of a regular expression, matching literally.
pub(super) fn regexp(printed: &Printed) -> String {
    if printed.text.is_empty() {
        // Two slashes would begin a comment.
        return "(?:)".to_owned();
    }
    replace(&printed.text, |c| {
        Some(match c {
            '\\' => "\\\\",
            '$' => "\\$",
            '(' => "\\(",
            ')' => "\\)",
            '*' => "\\*",
            '-' => "\\-",
            '.' => "\\.",
            '?' => "\\?",
            '[' => "\\[",
            ']' => "\\]",
            '^' => "\\^",
            '{' => "\\{",
            '|' => "\\|",
            '}' => "\\}",
            '`' => return None,
            _ => return special(c),
        })
    })
}

/// Whether a `type` attribute means that the script is one.
pub(super) fn is_script_type(mime: &str) -> bool {
    const TYPES: &[&str] = &[
        "",
        "application/ecmascript",
        "application/javascript",
        "application/json",
        "application/ld+json",
        "application/x-ecmascript",
        "application/x-javascript",
        "module",
        "text/ecmascript",
        "text/javascript",
        "text/javascript1.0",
        "text/javascript1.1",
        "text/javascript1.2",
        "text/javascript1.3",
        "text/javascript1.4",
        "text/javascript1.5",
        "text/jscript",
        "text/livescript",
        "text/x-ecmascript",
        "text/x-javascript",
    ];
    let name = mime.split(';').next().unwrap_or_default().trim().to_lowercase();
    TYPES.contains(&name.as_str())
}
