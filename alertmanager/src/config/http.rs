//! How to talk to an HTTP service: credentials, proxy, TLS.
#![expect(missing_docs, reason = "the fields are Prometheus' settings under their own names")]

use std::collections::BTreeMap;

use super::scalar::Secret;
use super::settings::{Check, at_most_one, require, settings};

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

impl Check for HttpConfig {
    fn check(&mut self) -> Result<(), String> {
        at_most_one(
            "basic_auth, oauth2, bearer_token & bearer_token_file",
            &[
                self.basic_auth.is_some(),
                self.oauth2.is_some(),
                !self.bearer_token.is_empty(),
                !self.bearer_token_file.is_empty(),
            ],
        )?;
        if let Some(authorization) = &mut self.authorization {
            require(
                self.bearer_token.is_empty() && self.bearer_token_file.is_empty(),
                "authorization is not compatible with bearer_token & bearer_token_file",
            )?;
            require(
                self.basic_auth.is_none() && self.oauth2.is_none(),
                "at most one of basic_auth, oauth2 & authorization must be configured",
            )?;
            at_most_one(
                "authorization credentials & credentials_file",
                &[!authorization.credentials.is_empty(), !authorization.credentials_file.is_empty()],
            )?;
            authorization.kind = authorization.kind.trim().to_owned();
            require(
                !authorization.kind.eq_ignore_ascii_case("basic"),
                "authorization type cannot be set to \"basic\", use \"basic_auth\" instead",
            )?;
        }
        if let Some(basic) = &self.basic_auth {
            at_most_one(
                "basic_auth username & username_file",
                &[!basic.username.is_empty(), !basic.username_file.is_empty()],
            )?;
            at_most_one(
                "basic_auth password & password_file",
                &[!basic.password.is_empty(), !basic.password_file.is_empty()],
            )?;
        }
        if let Some(oauth2) = &self.oauth2 {
            require(!oauth2.client_id.is_empty(), "oauth2 client_id must be configured")?;
            require(!oauth2.token_url.is_empty(), "oauth2 token_url must be configured")?;
            at_most_one(
                "oauth2 client_secret & client_secret_file",
                &[!oauth2.client_secret.is_empty(), !oauth2.client_secret_file.is_empty()],
            )?;
        }
        require(
            !self.proxy_from_environment || (self.proxy_url.is_empty() && self.no_proxy.is_empty()),
            "if proxy_from_environment is configured, proxy_url and no_proxy must not be configured",
        )?;
        require(
            self.no_proxy.is_empty() || !self.proxy_url.is_empty(),
            "if no_proxy is configured, proxy_url must also be configured",
        )?;
        self.take_bearer_token();
        self.tls_config.check()
    }
}

impl HttpConfig {
    /// The old spelling of a bearer token becomes the new one.
    fn take_bearer_token(&mut self) {
        if self.bearer_token.is_empty() && self.bearer_token_file.is_empty() {
            return;
        }
        self.authorization = Some(Authorization {
            credentials: std::mem::take(&mut self.bearer_token),
            credentials_file: std::mem::take(&mut self.bearer_token_file),
            ..Authorization::default()
        });
    }
}

impl Check for TlsConfig {
    fn check(&mut self) -> Result<(), String> {
        at_most_one("ca and ca_file", &[!self.ca.is_empty(), !self.ca_file.is_empty()])?;
        at_most_one("cert and cert_file", &[!self.cert.is_empty(), !self.cert_file.is_empty()])?;
        at_most_one("key and key_file", &[!self.key.is_empty(), !self.key_file.is_empty()])?;
        let (cert, key) =
            (self.cert.is_empty() && self.cert_file.is_empty(), self.key.is_empty() && self.key_file.is_empty());
        require(
            cert || !key,
            "exactly one of key or key_file must be configured when a client certificate is configured",
        )?;
        require(key || !cert, "exactly one of cert or cert_file must be configured when a client key is configured")?;
        for version in [&self.min_version, &self.max_version] {
            let known = matches!(version.as_str(), "" | "TLS10" | "TLS11" | "TLS12" | "TLS13");
            require(known, &format!("unknown TLS version: {version}"))?;
        }
        Ok(())
    }
}
