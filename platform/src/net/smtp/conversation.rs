//! Lines to a server and its replies.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::SmtpError;
use crate::net::tls::TlsOptions;

/// The longest reply that is read.
const MOST_REPLY_BYTES: usize = 64 << 10;

/// How much of a message goes out within one step.
const CHUNK_BYTES: usize = 64 << 10;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A dialogue. Every question has the same deadline.
pub(super) struct Conversation {
    stream: Option<Box<dyn Io>>,
    /// What came and was not read yet.
    buffer: Vec<u8>,
    offers: Vec<String>,
    step: Duration,
    secure: bool,
}

impl Conversation {
    pub(super) fn new(stream: TcpStream, step: Duration) -> Conversation {
        Conversation { stream: Some(Box::new(stream)), buffer: Vec::new(), offers: Vec::new(), step, secure: false }
    }

    /// Whether nobody can listen.
    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// What the server says about an extension, if it has it.
    pub(super) fn offer(&self, name: &str) -> Option<&str> {
        self.offers.iter().find_map(|offer| {
            let (word, rest) = offer.split_once([' ', '=']).unwrap_or((offer, ""));
            word.eq_ignore_ascii_case(name).then_some(rest)
        })
    }

    /// Introduces us; a server that knows no extensions is greeted the old way.
    pub(super) async fn hello(&mut self, name: &str) -> Result<(), SmtpError> {
        let name = if name.is_empty() { "localhost" } else { name };
        match self.ask("EHLO", &format!("EHLO {name}"), 250).await {
            Ok(text) => {
                self.offers = text.lines().skip(1).map(str::to_owned).collect();
                Ok(())
            }
            Err(SmtpError::Refused { code: 500..=504, .. }) => {
                self.offers.clear();
                self.ask("HELO", &format!("HELO {name}"), 250).await.map(|_| ())
            }
            Err(error) => Err(error),
        }
    }

    /// Sends a line and waits for a reply whose code begins with these digits; answers its text.
    pub(super) async fn ask(&mut self, step: &'static str, line: &str, expected: u16) -> Result<String, SmtpError> {
        // Whatever got into a name or address: one line stays one line.
        if line.contains(['\r', '\n', '\0']) {
            return Err(SmtpError::Setting(format!("{step}: a line break in an address or name")));
        }
        self.write(step, format!("{line}\r\n").as_bytes()).await?;
        self.answer(step, expected).await
    }

    /// Waits for a reply whose code begins with these digits.
    pub(super) async fn answer(&mut self, step: &'static str, expected: u16) -> Result<String, SmtpError> {
        let (code, text) = self.reply(step).await?;
        match code.to_string().starts_with(&expected.to_string()) {
            true => Ok(text),
            false => Err(SmtpError::Refused { step, code, text }),
        }
    }

    /// Any reply: its code and its lines.
    async fn reply(&mut self, step: &'static str) -> Result<(u16, String), SmtpError> {
        let deadline = self.step;
        let read = async {
            let mut lines = Vec::new();
            loop {
                let line = self.line().await?;
                let wrong = || io::Error::new(io::ErrorKind::InvalidData, "this is not a mail server");
                let code =
                    line.get(..3).and_then(|code| code.parse::<u16>().ok()).filter(|code| (200..600).contains(code));
                let code = code.ok_or_else(wrong)?;
                lines.push(printable(line.get(4..).unwrap_or("")));
                if line.as_bytes().get(3) != Some(&b'-') {
                    return Ok((code, lines.join("\n")));
                }
                if lines.iter().map(String::len).sum::<usize>() > MOST_REPLY_BYTES {
                    return Err(wrong());
                }
            }
        };
        within(deadline, step, read).await
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.buffer.len() > MOST_REPLY_BYTES {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "this is not a mail server"));
            }
            let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up"));
            }
        }
    }

    async fn write(&mut self, step: &'static str, bytes: &[u8]) -> Result<(), SmtpError> {
        let stream = self.stream.as_mut();
        within(self.step, step, async {
            let stream = stream.ok_or(io::ErrorKind::NotConnected)?;
            stream.write_all(bytes).await?;
            stream.flush().await
        })
        .await
    }

    /// Sends the message and its end; a line that begins with a dot gets another one.
    pub(super) async fn message(&mut self, message: &[u8]) -> Result<(), SmtpError> {
        let mut out = Vec::with_capacity(CHUNK_BYTES + 1024);
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            if line.first() == Some(&b'.') {
                out.push(b'.');
            }
            out.extend_from_slice(line);
            if out.len() >= CHUNK_BYTES {
                self.write("message", &out).await?;
                out.clear();
            }
        }
        if !message.ends_with(b"\n") {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
        self.write("message", &out).await?;
        self.answer("message", 250).await.map(|_| ())
    }

    /// Goes on in secret. What came in the open does not count any more.
    pub(super) async fn encrypt(&mut self, tls: &TlsOptions, host: &str) -> Result<(), SmtpError> {
        if !self.buffer.is_empty() {
            let reason = "somebody put words into the open part of the dialogue".to_owned();
            return Err(SmtpError::Broken { step: "STARTTLS", reason });
        }
        let material = tls.load().await.map_err(SmtpError::Setting)?;
        let config = tls.client(&material, &[]).map_err(SmtpError::Setting)?;
        let stream = self.stream.take();
        let wrapped = within(self.step, "TLS", async {
            tls.wrap(config, host, stream.ok_or(io::ErrorKind::NotConnected)?).await
        });
        self.stream = Some(Box::new(wrapped.await?));
        self.offers.clear();
        self.secure = true;
        Ok(())
    }
}

async fn within<T>(
    deadline: Duration,
    step: &'static str,
    future: impl Future<Output = io::Result<T>>,
) -> Result<T, SmtpError> {
    let broken = |reason: String| SmtpError::Broken { step, reason };
    match tokio::time::timeout(deadline, future).await {
        Ok(result) => result.map_err(|error| broken(error.to_string())),
        Err(_) => Err(broken(format!("no answer within {deadline:?}"))),
    }
}

/// Words of a stranger, for logs.
fn printable(text: &str) -> String {
    text.chars().take(500).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
