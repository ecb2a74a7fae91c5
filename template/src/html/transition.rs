//! From context to context over literal text: markup.

use super::attribute::{Language, language};
use super::context::{Attr, Context, Delim, Element, Fault, State, UrlPart};
use super::{script, style};
use crate::quote::quote;

/// The context after some of the text, at least one byte of it or a change of state, and how much was read.
pub(super) fn step(context: Context, s: &[u8]) -> (Context, usize) {
    match context.state {
        State::Text => text(context, s),
        State::Tag => tag(context, s),
        State::AttrName => attr_name(context, s),
        State::AfterName => after_name(context, s),
        State::BeforeValue => before_value(context, s),
        State::HtmlCmt => match find(s, b"-->") {
            Some(at) => (Context::default(), at + 3),
            None => (context, s.len()),
        },
        State::Rcdata => special_end(context, s),
        State::Url | State::Srcset => url(context, s),
        State::MetaContent => meta_content(context, s),
        State::MetaContentUrl => match s.iter().position(|b| *b == b';') {
            Some(at) => (Context { state: State::MetaContent, ..context }, at + 1),
            None => (context, s.len()),
        },
        State::Js => script::code(context, s),
        State::JsDqStr | State::JsSqStr | State::JsRegexp => script::delimited(context, s),
        State::JsTmplLit => script::template_literal(context, s),
        State::JsBlockCmt | State::CssBlockCmt => block_comment(context, s),
        State::JsLineCmt | State::JsHtmlOpenCmt | State::JsHtmlCloseCmt | State::CssLineCmt => line_comment(context, s),
        State::Css => style::code(context, s),
        State::CssDqStr | State::CssSqStr | State::CssDqUrl | State::CssSqUrl | State::CssUrl => {
            style::string(context, s)
        }
        State::Attr | State::Error | State::Dead => (context, s.len()),
    }
}

pub(super) fn find(s: &[u8], needle: &[u8]) -> Option<usize> {
    s.windows(needle.len()).position(|window| window == needle)
}

pub(super) fn find_any(s: &[u8], set: &[u8]) -> Option<usize> {
    s.iter().position(|b| set.contains(b))
}

/// `s` in quotes, at most `most` characters of it.
pub(super) fn shown(s: &[u8], most: usize) -> String {
    quote(&String::from_utf8_lossy(s).chars().take(most).collect::<String>())
}

pub(super) fn skip_space(s: &[u8], from: usize) -> usize {
    let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | 0x0c | b'\r');
    s[from.min(s.len())..].iter().position(|b| !space(b)).map_or(s.len(), |at| from + at)
}

fn text(context: Context, s: &[u8]) -> (Context, usize) {
    let mut from = 0;
    while let Some(at) = s[from..].iter().position(|b| *b == b'<').map(|at| from + at) {
        if s[at..].starts_with(b"<!--") {
            return (Context::of(State::HtmlCmt), at + 4);
        }
        let end = s.get(at + 1) == Some(&b'/');
        let name = at + 1 + usize::from(end);
        let (after, element) = tag_name(s, name);
        if after > name {
            let element = if end { Element::None } else { element };
            return (Context::with_element(State::Tag, element), after);
        }
        from = name.min(s.len());
    }
    (context, s.len())
}

/// The end of the tag name that starts at `from`, and what it names. `x-y` and `x:y` are names, `x-` is not.
fn tag_name(s: &[u8], from: usize) -> (usize, Element) {
    if !s.get(from).is_some_and(u8::is_ascii_alphabetic) {
        return (from, Element::None);
    }
    let mut at = from + 1;
    while let Some(byte) = s.get(at) {
        if byte.is_ascii_alphanumeric() {
            at += 1;
        } else if matches!(byte, b':' | b'-') && s.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) {
            at += 2;
        } else {
            break;
        }
    }
    let name = String::from_utf8_lossy(&s[from..at]).to_ascii_lowercase();
    (at, Element::named(&name))
}

fn tag(context: Context, s: &[u8]) -> (Context, usize) {
    let from = skip_space(s, 0);
    if from == s.len() {
        return (context, from);
    }
    if s[from] == b'>' {
        let element = if context.element == Element::Meta { Element::None } else { context.element };
        return (Context::with_element(element.content(), element), from + 1);
    }
    let to = match name_end(s, from) {
        Ok(to) => to,
        Err(fault) => return (Context::error(fault), s.len()),
    };
    if from == to {
        let got = shown(&s[from..], usize::MAX);
        let fault = Fault::new(format!("expected space, attr name, or end of tag, but got {got}"));
        return (Context::error(fault), s.len());
    }
    let name = String::from_utf8_lossy(&s[from..to]).to_lowercase();
    let attr = match (context.element, name.as_str()) {
        (Element::Script, "type") => Attr::ScriptType,
        (Element::Meta, "content") => Attr::MetaContent,
        _ => match language(&name) {
            Language::Url => Attr::Url,
            Language::Css => Attr::Style,
            Language::Js => Attr::Script,
            Language::Srcset => Attr::Srcset,
            Language::Plain | Language::Html | Language::Unsafe => Attr::None,
        },
    };
    let state = if to == s.len() { State::AttrName } else { State::AfterName };
    (Context { attr, ..Context::with_element(state, context.element) }, to)
}

