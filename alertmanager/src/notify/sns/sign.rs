//! Signature Version 4, as Amazon describes it.

use nightjar_platform::net::url::Url;

use super::credentials::Keys;
use crate::config::Secret;
use crate::notify::digest::{hex, hmac_sha256, sha256_hex};

/// A POST of a form to a service.
pub(super) struct Call<'a> {
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    pub(super) url: &'a str,
    pub(super) body: &'a str,
    pub(super) now_s: i64,
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The headers of the request, its signature among them.
pub(super) fn signed(call: &Call<'_>, keys: &Keys) -> Result<Vec<(&'static str, Secret)>, String> {
    let url = Url::parse(call.url)?;
    let at = jiff::Timestamp::from_second(call.now_s).map_err(|error| error.to_string())?;
    let (day, time) = (at.strftime("%Y%m%d").to_string(), at.strftime("%Y%m%dT%H%M%SZ").to_string());
    let mut headers = vec![("Content-Type", Secret::new(FORM)), ("X-Amz-Date", Secret::new(time.as_str()))];
    if !keys.session.is_empty() {
        headers.push(("X-Amz-Security-Token", keys.session.clone()));
    }
    let mut names: Vec<(String, String)> =
        headers.iter().map(|(name, value)| (name.to_lowercase(), value.expose().to_owned())).collect();
    names.push(("host".to_owned(), url.origin().authority()));
    names.sort();
    let listed: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    let listed = listed.join(";");
    let shown: String = names.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let (path, query) = url.path().split_once('?').unwrap_or((url.path(), ""));
    let request = format!("POST\n{path}\n{query}\n{shown}\n{listed}\n{}", sha256_hex(call.body));
    let scope = format!("{day}/{}/{}/aws4_request", call.region, call.service);
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256_hex(&request));
    let seed = format!("AWS4{}", keys.secret.expose()).into_bytes();
    let parts = [day.as_str(), call.region, call.service, "aws4_request"];
    let key = parts.iter().fold(seed, |key, part| hmac_sha256(&key, part.as_bytes()));
    let signature = hex(&hmac_sha256(&key, text.as_bytes()));
    let credential = format!("{}/{scope}", keys.id);
    let header = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={listed}, Signature={signature}");
    headers.push(("Authorization", Secret::new(header)));
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signing key and string of the example in Amazon's documentation (IAM, 2015-08-30).
    #[test]
    fn the_derived_key_equals_the_published_one() {
        let seed = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
        let parts = ["20150830", "us-east-1", "iam", "aws4_request"];
        let key = parts.iter().fold(seed, |key, part| hmac_sha256(&key, part.as_bytes()));
        assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
        let text = "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n\
                    f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59";
        assert_eq!(
            hex(&hmac_sha256(&key, text.as_bytes())),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    #[test]
    fn the_headers() {
        let keys = Keys { id: "ID".to_owned(), secret: Secret::new("S"), session: Secret::new("T") };
        let call =
            Call { service: "sns", region: "eu-west-1", url: "http://h:8080", body: "a=b", now_s: 1_440_938_160 };
        let headers = signed(&call, &keys).unwrap();
        let line = headers.last().unwrap().1.expose();
        let begin = "AWS4-HMAC-SHA256 Credential=ID/20150830/eu-west-1/sns/aws4_request, \
                     SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
        assert!(line.starts_with(begin), "{line}");
        assert_eq!(headers[1].1.expose(), "20150830T123600Z");
        assert!(!format!("{keys:?}").contains('S'), "{keys:?}");
    }
}
