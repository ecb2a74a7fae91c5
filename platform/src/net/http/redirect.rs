//! Where an answer leads: Go's rules, but credentials stay with their origin and nothing goes from `https` to `http`.

use bytes::Bytes;
use http::Method;

use super::{HttpError, Request};
use crate::net::url::{Origin, Url};
use crate::secret::Secret;

/// How many redirects are followed.
pub(super) const MOST: usize = 10;

/// One of the requests that a request becomes.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) body: Bytes,
    /// Whether the destination has to be judged.
    pub(super) guarded: bool,
    /// Whether we are somewhere else than where credentials belong. Never false again.
    pub(super) foreign: bool,
    home: Origin,
}

impl Hop {
    pub(super) fn first(request: Request) -> Hop {
        let Request { method, url, headers, body, guarded, timeout: _ } = request;
        let home = url.origin().clone();
        Hop { method, url, headers, body, guarded, foreign: false, home }
    }

    /// The next request after an answer of this status; `None` when the answer is the end.
    pub(super) fn next(&self, status: u16, location: Option<&[u8]>) -> Result<Option<Hop>, HttpError> {
        let keeps = match status {
            301..=303 => false,
            307 | 308 => true,
            _ => return Ok(None),
        };
        let Some(location) = location else { return Ok(None) };
        let refused = |why: String| HttpError::Redirect(format!("{} redirects {why}", self.url));
        let location = std::str::from_utf8(location).map_err(|_| refused("to what is not an address".to_owned()))?;
        let url = self.url.join(location).map_err(|error| refused(format!("to what is not an address: {error}")))?;
        if self.url.origin().secure && !url.origin().secure {
            return Err(refused(format!("from https to {url}, which is not followed")));
        }
        let foreign = self.foreign || *url.origin() != self.home;
        let mut next = Hop { url, foreign, guarded: self.guarded || foreign, ..self.clone() };
        if !keeps && next.method != Method::HEAD {
            next.method = Method::GET;
        }
        if !keeps {
            next.body = Bytes::new();
        }
        let describes_body = |name: &str| name.eq_ignore_ascii_case("content-type");
        next.headers.retain(|(name, _)| if describes_body(name) { keeps } else { !foreign });
        Ok(Some(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_answers_lead() {
        let table: [(u16, Option<&str>, &str); 13] = [
            (200, None, "end"),
            (304, Some("/x"), "end"),
            (302, None, "end"),
            (301, Some("/x"), "GET http://h/x body 0 headers 1"),
            (302, Some("/x"), "GET http://h/x body 0 headers 1"),
            (303, Some("?y"), "GET http://h/a?y body 0 headers 1"),
            (307, Some("/x"), "POST http://h/x body 1 headers 2"),
            (308, Some("http://H:80/x"), "POST http://h/x body 1 headers 2"),
            (307, Some("http://o/x"), "POST http://o/x body 1 headers 1 foreign guarded"),
            (302, Some("http://h:81/x"), "GET http://h:81/x body 0 headers 0 foreign guarded"),
            (308, Some("https://h/x"), "POST https://h/x body 1 headers 1 foreign guarded"),
            (302, Some("file:///etc/passwd"), "refused"),
            (302, Some("http://"), "refused"),
        ];
        let request = Request::new(Method::POST, Url::parse("http://h/a").unwrap(), "b")
            .with("X-Auth-Token", "CANARY")
            .with("Content-Type", "t");
        let hop = Hop::first(request);
        for (status, location, expected) in table {
            let shown = match hop.next(status, location.map(str::as_bytes)) {
                Err(_) => "refused".to_owned(),
                Ok(None) => "end".to_owned(),
                Ok(Some(next)) => {
                    let (body, headers) = (next.body.len(), next.headers.len());
                    let mut shown = format!("{} {} body {body} headers {headers}", next.method, next.url.to_request());
                    shown.push_str(if next.foreign { " foreign" } else { "" });
                    shown.push_str(if next.guarded { " guarded" } else { "" });
                    shown
                }
            };
            assert_eq!(shown, expected, "{status} {location:?}");
        }
        let away = hop.next(307, Some(b"http://o/")).unwrap().unwrap();
        assert!(away.next(307, Some(b"http://h/a")).unwrap().unwrap().foreign, "no way back to the credentials");
        let secure = hop.next(307, Some(b"https://h/")).unwrap().unwrap();
        assert!(secure.next(307, Some(b"http://h/")).is_err(), "no way down");
    }
}
