//! How to talk to an HTTP service: credentials, proxy, TLS.
#![expect(missing_docs, reason = "the fields are Prometheus' settings under their own names")]

use std::collections::BTreeMap;

use super::scalar::Secret;
use super::settings::settings;

mod check;
mod options;

/// The grant in which a client signs who it is.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

settings! {
    /// `http_config`.
    HttpConfig {
        basic_auth: Option<BasicAuth>,
        authorization: Option<Authorization>,
        oauth2: Option<Oauth2>,
        bearer_token: Secret,
        bearer_token_file: String,
        tls_config: TlsConfig,
        follow_redirects: bool = true,
        enable_http2: bool = true,
        proxy_url: Secret,
        no_proxy: String,
        proxy_from_environment: bool,
        proxy_connect_header: BTreeMap<String, Vec<Secret>>,
        http_headers: BTreeMap<String, Header>,
    }
}

settings! {
    /// `basic_auth`.
    BasicAuth {
        username: String,
        username_file: String,
        username_ref: String,
        password: Secret,
        password_file: String,
        password_ref: String,
    }
}

settings! {
    /// `authorization`.
    Authorization {
        #[serde(rename = "type")]
        kind: String = "Bearer",
        credentials: Secret,
        credentials_file: String,
        credentials_ref: String,
    }
}

settings! {
    /// `oauth2`.
    Oauth2 {
        client_id: String,
        client_secret: Secret,
        client_secret_file: String,
        client_secret_ref: String,
        client_certificate_key_id: String,
        client_certificate_key: Secret,
        client_certificate_key_file: String,
        client_certificate_key_ref: String,
        grant_type: String,
        signature_algorithm: String,
        iss: String,
        audience: String,
        claims: BTreeMap<String, serde_json::Value>,
        scopes: Vec<String>,
        token_url: String,
        endpoint_params: BTreeMap<String, String>,
        tls_config: TlsConfig,
        proxy_url: Secret,
        no_proxy: String,
        proxy_from_environment: bool,
        proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    }
}

settings! {
    /// `tls_config`.
    TlsConfig {
        ca: String,
        ca_file: String,
        ca_ref: String,
        cert: String,
        cert_file: String,
        cert_ref: String,
        key: Secret,
        key_file: String,
        key_ref: String,
        server_name: String,
        insecure_skip_verify: bool,
        min_version: String,
        max_version: String,
    }
}

settings! {
    /// One of `http_headers`.
    Header {
        values: Vec<String>,
        secrets: Vec<Secret>,
        files: Vec<String>,
    }
}
