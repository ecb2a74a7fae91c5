//! Why a query has no answer.

use nightjar_model::storage::StorageError;

use crate::options::{Interrupt, Stop};
use crate::parser::ParseError;

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is not PromQL. API: 400 `bad_data`.
    #[error("{0}")]
    Parse(ParseError),
    /// The parameters make no sense. API: 400 `bad_data`.
    #[error("{0}")]
    BadData(String),
    /// Evaluation failed. API: 422 `execution`.
    #[error("{0}")]
    Execution(String),
    /// Too slow. API: 503 `timeout`.
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// Not wanted any more. API: 499 `canceled`.
    #[error("query was canceled in expression evaluation")]
    Canceled,
    /// Not now: other queries hold the memory it needs. API: 503 `unavailable`.
    #[error("{0}")]
    Busy(String),
    /// Storage failed. API: 500 `internal`, or 503 when it is temporary.
    #[error("{0}")]
    Storage(#[from] StorageError),
}

impl QueryError {
    /// Evaluation failed for this reason.
    pub(crate) fn execution(reason: impl Into<String>) -> QueryError {
        QueryError::Execution(reason.into())
    }

    /// Two series of one vector have one label set.
    pub(crate) fn same_labelset() -> QueryError {
        QueryError::execution("vector cannot contain metrics with the same labelset")
    }

    /// The query holds more samples than it may.
    pub(crate) fn too_many_samples() -> QueryError {
        QueryError::execution("query processing would load too many samples into memory in query execution")
    }
}

/// Errs when the query must stop.
pub(crate) fn go_on(interrupt: &dyn Interrupt) -> Result<(), QueryError> {
    interrupt.check().map_or(Ok(()), |stop| Err(stop.into()))
}

impl From<Stop> for QueryError {
    fn from(stop: Stop) -> QueryError {
        match stop {
            Stop::Timeout(_) => QueryError::Timeout,
            Stop::Canceled => QueryError::Canceled,
        }
    }
}
