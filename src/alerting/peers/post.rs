//! One exchange over one connection.

use std::io::{Read, Write};
use std::time::Duration;

use nightjar_platform::net::{Net, RealNet, Timeouts};

use super::message::Exchange;

/// Where instances speak to each other.
pub const PATH: &str = "/peers/v1/exchange";

/// Largest answer.
const MAX_BYTES: u64 = 1 << 30;

/// Says something, an exchange as JSON, to an instance; answers what it said and the length of that in bytes.
pub(super) fn post(address: &str, body: &[u8], patience: Duration) -> Result<(Exchange, usize), String> {
    let failed = |e: std::io::Error| e.to_string();
    let (host, port) = address.rsplit_once(':').ok_or_else(|| format!("{address:?} has no port"))?;
    let port = port.parse().map_err(|_| format!("{address:?} has no valid port"))?;
    let timeouts = Timeouts { connect: patience, read: patience, write: patience };
    let addresses = RealNet.resolve(host.trim_matches(['[', ']']), port).map_err(failed)?;
    let mut stream = RealNet.connect(addresses[0], timeouts).map_err(failed)?;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).map_err(failed)?;
    let mut answer = Vec::new();
    stream.take(MAX_BYTES).read_to_end(&mut answer).map_err(failed)?;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or("this is not an instance of Nightjar")?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        return Err(format!(
            "it answered {}",
            String::from_utf8_lossy(answer.split(|b| *b == b'\r').next().unwrap_or(b""))
        ));
    }
    let answer = &answer[end + 4..];
    let exchange = serde_json::from_slice(answer).map_err(|e| format!("its answer is not understood: {e}"))?;
    Ok((exchange, answer.len()))
}
