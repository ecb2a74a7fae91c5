//! Escapers of values in text and attributes.

use super::FAILSAFE;
use super::attribute::{Language, language};
use super::context::{Context, Delim, Element, State};
use super::stringify::{Printed, replace};
use super::transition::{find_any, step};
use crate::value::Content;

fn quoted(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        _ => quoted_entities_kept(c),
    }
}

fn quoted_entities_kept(c: char) -> Option<&'static str> {
    Some(match c {
        '\0' => "\u{fffd}",
        '"' => "&#34;",
        '\'' => "&#39;",
        '+' => "&#43;",
        '<' => "&lt;",
        '>' => "&gt;",
        _ => return None,
    })
}

/// Between tags.
pub(super) fn text(printed: &Printed) -> String {
    if printed.is(Content::Html) { printed.text.to_string() } else { replace(&printed.text, quoted) }
}

/// In a quoted attribute: safe HTML loses its tags.
pub(super) fn attribute(printed: &Printed) -> String {
    if printed.is(Content::Html) {
        return replace(&strip_tags(&printed.text), quoted_entities_kept);
    }
    replace(&printed.text, quoted)
}

/// In a textarea or title.
pub(super) fn rcdata(printed: &Printed) -> String {
    let keep = printed.is(Content::Html);
    replace(&printed.text, if keep { quoted_entities_kept } else { quoted })
}

/// In an attribute without quotes: nothing may end it or begin quotes, and it may not be empty.
pub(super) fn unquoted(printed: &Printed) -> String {
    if printed.text.is_empty() {
        return FAILSAFE.to_owned();
    }
    let html = printed.is(Content::Html);
    let text = if html { strip_tags(&printed.text) } else { printed.text.to_string() };
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        let entity = match c {
            '\0' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '=' | '`' => None,
            '&' if html => Some("&"),
            '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{ffff}' => {
                out.push_str(&format!("&#x{:x};", u32::from(c)));
                continue;
            }
            _ => match quoted(c) {
                Some(entity) => Some(entity),
                None => {
                    out.push(c);
                    continue;
                }
            },
        };
        match entity {
            Some(entity) => out.push_str(entity),
            None if c == '\0' => out.push_str("&#xfffd;"),
            None => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    out
}

/// The name of an attribute or element: only such as cannot change how values are read.
pub(super) fn name(printed: &Printed) -> String {
    if printed.is(Content::HtmlAttr) {
        return printed.text.to_string();
    }
    let name = printed.text.to_lowercase();
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
    if plain && language(&name) == Language::Plain { name } else { FAILSAFE.to_owned() }
}

/// The text of a piece of HTML.
fn strip_tags(html: &str) -> String {
    let s = html.as_bytes();
    let (mut out, mut context, mut at, mut all_text) = (Vec::new(), Context::default(), 0, true);
    while at < s.len() {
        if context.delim != Delim::None {
            let Some(end) = find_any(&s[at..], context.delim.ends()) else { break };
            at += end + usize::from(context.delim != Delim::SpaceOrTagEnd);
            context = Context::with_element(State::Tag, context.element);
            continue;
        }
        // Bodies of scripts and styles are not parsed, only skipped to their end.
        let body = context.element != Element::None && !context.state.is_in_tag();
        let state = if body { State::Rcdata } else { context.state };
        let (next, read) = match state {
            State::Rcdata => super::transition::special_end(Context { state, ..context.clone() }, &s[at..]),
            _ => step(context.clone(), &s[at..]),
        };
        if matches!(context.state, State::Text | State::Rcdata) {
            let part = &s[at..at + read];
            let kept = if next.state == context.state { part.len() } else { last_tag(part) };
            out.extend_from_slice(&part[..kept]);
        } else {
            all_text = false;
        }
        if read == 0 && next == context {
            break;
        }
        (context, at) = (next, at + read);
    }
    if all_text {
        return html.to_owned();
    }
    if matches!(context.state, State::Text | State::Rcdata) {
        out.extend_from_slice(&s[at..]);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the last tag in the text begins, or its end.
pub(super) fn last_tag(s: &[u8]) -> usize {
    s.iter().rposition(|b| *b == b'<').unwrap_or(s.len())
}
