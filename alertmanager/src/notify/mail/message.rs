//! A mail as bytes: headers, and the same content as text and as HTML (RFC 5322, 2045 to 2047).

use nightjar_model::TimestampMs;
use nightjar_platform::net::smtp::Envelope;

use super::Mail;

impl Mail {
    /// Whom to tell the server.
    pub fn envelope(&self) -> Result<Envelope, String> {
        let mut from = addresses(&self.from).map_err(|error| format!("parse 'from' addresses: {error}"))?;
        let to = addresses(&self.to).map_err(|error| format!("parse 'to' addresses: {error}"))?;
        match (from.pop(), from.is_empty()) {
            (Some(from), true) => Ok(Envelope { from, to }),
            _ => Err("must be exactly one 'from' address".to_owned()),
        }
    }

    /// Headers and body, with `\r\n` line ends.
    pub fn message(&self, now: TimestampMs) -> Vec<u8> {
        let mut out = String::new();
        for (name, value) in &self.headers {
            out.push_str(&format!("{name}: {}\r\n", encoded_words(value)));
        }
        let date = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
        out.push_str(&format!("Date: {}\r\n", date.strftime("%a, %d %b %Y %H:%M:%S +0000")));
        // "=_" cannot stand in a quoted-printable text, so this ends no part by accident.
        let boundary = "=_nightjar_part";
        out.push_str(&format!(
            "Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\nMIME-Version: 1.0\r\n\r\n"
        ));
        // The last one is the best one.
        for (kind, body) in [("plain", &self.text), ("html", &self.html)] {
            if !body.is_empty() {
                out.push_str(&format!(
                    "--{boundary}\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Type: text/{kind}; charset=UTF-8\r\n\r\n{}\r\n",
                    quoted_printable(body)
                ));
            }
        }
        out.push_str(&format!("--{boundary}--\r\n"));
        out.into_bytes()
    }
}

/// A header's text; what is not ASCII in encoded words of at most 75 characters.
fn encoded_words(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t') {
        return text.to_owned();
    }
    let (open, close) = ("=?utf-8?q?", "?=");
    let mut out = open.to_owned();
    let mut length = open.len();
    for c in text.chars() {
        let mut word = String::new();
        match c {
            ' ' => word.push('_'),
            '!'..='~' if !"=?_".contains(c) => word.push(c),
            c => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| word.push_str(&format!("={byte:02X}"))),
        }
        if length + word.len() + close.len() > 75 {
            out.push_str(close);
            out.push_str("\r\n ");
            out.push_str(open);
            length = open.len();
        }
        length += word.len();
        out.push_str(&word);
    }
    out + close
}

/// Lines of at most 76 characters.
fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let mut length = 0;
        let mut bytes = line.bytes().peekable();
        while let Some(byte) = bytes.next() {
            let last = bytes.peek().is_none();
            let word = match byte {
                b' ' | b'\t' if !last => char::from(byte).to_string(),
                b'!'..=b'~' if byte != b'=' => char::from(byte).to_string(),
                byte => format!("={byte:02X}"),
            };
            if length + word.len() > if last { 76 } else { 75 } {
                out.push_str("=\r\n");
                length = 0;
            }
            length += word.len();
            out.push_str(&word);
        }
        if lines.peek().is_some() {
            out.push_str("\r\n");
        }
    }
    out
}

/// `a@x, "Name, with comma" <b@x>` as bare addresses.
fn addresses(text: &str) -> Result<Vec<String>, String> {
    if text.contains(char::is_control) {
        return Err("a line break or another control character".to_owned());
    }
    let (mut all, mut current) = (Vec::new(), String::new());
    let (mut quoted, mut escaped, mut comment) = (false, false, 0);
    for c in text.chars().chain([',']) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted || comment > 0 => escaped = true,
            '"' if comment == 0 => quoted = !quoted,
            '(' if !quoted => {
                comment += 1;
                continue;
            }
            ')' if !quoted && comment > 0 => {
                comment -= 1;
                continue;
            }
            ',' if !quoted && comment == 0 => {
                // Empty entries are skipped, as Go does.
                if !current.trim().is_empty() {
                    all.push(address(current.trim())?);
                }
                current.clear();
                continue;
            }
            _ => {}
        }
        if comment == 0 {
            current.push(c);
        }
    }
    match quoted || comment > 0 {
        true => Err("an open quotation or comment".to_owned()),
        false if all.is_empty() => Err("no address".to_owned()),
        false => Ok(all),
    }
}

fn address(text: &str) -> Result<String, String> {
    let bare = match text.rfind('<') {
        Some(at) => text[at + 1..].strip_suffix('>').ok_or("an address without its >")?,
        None => text,
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>(),;:".contains(c);
    match bare.rsplit_once('@') {
        Some((local, host))
            if !local.is_empty() && !host.is_empty() && (local.starts_with('"') || !bare.contains(odd)) =>
        {
            Ok(bare.to_owned())
        }
        _ => Err(format!("{:?} is no mail address", text.chars().take(60).collect::<String>())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_addresses() {
        let table: [(&str, &[&str]); 7] = [
            ("a@x", &["a@x"]),
            ("a@x,b@y", &["a@x", "b@y"]),
            ("On, Call <a@x>", &[]),
            ("\"On, Call\" <a@x> , b@y (me, too)", &["a@x", "b@y"]),
            ("<a@x>", &["a@x"]),
            ("a@x, ,b@y,", &["a@x", "b@y"]),
            ("", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(addresses(text).unwrap_or_default(), expected, "{text}");
        }
        for wrong in ["a", "@x", "a@", "a@x\r\nRCPT TO:<b@y>", "\"a@x", "<a@x", "a b@x"] {
            assert!(addresses(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn header_texts() {
        assert_eq!(encoded_words("[FIRING:1] a_b?"), "[FIRING:1] a_b?");
        assert_eq!(encoded_words("磁盘 =?"), "=?utf-8?q?=E7=A3=81=E7=9B=98_=3D=3F?=");
        let long = encoded_words(&"ä".repeat(40));
        assert!(long.split("\r\n ").all(|word| word.len() <= 75 && word.starts_with("=?") && word.ends_with("?=")));
    }

    #[test]
    fn bodies() {
        assert_eq!(quoted_printable("a=b\nc \n\tü"), "a=3Db\r\nc=20\r\n\t=C3=BC");
        let long = quoted_printable(&"x".repeat(200));
        assert!(long.split("\r\n").all(|line| line.len() <= 76), "{long}");
        assert_eq!(long.replace("=\r\n", ""), "x".repeat(200));
    }

    proptest::proptest! {
        #[test]
        fn a_body_comes_back(text in "[ -~äß\\n\\t=.]{0,300}") {
            let coded = quoted_printable(&text);
            proptest::prop_assert!(coded.split("\r\n").all(|line| line.len() <= 76));
            let mut plain = Vec::new();
            let joined = coded.replace("=\r\n", "");
            let mut rest = joined.bytes();
            while let Some(byte) = rest.next() {
                match byte {
                    b'=' => {
                        let hex: String = [rest.next().unwrap(), rest.next().unwrap()].map(char::from).iter().collect();
                        plain.push(u8::from_str_radix(&hex, 16).unwrap());
                    }
                    b'\r' => {}
                    byte => plain.push(byte),
                }
            }
            proptest::prop_assert_eq!(String::from_utf8(plain).unwrap(), text);
        }
    }
}
