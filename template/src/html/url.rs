//! Escapers of values in URLs.

use super::FAILSAFE;
use super::stringify::Printed;
use crate::value::Content;

/// A relative URL, or one of http, https and mailto.
fn is_safe(url: &str) -> bool {
    match url.split_once(':') {
        Some((scheme, _)) if !scheme.contains('/') => {
            ["http", "https", "mailto"].iter().any(|safe| scheme.eq_ignore_ascii_case(safe))
        }
        _ => true,
    }
}

/// The URL, unless it could run code.
pub(super) fn filter(printed: &Printed) -> String {
    if printed.is(Content::Url) || is_safe(&printed.text) {
        return printed.text.to_string();
    }
    format!("#{FAILSAFE}")
}

/// A part of a query.
pub(super) fn escape(printed: &Printed) -> String {
    percent_encode(&printed.text, printed.is(Content::Url))
}

/// A whole URL: what is encoded stays so.
pub(super) fn normalize(printed: &Printed) -> String {
    percent_encode(&printed.text, true)
}

fn percent_encode(s: &str, whole: bool) -> String {
    let bytes = s.as_bytes();
    let mut out = String::with_capacity(s.len() + 16);
    for (i, byte) in bytes.iter().enumerate() {
        let encoded = || bytes.get(i + 1..i + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let keep = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => true,
            b'%' => whole && encoded(),
            _ => whole && b"!#$&*+,/:;=?@[]".contains(byte),
        };
        if keep {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}

/// A list of images with their sizes.
pub(super) fn srcset(printed: &Printed) -> String {
    match printed.content {
        Some(Content::Srcset) => printed.text.to_string(),
        Some(Content::Url) => percent_encode(&printed.text, true).replace(',', "%2c"),
        _ => {
            let images: Vec<String> = printed.text.split(',').map(image).collect();
            images.join(",")
        }
    }
}

fn image(s: &str) -> String {
    let space = |c: char| matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ');
    let start = s.find(|c| !space(c)).unwrap_or(s.len());
    let end = s[start..].find(space).map_or(s.len(), |at| start + at);
    let (url, sizes) = (&s[start..end], &s[end..]);
    if is_safe(url) && sizes.chars().all(|c| space(c) || c.is_ascii_alphanumeric()) {
        return format!("{}{}{sizes}", &s[..start], percent_encode(url, true));
    }
    format!("#{FAILSAFE}")
}
