//! A mail server with manners.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::net::certificates::Authority;

/// How the server fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure {
    Silence,
    HangUp,
    Says(&'static str),
    /// One line without an end.
    Endless,
    /// A reply, letter by letter.
    Drip,
}

#[derive(Default)]
pub(super) struct Manner {
    pub(super) tls: Option<Authority>,
    pub(super) implicit_tls: bool,
    /// Mechanisms; empty for none.
    pub(super) auth: &'static str,
    /// At which step, and how.
    pub(super) failure: Option<(&'static str, Failure)>,
    /// Whom it does not know.
    pub(super) unknown: &'static str,
    /// Whether somebody speaks before the encryption.
    pub(super) injects: bool,
}

pub(super) struct MailServer {
    pub(super) port: u16,
    pub(super) ca: Option<String>,
    heard: Arc<Mutex<String>>,
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Stream = BufReader<Box<dyn Io>>;

impl MailServer {
    pub(super) async fn start(manner: Manner) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let ca = manner.tls.as_ref().map(|authority| authority.pem.clone());
        let server = MailServer { port, ca, heard: Arc::default() };
        let (manner, heard) = (Arc::new(manner), server.heard.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (manner, heard) = (manner.clone(), heard.clone());
                tokio::spawn(async move { serve(stream, &manner, &heard).await });
            }
        });
        server
    }

    /// Everything it was told, line by line.
    pub(super) fn heard(&self) -> String {
        self.heard.lock().clone()
    }
}

async fn secured(stream: Box<dyn Io>, manner: &Manner) -> Option<Box<dyn Io>> {
    let config = manner.tls.as_ref()?.server.clone();
    let stream = tokio_rustls::TlsAcceptor::from(config).accept(stream).await.ok()?;
    Some(Box::new(stream))
}

async fn say(s: &mut Stream, manner: &Manner, step: &str, usual: &str) -> Option<()> {
    match manner.failure.filter(|(at, _)| *at == step).map(|(_, way)| way) {
        None => s.write_all(format!("{usual}\r\n").as_bytes()).await.ok()?,
        Some(Failure::Silence) => tokio::time::sleep(Duration::from_secs(600)).await,
        Some(Failure::HangUp) => return None,
        Some(Failure::Says(line)) => s.write_all(format!("{line}\r\n").as_bytes()).await.ok()?,
        Some(Failure::Endless) => loop {
            s.write_all(b"endless").await.ok()?;
        },
        Some(Failure::Drip) => {
            for byte in format!("{usual}\r\n").bytes() {
                s.write_all(&[byte]).await.ok()?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    s.flush().await.ok()
}

async fn hear(s: &mut Stream, heard: &Mutex<String>) -> Option<String> {
    let mut line = String::new();
    if s.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let line = line.trim_end().to_owned();
    heard.lock().push_str(&format!("{line}\n"));
    Some(line)
}

async fn serve(stream: TcpStream, manner: &Manner, heard: &Mutex<String>) -> Option<()> {
    let mut open: Box<dyn Io> = Box::new(stream);
    if manner.implicit_tls {
        open = secured(open, manner).await?;
    }
    let mut s = BufReader::new(open);
    let mut encrypted = manner.implicit_tls;
    say(&mut s, manner, "greeting", "220 mail.example ESMTP").await?;
    loop {
        let line = hear(&mut s, heard).await?;
        match line.split([' ', ':']).next().unwrap_or("") {
            "EHLO" => {
                let mut offers = vec!["250-mail.example".to_owned(), "250-8BITMIME".to_owned()];
                if manner.tls.is_some() && !encrypted {
                    offers.push("250-STARTTLS".to_owned());
                }
                if !manner.auth.is_empty() {
                    offers.push(format!("250-AUTH {}", manner.auth));
                }
                offers.push("250 SIZE 1000".to_owned());
                say(&mut s, manner, "EHLO", &offers.join("\r\n")).await?;
            }
            "HELO" => say(&mut s, manner, "HELO", "250 hello").await?,
            "STARTTLS" => {
                let reply = if manner.injects { "220 go\r\n250 injected" } else { "220 go" };
                say(&mut s, manner, "STARTTLS", reply).await?;
                s = BufReader::new(secured(s.into_inner(), manner).await?);
                encrypted = true;
            }
            "AUTH" => {
                if line.ends_with("LOGIN") {
                    for question in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                        say(&mut s, manner, "AUTH", question).await?;
                        hear(&mut s, heard).await?;
                    }
                } else if line.ends_with("CRAM-MD5") {
                    say(&mut s, manner, "AUTH", "334 PDFAeD4=").await?;
                    hear(&mut s, heard).await?;
                }
                say(&mut s, manner, "AUTH", "235 welcome").await?;
            }
            "RCPT" if !manner.unknown.is_empty() && line.contains(manner.unknown) => {
                say(&mut s, manner, "RCPT", "550 who?").await?;
            }
            "MAIL" => say(&mut s, manner, "MAIL", "250 ok").await?,
            "RCPT" => say(&mut s, manner, "RCPT", "250 ok").await?,
            "DATA" => {
                say(&mut s, manner, "DATA", "354 go on").await?;
                while hear(&mut s, heard).await? != "." {}
                say(&mut s, manner, "message", "250 taken").await?;
            }
            "QUIT" => {
                say(&mut s, manner, "QUIT", "221 bye").await?;
                return Some(());
            }
            _ => say(&mut s, manner, "other", "500 what?").await?,
        }
    }
}
