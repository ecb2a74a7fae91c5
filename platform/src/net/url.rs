//! `http` and `https` addresses, as Go's `net/url` reads them.

use std::fmt;

use crate::secret::Secret;

/// The longest address.
const MOST_BYTES: usize = 64 << 10;

/// An absolute address. Paths and queries often hold secrets, so it shows as scheme, host and port only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    origin: Origin,
    path: String,
    user: Option<(String, Secret)>,
}

/// What credentials belong to: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// `https` rather than `http`.
    pub secure: bool,
    /// Name or address in lower case, without brackets.
    pub host: String,
    /// The port, whether it was written or not.
    pub port: u16,
}

impl Url {
    /// Reads an address. What a path may not hold is percent-encoded; a fragment is dropped. The error does not repeat
    /// the address.
    pub fn parse(text: &str) -> Result<Url, String> {
        if text.len() > MOST_BYTES {
            return Err("the URL is too long".to_owned());
        }
        if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return Err("invalid control character in URL".to_owned());
        }
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            other => return Err(format!("unsupported scheme {other:?} for URL")),
        };
        let rest = rest.strip_prefix("//").ok_or("missing host for URL")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(credentials(user)?), host),
            None => (None, authority),
        };
        let (host, port) = host_and_port(host, if secure { 443 } else { 80 })?;
        Ok(Url { origin: Origin { secure, host, port }, path: path_and_query(path)?, user })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Path and query, as they go into a request; begins with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// User name and password in the address.
    pub fn user(&self) -> Option<(&str, &Secret)> {
        self.user.as_ref().map(|(name, password)| (name.as_str(), password))
    }

    /// The whole address without user name and password.
    pub fn to_request(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    /// The address that a `Location` here leads to.
    pub fn join(&self, location: &str) -> Result<Url, String> {
        let scheme = location.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':'));
        if scheme {
            return Url::parse(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Url::parse(&format!("{}://{rest}", self.origin.scheme()));
        }
        let (own_path, _) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let base = match location.chars().next() {
            Some('/') => "",
            Some('?') | Some('#') | None => own_path,
            _ => own_path.rsplit_once('/').map_or("/", |(folder, _)| &own_path[..=folder.len()]),
        };
        let joined = path_and_query(&format!("{base}{location}"))?;
        let (path, query) = joined.find('?').map_or((joined.as_str(), ""), |at| joined.split_at(at));
        Ok(Url { path: without_dots(path) + query, ..self.clone() })
    }
}

impl Origin {
    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// `host` or `host:port`, as the `Host` header has it: a usual port is left out.
    pub fn authority(&self) -> String {
        match self.port == if self.secure { 443 } else { 80 } {
            true => self.bracketed(),
            false => self.with_port(),
        }
    }

    /// `host:port`, always with the port.
    pub fn with_port(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.origin, f)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.origin, f)
    }
}

fn credentials(text: &str) -> Result<(String, Secret), String> {
    // A backslash or slash before the @ is how addresses lie about their host.
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:!$&'()*+,;=%@".contains(&byte)) {
        return Err("invalid user name or password in URL; percent-encode them".to_owned());
    }
    let (name, password) = text.split_once(':').unwrap_or((text, ""));
    Ok((decode(name)?, Secret::new(decode(password)?)))
}

fn host_and_port(text: &str, usual: u16) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("missing ']' in host")?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| format!("{host:?} is not an IPv6 address"))?;
            (host, port)
        }
        None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
    };
    if host.is_empty() {
        return Err("missing host for URL".to_owned());
    }
    if !host.is_ascii() {
        return Err(format!("host {host:?} is not ASCII; write its xn-- form"));
    }
    if let Some(odd) = host.chars().find(|c| !c.is_ascii_alphanumeric() && !"-._~:".contains(*c)) {
        return Err(format!("invalid character {odd:?} in host name"));
    }
    let port = match port.strip_prefix(':') {
        Some("") => usual,
        Some(digits) => digits.parse().map_err(|_| format!("invalid port {digits:?} after host"))?,
        None if port.is_empty() => usual,
        None => return Err("invalid text after host".to_owned()),
    };
    Ok((host.to_ascii_lowercase(), port))
}

