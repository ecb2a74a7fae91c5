//! What HTTP settings must not say.

use std::collections::BTreeMap;

use nightjar_platform::Secret;

use super::options::{proxy, version};
use super::{Authorization, BasicAuth, HttpConfig, JWT_BEARER, Oauth2, TlsConfig};
use crate::config::settings::{Check, at_most_one, require};

/// Headers that the client sets itself.
const RESERVED: [&str; 22] = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Check for HttpConfig {
    fn check(&mut self) -> Result<(), String> {
        let bearer = [!self.bearer_token.is_empty(), !self.bearer_token_file.is_empty()];
        at_most_one("bearer_token & bearer_token_file", &bearer)?;
        at_most_one(
            "basic_auth, oauth2, bearer_token & bearer_token_file",
            &[self.basic_auth.is_some(), self.oauth2.is_some(), bearer[0], bearer[1]],
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
            authorization.check()?;
        }
        if let Some(basic) = &mut self.basic_auth {
            basic.check()?;
        }
        if let Some(oauth2) = &mut self.oauth2 {
            oauth2.check()?;
        }
        check_proxy(&self.proxy_url, &self.no_proxy, self.proxy_from_environment, &self.proxy_connect_header)?;
        self.http_headers.iter().try_for_each(|(name, _)| check_header(name))?;
        self.take_bearer_token();
        self.tls_config.check()
    }
}

impl HttpConfig {
    /// Checks settings that were read on their own, outside of `alertmanager.yml`.
    pub fn checked(mut self) -> Result<HttpConfig, String> {
        self.check().map(|()| self)
    }

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

impl Check for Authorization {
    fn check(&mut self) -> Result<(), String> {
        at_most_one(
            "authorization credentials & credentials_file",
            &[!self.credentials.is_empty(), !self.credentials_file.is_empty()],
        )?;
        self.kind = self.kind.trim().to_owned();
        require(
            !self.kind.eq_ignore_ascii_case("basic"),
            "authorization type cannot be set to \"basic\", use \"basic_auth\" instead",
        )?;
        no_refs(&[("credentials_ref", &self.credentials_ref)])
    }
}

impl Check for BasicAuth {
    fn check(&mut self) -> Result<(), String> {
        at_most_one(
            "basic_auth username & username_file",
            &[!self.username.is_empty(), !self.username_file.is_empty()],
        )?;
        at_most_one(
            "basic_auth password & password_file",
            &[!self.password.is_empty(), !self.password_file.is_empty()],
        )?;
        no_refs(&[("username_ref", &self.username_ref), ("password_ref", &self.password_ref)])
    }
}

impl Check for Oauth2 {
    fn check(&mut self) -> Result<(), String> {
        require(!self.client_id.is_empty(), "oauth2 client_id must be configured")?;
        require(!self.token_url.is_empty(), "oauth2 token_url must be configured")?;
        at_most_one(
            "oauth2 client_secret & client_secret_file",
            &[!self.client_secret.is_empty(), !self.client_secret_file.is_empty()],
        )?;
        at_most_one(
            "oauth2 client_certificate_key & client_certificate_key_file",
            &[!self.client_certificate_key.is_empty(), !self.client_certificate_key_file.is_empty()],
        )?;
        no_refs(&[
            ("client_secret_ref", &self.client_secret_ref),
            ("client_certificate_key_ref", &self.client_certificate_key_ref),
        ])?;
        let kinds = ["", "client_credentials", JWT_BEARER];
        let complaint = format!("oauth2 grant_type must be client_credentials or {JWT_BEARER}");
        require(kinds.contains(&self.grant_type.as_str()), &complaint)?;
        let key = !self.client_certificate_key.is_empty() || !self.client_certificate_key_file.is_empty();
        require(
            self.grant_type != JWT_BEARER || key,
            "oauth2 client_certificate_key or client_certificate_key_file must be configured with this grant_type",
        )?;
        let algorithms = ["", "RS256", "RS384", "RS512"];
        require(
            algorithms.contains(&self.signature_algorithm.as_str()),
            "oauth2 signature_algorithm must be RS256, RS384 or RS512",
        )?;
        check_proxy(&self.proxy_url, &self.no_proxy, self.proxy_from_environment, &self.proxy_connect_header)?;
        self.tls_config.check()
    }
}

impl Check for TlsConfig {
    fn check(&mut self) -> Result<(), String> {
        at_most_one("ca and ca_file", &[!self.ca.is_empty(), !self.ca_file.is_empty()])?;
        at_most_one("cert and cert_file", &[!self.cert.is_empty(), !self.cert_file.is_empty()])?;
        at_most_one("key and key_file", &[!self.key.is_empty(), !self.key_file.is_empty()])?;
        no_refs(&[("ca_ref", &self.ca_ref), ("cert_ref", &self.cert_ref), ("key_ref", &self.key_ref)])?;
        let (cert, key) =
            (self.cert.is_empty() && self.cert_file.is_empty(), self.key.is_empty() && self.key_file.is_empty());
        require(
            cert || !key,
            "exactly one of key or key_file must be configured when a client certificate is configured",
        )?;
        require(key || !cert, "exactly one of cert or cert_file must be configured when a client key is configured")?;
        for name in [&self.min_version, &self.max_version] {
            let known = name.is_empty() || version(name).is_some();
            require(known, &format!("unknown TLS version: {name}"))?;
        }
        require(
            !matches!(self.max_version.as_str(), "TLS10" | "TLS11"),
            "tls_config.max_version: TLS 1.0 and 1.1 are broken and not spoken; use TLS12 or TLS13",
        )?;
        let (min, max) = (version(&self.min_version), version(&self.max_version));
        require(
            min.is_none() || max.is_none() || min <= max,
            "tls_config.max_version must be greater than or equal to tls_config.min_version if both are specified",
        )
    }
}

fn check_proxy(
    url: &Secret,
    no_proxy: &str,
    from_environment: bool,
    headers: &BTreeMap<String, Vec<Secret>>,
) -> Result<(), String> {
    require(
        !from_environment || url.is_empty(),
        "if proxy_from_environment is configured, proxy_url must not be configured",
    )?;
    require(
        !from_environment || no_proxy.is_empty(),
        "if proxy_from_environment is configured, no_proxy must not be configured",
    )?;
    require(no_proxy.is_empty() || !url.is_empty(), "if no_proxy is configured, proxy_url must also be configured")?;
    require(
        headers.is_empty() || from_environment || !url.is_empty(),
        "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
    )?;
    // A configuration that was shown with its secrets hidden is read again by tools.
    if url.expose() == nightjar_platform::secret::HIDDEN { Ok(()) } else { proxy(url, "", false, headers).check() }
}

fn check_header(name: &str) -> Result<(), String> {
    require(!RESERVED.contains(&name.to_ascii_lowercase().as_str()), &format!("setting header {name:?} is not allowed"))
}

/// Alertmanager has the settings, too, but nothing that resolves them.
fn no_refs(refs: &[(&str, &String)]) -> Result<(), String> {
    match refs.iter().find(|(_, value)| !value.is_empty()) {
        Some((name, _)) => Err(format!("{name} needs a secret manager, and there is none; use the _file setting")),
        None => Ok(()),
    }
}
