//! Single settings: secrets, addresses, lengths of time.

use std::fmt;

use serde::{Deserialize, Deserializer};

use nightjar_model::duration::parse_duration_ms;
pub use nightjar_platform::Secret;

/// An absolute `http` or `https` address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// Checks an address as Alertmanager does.
    pub fn parse(text: &str) -> Result<Url, String> {
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(format!("unsupported scheme {scheme:?} for URL"));
        }
        let authority = rest.strip_prefix("//").unwrap_or("").split(['/', '?', '#']).next().unwrap_or("");
        if authority.is_empty() {
            return Err("missing host for URL".to_owned());
        }
        if text.contains(|c: char| c.is_ascii_control() || c == ' ') {
            return Err("invalid character in URL".to_owned());
        }
        Ok(Url(text.to_owned()))
    }

    /// The address as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address with a slash at the end of its path.
    pub fn with_slash(&self) -> String {
        let end = self.0.find(['?', '#']).unwrap_or(self.0.len());
        let (path, query) = self.0.split_at(end);
        if path.ends_with('/') { self.0.clone() } else { format!("{path}/{query}") }
    }
}

impl<'a> Deserialize<'a> for Url {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Url, D::Error> {
        Url::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// An address that is itself a secret, as chat services have them.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// The address itself, for the request it belongs in.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl std::convert::From<Url> for SecretUrl {
    fn from(url: Url) -> SecretUrl {
        SecretUrl(url)
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(nightjar_platform::secret::HIDDEN)
    }
}

impl<'a> Deserialize<'a> for SecretUrl {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<SecretUrl, D::Error> {
        let text = Secret::deserialize(from)?;
        Url::parse(text.expose()).map(SecretUrl).map_err(serde::de::Error::custom)
    }
}

/// A length of time in Prometheus' spelling (`1h30m`), in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub i64);

impl<'a> Deserialize<'a> for Span {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Span, D::Error> {
        parse_duration_ms(&String::deserialize(from)?).map(Span).map_err(serde::de::Error::custom)
    }
}

/// A length of time in Go's spelling (`1.5s`, or a bare number of nanoseconds), in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoSpan(pub i64);

impl GoSpan {
    fn parse(text: &str) -> Option<GoSpan> {
        if let Ok(ns) = text.parse::<i64>() {
            return Some(GoSpan(ns / 1_000_000));
        }
        let (sign, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (-1.0, rest),
            None => (1.0, text.strip_prefix('+').unwrap_or(text)),
        };
        let mut ms = 0.0;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, tail) = rest.split_at(digits);
            let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len()));
            let scale = match unit {
                "ns" => 1e-6,
                "us" | "µs" | "μs" => 1e-3,
                "ms" => 1.0,
                "s" => 1e3,
                "m" => 6e4,
                "h" => 3.6e6,
                _ => return None,
            };
            ms += number.parse::<f64>().ok()? * scale;
            rest = tail;
        }
        Some(GoSpan((sign * ms) as i64))
    }
}

impl<'a> Deserialize<'a> for GoSpan {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<GoSpan, D::Error> {
        let text = String::deserialize(from)?;
        GoSpan::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("time: invalid duration {text:?}")))
    }
}

/// `host:port`; both empty when not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address, without brackets; may be empty.
    pub host: String,
    /// Number or service name.
    pub port: String,
}

impl HostPort {
    /// Whether no address was given.
    pub fn is_empty(&self) -> bool {
        self.host.is_empty() && self.port.is_empty()
    }
}

impl<'a> Deserialize<'a> for HostPort {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<HostPort, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Ok(HostPort::default());
        }
        let error = |why: &str| serde::de::Error::custom(format!("address {text}: {why}"));
        let (host, port) = text.rsplit_once(':').ok_or_else(|| error("missing port in address"))?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(host) => host,
            None if host.contains(':') => return Err(error("too many colons in address")),
            None => host,
        };
        if port.is_empty() {
            return Err(serde::de::Error::custom(format!("address {text:?}: port cannot be empty")));
        }
        Ok(HostPort { host: host.to_owned(), port: port.to_owned() })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_empty(), self.host.contains(':')) {
            (true, _) => Ok(()),
            (_, true) => write!(f, "[{}]:{}", self.host, self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
