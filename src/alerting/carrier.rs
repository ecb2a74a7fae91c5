//! The seam between deciding and sending: a request in, its fate out.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use nightjar_alertmanager::config::Settings;
use nightjar_alertmanager::machine::Outcome;
use nightjar_alertmanager::notify::{self, Delivery, Request};
use nightjar_platform::net::{Net, RealNet, Timeouts};

/// Carries messages to their services.
pub trait Carrier: Send + Sync + 'static {
    /// Carries one message and answers what became of it. It is called on a thread of its own and may block, but not
    /// much longer than [`Parcel::timeout`].
    fn carry(&self, parcel: Parcel<'_>) -> Outcome;
}

/// A message on its way.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// The integration that tells it.
    pub settings: &'a Settings,
    /// What relative paths in the settings are relative to.
    pub directory: &'a Path,
    /// What is to be sent.
    pub delivery: Delivery,
    /// How long it may take; never zero.
    pub timeout: Duration,
}

/// Largest answer that is looked at.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Plain HTTP, one connection a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainHttp;

impl Carrier for PlainHttp {
    fn carry(&self, parcel: Parcel<'_>) -> Outcome {
        let Parcel { settings, delivery, timeout, .. } = parcel;
        let Delivery::Http(requests) = delivery else {
            return Outcome::Refused { error: format!("{} messages cannot be sent yet", settings.kind()) };
        };
        let mut last = Outcome::Delivered(Default::default());
        for request in requests {
            last = match exchange(&request, timeout) {
                Ok((status, retry_after_s, body)) => notify::judge(settings, status, retry_after_s, &body),
                Err(error) => Outcome::Retry { after_ms: None, error },
            };
            if !matches!(last, Outcome::Delivered(_)) {
                break;
            }
        }
        last
    }
}

fn exchange(request: &Request, timeout: Duration) -> Result<(u16, Option<i64>, String), String> {
    let url = request.url.expose();
    let rest = url.strip_prefix("http://").ok_or("only http:// is supported")?;
    let (authority, path) = rest.find(['/', '?']).map_or((rest, "/"), |at| rest.split_at(at));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| "the port is not a number")?),
        _ => (authority, 80),
    };
    let timeouts = Timeouts { connect: timeout, read: timeout, write: timeout };
    let address = RealNet.resolve(host.trim_matches(['[', ']']), port).map_err(|e| e.to_string())?;
    let stream = RealNet.connect(address[0], timeouts).map_err(|e| e.to_string())?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut head = format!(
        "{} {slash}{path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {USER_AGENT}\r\nContent-Length: {}\r\nConnection: close\r\n",
        request.method,
        request.body.len()
    );
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {}\r\n", value.expose().replace(['\r', '\n'], " ")));
    }
    head.push_str("\r\n");
    talk(stream, &[head.as_bytes(), &request.body]).map_err(|e| e.to_string())
}

/// How we name ourselves to services.
pub const USER_AGENT: &str = concat!("Alertmanager/0.34.0 nightjar/", env!("CARGO_PKG_VERSION"));

fn talk(mut stream: impl Read + Write, request: &[&[u8]]) -> std::io::Result<(u16, Option<i64>, String)> {
    stream.write_all(&request.concat())?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    // Not every service closes the connection, though it was asked to.
    while answer.len() < MAX_ANSWER_BYTES && !is_whole(&answer) {
        match stream.read(&mut piece)? {
            0 => break,
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).filter(|_| head.starts_with("HTTP/1.")).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("this is not an HTTP server"))?;
    Ok((status, number(head, "retry-after"), body.to_owned()))
}

/// Whether an answer has all the bytes its head declares.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]);
    number(&head, "content-length").is_some_and(|length| (answer.len() - end - 4) as i64 >= length)
        || head.starts_with("HTTP/1.1 204")
}

/// A header whose value is a number.
fn number(head: &str, wanted: &str) -> Option<i64> {
    let value = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim().parse().ok())?
    };
    head.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_length_is_there() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRetry-After: 7\r\n\r\n";
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n"));
        assert!(!is_whole(format!("{head}a").as_bytes()));
        assert!(is_whole(format!("{head}ab").as_bytes()));
        assert!(is_whole(b"HTTP/1.1 204 No Content\r\n\r\n"));
        assert_eq!((number(head, "retry-after"), number(head, "x")), (Some(7), None));
    }
}
