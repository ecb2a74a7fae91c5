//! Parts and escapes of URLs.

/// `url.QueryEscape`.
pub(crate) fn query_escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for byte in s.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// `url.QueryUnescape`. Bytes that are not UTF-8 become U+FFFD.
pub(super) fn query_unescape(s: &str) -> Result<String, String> {
    percent_decode(s, true)
}

fn percent_decode(s: &str, plus: bool) -> Result<String, String> {
    let bytes = s.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let hex = bytes.get(at + 1..at + 3).filter(|h| h.iter().all(u8::is_ascii_hexdigit));
                let Some(value) = hex.and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok()) else {
                    let shown = String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 3)]).into_owned();
                    return Err(format!("invalid URL escape {}", crate::quote::quote(&shown)));
                };
                out.push(value);
                at += 2;
            }
            b'+' if plus => out.push(b' '),
            other => out.push(*other),
        }
        at += 1;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The decoded path of a URL.
pub(super) fn path(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let rest = url[..end].split_once("://").map_or(&url[..end], |(_, rest)| rest);
    let path = if url[..end].contains("://") { rest.find('/').map_or("", |at| &rest[at..]) } else { rest };
    percent_decode(path, false).unwrap_or_else(|_| path.to_owned())
}
