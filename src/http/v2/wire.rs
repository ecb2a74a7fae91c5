//! How values and complaints look on the wire.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use nightjar_model::TimestampMs;

use super::super::{json, respond};
use crate::alerting::service::Refusal;
use nightjar_alertmanager::silence::SilenceError;

/// Largest body.
pub(super) const MAX_BODY_BYTES: usize = 32 << 20;

/// A sentence as a JSON text, which is how the API complains.
pub(super) fn complaint(status: StatusCode, sentence: &str) -> Response {
    let mut out = Vec::with_capacity(sentence.len() + 3);
    json::string(&mut out, sentence);
    out.push(b'\n');
    respond::json(status, out)
}

/// `{"code":...,"message":...}`, which is how the API complains of requests that do not have its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) status: StatusCode,
    pub(super) code: u32,
    pub(super) message: String,
}

impl Malformed {
    /// 422: the form is right, a value is not.
    pub(super) fn value(code: u32, message: impl Into<String>) -> Malformed {
        Malformed { status: StatusCode::UNPROCESSABLE_ENTITY, code, message: message.into() }
    }

    fn plain(status: StatusCode, message: impl Into<String>) -> Malformed {
        Malformed { status, code: u32::from(status.as_u16()), message: message.into() }
    }
}

impl IntoResponse for Malformed {
    fn into_response(self) -> Response {
        let mut out = format!("{{\"code\":{},\"message\":", self.code).into_bytes();
        json::string(&mut out, &self.message);
        out.push(b'}');
        respond::json(self.status, out)
    }
}

/// `405`.
pub(super) async fn method_not_allowed(request: Request) -> Malformed {
    let (method, path) = (request.method(), request.uri().path().trim_start_matches("/api/v2"));
    Malformed::plain(StatusCode::METHOD_NOT_ALLOWED, format!("method {method} is not allowed for {path}"))
}

/// The body of a request that must be JSON.
pub(super) async fn json_body(request: Request) -> Result<Vec<u8>, Malformed> {
    let (parts, body) = request.into_parts();
    require_json(&parts.headers)?;
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(Malformed::plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {MAX_BODY_BYTES} bytes; send fewer alerts at once"),
        )),
        Err(error) => Err(Malformed::plain(StatusCode::BAD_REQUEST, format!("the body did not arrive: {error}"))),
    }
}

/// Pages of other sites cannot send JSON without asking first, so this is more than a formality.
fn require_json(headers: &HeaderMap) -> Result<(), Malformed> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = given.unwrap_or("application/octet-stream").split(';').next().unwrap_or("").trim();
    if media.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = format!("unsupported media type {media:?}, only [application/json] are allowed");
    Err(Malformed::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
}

/// A body that is not the JSON it should be.
pub(super) fn unreadable(what: &str, error: &serde_json::Error) -> Malformed {
    let message = format!("parsing {what} body from \"\" failed, because {error}");
    Malformed::plain(StatusCode::BAD_REQUEST, message)
}

/// What could not be done.
pub(super) fn refused(refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::Silence(SilenceError::NotFound) => StatusCode::NOT_FOUND,
        Refusal::Silence(_) | Refusal::TooLarge { .. } => StatusCode::BAD_REQUEST,
        Refusal::NotDurable(_) | Refusal::Busy | Refusal::Stopping => {
            let mut response = complaint(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string());
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
            return response;
        }
    };
    complaint(status, &refusal.to_string())
}

/// A time in milliseconds.
pub(super) fn time(out: &mut Vec<u8>, at: TimestampMs) {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    json::string(out, &format!("{at:.3}"));
}

/// Reads a time; `None` is Go's zero time, which means that none was given.
pub(super) fn read_time(text: &str) -> Result<Option<TimestampMs>, String> {
    if text.is_empty() || text.starts_with("0001-01-01") {
        return Ok(None);
    }
    let bad = |_| format!("{text:?} is not a time as 2006-01-02T15:04:05Z");
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => Ok(Some(at.as_millisecond())),
        // Without a zone it is UTC.
        Err(_) => text.parse::<jiff::civil::DateTime>().map_err(bad).and_then(|at| {
            at.to_zoned(jiff::tz::TimeZone::UTC).map(|at| Some(at.timestamp().as_millisecond())).map_err(bad)
        }),
    }
}

/// A JSON answer.
pub(super) fn ok(out: Vec<u8>) -> Response {
    respond::json(StatusCode::OK, Body::from(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let table = [
            ("2026-01-02T03:04:05Z", Ok(Some(1_767_323_045_000))),
            ("2026-01-02T03:04:05.123456789+01:00", Ok(Some(1_767_319_445_123))),
            ("2026-01-02T03:04:05.5", Ok(Some(1_767_323_045_500))),
            ("0001-01-01T00:00:00Z", Ok(None)),
            ("", Ok(None)),
        ];
        for (text, expected) in table {
            assert_eq!(read_time(text), expected, "{text}");
        }
        assert!(read_time("yesterday").is_err());
        let mut out = Vec::new();
        time(&mut out, 1_767_323_045_000);
        assert_eq!(out, b"\"2026-01-02T03:04:05.000Z\"");
    }
}
