//! Hostile text made safe for terminals and log lines.

/// Whether a character may be shown as it is: no control, no bidirectional override, nothing invisible.
pub fn is_safe(c: char) -> bool {
    !(c.is_control()
        || matches!(c as u32,
            0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb
            | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff))
}

/// Appends `text` with every unsafe character as a visible escape: `\x1b`, `\n`, `\u{202e}`.
pub fn push(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            c if is_safe(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
        }
    }
}

/// `text` with every unsafe character as a visible escape.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push(&mut out, text);
    out
}

/// As a logfmt value: quoted when it must be.
pub fn push_logfmt(out: &mut String, text: &str) {
    let plain = !text.is_empty() && text.chars().all(|c| is_safe(c) && !matches!(c, ' ' | '"' | '=' | '\\'));
    if plain {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c => push(out, c.encode_utf8(&mut [0; 4])),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unsafe_gets_through() {
        let all: String = (0..0x11_0000u32).filter_map(char::from_u32).collect();
        assert!(escaped(&all).chars().all(is_safe));
        assert_eq!(escaped("a\u{1b}[31m\n\u{202e}é"), "a\\x1b[31m\\n\\u{202e}é");
    }

    #[test]
    fn logfmt() {
        let table =
            [("plain", "plain"), ("", "\"\""), ("a b", "\"a b\""), ("q\"\\", "\"q\\\"\\\\\""), ("a\nb", "\"a\\nb\"")];
        for (text, expected) in table {
            let mut out = String::new();
            push_logfmt(&mut out, text);
            assert_eq!(out, expected);
        }
    }
}
