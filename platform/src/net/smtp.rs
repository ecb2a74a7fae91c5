//! The way out by mail: one dialogue with one server, every step of it with a deadline (RFC 5321, 3207, 4954).

mod conversation;
mod login;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::dial::{DialError, dial};
use super::tls::TlsOptions;
use conversation::Conversation;

pub use login::Login;

/// A server and how to speak to it.
#[derive(Clone, Debug)]
pub struct SmtpServer {
    /// Name or address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How we introduce ourselves.
    pub hello: String,
    /// Encryption.
    pub tls: TlsOptions,
    /// Whether TLS begins before the dialogue.
    pub implicit_tls: bool,
    /// Whether the dialogue must turn to TLS by STARTTLS.
    pub require_tls: bool,
    /// Who we are; nobody if the name is empty.
    pub login: Login,
}

/// Who sends to whom, as the server is told: addresses without names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The sender.
    pub from: String,
    /// The recipients; never none.
    pub to: Vec<String>,
}

/// How long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmtpLimits {
    /// For each question and its answer.
    pub step: Duration,
    /// For everything.
    pub total: Duration,
}

impl Default for SmtpLimits {
    fn default() -> SmtpLimits {
        SmtpLimits { step: Duration::from_secs(20), total: Duration::from_secs(60) }
    }
}

/// Why a mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// No connection.
    #[error(transparent)]
    Dial(DialError),
    /// Our own settings are wrong.
    #[error("{0}")]
    Setting(String),
    /// The server was silent or the connection broke.
    #[error("{step}: {reason}")]
    Broken {
        /// What was being done.
        step: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// The server said no.
    #[error("{step}: the server answers {code} {text}")]
    Refused {
        /// What was being done.
        step: &'static str,
        /// 4xx for now, 5xx for good.
        code: u16,
        /// Its words.
        text: String,
    },
}

impl SmtpError {
    /// Whether the server or our settings must change before another try can help.
    pub fn is_final(&self) -> bool {
        match self {
            SmtpError::Setting(_) => true,
            SmtpError::Refused { code, .. } => *code >= 500,
            SmtpError::Dial(_) | SmtpError::Broken { .. } => false,
        }
    }
}

/// Hands in a message: headers and body with `\r\n` line ends. Recipients that the server does not take are answered,
/// as long as it takes one. Must be called inside of a tokio runtime.
pub async fn deliver(
    server: &SmtpServer,
    envelope: &Envelope,
    message: &[u8],
    limits: SmtpLimits,
) -> Result<Vec<SmtpError>, SmtpError> {
    let all = converse(server, envelope, message, limits);
    let slow = || SmtpError::Broken { step: "mail", reason: format!("not handed in within {:?}", limits.total) };
    tokio::time::timeout(limits.total, all).await.unwrap_or_else(|_| Err(slow()))
}

async fn converse(
    server: &SmtpServer,
    envelope: &Envelope,
    message: &[u8],
    limits: SmtpLimits,
) -> Result<Vec<SmtpError>, SmtpError> {
    let mut talk = greeted(server, limits.step).await?;
    if server.require_tls && !server.implicit_tls {
        if talk.offer("STARTTLS").is_none() {
            let reason = format!(
                "'require_tls' is true (default) but {:?} does not advertise the STARTTLS extension",
                server.host
            );
            return Err(SmtpError::Setting(reason));
        }
        talk.ask("STARTTLS", "STARTTLS", 220).await?;
        talk.encrypt(&server.tls, &server.host).await?;
        talk.hello(&server.hello).await?;
    }
    login::log_in(&mut talk, &server.login, &server.host).await?;
    let body = if talk.offer("8BITMIME").is_some() { " BODY=8BITMIME" } else { "" };
    talk.ask("MAIL", &format!("MAIL FROM:<{}>{body}", envelope.from), 250).await?;
    let mut refused = Vec::new();
    for recipient in &envelope.to {
        match talk.ask("RCPT", &format!("RCPT TO:<{recipient}>"), 25).await {
            Ok(_) => {}
            Err(error @ SmtpError::Refused { .. }) => refused.push(error),
            Err(error) => return Err(error),
        }
    }
    if refused.len() == envelope.to.len() {
        return Err(refused.swap_remove(0));
    }
    talk.ask("DATA", "DATA", 354).await?;
    talk.message(message).await?;
    // It is handed in; how the server says good-bye changes nothing.
    let _ = talk.ask("QUIT", "QUIT", 221).await;
    Ok(refused)
}

async fn greeted(server: &SmtpServer, step: Duration) -> Result<Conversation, SmtpError> {
    let slow = |_| SmtpError::Broken { step: "connect", reason: format!("no connection within {step:?}") };
    let dialled = tokio::time::timeout(step, dial(&server.host, server.port, None)).await.map_err(slow)?;
    let mut talk = Conversation::new(dialled.map_err(SmtpError::Dial)?, step);
    if server.implicit_tls {
        talk.encrypt(&server.tls, &server.host).await?;
    }
    talk.answer("greeting", 220).await?;
    talk.hello(&server.hello).await?;
    Ok(talk)
}