/// Path and query, encoded where needed.
fn path_and_query(text: &str) -> Result<String, String> {
    let text = text.split('#').next().unwrap_or("");
    let mut out = String::with_capacity(text.len() + 1);
    if !text.starts_with('/') {
        out.push('/');
    }
    let bytes = text.as_bytes();
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            b'%' if !bytes.get(i + 1..i + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => {
                return Err("invalid escape in URL: % wants two hexadecimal digits".to_owned());
            }
            b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80.. => {
                out.push_str(&format!("%{byte:02X}"));
            }
            _ => out.push(char::from(*byte)),
        }
    }
    Ok(out)
}

fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut hex = || char::from(rest.next()?).to_digit(16).map(|digit| digit as u8);
        match byte {
            b'%' => match (hex(), hex()) {
                (Some(high), Some(low)) => bytes.push(high << 4 | low),
                _ => return Err("invalid escape in URL".to_owned()),
            },
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| "invalid escape in URL".to_owned())
}

/// RFC 3986, 5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let table = [
            ("http://a", "http://a/"),
            ("HTTPS://Host.Example:443/x?y=1#z", "https://host.example/x?y=1"),
            ("https://h:8443", "https://h:8443/"),
            ("http://h:", "http://h/"),
            ("http://h?q=a b", "http://h/?q=a%20b"),
            ("http://[::1]:90/x", "http://[::1]:90/x"),
            ("http://u:p%40@h/ä{}", "http://h/%C3%A4%7B%7D"),
            ("http://a.b/%41", "http://a.b/%41"),
        ];
        for (text, expected) in table {
            assert_eq!(Url::parse(text).unwrap().to_request(), expected);
        }
        let url = Url::parse("http://u:CANARY%40@h/CANARY").unwrap();
        assert_eq!(url.user().unwrap().1.expose(), "CANARY@");
        assert_eq!(format!("{url} {url:?}"), "http://h http://h");
    }

    #[test]
    fn refused_without_being_repeated() {
        let table = [
            "",
            "x",
            "ftp://h",
            "http:/h",
            "http://",
            "http://:80",
            "http://h:x",
            "http://h:99999",
            "http://h/%",
            "http://h/%zz",
            "http://h\n",
            "http://[::1",
            "http://[h]",
            "http://[::1]x",
            "http://a b/",
            "http://ä",
            "http://h\\@evil/",
            "//h",
            "http://[fe80::1%25eth0]/",
        ];
        for text in table {
            assert!(Url::parse(text).is_err(), "{text:?}");
        }
        assert!(!Url::parse("http://h\n/CANARY").unwrap_err().contains("CANARY"));
    }

    #[test]
    fn redirects_lead_on() {
        let table = [
            ("https://o:1/p", "https://o:1/p"),
            ("//o/p", "http://o/p"),
            ("/x", "http://h:8/x"),
            ("x", "http://h:8/a/x"),
            ("../x/./y?z=..", "http://h:8/x/y?z=.."),
            ("../../../..", "http://h:8/"),
            ("?q", "http://h:8/a/b?q"),
            ("", "http://h:8/a/b"),
            ("x?u=http://o", "http://h:8/a/x?u=http://o"),
        ];
        let base = Url::parse("http://h:8/a/b?c=d").unwrap();
        for (location, expected) in table {
            assert_eq!(base.join(location).unwrap().to_request(), expected, "{location}");
        }
        assert!(base.join("javascript:alert(1)").is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_is_taken_reads_the_same_again(text in "https?://[a-z\\[\\]:@%0-9]{0,8}[ -~äß]{0,20}") {
            if let Ok(url) = Url::parse(&text) {
                let again = Url::parse(&url.to_request()).unwrap();
                proptest::prop_assert_eq!(again.to_request(), url.to_request());
                proptest::prop_assert!(url.to_request().is_ascii());
            }
        }

        #[test]
        fn any_location_is_taken_or_refused(text in "[ -~]{0,30}") {
            let _ = Url::parse("http://h/a/b").unwrap().join(&text);
        }
    }
}
