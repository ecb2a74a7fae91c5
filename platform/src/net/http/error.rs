//! Why a request has no answer.

use std::error::Error;
use std::time::Duration;

use super::connector::ConnectError;
use crate::net::dial::DialError;

/// Why there is no answer. Shows no secret: places are scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The request cannot be made as it stands.
    #[error("{0}")]
    Invalid(String),
    /// A file of the configuration cannot be used now.
    #[error("{0}")]
    Setting(String),
    /// No connection.
    #[error(transparent)]
    Dial(DialError),
    /// The connection is no use: proxy or TLS.
    #[error("{place}: {reason}")]
    Handshake {
        /// With whom.
        place: String,
        /// What went wrong.
        reason: String,
    },
    /// The deadline passed.
    #[error("{place} did not answer within {after:?}")]
    Timeout {
        /// Who.
        place: String,
        /// The deadline.
        after: Duration,
    },
    /// The conversation broke off.
    #[error("{place}: {reason}")]
    Exchange {
        /// With whom.
        place: String,
        /// What went wrong.
        reason: String,
    },
    /// A redirect leads nowhere.
    #[error("{0}")]
    Redirect(String),
    /// No token.
    #[error("cannot get an OAuth2 token: {0}")]
    Token(String),
}

impl HttpError {
    /// Whether the same request is sure to fail again until somebody changes it or the configuration.
    pub fn is_final(&self) -> bool {
        matches!(self, HttpError::Invalid(_) | HttpError::Redirect(_) | HttpError::Dial(DialError::Forbidden { .. }))
    }

    /// What went wrong below; the connector's own complaints are found again.
    pub(super) fn of(error: &(dyn Error + 'static), place: String) -> HttpError {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(own) = error.downcast_ref::<ConnectError>() {
                return match own.clone() {
                    ConnectError::Dial(error) => HttpError::Dial(error),
                    ConnectError::Setting(reason) => HttpError::Setting(reason),
                    ConnectError::Handshake(reason) => HttpError::Handshake { place, reason },
                    ConnectError::Slow(after) => {
                        HttpError::Handshake { place, reason: format!("no connection within {after:?}") }
                    }
                };
            }
            cause = error.source();
        }
        HttpError::exchange(place, error)
    }

    /// A broken conversation, told by its innermost cause.
    pub(super) fn exchange(place: String, error: &(dyn Error + 'static)) -> HttpError {
        let mut reasons = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            let reason = error.to_string();
            if reasons.last() != Some(&reason) {
                reasons.push(reason);
            }
            cause = error.source();
        }
        HttpError::Exchange { place, reason: reasons.join(": ") }
    }
}
