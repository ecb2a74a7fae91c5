//! How long a connection may be slow: while it sends a request's head, while it rests, while it takes an answer.
//!
//! A connection is *busy* while a request is being answered (the handlers have their own deadlines for bodies), *asking*
//! from its first byte until a request is understood, else *resting*.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// What slow clients are granted.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the head of a request, from its first byte; and for the first head of a connection.
    pub head: Duration,
    /// For resting between requests.
    pub rest: Duration,
    /// For taking any part of an answer.
    pub write: Duration,
}

/// A client was too slow.
#[derive(Debug)]
struct TooSlow(&'static str);

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the client was too slow {}", self.0)
    }
}

impl Error for TooSlow {}

/// Whether a connection ended because its client was too slow.
pub(super) fn was_cut(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TooSlow>() {
            return true;
        }
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && was_cut(inner)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Counts the requests a connection is answering.
#[derive(Clone, Default)]
pub(super) struct InFlight(Arc<Counts>);

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl InFlight {
    /// Counts a request until the result is dropped.
    pub(super) fn begin(&self) -> Request {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Request(self.clone())
    }

    /// Whether any request is being answered.
    pub(super) fn any(&self) -> bool {
        self.0.ended.load(Ordering::Relaxed) < self.begun()
    }

    /// How many requests were understood so far.
    fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Relaxed)
    }
}

/// A request being answered.
pub(super) struct Request(InFlight);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Asking,
    Busy,
    Resting,
}

/// A stream that fails when its client is too slow.
pub(super) struct PatientIo {
    stream: TcpStream,
    patience: Patience,
    in_flight: InFlight,
    /// Requests understood when the state was looked at last.
    begun: usize,
    state: State,
    /// h2 interleaves requests and has pings of its own: there is no head to wait for.
    multiplexed: bool,
    read_deadline: Pin<Box<Sleep>>,
    write_deadline: Option<Pin<Box<Sleep>>>,
}

impl PatientIo {
    /// Wraps a fresh connection.
    pub(super) fn new(stream: TcpStream, patience: Patience, in_flight: InFlight) -> PatientIo {
        let read_deadline = Box::pin(sleep_until(Instant::now() + patience.head));
        PatientIo {
            stream,
            patience,
            in_flight,
            begun: 0,
            state: State::Asking,
            multiplexed: false,
            read_deadline,
            write_deadline: None,
        }
    }

    fn enter(&mut self, state: State) {
        if self.state == state {
            return;
        }
        self.state = state;
        let patience = match state {
            State::Asking => self.patience.head,
            State::Resting => self.patience.rest,
            State::Busy => return,
        };
        self.read_deadline.as_mut().reset(Instant::now() + patience);
    }

    /// A request may come and be answered without anybody looking in between: the connection was busy all the same.
    fn catch_up(&mut self) {
        let begun = self.in_flight.begun();
        if begun != self.begun {
            self.begun = begun;
            self.enter(State::Busy);
        }
    }

    fn arrived(&mut self, bytes: &[u8]) {
        if self.state == State::Asking && bytes.starts_with(b"PRI * HTTP/2") {
            self.multiplexed = true;
        }
        self.catch_up();
        if self.in_flight.any() {
            self.enter(State::Busy);
        } else if self.multiplexed {
            self.state = State::Busy;
            self.enter(State::Resting);
        } else {
            self.enter(State::Asking);
        }
    }

    fn waiting(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.catch_up();
        match (self.in_flight.any(), self.state) {
            (true, _) => self.enter(State::Busy),
            (false, State::Busy) => self.enter(State::Resting),
            (false, _) => {}
        }
        if self.state == State::Busy {
            return Poll::Pending;
        }
        ready!(self.read_deadline.as_mut().poll(cx));
        match self.state {
            State::Asking => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, TooSlow("to send a request")))),
            // Nothing was asked: this is an ordinary end.
            State::Resting | State::Busy => Poll::Ready(Ok(())),
        }
    }

    fn written<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.write_deadline = None;
            return result;
        }
        let end = Instant::now() + self.patience.write;
        let deadline = self.write_deadline.get_or_insert_with(|| Box::pin(sleep_until(end)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, TooSlow("to take an answer"))))
    }
}

impl AsyncRead for PatientIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                if buf.filled().len() > before {
                    this.arrived(&buf.filled()[before..]);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.waiting(cx),
        }
    }
}

impl AsyncWrite for PatientIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.written(cx, result)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
