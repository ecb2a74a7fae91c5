//! Label names in paths: `U__http_2e_status` stands for `http.status`.

/// The name an escaped name stands for. Names that are not escaped, or badly, stand for themselves.
pub(super) fn unescape(name: &str) -> String {
    name.strip_prefix("U__").and_then(unescape_tail).unwrap_or_else(|| name.to_owned())
}

fn unescape_tail(escaped: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = escaped;
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let (code, after) = rest.split_once('_')?;
        let hex = code.len() <= 6 && code.bytes().all(|b| b.is_ascii_hexdigit());
        out.push(if hex { char::from_u32(u32::from_str_radix(code, 16).ok()?)? } else { return None });
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let table = [
            ("job", "job"),
            ("U__http_2e_status", "http.status"),
            ("U__a__b", "a_b"),
            ("U___1F600_x", "😀x"),
            ("U__", ""),
            ("U__bad_zz_", "U__bad_zz_"),
            ("U__open_2e", "U__open_2e"),
            ("U___110000_", "U___110000_"),
            ("U__end_", "U__end_"),
        ];
        for (escaped, name) in table {
            assert_eq!(unescape(escaped), name, "{escaped}");
        }
    }
}
