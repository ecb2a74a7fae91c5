//! OAuth2 tokens: asked for once, kept until shortly before they end.

mod assertion;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Client, Credentials, HttpError, HttpOptions, Limits, Method, Request, basic};
use crate::net::guard::Guard;
use crate::net::percent::{self, query_escape};
use crate::net::proxy::ProxyOptions;
use crate::net::source::Source;
use crate::net::tls::TlsOptions;
use crate::net::url::Url;
use crate::secret::Secret;
pub use assertion::{Assertion, SignatureAlgorithm};

/// How long before its end a token is not used any more.
const MARGIN: Duration = Duration::from_secs(10);

/// The longest a token is kept, so that a silly length is harmless.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// `oauth2`: the client credentials grant, or a signed assertion.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Oauth2Options {
    /// Who we are.
    pub client_id: String,
    /// How we prove it.
    pub proof: Proof,
    /// Where tokens are given.
    pub token_url: Url,
    /// What for.
    pub scopes: Vec<String>,
    /// Further parameters.
    pub params: Vec<(String, String)>,
    /// Encryption.
    pub tls: TlsOptions,
    /// A proxy in between.
    pub proxy: ProxyOptions,
}

/// How a client proves who it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// A secret.
    Secret(Source),
    /// A signed statement (RFC 7523).
    Assertion(Box<Assertion>),
}

/// Tokens of one client.
pub(super) struct Tokens {
    options: Oauth2Options,
    client: Client,
    held: Mutex<Option<Held>>,
    /// Whether the secret goes into the body, because the server does not take it in a header.
    in_body: OnceLock<bool>,
}

struct Held {
    header: Secret,
    secret: Option<Secret>,
    until: Option<Instant>,
}

impl Tokens {
    pub(super) fn new(options: &Oauth2Options, outer: &HttpOptions, limits: Limits) -> Result<Tokens, String> {
        let own = HttpOptions {
            credentials: Credentials::None,
            tls: options.tls.clone(),
            proxy: options.proxy.clone(),
            headers: Vec::new(),
            ..outer.clone()
        };
        let client = Client::new(own, limits, Guard::default())?;
        Ok(Tokens { options: options.clone(), client, held: Mutex::default(), in_body: OnceLock::new() })
    }

    /// The `Authorization` header now. Whoever asks while a token is being fetched waits for it.
    pub(super) async fn token(&self) -> Result<Secret, HttpError> {
        let mut held = self.held.lock().await;
        let secret = match &self.options.proof {
            Proof::Secret(source) => Some(source.load().await.map_err(HttpError::Setting)?),
            Proof::Assertion(_) => None,
        };
        let good = |held: &Held| held.secret == secret && held.until.is_none_or(|until| Instant::now() < until);
        if let Some(held) = held.as_ref().filter(|held| good(held)) {
            return Ok(held.header.clone());
        }
        let fresh = self.fetch(secret).await?;
        Ok(held.insert(fresh).header.clone())
    }

    /// The server did not take the token.
    pub(super) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    async fn fetch(&self, secret: Option<Secret>) -> Result<Held, HttpError> {
        let ways = match (self.in_body.get(), &secret) {
            (Some(known), _) => vec![*known],
            (None, Some(_)) => vec![false, true],
            (None, None) => vec![true],
        };
        let mut refusal = String::new();
        for in_body in ways {
            // A token request has no token, but the compiler cannot know.
            let answer = Box::pin(self.client.send(self.request(secret.as_ref(), in_body).await?)).await?;
            match answer.status {
                200..=299 => {
                    let (header, lasts) = read(&answer.body).map_err(HttpError::Token)?;
                    let _ = self.in_body.set(in_body);
                    let until = lasts.map(|lasts| Instant::now() + lasts.saturating_sub(MARGIN));
                    return Ok(Held { header, secret, until });
                }
                status => refusal = format!("{} answers {status}", self.options.token_url),
            }
        }
        Err(HttpError::Token(refusal))
    }

    async fn request(&self, secret: Option<&Secret>, in_body: bool) -> Result<Request, HttpError> {
        let Oauth2Options { client_id, proof, scopes, params, token_url, .. } = &self.options;
        let mut form: Vec<(&str, String)> = params.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        if !scopes.is_empty() {
            form.push(("scope", scopes.join(" ")));
        }
        let mut header = None;
        match (proof, secret) {
            (Proof::Assertion(assertion), _) => {
                form.push(("grant_type", assertion::GRANT.to_owned()));
                form.push(("assertion", assertion.sign(client_id, token_url).await?.expose().to_owned()));
            }
            (Proof::Secret(_), Some(secret)) if in_body => {
                form.push(("grant_type", "client_credentials".to_owned()));
                form.push(("client_id", client_id.clone()));
                form.push(("client_secret", secret.expose().to_owned()));
            }
            (Proof::Secret(_), secret) => {
                form.push(("grant_type", "client_credentials".to_owned()));
                let secret = secret.map_or("", Secret::expose);
                header = Some(basic(&query_escape(client_id), &Secret::new(query_escape(secret))));
            }
        }
        let mut request = Request::new(Method::POST, token_url.clone(), percent::form(&form))
            .with("Content-Type", "application/x-www-form-urlencoded");
        request.headers.extend(header.map(|header| ("Authorization".to_owned(), header)));
        Ok(request)
    }
}

/// The header a token makes, and how long it lasts if the server says so.
fn read(body: &[u8]) -> Result<(Secret, Option<Duration>), String> {
    let json: Json = serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
    let token = json.get("access_token").and_then(Json::as_str).filter(|token| !token.is_empty());
    let token = token.ok_or("the answer holds no access_token")?;
    let kind = match json.get("token_type").and_then(Json::as_str).unwrap_or("") {
        kind if kind.is_empty() || kind.eq_ignore_ascii_case("bearer") => "Bearer",
        kind if kind.eq_ignore_ascii_case("mac") => "MAC",
        kind if kind.eq_ignore_ascii_case("basic") => "Basic",
        kind => kind,
    };
    let number = |value: &Json| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let lasts = json.get("expires_in").and_then(number).filter(|seconds| *seconds > 0.0);
    let lasts = lasts.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST));
    Ok((Secret::new(format!("{kind} {token}")), lasts))
}
