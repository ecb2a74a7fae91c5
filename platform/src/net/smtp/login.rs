//! Who we are: PLAIN, LOGIN and CRAM-MD5, the first that the server names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use super::SmtpError;
use super::conversation::Conversation;
use crate::net::source::Source;
use crate::secret::Secret;

/// Name and secrets.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// The name; empty for no login.
    pub user: String,
    /// The password, for PLAIN and LOGIN.
    pub password: Option<Source>,
    /// The secret, for CRAM-MD5.
    pub secret: Option<Source>,
    /// On whose behalf, for PLAIN; usually empty.
    pub identity: String,
}

impl Login {
    async fn read(source: &Option<Source>) -> Result<Secret, SmtpError> {
        match source {
            Some(source) => source.load().await.map_err(SmtpError::Setting),
            None => Ok(Secret::default()),
        }
    }
}

/// Logs in if we have a name and the server wants one.
pub(super) async fn log_in(talk: &mut Conversation, login: &Login, host: &str) -> Result<(), SmtpError> {
    let Some(offered) = talk.offer("AUTH").filter(|_| !login.user.is_empty()) else { return Ok(()) };
    let offered: Vec<String> = offered.split_whitespace().map(str::to_ascii_uppercase).collect();
    let (password, secret) = (Login::read(&login.password).await?, Login::read(&login.secret).await?);
    let mut problems = Vec::new();
    for mechanism in &offered {
        match mechanism.as_str() {
            "CRAM-MD5" if secret.is_empty() => problems.push("missing secret for CRAM-MD5 auth mechanism".to_owned()),
            "CRAM-MD5" => return cram_md5(talk, &login.user, &secret).await,
            "PLAIN" | "LOGIN" if password.is_empty() => {
                problems.push(format!("missing password for {mechanism} auth mechanism"));
            }
            "PLAIN" => return plain(talk, login, &password, host).await,
            "LOGIN" => return words(talk, &login.user, &password).await,
            _ => problems.push(format!("unknown auth mechanism: {mechanism}")),
        }
    }
    Err(SmtpError::Setting(format!("find auth mechanism: {}", problems.join("; "))))
}

async fn plain(talk: &mut Conversation, login: &Login, password: &Secret, host: &str) -> Result<(), SmtpError> {
    if !talk.is_secure() && !matches!(host, "localhost" | "127.0.0.1" | "::1") {
        return Err(SmtpError::Setting("PLAIN auth: unencrypted connection".to_owned()));
    }
    let all = STANDARD.encode(format!("{}\0{}\0{}", login.identity, login.user, password.expose()));
    talk.ask("PLAIN auth", &format!("AUTH PLAIN {all}"), 235).await.map(|_| ())
}

async fn words(talk: &mut Conversation, user: &str, password: &Secret) -> Result<(), SmtpError> {
    let mut asked = talk.ask("LOGIN auth", "AUTH LOGIN", 334).await?;
    for _ in 0..2 {
        let word = match decode(&asked)?.to_lowercase().trim() {
            "username:" | "user name" => user,
            "password:" | "password" => password.expose(),
            _ => return Err(unexpected("LOGIN auth")),
        };
        let line = STANDARD.encode(word);
        // A server may be content after the second word only, but says so with another code.
        match talk.ask("LOGIN auth", &line, 334).await {
            Ok(next) => asked = next,
            Err(SmtpError::Refused { code: 235, .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Err(unexpected("LOGIN auth"))
}

async fn cram_md5(talk: &mut Conversation, user: &str, secret: &Secret) -> Result<(), SmtpError> {
    let challenge = decode(&talk.ask("CRAM-MD5 auth", "AUTH CRAM-MD5", 334).await?)?;
    let digest = hmac_md5(secret.expose().as_bytes(), challenge.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    talk.ask("CRAM-MD5 auth", &STANDARD.encode(format!("{user} {hex}")), 235).await.map(|_| ())
}

fn decode(text: &str) -> Result<String, SmtpError> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| unexpected("auth"))?;
    String::from_utf8(bytes).map_err(|_| unexpected("auth"))
}

fn unexpected(step: &'static str) -> SmtpError {
    SmtpError::Broken { step, reason: "unexpected server challenge".to_owned() }
}

/// RFC 2104 with MD5.
fn hmac_md5(key: &[u8], text: &[u8]) -> [u8; 16] {
    let mut block = [0_u8; 64];
    match key.len() > block.len() {
        true => block[..16].copy_from_slice(&Md5::digest(key)),
        false => block[..key.len()].copy_from_slice(key),
    }
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Md5::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Md5::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_equals_the_published_vectors() {
        let hex = |key: &[u8], text: &[u8]| hmac_md5(key, text).iter().map(|b| format!("{b:02x}")).collect::<String>();
        // RFC 2202, 1, 2 and 6; RFC 2195's example.
        assert_eq!(hex(&[0x0b; 16], b"Hi There"), "9294727a3638bb1c13f48ef8158bfc9d");
        assert_eq!(hex(b"Jefe", b"what do ya want for nothing?"), "750c783e6ab0b503eaa86e310a5db738");
        assert_eq!(
            hex(&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"
        );
        assert_eq!(
            hex(b"tanstaaftanstaaf", b"<1896.697170952@postoffice.reston.mci.net>"),
            "b913a602c7eda7a495b4e6e7334d3890"
        );
    }
}
