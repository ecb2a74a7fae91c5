//! The way out: names to addresses, addresses to streams. Every wait has an end.

#[cfg(test)]
mod certificates;
pub mod dial;
pub mod guard;
pub mod http;
pub mod percent;
mod proxy;
pub mod smtp;
pub mod source;
pub mod tls;
pub mod url;

pub use proxy::ProxyOptions;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long to wait for the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection. Not zero.
    pub connect: Duration,
    /// For each read. Not zero.
    pub read: Duration,
    /// For each write. Not zero.
    pub write: Duration,
}

/// Outbound connections. Resolving and connecting are two steps so that the caller can judge the addresses in between.
pub trait Net: Clone + Send + Sync + 'static {
    /// A connection.
    type Stream: Read + Write + Send + 'static;

    /// The addresses of a host, in order of preference, never none.
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// Connects to exactly this address.
    fn connect(&self, address: SocketAddr, timeouts: Timeouts) -> io::Result<Self::Stream>;
}

/// The machine's network.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealNet;

impl Net for RealNet {
    type Stream = TcpStream;

    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")));
        }
        Ok(addresses)
    }

    fn connect(&self, address: SocketAddr, timeouts: Timeouts) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&address, timeouts.connect)?;
        stream.set_read_timeout(Some(timeouts.read))?;
        stream.set_write_timeout(Some(timeouts.write))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const TIMEOUTS: Timeouts =
        Timeouts { connect: Duration::from_secs(5), read: Duration::from_millis(20), write: Duration::from_secs(5) };

    #[test]
    fn a_stream_carries_bytes_and_gives_up_waiting() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = RealNet.resolve("127.0.0.1", port).unwrap()[0];
        let mut near = RealNet.connect(address, TIMEOUTS).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        near.write_all(b"ping").unwrap();
        let mut buf = [0; 4];
        far.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"ping");
        let silence = near.read(&mut buf).unwrap_err();
        assert!(matches!(silence.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{silence}");
    }

    #[test]
    fn nobody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(RealNet.connect(address, TIMEOUTS).is_err());
    }
}
