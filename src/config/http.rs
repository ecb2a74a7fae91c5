//! `http_config` as Prometheus writes it: how a server somewhere is reached.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nightjar_platform::Secret;
use nightjar_platform::net::ProxyOptions;
use nightjar_platform::net::http::{Credentials, HttpOptions, Oauth2Options, Proof};
use nightjar_platform::net::source::Source;
use nightjar_platform::net::tls::{TlsOptions, TlsVersion};
use nightjar_platform::net::url::Url;
use serde::Deserialize;

use super::Ignored;

/// A user with a password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BasicAuth {
    username: Option<String>,
    username_file: Option<PathBuf>,
    password: Option<String>,
    password_file: Option<PathBuf>,
}

/// `Authorization: type credentials`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Authorization {
    #[serde(rename = "type")]
    kind: Option<String>,
    credentials: Option<String>,
    credentials_file: Option<PathBuf>,
}

/// A token that another server gives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Oauth2 {
    client_id: String,
    client_secret: Option<String>,
    client_secret_file: Option<PathBuf>,
    scopes: Option<Vec<String>>,
    token_url: String,
    endpoint_params: Option<BTreeMap<String, String>>,
    tls_config: Option<Tls>,
    proxy_url: Option<String>,
    no_proxy: Option<String>,
    proxy_from_environment: Option<bool>,
    #[allow(dead_code, reason = "read to tell it from a typing mistake")]
    proxy_connect_header: Ignored,
}

/// `tls_config`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    ca: Option<String>,
    ca_file: Option<PathBuf>,
    cert: Option<String>,
    cert_file: Option<PathBuf>,
    key: Option<String>,
    key_file: Option<PathBuf>,
    server_name: Option<String>,
    insecure_skip_verify: Option<bool>,
    min_version: Option<String>,
    max_version: Option<String>,
}

/// One value, or files with values, of a header.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    values: Option<Vec<String>>,
    secrets: Option<Vec<String>>,
    files: Option<Vec<PathBuf>>,
}

/// All of it, borrowed from where it stands.
pub(super) struct Written<'a> {
    pub(super) basic_auth: Option<&'a BasicAuth>,
    pub(super) authorization: Option<&'a Authorization>,
    pub(super) bearer_token: Option<&'a String>,
    pub(super) bearer_token_file: Option<&'a PathBuf>,
    pub(super) oauth2: Option<&'a Oauth2>,
    pub(super) tls: Option<&'a Tls>,
    pub(super) proxy_url: Option<&'a String>,
    pub(super) no_proxy: Option<&'a String>,
    pub(super) proxy_from_environment: Option<bool>,
    pub(super) headers: Option<&'a BTreeMap<String, Header>>,
    pub(super) follow_redirects: Option<bool>,
    pub(super) http2: Option<bool>,
}

impl Written<'_> {
    /// The options; files are relative to `directory`. The error is Prometheus' sentence where it has one.
    pub(super) fn options(&self, directory: &Path) -> Result<HttpOptions, String> {
        let mut headers = Vec::new();
        for (name, header) in self.headers.into_iter().flatten() {
            let inline = header.values.iter().chain(&header.secrets).flatten().map(|text| secret(text));
            let files = header.files.iter().flatten().map(|path| file(directory, path));
            headers.extend(inline.chain(files).map(|source| (name.clone(), source)));
        }
        let proxy = proxy(self.proxy_url, self.no_proxy, self.proxy_from_environment)?;
        Ok(HttpOptions {
            credentials: self.credentials(directory)?,
            tls: self.tls.map_or(Ok(TlsOptions::default()), |tls| tls.options(directory))?,
            proxy,
            headers,
            follow_redirects: self.follow_redirects.unwrap_or(true),
            http2: self.http2.unwrap_or(true),
            ..HttpOptions::default()
        })
    }

    fn credentials(&self, directory: &Path) -> Result<Credentials, String> {
        let bearer = either("bearer_token", self.bearer_token, self.bearer_token_file, directory)?;
        let ways = [self.basic_auth.is_some(), self.authorization.is_some(), self.oauth2.is_some(), bearer.is_some()];
        if ways.iter().filter(|way| **way).count() > 1 {
            return Err(
                "at most one of basic_auth, oauth2, bearer_token and authorization must be configured".to_owned()
            );
        }
        if let Some(auth) = self.basic_auth {
            let user = either("username", auth.username.as_ref(), auth.username_file.as_ref(), directory)?;
            let password = either("password", auth.password.as_ref(), auth.password_file.as_ref(), directory)?;
            let empty = || secret("");
            let (user, password) = (user.unwrap_or_else(empty), password.unwrap_or_else(empty));
            return Ok(Credentials::Basic { user, password });
        }
        if let Some(auth) = self.authorization {
            let text = either("credentials", auth.credentials.as_ref(), auth.credentials_file.as_ref(), directory)?;
            let kind = auth.kind.clone().filter(|kind| !kind.is_empty()).unwrap_or_else(|| "Bearer".to_owned());
            if kind.eq_ignore_ascii_case("basic") {
                return Err(r#"authorization type cannot be set to "basic", use "basic_auth" instead"#.to_owned());
            }
            return Ok(text.map_or(Credentials::None, |text| Credentials::Authorization { kind, text }));
        }
        if let Some(oauth2) = self.oauth2 {
            return Ok(Credentials::Oauth2(Box::new(oauth2.options(directory)?)));
        }
        Ok(bearer.map_or(Credentials::None, |text| Credentials::Authorization { kind: "Bearer".to_owned(), text }))
    }
}

