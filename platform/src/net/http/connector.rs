//! Connections to origins, directly or through a proxy, and their keeping.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::HttpOptions;
use crate::net::dial::{DialError, dial, resolve};
use crate::net::guard::Guard;
use crate::net::proxy::{self, Kind, Proxies, Proxy};
use crate::net::tls::{TlsMaterial, TlsOptions};
use crate::net::url::{Origin, Url};
use crate::secret::Secret;

/// How long an unused connection is kept: less than servers usually do, so that we are who closes.
const IDLE: Duration = Duration::from_secs(50);

/// How many unused connections to one origin are kept.
const IDLE_CONNECTIONS: usize = 8;

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Dial(DialError),
    #[error("{0}")]
    Setting(String),
    #[error("{0}")]
    Handshake(String),
    #[error("no connection within {0:?}")]
    Slow(Duration),
}

/// Connections, judged by the guard and not.
pub(super) struct Pool {
    route: Arc<Route>,
    pub(super) free: Client<Connector, Full<Bytes>>,
    pub(super) guarded: Client<Connector, Full<Bytes>>,
}

impl Pool {
    pub(super) fn new(route: Route, guard: &Arc<Guard>) -> Pool {
        let route = Arc::new(route);
        let client = |guard: Option<Arc<Guard>>| {
            Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .http2_initial_stream_window_size(64 << 10)
                .http2_initial_connection_window_size(256 << 10)
                .http2_keep_alive_interval(Duration::from_secs(30))
                .build(Connector { route: Arc::clone(&route), guard })
        };
        Pool { free: client(None), guarded: client(Some(Arc::clone(guard))), route }
    }

    /// Whether new connections would be made of the same.
    pub(super) fn made_of(&self, material: &TlsMaterial, headers: &[(String, Secret)]) -> bool {
        self.route.material == *material && self.route.connect_headers == headers
    }
}

/// All that a connection needs besides its end.
pub(super) struct Route {
    tls: TlsOptions,
    material: TlsMaterial,
    with_http2: OnceLock<Result<Arc<ClientConfig>, String>>,
    without: OnceLock<Result<Arc<ClientConfig>, String>>,
    proxies: Proxies,
    connect_headers: Vec<(String, Secret)>,
    http2: bool,
    deadline: Duration,
}

impl Route {
    pub(super) fn new(
        options: &HttpOptions,
        material: TlsMaterial,
        connect_headers: Vec<(String, Secret)>,
        proxies: Proxies,
        deadline: Duration,
    ) -> Route {
        let (with_http2, without) = (OnceLock::new(), OnceLock::new());
        let (tls, http2) = (options.tls.clone(), options.http2);
        Route { tls, material, with_http2, without, proxies, connect_headers, http2, deadline }
    }

    async fn connect(&self, to: Origin, guard: Option<Arc<Guard>>) -> Result<Stream, ConnectError> {
        let open = self.open(&to, guard.as_deref());
        tokio::time::timeout(self.deadline, open).await.unwrap_or(Err(ConnectError::Slow(self.deadline)))
    }

    async fn open(&self, to: &Origin, guard: Option<&Guard>) -> Result<Stream, ConnectError> {
        match self.proxies.choose(to.secure, &to.host, to.port) {
            Some(proxy) => self.open_through(proxy, to, guard).await,
            None => {
                let stream = dial(&to.host, to.port, guard).await.map_err(ConnectError::Dial)?;
                if to.secure { self.encrypt(&to.host, stream, self.http2).await } else { Ok(Stream::plain(stream)) }
            }
        }
    }

    /// The proxy is the operator's word, the host behind it perhaps not: what its name means here is judged. A name
    /// that only the proxy knows is the proxy's to judge.
    async fn open_through(&self, proxy: &Proxy, to: &Origin, guard: Option<&Guard>) -> Result<Stream, ConnectError> {
        if guard.is_some()
            && let Err(error @ DialError::Forbidden { .. }) = resolve(&to.host, to.port, guard).await
        {
            return Err(ConnectError::Dial(error));
        }
        let at = proxy.url.origin();
        let stream = dial(&at.host, at.port, None).await.map_err(ConnectError::Dial)?;
        let mut stream = if at.secure { self.encrypt(&at.host, stream, false).await? } else { Stream::plain(stream) };
        let failed = |error: std::io::Error| ConnectError::Handshake(format!("proxy {}: {error}", at.authority()));
        match proxy.kind {
            Kind::Socks => proxy::socks(&mut stream.io, to, proxy.url.user()).await.map_err(failed)?,
            Kind::Http if to.secure => {
                let headers = self.connect_headers(&proxy.url);
                proxy::connect(&mut stream.io, to, &headers).await.map_err(failed)?;
            }
            Kind::Http => return Ok(Stream { forwarded: true, ..stream }),
        }
        if to.secure { self.encrypt(&to.host, stream.io, self.http2).await } else { Ok(stream) }
    }

    fn connect_headers(&self, proxy: &Url) -> Vec<(String, Secret)> {
        let mut headers = self.connect_headers.clone();
        let own = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Proxy-Authorization"));
        if let Some((name, password)) = proxy.user().filter(|_| !own) {
            headers.push(("Proxy-Authorization".to_owned(), super::basic(name, password)));
        }
        headers
    }

    async fn encrypt<S: Io + 'static>(&self, host: &str, stream: S, http2: bool) -> Result<Stream, ConnectError> {
        let (cell, protocols): (_, &[&str]) =
            if http2 { (&self.with_http2, &["h2", "http/1.1"]) } else { (&self.without, &["http/1.1"]) };
        let config = cell.get_or_init(|| self.tls.client(&self.material, protocols)).clone();
        let stream = self.tls.wrap(config.map_err(ConnectError::Setting)?, host, stream).await;
        let stream = stream.map_err(|error| ConnectError::Handshake(format!("TLS: {error}")))?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Stream { io: Box::new(stream), http2, forwarded: false })
    }
}

/// Bytes in both directions.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection.
pub(super) struct Stream {
    io: Box<dyn Io>,
    http2: bool,
    /// Whether a proxy reads the requests.
    forwarded: bool,
}

impl Stream {
    fn plain(stream: impl Io + 'static) -> Stream {
        Stream { io: Box::new(stream), http2: false, forwarded: false }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.forwarded);
        if self.http2 { connected.negotiated_h2() } else { connected }
    }
}

/// Makes connections for the keeper of connections.
#[derive(Clone)]
pub(super) struct Connector {
    route: Arc<Route>,
    guard: Option<Arc<Guard>>,
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Connector { route, guard } = self.clone();
        Box::pin(async move {
            let to = Url::parse(&uri.to_string()).map_err(ConnectError::Setting)?;
            route.connect(to.origin().clone(), guard).await.map(TokioIo::new)
        })
    }
}
