//! Parameters of a request: form body and URL query in one list, as Go merges them.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use nightjar_model::TimestampMs;

use super::error::{ApiError, ErrorType};
use super::time;

/// Largest form body, as in Go.
const MAX_FORM_BYTES: usize = 10 << 20;

/// Parameters of one request. Those of the body come before those of the URL.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Reads `a=1&b=2`, percent-encoded. Pairs that cannot be decoded are left out, as in Go.
    pub(super) fn parse(encoded: &str) -> Params {
        let pairs = encoded.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';'));
        let pairs = pairs.filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        });
        Params { pairs: pairs.collect() }
    }

    /// The first value of a parameter, the empty text when absent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// All values of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A time, or `default` when absent. The error names the parameter as `query` and `labels` do.
    pub(super) fn time_or(&self, name: &str, default: TimestampMs) -> Result<TimestampMs, ApiError> {
        match self.get(name) {
            "" => Ok(default),
            text => time::parse_time(text)
                .map_err(|e| ApiError::parameter(name, format!("invalid time value for '{name}': {e}"))),
        }
    }

    /// A time that must be there.
    pub(super) fn time(&self, name: &str) -> Result<TimestampMs, ApiError> {
        time::parse_time(self.get(name)).map_err(|e| ApiError::parameter(name, e))
    }

    /// The parameter `limit`; 0 = none.
    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        time::parse_limit(self.get("limit")).map_err(|e| ApiError::parameter("limit", e))
    }
}

/// Percent-decoding with `+` as space; `None` for a broken escape. Bytes that are not UTF-8 become U+FFFD.
fn decode(text: &str) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'+' => out.push(b' '),
            b'%' => {
                let hex = |i: usize| bytes.get(i).and_then(|b| (*b as char).to_digit(16));
                out.push((hex(at + 1)? * 16 + hex(at + 2)?) as u8);
                at += 2;
            }
            byte => out.push(byte),
        }
        at += 1;
    }
    Some(String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Params, ApiError> {
        let (parts, body) = request.into_parts();
        let is_form = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).is_some_and(|v| {
            let media_type = v.split(';').next().unwrap_or("").trim();
            media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        let mut params = Params::default();
        if is_form && matches!(parts.method.as_str(), "POST" | "PUT" | "PATCH") {
            params = Params::parse(&form(body).await?);
        }
        params.pairs.append(&mut Params::parse(parts.uri.query().unwrap_or("")).pairs);
        Ok(params)
    }
}

async fn form(body: Body) -> Result<String, ApiError> {
    match Limited::new(body, MAX_FORM_BYTES).collect().await {
        Ok(collected) => Ok(String::from_utf8_lossy(&collected.to_bytes()).into_owned()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ApiError::new(ErrorType::TooLarge, format!("the form is larger than {MAX_FORM_BYTES} bytes")))
        }
        Err(error) => Err(ApiError::bad_data(format!("error parsing form values: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding() {
        let params = Params::parse("query=up%7Bjob%3D%22a+b%22%7D&match[]=a&match%5B%5D=b&empty=&flag&bad=%zz&a;b=1");
        assert_eq!(params.get("query"), "up{job=\"a b\"}");
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((params.get("empty"), params.get("flag"), params.get("bad"), params.pairs.len()), ("", "", "", 5));
        assert_eq!(Params::parse("x=%ff").get("x"), "\u{fffd}");
    }

    #[test]
    fn sentences() {
        let params = Params::parse("time=x&limit=-1");
        let message = |e: ApiError| e.message;
        assert_eq!(
            params.time_or("time", 0).map_err(message).unwrap_err(),
            "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp"
        );
        assert_eq!(
            params.time("start").map_err(message).unwrap_err(),
            "invalid parameter \"start\": cannot parse \"\" to a valid timestamp"
        );
        assert_eq!(
            params.limit().map_err(message).unwrap_err(),
            "invalid parameter \"limit\": limit must be non-negative"
        );
    }
}
