//! Answers: whole buffers, texts, and bodies produced piece by piece.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::json;

/// Pieces of a streamed body have about this size.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// Most warnings, and most infos, an answer carries.
const MAX_ANNOTATIONS: usize = 10;

/// A JSON answer.
pub(super) fn json(status: StatusCode, bytes: impl Into<Body>) -> Response {
    with_type(status, "application/json", bytes.into())
}

/// A plain-text answer.
pub(super) fn text(status: StatusCode, text: impl Into<Body>) -> Response {
    with_type(status, "text/plain; charset=utf-8", text.into())
}

/// An answer of a given type.
pub(super) fn with_type(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// `{"status":"success","data":...}` with `data` written by a closure.
pub(super) fn success(data: impl FnOnce(&mut Vec<u8>)) -> Response {
    success_with(&[], data)
}

/// The same with warnings.
pub(super) fn success_with(warnings: &[String], data: impl FnOnce(&mut Vec<u8>)) -> Response {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"{\"status\":\"success\",\"data\":");
    data(&mut out);
    annotations(&mut out, warnings, &[]);
    out.push(b'}');
    json(StatusCode::OK, out)
}

/// Appends `,"warnings":[...],"infos":[...]`, each left out when empty and cut after ten.
pub(super) fn annotations(out: &mut Vec<u8>, warnings: &[String], infos: &[String]) {
    for (member, singular, texts) in [("warnings", "warning", warnings), ("infos", "info", infos)] {
        if texts.is_empty() {
            continue;
        }
        out.push(b',');
        json::key(out, member);
        let omitted = texts.len().saturating_sub(MAX_ANNOTATIONS);
        let rest = (omitted > 0).then(|| format!("{omitted} more {singular} annotations omitted"));
        json::strings(out, texts.iter().take(MAX_ANNOTATIONS).chain(rest.as_ref()));
    }
}

/// Something that writes itself piece by piece.
pub(super) trait Pieces: Send + Unpin + 'static {
    /// Appends about [`PIECE_BYTES`] to `out`; answers whether more follows.
    fn write_piece(&mut self, out: &mut Vec<u8>) -> bool;
}

/// A JSON answer made of pieces. What fits into one piece is sent whole, with its length.
pub(super) fn pieces(mut pieces: impl Pieces) -> Response {
    let mut first = Vec::with_capacity(1024);
    if pieces.write_piece(&mut first) {
        json(StatusCode::OK, Body::new(PiecesBody { first: Some(Bytes::from(first)), pieces, more: true }))
    } else {
        json(StatusCode::OK, first)
    }
}

/// Writes the next piece only when the connection asks for it, so a slow client holds neither a thread nor a buffer.
struct PiecesBody<P> {
    first: Option<Bytes>,
    pieces: P,
    more: bool,
}

impl<P: Pieces> HttpBody for PiecesBody<P> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if !this.more {
            return Poll::Ready(None);
        }
        let mut piece = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        this.more = this.pieces.write_piece(&mut piece);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && !self.more
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
