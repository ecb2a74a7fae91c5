//! The listener: accepts connections, speaks HTTP/1.1 and h2c on them, cuts off who is too slow, ends gracefully.

mod patience;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use crate::metrics::Metrics;
pub use patience::Patience;
use patience::{InFlight, PatientIo};

/// Largest head of a request.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Most header lines of a request.
const MAX_HEADERS: usize = 100;

/// Limits on connections.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Most connections at once; more wait in the system's queue.
    pub max_connections: usize,
    /// What slow clients are granted.
    pub patience: Patience,
}

/// How long a connection nobody uses may keep a place that a new one waits for.
const EVICTION_INTERVAL: Duration = Duration::from_millis(20);

/// A running listener.
pub struct Server {
    stop: watch::Sender<bool>,
    loops: Vec<tokio::task::JoinHandle<()>>,
    /// One permit a connection.
    places: Arc<Semaphore>,
    max_connections: usize,
}

impl Server {
    /// Serves `router` on all `listeners`.
    pub fn start(listeners: Vec<TcpListener>, router: Router, limits: ServerLimits, metrics: Arc<Metrics>) -> Server {
        let (stop, stopped) = watch::channel(false);
        let max_connections = limits.max_connections.clamp(1, u32::MAX as usize >> 4);
        let places = Arc::new(Semaphore::new(max_connections));
        let wanted = Arc::new(Notify::new());
        let accept = |listener| {
            let acceptor = Acceptor {
                router: router.clone(),
                patience: limits.patience,
                metrics: Arc::clone(&metrics),
                builder: Arc::new(builder()),
                wanted: Arc::clone(&wanted),
                stopped: stopped.clone(),
            };
            tokio::spawn(acceptor.run(listener, Arc::clone(&places)))
        };
        let loops = listeners.into_iter().map(accept).collect();
        Server { stop, loops, places, max_connections }
    }

    /// Accepts nothing more, lets running requests finish for at most `grace`. Answers whether all did.
    pub async fn shutdown(self, grace: Duration) -> bool {
        let _ = self.stop.send(true);
        for accept_loop in self.loops {
            let _ = accept_loop.await;
        }
        let all = self.places.acquire_many(self.max_connections as u32);
        tokio::time::timeout(grace, all).await.is_ok()
    }
}

/// Listens on an address; `:9090` means all interfaces.
pub async fn bind(address: &str) -> io::Result<TcpListener> {
    match address.strip_prefix(':') {
        // IPv6 sockets take IPv4 too, where there is IPv6.
        Some(port) => match TcpListener::bind(format!("[::]:{port}")).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind(format!("0.0.0.0:{port}")).await,
        },
        None => TcpListener::bind(address).await,
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Header timeouts are ours (see `patience`): hyper's also runs while a connection rests between requests.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None);
    builder.http1().max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
    builder.http2().timer(TokioTimer::new());
    builder.http2().max_concurrent_streams(128).max_header_list_size(MAX_HEAD_BYTES as u32);
    builder.http2().keep_alive_interval(Duration::from_secs(30)).keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// Who is at the other end of a connection; in the extensions of every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

struct Acceptor {
    router: Router,
    patience: Patience,
    metrics: Arc<Metrics>,
    builder: Arc<Builder<TokioExecutor>>,
    stopped: watch::Receiver<bool>,
    /// Asks one connection to make place for another.
    wanted: Arc<Notify>,
}

impl Acceptor {
    async fn run(self, listener: TcpListener, places: Arc<Semaphore>) {
        let mut stopped = self.stopped.clone();
        loop {
            let accepted = tokio::select! {
                _ = stopped.changed() => return,
                accepted = accept(&listener, &places, &self.wanted) => accepted,
            };
            if let Some((stream, peer, place)) = accepted {
                self.connection(stream, peer, place);
            }
        }
    }

    fn connection(&self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        let _ = stream.set_nodelay(true);
        let in_flight = InFlight::default();
        let io = TokioIo::new(PatientIo::new(stream, self.patience, in_flight.clone()));
        let (router, metrics, builder) = (self.router.clone(), Arc::clone(&self.metrics), Arc::clone(&self.builder));
        let (mut stopped, wanted) = (self.stopped.clone(), Arc::clone(&self.wanted));
        metrics.http.connections.add(1);
        tokio::spawn(async move {
            let _place = place;
            let idle = in_flight.clone();
            let service = service_fn(move |request| respond(router.clone(), in_flight.clone(), peer, request));
            let mut connection = pin!(builder.serve_connection(io, service));
            let result = tokio::select! {
                result = connection.as_mut() => result,
                () = evicted(&wanted, &idle) => {
                    metrics.http.connections_cut.add(1);
                    Ok(())
                }
                () = async { let _ = stopped.wait_for(|stopped| *stopped).await; } => {
                    connection.as_mut().graceful_shutdown();
                    // Half a head is not worth waiting for.
                    if idle.any() { connection.await } else { Ok(()) }
                }
            };
            if let Err(error) = result {
                if patience::was_cut(&*error) {
                    metrics.http.connections_cut.add(1);
                }
                tracing::debug!(%peer, error = %error, "connection ended");
            }
            metrics.http.connections.add(-1);
        });
    }
}

/// Resolves when another connection needs the place of this one and it is not answering anything.
async fn evicted(wanted: &Notify, in_flight: &InFlight) {
    loop {
        wanted.notified().await;
        if !in_flight.any() {
            return;
        }
    }
}

/// One connection with its place; `None` when accepting failed for now.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    wanted: &Notify,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // The longest waiting one is asked first; who is busy stays, so under full load new connections wait.
            loop {
                let place = Arc::clone(places).acquire_owned();
                match tokio::time::timeout(EVICTION_INTERVAL, place).await {
                    Ok(place) => return Some((stream, peer, place.ok()?)),
                    Err(_) => wanted.notify_one(),
                }
            }
        }
        Err(error) => {
            // Out of file descriptors, most likely: whoever ends a connection helps.
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn respond(
    router: Router,
    in_flight: InFlight,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<WatchedBody>, Infallible> {
    let guard = in_flight.begin();
    request.extensions_mut().insert(Peer(peer));
    let response = router.oneshot(request.map(Body::new)).await?;
    Ok(response.map(|body| WatchedBody { body, _guard: guard }))
}

/// A body that tells when it has been sent or given up.
struct WatchedBody {
    body: Body,
    _guard: patience::Request,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
