//! From context to context over literal text: CSS.

use super::context::{Context, Fault, State};
use super::css::decode;
use super::transition::{find_any, shown, skip_space, url};

/// Strings count as URLs: that is what they mostly are, and it does no harm to the others.
pub(super) fn code(mut context: Context, s: &[u8]) -> (Context, usize) {
    let mut from = 0;
    while let Some(at) = find_any(&s[from..], b"(\"'/").map(|at| from + at) {
        let (state, read) = match (s[at], s.get(at + 1)) {
            (b'"', _) => (State::CssDqStr, 1),
            (b'\'', _) => (State::CssSqStr, 1),
            (b'/', Some(b'/')) => (State::CssLineCmt, 2),
            (b'/', Some(b'*')) => (State::CssBlockCmt, 2),
            (b'(', _) if ends_with_url(&s[..at]) => {
                let inner = skip_space(s, at + 1);
                let (state, quote) = match s.get(inner) {
                    Some(b'"') => (State::CssDqUrl, 1),
                    Some(b'\'') => (State::CssSqUrl, 1),
                    _ => (State::CssUrl, 0),
                };
                (state, inner + quote - at)
            }
            _ => {
                from = at + 1;
                continue;
            }
        };
        context.state = state;
        return (context, at + read);
    }
    (context, s.len())
}

/// Whether the keyword `url` stands at the end.
fn ends_with_url(s: &[u8]) -> bool {
    let text = String::from_utf8_lossy(s);
    let text = text.trim_end_matches(['\t', '\n', '\u{c}', '\r', ' ']);
    let Some(at) = text.len().checked_sub(3).filter(|at| text.is_char_boundary(*at)) else { return false };
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii();
    text[at..].eq_ignore_ascii_case("url") && !text[..at].ends_with(name)
}

pub(super) fn string(mut context: Context, s: &[u8]) -> (Context, usize) {
    let ends: &[u8] = match context.state {
        State::CssDqStr | State::CssDqUrl => b"\\\"",
        State::CssSqStr | State::CssSqUrl => b"\\'",
        _ => b"\\\t\n\x0c\r )",
    };
    let mut from = 0;
    while let Some(mut at) = find_any(&s[from..], ends).map(|at| from + at) {
        if s[at] != b'\\' {
            context.state = State::Css;
            return (context, at + 1);
        }
        at += 1;
        if at == s.len() {
            let what = format!("unfinished escape sequence in CSS string: {}", shown(s, usize::MAX));
            return (Context::error(Fault::new(what)), s.len());
        }
        context = url(context, &decode(&s[..=at])).0;
        from = at + 1;
    }
    (url(context, &decode(&s[from..])).0, s.len())
}
