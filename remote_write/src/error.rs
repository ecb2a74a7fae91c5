//! Why a request cannot be decoded.

use nightjar_model::storage::Rejection;

use crate::wire::WireError;

/// Why a whole request is refused. All of them are the sender's fault: status 400.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not the message they claim to be.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// More of something than one request may hold.
    #[error("the request holds more than {limit} {what}; send smaller requests")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The first symbol of a 2.0 request must be the empty string.
    #[error("the first symbol must be the empty string")]
    FirstSymbol,
    /// A 1.0 request with a bad item is refused whole.
    #[error("{}", .0.detail)]
    Refused(Rejection),
}

/// Holds a count against a limit.
#[inline(always)]
pub(crate) fn check(count: usize, limit: usize, what: &'static str) -> Result<(), DecodeError> {
    if count > limit { Err(DecodeError::TooMany { what, limit }) } else { Ok(()) }
}
