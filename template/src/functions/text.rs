//! Functions on texts that both products have.

use super::{items, replace, text};
use crate::function::Functions;
use crate::quote::{can_backquote, quote};
use crate::unicode::{is_print, to_lower, to_upper};
use crate::value::{Signature, Type, Value};

const ONE: Signature = Signature::of(&[Type::STRING]);
const TWO: Signature = Signature::of(&[Type::STRING, Type::STRING]);
const THREE: Signature = Signature::of(&[Type::STRING, Type::STRING, Type::STRING]);

/// `toUpper toLower match reReplaceAll safeHtml`.
pub(super) fn shared() -> Functions {
    Functions::new()
        .with("toUpper", ONE, |_, args| Ok(text(args, 0).chars().map(to_upper).collect::<String>().into()))
        .with("toLower", ONE, |_, args| Ok(text(args, 0).chars().map(to_lower).collect::<String>().into()))
        .with("safeHtml", ONE, |_, args| Ok(Value::html(text(args, 0))))
        .with("match", TWO, |context, args| {
            let regex = context.regex(text(args, 0))?;
            Ok(regex.is_match(text(args, 1)).into())
        })
        .with("reReplaceAll", THREE, |context, args| {
            let pattern = text(args, 0);
            let shown = if can_backquote(pattern) { format!("`{pattern}`") } else { quote(pattern) };
            let regex = context.regex(pattern).map_err(|e| format!("regexp: Compile({shown}): {e}"))?;
            replace::replace_all(context, &*regex, text(args, 2), text(args, 1)).map(Value::from)
        })
}

/// `strings.Join`.
pub(super) fn join(context: &mut crate::Context<'_>, list: &Value, separator: &str) -> Result<Value, String> {
    let items = items(list);
    let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    let separators = separator.len().saturating_mul(texts.len().saturating_sub(1));
    let len = texts.iter().map(|t| t.len()).fold(separators, usize::saturating_add);
    if len > context.room() {
        return context.too_long();
    }
    Ok(texts.join(separator).into())
}

/// Text as HTML text or a quoted attribute.
pub(crate) fn html_escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(c),
        }
    }
    out
}

/// Text as the inside of a JavaScript string.
pub(super) fn js_escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        match c {
            '\\' | '\'' | '"' => out.extend(['\\', c]),
            '<' | '>' | '&' | '=' | '\0'..' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            _ if c.is_ascii() || is_print(c) => out.push(c),
            _ => out.push_str(&format!("\\u{:04X}", u32::from(c))),
        }
    }
    out
}
