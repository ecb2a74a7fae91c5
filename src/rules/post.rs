//! One JSON body to one Alertmanager.

use std::io::{Read, Write};
use std::time::Duration;

use nightjar_platform::net::{Net, RealNet, Timeouts};

use crate::config::alerting::Alertmanager;

/// Posts alerts; the error is a sentence.
pub(super) fn post(to: &Alertmanager, body: &[u8]) -> Result<(), String> {
    let (host, port) = match to.target.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| format!("{:?} has no valid port", to.target))?),
        None => (to.target.as_str(), 80),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let timeout = to.timeout.max(Duration::from_millis(1));
    let timeouts = Timeouts { connect: timeout, read: timeout, write: timeout };
    let addresses = RealNet.resolve(host, port).map_err(|e| e.to_string())?;
    let mut last = String::new();
    for address in addresses {
        match RealNet.connect(address, timeouts) {
            Ok(stream) => return exchange(stream, to, body),
            Err(e) => last = e.to_string(),
        }
    }
    Err(last)
}

fn exchange(mut stream: impl Read + Write, to: &Alertmanager, body: &[u8]) -> Result<(), String> {
    let failed = |e: std::io::Error| e.to_string();
    stream.write_all(head(to, body.len()).as_bytes()).map_err(failed)?;
    stream.write_all(body).map_err(failed)?;
    let mut answer = Vec::with_capacity(512);
    stream.take(4096).read_to_end(&mut answer).map_err(failed)?;
    let line = String::from_utf8_lossy(answer.split(|b| *b == b'\r').next().unwrap_or_default()).into_owned();
    match line.split(' ').nth(1).filter(|_| line.starts_with("HTTP/1.")) {
        Some(status) if status.starts_with('2') => Ok(()),
        Some(_) => Err(format!("bad response status {}", line.split_once(' ').map_or("", |(_, rest)| rest))),
        None => Err("this is not an HTTP server".to_owned()),
    }
}

fn head(to: &Alertmanager, length: usize) -> String {
    let clean = |text: &str| text.chars().filter(|c| c.is_ascii_graphic()).collect::<String>();
    let mut head = format!(
        "POST {}/api/v2/alerts HTTP/1.1\r\nHost: {}\r\nUser-Agent: nightjar/{}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n",
        clean(&to.path_prefix),
        clean(&to.target),
        env!("CARGO_PKG_VERSION")
    );
    if let Some((user, password)) = &to.basic_auth {
        head += &format!("Authorization: Basic {}\r\n", base64(format!("{user}:{password}").as_bytes()));
    }
    head + "\r\n"
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { digit as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_everywhere() {
        for (text, expected) in [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("a:b~", "YTpifg==")] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
