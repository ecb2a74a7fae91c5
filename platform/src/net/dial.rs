//! From a host name to a connection: resolve, judge the addresses, connect to the first that answers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::guard::Guard;

/// How long one address has a start before the next.
const HEAD_START: Duration = Duration::from_millis(250);

/// How many addresses of a name are tried.
const MOST_ADDRESSES: usize = 8;

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The name has no address.
    #[error("cannot resolve {host}: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver says.
        reason: String,
    },
    /// The guard refuses.
    #[error("{host} is {why}, where this request may not go")]
    Forbidden {
        /// The name.
        host: String,
        /// What its address is.
        why: &'static str,
    },
    /// Nobody answers.
    #[error("cannot connect to {host}:{port}: {reason}")]
    Connect {
        /// The name.
        host: String,
        /// The port.
        port: u16,
        /// What the system says of the last address.
        reason: String,
    },
}

/// The addresses of a host that may be reached, in order of preference, never none.
pub async fn resolve(host: &str, port: u16, guard: Option<&Guard>) -> Result<Vec<SocketAddr>, DialError> {
    let failed = |reason: String| DialError::Resolve { host: host.to_owned(), reason };
    let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => {
            let found = tokio::net::lookup_host((host, port)).await.map_err(|error| failed(error.to_string()))?;
            found.take(MOST_ADDRESSES).collect()
        }
    };
    let Some(guard) = guard else {
        return if addresses.is_empty() { Err(failed("it has no address".to_owned())) } else { Ok(addresses) };
    };
    // One bad address condemns the name: which one is used is the resolver's mood.
    match addresses.iter().find_map(|address| guard.check(address.ip()).err()) {
        Some(why) => Err(DialError::Forbidden { host: host.to_owned(), why }),
        None if addresses.is_empty() => Err(failed("it has no address".to_owned())),
        None => Ok(addresses),
    }
}

/// Connects to a host. The caller sets the deadline.
pub async fn dial(host: &str, port: u16, guard: Option<&Guard>) -> Result<TcpStream, DialError> {
    let addresses = resolve(host, port, guard).await?;
    let failed = |error: io::Error| DialError::Connect { host: host.to_owned(), port, reason: error.to_string() };
    let stream = race(addresses).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

/// RFC 8305 in short: each address is tried a moment after the one before, or as soon as all before have failed.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
    let mut waiting = addresses.into_iter();
    let mut running: JoinSet<io::Result<TcpStream>> = JoinSet::new();
    loop {
        match waiting.next() {
            Some(address) => {
                running.spawn(TcpStream::connect(address));
            }
            None if running.is_empty() => return Err(last),
            None => {}
        }
        let patience = if waiting.len() == 0 { Duration::MAX } else { HEAD_START };
        // After the head start of the youngest the next one begins; the others go on.
        while let Ok(Some(ended)) = timeout(patience, running.join_next()).await {
            match ended {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(error) => last = io::Error::other(error),
            }
            if running.is_empty() {
                break;
            }
        }
    }
}

async fn timeout<T>(patience: Duration, future: impl Future<Output = T>) -> Result<T, ()> {
    match patience {
        Duration::MAX => Ok(future.await),
        patience => tokio::time::timeout(patience, future).await.map_err(|_| ()),
    }
}