/// The end of the attribute name that starts at `from`.
fn name_end(s: &[u8], from: usize) -> Result<usize, Box<Fault>> {
    for (at, byte) in s.iter().enumerate().skip(from) {
        match byte {
            b' ' | b'\t' | b'\n' | 0x0c | b'\r' | b'=' | b'>' => return Ok(at),
            b'\'' | b'"' | b'<' => {
                let (byte, tag) = (shown(&s[at..=at], 1), shown(s, 32));
                return Err(Fault::new(format!("{byte} in attribute name: {tag}")));
            }
            _ => {}
        }
    }
    Ok(s.len())
}

fn attr_name(context: Context, s: &[u8]) -> (Context, usize) {
    match name_end(s, 0) {
        Err(fault) => (Context::error(fault), s.len()),
        Ok(to) if to != s.len() => (Context { state: State::AfterName, ..context }, to),
        Ok(to) => (context, to),
    }
}

fn after_name(context: Context, s: &[u8]) -> (Context, usize) {
    let at = skip_space(s, 0);
    match s.get(at) {
        None => (context, at),
        Some(b'=') => (Context { state: State::BeforeValue, ..context }, at + 1),
        Some(_) => (Context { state: State::Tag, ..context }, at),
    }
}

fn before_value(context: Context, s: &[u8]) -> (Context, usize) {
    let at = skip_space(s, 0);
    let (delim, to) = match s.get(at) {
        None => return (context, at),
        Some(b'\'') => (Delim::SingleQuote, at + 1),
        Some(b'"') => (Delim::DoubleQuote, at + 1),
        Some(_) => (Delim::SpaceOrTagEnd, at),
    };
    (Context { state: context.attr.start(), delim, ..context }, to)
}

/// Up to the end tag of a script, style, textarea or title. Inside literals of scripts end tags are escaped instead.
pub(super) fn special_end(context: Context, s: &[u8]) -> (Context, usize) {
    let hidden = context.state.is_in_script_literal() || context.state.is_comment();
    if context.element == Element::None || (context.element == Element::Script && hidden) {
        return (context, s.len());
    }
    match tag_end(s, context.element.end()) {
        Some(at) => (Context::default(), at),
        None => (context, s.len()),
    }
}

/// Where `</name` stands, in any case, with an end of the name after it.
fn tag_end(s: &[u8], name: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = find(&s[from..], b"</").map(|at| from + at) {
        let rest = &s[at + 2..];
        let named = rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
        if named && rest.get(name.len()).is_some_and(|b| b"> \t\n\x0c/".contains(b)) {
            return Some(at);
        }
        from = at + 2 + if named { name.len() } else { 0 };
    }
    None
}

pub(super) fn url(mut context: Context, s: &[u8]) -> (Context, usize) {
    if find_any(s, b"#?").is_some() {
        context.url_part = UrlPart::QueryOrFrag;
    } else if skip_space(s, 0) != s.len() && context.url_part == UrlPart::None {
        context.url_part = UrlPart::PreQuery;
    }
    (context, s.len())
}

fn meta_content(context: Context, s: &[u8]) -> (Context, usize) {
    for at in 0..s.len() {
        if at + 3 < s.len() && s[at..at + 3].eq_ignore_ascii_case(b"url") {
            let equals = skip_space(s, at + 3);
            if s.get(equals) == Some(&b'=') {
                return (Context { state: State::MetaContentUrl, ..context }, equals + 1);
            }
        }
    }
    (context, s.len())
}

fn block_comment(context: Context, s: &[u8]) -> (Context, usize) {
    let Some(at) = find(s, b"*/") else { return (context, s.len()) };
    let state = if context.state == State::JsBlockCmt { State::Js } else { State::Css };
    (Context { state, ..context }, at + 2)
}

/// The line end is not part of the comment.
fn line_comment(context: Context, s: &[u8]) -> (Context, usize) {
    let css = context.state == State::CssLineCmt;
    let mut ends = vec![find_any(s, if css { b"\n\x0c\r" } else { b"\n\r\n" })];
    if !css {
        ends.extend([find(s, "\u{2028}".as_bytes()), find(s, "\u{2029}".as_bytes())]);
    }
    match ends.into_iter().flatten().min() {
        Some(at) => (Context { state: if css { State::Css } else { State::Js }, ..context }, at),
        None => (context, s.len()),
    }
}
