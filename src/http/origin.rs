//! Who sends a request.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::queries::{Origin, RequestOrigin};
use crate::server::Peer;

/// Who sends a request.
pub(super) struct Asker(RequestOrigin);

impl From<Asker> for Origin {
    fn from(asker: Asker) -> Origin {
        Origin::Request(asker.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asker, Infallible> {
        let client = parts.extensions.get::<Peer>().map(|peer| peer.0.ip().to_canonical().to_string());
        let header = |name: &str| parts.headers.get(name).map(|value| value.as_bytes());
        let origin = RequestOrigin::new(client.unwrap_or_default(), parts.method.as_str(), parts.uri.path(), header);
        Ok(Asker(origin))
    }
}
