//! What the API answers when it cannot answer: an error type, a status and a sentence.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nightjar_model::storage::StorageError;
use nightjar_query::QueryError;

use super::json;
use super::respond;

/// The error types of the Prometheus API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorType {
    /// The request makes no sense. 400.
    BadData,
    /// The query failed while running. 422.
    Execution,
    /// The client went away. 499.
    Canceled,
    /// An operator stopped the query. 503, since clients show the text of nothing else.
    Stopped,
    /// The query was too slow. 503.
    Timeout,
    /// We failed. 500.
    Internal,
    /// There is no such thing. 404.
    NotFound,
    /// Not now; try again. 503, since clients show the text of nothing else.
    Unavailable,
    /// Switched off. 500, as in Prometheus.
    Disabled,
    /// Too large a request. 413.
    TooLarge,
}

impl ErrorType {
    fn as_str(self) -> &'static str {
        match self {
            ErrorType::BadData | ErrorType::TooLarge => "bad_data",
            ErrorType::Execution => "execution",
            ErrorType::Canceled | ErrorType::Stopped => "canceled",
            ErrorType::Timeout => "timeout",
            ErrorType::Internal => "internal",
            ErrorType::NotFound => "not_found",
            ErrorType::Unavailable | ErrorType::Disabled => "unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            ErrorType::BadData => StatusCode::BAD_REQUEST,
            ErrorType::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorType::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            ErrorType::Timeout | ErrorType::Unavailable | ErrorType::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            ErrorType::Internal | ErrorType::Disabled => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorType::NotFound => StatusCode::NOT_FOUND,
            ErrorType::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

/// An error answer of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    /// Its type.
    pub(super) kind: ErrorType,
    /// The sentence for people.
    pub(super) message: String,
}

impl ApiError {
    /// An error of any type.
    pub(super) fn new(kind: ErrorType, message: impl Into<String>) -> ApiError {
        ApiError { kind, message: message.into() }
    }

    /// 400 `bad_data`.
    pub(super) fn bad_data(message: impl Into<String>) -> ApiError {
        ApiError::new(ErrorType::BadData, message)
    }

    /// 503: an operator stopped the query.
    pub(super) fn stopped() -> ApiError {
        ApiError::new(ErrorType::Stopped, "query was canceled by an operator (DELETE /api/v1/status/queries)")
    }

    /// 400 with Prometheus' sentence about a parameter.
    pub(super) fn parameter(name: &str, reason: impl std::fmt::Display) -> ApiError {
        ApiError::bad_data(format!("invalid parameter {}: {reason}", nightjar_model::labels::quote(name)))
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> ApiError {
        match error {
            QueryError::Parse(_) | QueryError::BadData(_) => ApiError::parameter("query", error),
            QueryError::Execution(_) => ApiError::new(ErrorType::Execution, error.to_string()),
            QueryError::Timeout => ApiError::new(ErrorType::Timeout, error.to_string()),
            QueryError::Canceled => ApiError::new(ErrorType::Canceled, error.to_string()),
            QueryError::Busy(_) => ApiError::new(ErrorType::Unavailable, error.to_string()),
            QueryError::Storage(error) => error.into(),
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> ApiError {
        let kind = match error {
            StorageError::Unavailable { .. } => ErrorType::Unavailable,
            StorageError::Canceled => ErrorType::Canceled,
            StorageError::Io(_) => ErrorType::Internal,
        };
        ApiError::new(kind, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut out = Vec::with_capacity(96 + self.message.len());
        out.extend_from_slice(b"{\"status\":\"error\",\"errorType\":");
        json::string(&mut out, self.kind.as_str());
        out.extend_from_slice(b",\"error\":");
        json::string(&mut out, &self.message);
        out.push(b'}');
        respond::json(self.kind.status(), out)
    }
}
