//! One HTTP/1.1 request over one connection.

use std::io::{Read, Write};
use std::time::Duration;

use nightjar_platform::net::{Net, RealNet, Timeouts};

/// Largest answer accepted.
const MAX_ANSWER_BYTES: u64 = 1 << 30;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    host: String,
    port: u16,
    /// Without a slash at the end.
    path: String,
}

impl Url {
    /// Reads `http://host[:port][/path]`.
    pub(crate) fn parse(text: &str) -> Result<Url, String> {
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some((scheme, _)) => return Err(format!("{scheme}:// is not supported; write http://host:port")),
            None => text,
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| format!("{port:?} is not a port in {text:?}"))?)
            }
            _ => (authority, 80),
        };
        let safe = |s: &str| s.bytes().all(|b| b.is_ascii_graphic());
        if host.is_empty() || host.contains('@') || !safe(host) || !safe(path) {
            return Err(format!("{text:?} is not a server's URL; write http://host:port"));
        }
        Ok(Url { host: host.to_owned(), port, path: path.trim_end_matches('/').to_owned() })
    }
}

/// What a request says; its headers are sent only with bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'a> {
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) bytes: &'a [u8],
}

impl<'a> Content<'a> {
    /// Pairs as a browser sends them.
    pub(crate) fn form(pairs: &'a str) -> Content<'a> {
        Content { headers: &[("Content-Type", "application/x-www-form-urlencoded")], bytes: pairs.as_bytes() }
    }
}

/// Sends a request, with a form unless that is empty, and answers the body, of whatever status.
pub(super) fn send(url: &Url, method: &str, path: &str, form: &str) -> Result<Vec<u8>, String> {
    exchange(url, method, path, Content::form(form)).map(|(_, body)| body)
}

/// Sends a request; answers status and body.
pub(crate) fn exchange(url: &Url, method: &str, path: &str, content: Content<'_>) -> Result<(u16, Vec<u8>), String> {
    let timeouts =
        Timeouts { connect: Duration::from_secs(5), read: Duration::from_secs(150), write: Duration::from_secs(30) };
    let place = format!("http://{}:{}", url.host, url.port);
    let failed =
        |e: std::io::Error| format!("cannot reach {place}: {e}; is the server running? (--server sets its URL)");
    let bare_host = url.host.trim_start_matches('[').trim_end_matches(']');
    let addresses = RealNet.resolve(bare_host, url.port).map_err(failed)?;
    let mut last = None;
    for address in addresses {
        match RealNet.connect(address, timeouts) {
            Ok(mut stream) => {
                let mut bytes = Vec::new();
                stream
                    .write_all(&head(url, method, path, content))
                    .and_then(|()| stream.write_all(content.bytes))
                    .map_err(failed)?;
                stream.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes).map_err(failed)?;
                let answer = status(&bytes).zip(body(&bytes));
                return answer.ok_or_else(|| format!("{place} does not answer as an HTTP server"));
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(|| format!("cannot reach {place}"), failed))
}

fn head(url: &Url, method: &str, path: &str, content: Content<'_>) -> Vec<u8> {
    let mut head = format!(
        "{method} {}{path} HTTP/1.1\r\nHost: {}:{}\r\nUser-Agent: nightjar/{}\r\nConnection: close\r\n",
        url.path,
        url.host,
        url.port,
        env!("CARGO_PKG_VERSION")
    );
    if !content.bytes.is_empty() {
        content.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        head += &format!("Content-Length: {}\r\n", content.bytes.len());
    }
    head += "\r\n";
    head.into_bytes()
}

fn status(bytes: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(bytes.split(|b| *b == b'\r').next()?).ok()?;
    line.split(' ').nth(1)?.parse().ok()
}

/// The body of a whole answer.
fn body(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    if !head.starts_with("HTTP/1.") {
        return None;
    }
    let rest = &bytes[end + 4..];
    let chunked = head.lines().skip(1).filter_map(|line| line.split_once(':')).any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value.to_ascii_lowercase().contains("chunked")
    });
    if chunked { unchunked(rest) } else { Some(rest.to_vec()) }
}

fn unchunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    loop {
        let line_end = bytes.windows(2).position(|w| w == b"\r\n")?;
        let line = std::str::from_utf8(&bytes[..line_end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        bytes = &bytes[line_end + 2..];
        if size == 0 {
            return Some(out);
        }
        out.extend_from_slice(bytes.get(..size)?);
        bytes = bytes.get(size.checked_add(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let url = |host: &str, port, path: &str| Url { host: host.into(), port, path: path.into() };
        assert_eq!(Url::parse("http://h:9090/p/"), Ok(url("h", 9090, "/p")));
        assert_eq!(Url::parse("localhost:9090"), Ok(url("localhost", 9090, "")));
        assert_eq!(Url::parse("http://[::1]:9090"), Ok(url("[::1]", 9090, "")));
        assert_eq!(Url::parse("http://[::1]"), Ok(url("[::1]", 80, "")));
        for bad in ["https://x", "http://", "http://u@h", "http://h:x", "http://h\r\nX: y"] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bodies() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello"), Some(b"hello".to_vec()));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        assert_eq!(body(chunked), Some(b"abcde".to_vec()));
        for bad in [&b"junk\r\n\r\n"[..], b"HTTP/1.1 200 OK", &chunked[..60], &chunked[..50]] {
            assert_eq!(body(bad), None);
        }
    }
}
