//! A server that answers what a test wants, byte for byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// What a request gets.
pub(super) enum Reply {
    /// These bytes; the connection stays.
    Bytes(Vec<u8>),
    /// A body without an end.
    Endless,
    /// Nothing, for ever.
    Silence,
    /// These bytes and then the end of the connection.
    Cut(Vec<u8>),
    /// These bytes, one every now and then.
    Drip(Vec<u8>),
}

impl Reply {
    pub(super) fn text(text: &str) -> Reply {
        Reply::Bytes(text.as_bytes().to_vec())
    }
}

/// A good answer with this body.
pub(super) fn ok(body: &str) -> Reply {
    Reply::text(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

pub(super) struct Server {
    pub(super) port: u16,
    secure: bool,
    asked: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

type Script = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

impl Server {
    pub(super) async fn start(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Server {
        Server::start_with(None, script).await
    }

    pub(super) async fn start_with(
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Server { port, secure: tls.is_some(), asked: Arc::default(), connections: Arc::default() };
        let (asked, connections, script) =
            (server.asked.clone(), server.connections.clone(), Arc::new(script) as Script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (asked, script, tls) = (asked.clone(), script.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => converse(stream, &asked, &script).await,
                        Some(config) => match tokio_rustls::TlsAcceptor::from(config).accept(stream).await {
                            Ok(stream) => converse(stream, &asked, &script).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        server
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", if self.secure { "https" } else { "http" }, self.port)
    }

    /// The request of this number, head and body.
    pub(super) fn asked(&self, nth: usize) -> String {
        self.asked.lock()[nth].clone()
    }

    pub(super) fn count(&self) -> usize {
        self.asked.lock().len()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Until one side has enough.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut s: S,
    asked: &Mutex<Vec<String>>,
    script: &Script,
) -> Option<()> {
    loop {
        let request = request(&mut s).await?;
        asked.lock().push(request.clone());
        match script(&request) {
            Reply::Bytes(bytes) => s.write_all(&bytes).await.ok()?,
            Reply::Silence => tokio::time::sleep(Duration::from_secs(600)).await,
            Reply::Endless => {
                s.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.ok()?;
                loop {
                    s.write_all(b"4\r\nmore\r\n").await.ok()?;
                }
            }
            Reply::Cut(bytes) => {
                s.write_all(&bytes).await.ok()?;
                s.shutdown().await.ok()?;
                return None;
            }
            Reply::Drip(bytes) => {
                for byte in bytes {
                    s.write_all(&[byte]).await.ok()?;
                    s.flush().await.ok()?;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        s.flush().await.ok()?;
    }
}

async fn request<S: AsyncRead + Unpin>(s: &mut S) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(s.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    s.read_exact(&mut body).await.ok()?;
    bytes.extend(body);
    String::from_utf8(bytes).ok()
}