impl Oauth2 {
    fn options(&self, directory: &Path) -> Result<Oauth2Options, String> {
        let proof = either("client_secret", self.client_secret.as_ref(), self.client_secret_file.as_ref(), directory)?;
        Ok(Oauth2Options {
            client_id: self.client_id.clone(),
            proof: Proof::Secret(proof.unwrap_or_else(|| secret(""))),
            token_url: Url::parse(&self.token_url)?,
            scopes: self.scopes.clone().unwrap_or_default(),
            params: self.endpoint_params.clone().unwrap_or_default().into_iter().collect(),
            tls: self.tls_config.as_ref().map_or(Ok(TlsOptions::default()), |tls| tls.options(directory))?,
            proxy: proxy(self.proxy_url.as_ref(), self.no_proxy.as_ref(), self.proxy_from_environment)?,
        })
    }
}

impl Tls {
    fn options(&self, directory: &Path) -> Result<TlsOptions, String> {
        let cert = either("cert", self.cert.as_ref(), self.cert_file.as_ref(), directory)?;
        let key = either("key", self.key.as_ref(), self.key_file.as_ref(), directory)?;
        if cert.is_some() != key.is_some() {
            return Err(
                "exactly one of key or key_file must be configured when a client certificate is configured".to_owned()
            );
        }
        Ok(TlsOptions {
            ca: either("ca", self.ca.as_ref(), self.ca_file.as_ref(), directory)?,
            cert,
            key,
            server_name: self.server_name.clone().unwrap_or_default(),
            insecure_skip_verify: self.insecure_skip_verify.unwrap_or(false),
            min_version: self.min_version.as_deref().map(version).transpose()?,
            max_version: self.max_version.as_deref().map(version).transpose()?,
        })
    }
}

fn version(text: &str) -> Result<TlsVersion, String> {
    match text {
        "TLS10" => Ok(TlsVersion::Tls10),
        "TLS11" => Ok(TlsVersion::Tls11),
        "TLS12" => Ok(TlsVersion::Tls12),
        "TLS13" => Ok(TlsVersion::Tls13),
        _ => Err(format!("unknown TLS version: {text}")),
    }
}

fn proxy(
    url: Option<&String>,
    no_proxy: Option<&String>,
    from_environment: Option<bool>,
) -> Result<ProxyOptions, String> {
    let options = ProxyOptions {
        url: Secret::new(url.map_or("", String::as_str)),
        no_proxy: no_proxy.cloned().unwrap_or_default(),
        from_environment: from_environment.unwrap_or(false),
        connect_headers: Vec::new(),
    };
    if options.from_environment && !options.url.is_empty() {
        return Err("if proxy_from_environment is configured, proxy_url must not be configured".to_owned());
    }
    options.check()?;
    Ok(options)
}

fn secret(text: &str) -> Source {
    Source::Inline(Secret::new(text))
}

fn file(directory: &Path, path: &Path) -> Source {
    Source::File(directory.join(path))
}

/// A setting that stands here or in a file, not in both.
fn either(
    name: &str,
    inline: Option<&String>,
    path: Option<&PathBuf>,
    directory: &Path,
) -> Result<Option<Source>, String> {
    let path = path.filter(|path| !path.as_os_str().is_empty());
    match (inline.filter(|text| !text.is_empty()), path) {
        (Some(_), Some(_)) => Err(format!("at most one of {name} & {name}_file must be configured")),
        (Some(text), None) => Ok(Some(secret(text))),
        (None, Some(path)) => Ok(Some(file(directory, path))),
        (None, None) => Ok(None),
    }
}
