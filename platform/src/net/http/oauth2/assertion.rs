//! A signed statement in place of a client secret (RFC 7523).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::HttpError;
use crate::clock::{Clock, RealClock};
use crate::entropy::{Entropy, RealEntropy};
use crate::net::source::Source;
use crate::net::url::Url;
use crate::secret::Secret;

pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How long a statement holds.
const HOLDS_S: i64 = 3600;

/// What is stated and with which key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Assertion {
    /// The private RSA key: PEM.
    pub key: Source,
    /// Its number, for the server.
    pub key_id: String,
    /// How it signs.
    pub algorithm: SignatureAlgorithm,
    /// Who states; empty for the client.
    pub issuer: String,
    /// To whom; empty for the token server.
    pub audience: String,
    /// Further claims: a JSON object.
    pub claims: String,
}

/// RSA signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// With SHA-256.
    #[default]
    Rs256,
    /// With SHA-384.
    Rs384,
    /// With SHA-512.
    Rs512,
}

impl SignatureAlgorithm {
    fn name(self) -> (&'static str, &'static dyn RsaEncoding) {
        match self {
            SignatureAlgorithm::Rs256 => ("RS256", &RSA_PKCS1_SHA256),
            SignatureAlgorithm::Rs384 => ("RS384", &RSA_PKCS1_SHA384),
            SignatureAlgorithm::Rs512 => ("RS512", &RSA_PKCS1_SHA512),
        }
    }
}

impl Assertion {
    /// The statement, signed now.
    pub(super) async fn sign(&self, client_id: &str, token_url: &Url) -> Result<Secret, HttpError> {
        let key = self.key.load().await.map_err(HttpError::Setting)?;
        let (id, now) = (RealEntropy.next_u64(), RealClock::new().wall_ms() / 1000);
        self.statement(client_id, token_url, &key, id, now).map(Secret::new).map_err(HttpError::Setting)
    }

    pub(super) fn statement(
        &self,
        client_id: &str,
        token_url: &Url,
        key: &Secret,
        id: u64,
        now_s: i64,
    ) -> Result<String, String> {
        let (name, encoding) = self.algorithm.name();
        let or = |own: &str, other: String| if own.is_empty() { other } else { own.to_owned() };
        let mut claims: serde_json::Map<String, serde_json::Value> = match self.claims.is_empty() {
            true => serde_json::Map::new(),
            false => serde_json::from_str(&self.claims).map_err(|error| format!("claims: {error}"))?,
        };
        claims.insert("iss".to_owned(), or(&self.issuer, client_id.to_owned()).into());
        claims.insert("sub".to_owned(), client_id.into());
        claims.insert("aud".to_owned(), or(&self.audience, token_url.to_request()).into());
        claims.insert("jti".to_owned(), format!("{id:016x}").into());
        claims.insert("iat".to_owned(), now_s.into());
        claims.insert("exp".to_owned(), (now_s + HOLDS_S).into());
        let mut head = serde_json::json!({ "alg": name, "typ": "JWT" });
        if !self.key_id.is_empty() {
            head["kid"] = self.key_id.as_str().into();
        }
        let part = |json: String| URL_SAFE_NO_PAD.encode(json);
        let signed = format!("{}.{}", part(head.to_string()), part(serde_json::Value::from(claims).to_string()));
        let pair = key_pair(key)?;
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(encoding, &ring::rand::SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| "the client key cannot sign".to_owned())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

pub(super) fn key_pair(pem: &Secret) -> Result<RsaKeyPair, String> {
    let wrong = |error: String| format!("the client key is not a private RSA key in PEM: {error}");
    match PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).map_err(|error| wrong(error.to_string()))? {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(wrong("another kind of key".to_owned())),
    }
    .map_err(|error| wrong(error.to_string()))
}
