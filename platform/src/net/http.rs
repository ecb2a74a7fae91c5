//! The way out over HTTP: one client for each `http_config`.
//!
//! Every request has a deadline for its connection and one for everything, every answer a size. Connections are kept and
//! used again. Credentials are added here, from files read at each use, and never leave for another origin.

mod connector;
mod error;
mod oauth2;
mod redirect;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use parking_lot::Mutex;

use super::guard::Guard;
use super::proxy::{Kind, Proxies, ProxyOptions};
use super::source::Source;
use super::tls::TlsOptions;
use super::url::Url;
use crate::secret::Secret;
use connector::{Pool, Route};
use redirect::Hop;

pub use error::HttpError;
pub use http::Method;
pub use oauth2::{Assertion, Oauth2Options, Proof, SignatureAlgorithm};

/// `http_config`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpOptions {
    /// Who we are.
    pub credentials: Credentials,
    /// Encryption.
    pub tls: TlsOptions,
    /// A proxy in between.
    pub proxy: ProxyOptions,
    /// Headers of every request, besides the request's own.
    pub headers: Vec<(String, Source)>,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// Whether HTTP/2 is offered where there is TLS.
    pub http2: bool,
    /// The `User-Agent`.
    pub user_agent: String,
}

impl Default for HttpOptions {
    fn default() -> HttpOptions {
        HttpOptions {
            credentials: Credentials::None,
            tls: TlsOptions::default(),
            proxy: ProxyOptions::default(),
            headers: Vec::new(),
            follow_redirects: true,
            http2: true,
            user_agent: concat!("nightjar/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// How a request says who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Credentials {
    /// Not at all.
    #[default]
    None,
    /// User name and password.
    Basic {
        /// The name.
        user: Source,
        /// The password.
        password: Source,
    },
    /// `Authorization: kind text`.
    Authorization {
        /// `Bearer` or another word.
        kind: String,
        /// The text.
        text: Source,
    },
    /// A token that another server gives.
    Oauth2(Box<Oauth2Options>),
}

/// How long and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection: name, TCP, proxy and TLS.
    pub connect: Duration,
    /// For a request with everything that belongs to it, redirects and tokens too.
    pub total: Duration,
    /// Of a body that is kept. More is thrown away.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { connect: Duration::from_secs(10), total: Duration::from_secs(60), body_bytes: 64 << 10 }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers of its own. One of `Authorization` takes precedence over the client's credentials.
    pub headers: Vec<(String, Secret)>,
    /// The body; may be empty.
    pub body: Bytes,
    /// Whether the destination is not the operator's own word, so that the guard judges it.
    pub guarded: bool,
    /// Another deadline than [`Limits::total`].
    pub timeout: Option<Duration>,
}

impl Request {
    /// A request without headers and deadline of its own, to where the operator said.
    pub fn new(method: Method, url: Url, body: impl Into<Bytes>) -> Request {
        Request { method, url, headers: Vec::new(), body: body.into(), guarded: false, timeout: None }
    }

    /// With another header.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.headers.push((name.into(), Secret::new(value)));
        self
    }
}

/// An answer, of whatever status.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or the beginning of it.
    pub body: Vec<u8>,
    /// Whether the body was longer than [`Limits::body_bytes`].
    pub truncated: bool,
}

impl Response {
    /// A header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `200 OK`: the status and what it is called.
    pub fn status_line(&self) -> String {
        let known = http::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        format!("{} {}", self.status, known.unwrap_or("")).trim_end().to_owned()
    }

    /// The body as text, whatever is in it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client. Clones share connections and tokens. It must be used inside of a tokio runtime.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    options: HttpOptions,
    limits: Limits,
    guard: Arc<Guard>,
    proxies: Proxies,
    pool: Mutex<Option<Arc<Pool>>>,
    tokens: Option<oauth2::Tokens>,
}

impl Client {
    /// A client. Fails when the options contradict themselves; files are read later.
    pub fn new(options: HttpOptions, limits: Limits, guard: Guard) -> Result<Client, String> {
        let proxies = Proxies::new(&options.proxy, |name| std::env::var(name).ok())?;
        let names = options.headers.iter().map(|(name, _)| name);
        for name in names.chain(options.proxy.connect_headers.iter().map(|(name, _)| name)) {
            HeaderName::try_from(name.as_str()).map_err(|_| format!("{name:?} is not the name of a header"))?;
        }
        let tokens = match &options.credentials {
            Credentials::Oauth2(oauth2) => Some(oauth2::Tokens::new(oauth2, &options, limits)?),
            _ => None,
        };
        let pool = Mutex::default();
        Ok(Client(Arc::new(Shared { options, limits, guard: Arc::new(guard), proxies, pool, tokens })))
    }

