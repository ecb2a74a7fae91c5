//! From context to context over literal text: JavaScript.

use super::context::{Context, Fault, Slash, State};
use super::transition::{find_any, shown};

pub(super) fn code(mut context: Context, s: &[u8]) -> (Context, usize) {
    let Some(at) = find_any(s, b"\"`'/{}<-#") else {
        context.slash = slash_after(s, context.slash);
        return (context, s.len());
    };
    context.slash = slash_after(&s[..at], context.slash);
    let rest = &s[at..];
    let begins = |start: &[u8]| rest.starts_with(start);
    let (state, read) = match s[at] {
        b'"' => (State::JsDqStr, 1),
        b'\'' => (State::JsSqStr, 1),
        b'`' => (State::JsTmplLit, 1),
        b'/' if begins(b"//") => (State::JsLineCmt, 2),
        b'/' if begins(b"/*") => (State::JsBlockCmt, 2),
        b'<' if begins(b"<!--") => (State::JsHtmlOpenCmt, 4),
        b'-' if begins(b"-->") => (State::JsHtmlCloseCmt, 3),
        b'#' if begins(b"#!") => (State::JsLineCmt, 2),
        b'/' => return slash(context, s, at),
        b'{' | b'}' => return brace(context, s[at], at),
        _ => (State::Js, 1),
    };
    if matches!(state, State::JsDqStr | State::JsSqStr | State::JsTmplLit) {
        context.slash = Slash::Regexp;
    }
    context.state = state;
    (context, at + read)
}

fn slash(mut context: Context, s: &[u8], at: usize) -> (Context, usize) {
    match context.slash {
        Slash::Regexp => context.state = State::JsRegexp,
        Slash::DivOp => context.slash = Slash::Regexp,
        Slash::Unknown => {
            let fault = Fault::new(format!("'/' could start a division or regexp: {}", shown(&s[at..], 32)));
            return (Context::error(fault), s.len());
        }
    }
    (context, at + 1)
}

/// Braces count only inside `${...}`: the one too many closes it.
fn brace(mut context: Context, byte: u8, at: usize) -> (Context, usize) {
    match (context.braces.last_mut(), byte) {
        (Some(open), b'{') => *open += 1,
        (Some(0), _) => {
            context.braces.pop();
            context.state = State::JsTmplLit;
            return (context, at + 1);
        }
        (Some(open), _) => *open -= 1,
        (None, _) => {}
    }
    context.slash = slash_after(&[byte], context.slash);
    (context, at + 1)
}

pub(super) fn template_literal(mut context: Context, s: &[u8]) -> (Context, usize) {
    let mut from = 0;
    while let Some(at) = find_any(&s[from..], b"`\\$").map(|at| from + at) {
        match (s[at], s.get(at + 1)) {
            (b'\\', None) => return unfinished(s),
            (b'\\', _) => from = at + 2,
            (b'$', Some(b'{')) => {
                context.braces.push(0);
                context.state = State::Js;
                return (context, at + 2);
            }
            (b'`', _) => {
                context.state = State::Js;
                return (context, at + 1);
            }
            _ => from = at + 1,
        }
    }
    (context, s.len())
}

fn unfinished(s: &[u8]) -> (Context, usize) {
    let what = format!("unfinished escape sequence in JS string: {}", shown(s, usize::MAX));
    (Context::error(Fault::new(what)), s.len())
}

/// Strings in quotes and regular expressions.
pub(super) fn delimited(mut context: Context, s: &[u8]) -> (Context, usize) {
    let specials: &[u8] = match context.state {
        State::JsSqStr => b"\\'",
        State::JsRegexp => b"\\/[]",
        _ => b"\\\"",
    };
    let (mut from, mut in_set) = (0, false);
    while let Some(at) = find_any(&s[from..], specials).map(|at| from + at) {
        from = at + 1;
        match s[at] {
            b'\\' if from == s.len() => return unfinished(s),
            b'\\' => from = at + 2,
            b'[' => in_set = true,
            b']' => in_set = false,
            b'/' if at > 0 && s.get(at - 1..at + 7).is_some_and(|w| w.eq_ignore_ascii_case(b"</script")) => {
                from = at + 2;
            }
            _ if !in_set => {
                (context.state, context.slash) = (State::Js, Slash::DivOp);
                return (context, at + 1);
            }
            _ => {}
        }
    }
    if in_set {
        let what = format!("unfinished JS regexp charset: {}", shown(s, usize::MAX));
        return (Context::error(Fault::new(what)), s.len());
    }
    (context, s.len())
}

/// Words after which a slash begins a regular expression.
const WORDS: &[&str] = &[
    "break",
    "case",
    "continue",
    "delete",
    "do",
    "else",
    "finally",
    "in",
    "instanceof",
    "return",
    "throw",
    "try",
    "typeof",
    "void",
];

/// What a slash begins after these tokens. One token back decides; good enough for code that people write.
pub(super) fn slash_after(s: &[u8], before: Slash) -> Slash {
    let text = String::from_utf8_lossy(s);
    let text = text.trim_end_matches(|c: char| c.is_whitespace() && c != '\u{85}' || c == '\u{feff}');
    let bytes = text.as_bytes();
    let Some(last) = bytes.last() else { return before };
    match last {
        b'+' | b'-' => {
            // `++` and `--` end an operand, `+` and `-` do not.
            let run = bytes.iter().rev().take_while(|b| *b == last).count();
            if run % 2 == 1 { Slash::Regexp } else { Slash::DivOp }
        }
        b'.' if bytes.len() > 1 && bytes[bytes.len() - 2].is_ascii_digit() => Slash::DivOp,
        b'.' | b',' | b'<' | b'>' | b'=' | b'*' | b'%' | b'&' | b'|' | b'^' | b'?' | b'!' | b'~' | b'(' | b'['
        | b':' | b';' | b'{' | b'}' => Slash::Regexp,
        _ => {
            let word = text.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '$' | '_'));
            if WORDS.contains(&&text[word.len()..]) { Slash::Regexp } else { Slash::DivOp }
        }
    }
}
