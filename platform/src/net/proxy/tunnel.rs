//! Through a proxy to a host: the `CONNECT` of HTTP, and SOCKS 5.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::net::url::Origin;
use crate::secret::Secret;

/// The longest answer to `CONNECT` that is read.
const MOST_HEAD_BYTES: usize = 16 << 10;

/// Asks an HTTP proxy for a tunnel. `headers` have been checked to be headers.
pub(in crate::net) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    to: &Origin,
    headers: &[(String, Secret)],
) -> io::Result<()> {
    let target = to.with_port();
    let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {}\r\n", value.expose()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    stream.flush().await?;
    // Byte by byte: what comes after the head belongs to the host.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < MOST_HEAD_BYTES {
        answer.push(stream.read_u8().await?);
    }
    let line = String::from_utf8_lossy(answer.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    match line.split(' ').nth(1).filter(|_| line.starts_with("HTTP/1.")) {
        Some(status) if status.len() == 3 && status.starts_with('2') => Ok(()),
        Some(_) => {
            let status: String = line.split_once(' ').map_or("", |(_, status)| status).chars().take(60).collect();
            Err(io::Error::other(format!("the proxy refuses a tunnel: {status:?}")))
        }
        None => Err(io::Error::new(ErrorKind::InvalidData, "the proxy does not speak HTTP")),
    }
}

/// Asks a SOCKS 5 proxy (RFC 1928, 1929) for a connection; it resolves the name.
pub(in crate::net) async fn socks<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    to: &Origin,
    user: Option<(&str, &Secret)>,
) -> io::Result<()> {
    let refused = |what: String| io::Error::other(format!("the SOCKS proxy {what}"));
    let short = |text: &str| u8::try_from(text.len()).map_err(|_| refused("takes no text that long".to_owned()));
    let method = if user.is_some() { 2 } else { 0 };
    stream.write_all(&[5, 1, method]).await?;
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await?;
    if answer != [5, method] {
        return Err(refused("does not take the way we log in".to_owned()));
    }
    if let Some((name, password)) = user {
        let mut login = vec![1, short(name)?];
        login.extend_from_slice(name.as_bytes());
        login.push(short(password.expose())?);
        login.extend_from_slice(password.expose().as_bytes());
        stream.write_all(&login).await?;
        stream.read_exact(&mut answer).await?;
        if answer[1] != 0 {
            return Err(refused("refuses user name and password".to_owned()));
        }
    }
    let mut ask = vec![5, 1, 0, 3, short(&to.host)?];
    ask.extend_from_slice(to.host.as_bytes());
    ask.extend_from_slice(&to.port.to_be_bytes());
    stream.write_all(&ask).await?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    if head[1] != 0 {
        return Err(refused(format!("cannot reach the host (reply {})", head[1])));
    }
    let bound = match head[3] {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await?),
        kind => return Err(refused(format!("answers with an address of kind {kind}"))),
    };
    stream.read_exact(&mut vec![0; bound + 2]).await.map(|_| ())
}