    /// Sends a request and reads the answer, within the deadline. An answer of any status is an answer.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let after = request.timeout.unwrap_or(self.0.limits.total);
        let place = request.url.to_string();
        match tokio::time::timeout(after, self.0.follow(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Timeout { place, after }),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl Shared {
    async fn follow(&self, request: Request) -> Result<Response, HttpError> {
        let pool = self.pool().await?;
        let mut hop = Hop::first(request);
        for _ in 0..=redirect::MOST {
            let answer = self.exchange(&pool, &hop).await?;
            let location = answer.headers().get(http::header::LOCATION).filter(|_| self.options.follow_redirects);
            match hop.next(answer.status().as_u16(), location.map(HeaderValue::as_bytes))? {
                Some(next) => hop = next,
                None => return self.finish(&hop, answer).await,
            }
        }
        Err(HttpError::Redirect(format!("stopped after {} redirects", redirect::MOST)))
    }

    /// Connections made with what the files say now.
    async fn pool(&self) -> Result<Arc<Pool>, HttpError> {
        let material = self.options.tls.load().await.map_err(HttpError::Setting)?;
        let mut headers = Vec::new();
        for (name, value) in &self.options.proxy.connect_headers {
            let value = value.load().await.map_err(HttpError::Setting)?;
            header(name, &value)?;
            headers.push((name.clone(), value));
        }
        let mut pool = self.pool.lock();
        match &*pool {
            Some(pool) if pool.made_of(&material, &headers) => Ok(Arc::clone(pool)),
            _ => {
                let route = Route::new(&self.options, material, headers, self.proxies.clone(), self.limits.connect);
                Ok(Arc::clone(pool.insert(Arc::new(Pool::new(route, &self.guard)))))
            }
        }
    }

    async fn exchange(&self, pool: &Pool, hop: &Hop) -> Result<http::Response<Incoming>, HttpError> {
        let mut request = http::Request::new(Full::new(hop.body.clone()));
        *request.method_mut() = hop.method.clone();
        *request.uri_mut() =
            hop.url.to_request().parse().map_err(|error| HttpError::Invalid(format!("invalid URL: {error}")))?;
        *request.headers_mut() = self.headers(hop).await?;
        let client = if hop.guarded { &pool.guarded } else { &pool.free };
        client.request(request).await.map_err(|error| HttpError::of(&error, hop.url.to_string()))
    }

    async fn headers(&self, hop: &Hop) -> Result<HeaderMap, HttpError> {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, text(USER_AGENT.as_str(), &self.options.user_agent)?);
        for (name, value) in &hop.headers {
            let (name, value) = header(name, value)?;
            headers.append(name, value);
        }
        if let Some(proxy) = self.proxy_credentials(hop) {
            headers.insert(PROXY_AUTHORIZATION, text("Proxy-Authorization", proxy.expose())?);
        }
        if hop.foreign {
            return Ok(headers);
        }
        for (name, value) in &self.options.headers {
            let (name, value) = header(name, &value.load().await.map_err(HttpError::Setting)?)?;
            headers.append(name, value);
        }
        if !headers.contains_key(AUTHORIZATION)
            && let Some(credentials) = self.authorization(hop).await?
        {
            headers.insert(AUTHORIZATION, text("Authorization", credentials.expose())?);
        }
        headers.remove(HOST);
        Ok(headers)
    }

    /// What a proxy gets to see that forwards the request itself.
    fn proxy_credentials(&self, hop: &Hop) -> Option<Secret> {
        let origin = hop.url.origin();
        let proxy = self.proxies.choose(origin.secure, &origin.host, origin.port)?;
        match proxy.kind == Kind::Http && !origin.secure {
            true => proxy.url.user().map(|(name, password)| basic(name, password)),
            false => None,
        }
    }

    async fn authorization(&self, hop: &Hop) -> Result<Option<Secret>, HttpError> {
        match &self.options.credentials {
            Credentials::None => Ok(hop.url.user().map(|(name, password)| basic(name, password))),
            Credentials::Basic { user, password } => {
                let user = user.load().await.map_err(HttpError::Setting)?;
                Ok(Some(basic(user.expose(), &password.load().await.map_err(HttpError::Setting)?)))
            }
            Credentials::Authorization { kind, text } => {
                let text = text.load().await.map_err(HttpError::Setting)?;
                Ok((!text.is_empty()).then(|| Secret::new(format!("{kind} {}", text.expose()))))
            }
            Credentials::Oauth2(_) => match &self.tokens {
                Some(tokens) => tokens.token().await.map(Some),
                None => Ok(None),
            },
        }
    }

    async fn finish(&self, hop: &Hop, answer: http::Response<Incoming>) -> Result<Response, HttpError> {
        let (head, mut frames) = answer.into_parts();
        if head.status == http::StatusCode::UNAUTHORIZED
            && let Some(tokens) = &self.tokens
        {
            tokens.forget().await;
        }
        let (mut body, mut truncated) = (Vec::new(), false);
        while let Some(frame) = frames.frame().await {
            let frame = frame.map_err(|error| HttpError::exchange(hop.url.to_string(), &error))?;
            let Ok(data) = frame.into_data() else { continue };
            let room = self.limits.body_bytes - body.len();
            body.extend_from_slice(&data[..room.min(data.len())]);
            if data.len() > room {
                truncated = true;
                break;
            }
        }
        Ok(Response { status: head.status.as_u16(), headers: head.headers, body, truncated })
    }
}

/// `Basic` credentials.
pub(super) fn basic(user: &str, password: &Secret) -> Secret {
    let pair = format!("{user}:{}", password.expose());
    Secret::new(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
}

fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), HttpError> {
    let known = HeaderName::try_from(name);
    let known = known.map_err(|_| HttpError::Invalid(format!("{name:?} is not the name of a header")))?;
    Ok((known, text(name, value.expose())?))
}

fn text(name: &str, value: &str) -> Result<HeaderValue, HttpError> {
    let wrong =
        || HttpError::Invalid(format!("the value of header {name:?} holds a line break or another control character"));
    let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok(value)
}
