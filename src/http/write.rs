//! Remote write: a body in, a verdict out once everything is on stable storage.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::body::Body as HttpBody;

use super::layers::unavailable;
use super::params::Params;
use super::respond;
use crate::app::App;
use crate::ingest::Buffer;
use crate::store::Phase;

/// The longest pause between two pieces of a body.
const PIECE_PATIENCE: Duration = Duration::from_secs(10);

/// The longest time for a whole body.
const BODY_PATIENCE: Duration = Duration::from_secs(120);

/// `GET /api/v1/write?get_vm_proto_version=1`: vmagent asks whether we read its compression. We do.
pub(super) async fn probe(params: Params) -> Response {
    if params.get("get_vm_proto_version").is_empty() {
        let mut response = respond::text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    respond::text(StatusCode::OK, "1")
}

/// `POST /api/v1/write`.
pub(super) async fn write(State(app): State<Arc<App>>, request: Request) -> Response {
    let phase = app.store.phase();
    if phase != Phase::Ready {
        return unavailable(phase);
    }
    let (_parts, body) = request.into_parts();
    match collect(&app, body).await {
        Ok(_buffer) => come_back("remote write is not built in yet"),
        Err(response) => response,
    }
}

/// 503: temporary, the sender must keep its data and repeat.
fn come_back(reason: &str) -> Response {
    let mut response = respond::text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n"));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// Reads a body into a pooled buffer, neither more than the limit nor slower than is reasonable.
async fn collect(app: &App, body: Body) -> Result<(Buffer, tokio::sync::OwnedSemaphorePermit), Response> {
    let limit = app.settings.max_write_bytes;
    let hint = body.size_hint();
    let too_large = || {
        let message = format!("the request is larger than {limit} bytes; send smaller batches\n");
        respond::text(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    if hint.lower() > limit as u64 {
        return Err(too_large());
    }
    let room = hint.exact().map_or(limit, |n| n as usize);
    let permit = app.ingest.reserve(room).await.map_err(|_| {
        app.metrics.write.overloaded.add(1);
        come_back("too many writes are in flight")
    })?;
    let mut buffer = app.ingest.buffer();
    let read = async {
        let mut body = body;
        loop {
            match tokio::time::timeout(PIECE_PATIENCE, body.frame()).await {
                Err(_) => return Err(respond::text(StatusCode::REQUEST_TIMEOUT, "the body came too slowly\n")),
                Ok(None) => return Ok(()),
                Ok(Some(Err(error))) => {
                    return Err(respond::text(
                        StatusCode::BAD_REQUEST,
                        format!("the body could not be read: {error}\n"),
                    ));
                }
                Ok(Some(Ok(frame))) => {
                    let Some(data) = frame.data_ref() else { continue };
                    if buffer.bytes.len() + data.len() > limit {
                        return Err(too_large());
                    }
                    buffer.bytes.extend_from_slice(data);
                }
            }
        }
    };
    match tokio::time::timeout(BODY_PATIENCE, read).await {
        Ok(Ok(())) => Ok((buffer, permit)),
        Ok(Err(response)) => Err(response),
        Err(_) => Err(respond::text(StatusCode::REQUEST_TIMEOUT, "the body came too slowly\n")),
    }
}
