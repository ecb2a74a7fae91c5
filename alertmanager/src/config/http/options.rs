//! The settings as the HTTP client wants them.

use std::path::Path;

use nightjar_platform::Secret;
use nightjar_platform::net::ProxyOptions;
use nightjar_platform::net::http::{Assertion, Credentials, HttpOptions, Oauth2Options, Proof, SignatureAlgorithm};
use nightjar_platform::net::source::Source;
use nightjar_platform::net::tls::{TlsOptions, TlsVersion};
use nightjar_platform::net::url::Url;

use super::{Authorization, BasicAuth, HttpConfig, JWT_BEARER, Oauth2, TlsConfig};

impl HttpConfig {
    /// What a client needs. Relative file names are taken from `folder`, where the configuration lies.
    pub fn options(&self, folder: &Path, user_agent: &str) -> Result<HttpOptions, String> {
        let mut headers = Vec::new();
        for (name, header) in &self.http_headers {
            let values = header.values.iter().map(|value| inline(value));
            let secrets = header.secrets.iter().map(|secret| Source::Inline(secret.clone()));
            let files = header.files.iter().map(|file| Source::File(folder.join(file)));
            headers.extend(values.chain(secrets).chain(files).map(|source| (name.clone(), source)));
        }
        let credentials = match (&self.basic_auth, &self.authorization, &self.oauth2) {
            (Some(basic), ..) => basic.credentials(folder),
            (_, Some(authorization), _) => authorization.credentials(folder),
            (.., Some(oauth2)) => Credentials::Oauth2(Box::new(oauth2.options(folder)?)),
            _ => Credentials::None,
        };
        Ok(HttpOptions {
            credentials,
            tls: self.tls_config.options(folder),
            proxy: proxy(&self.proxy_url, &self.no_proxy, self.proxy_from_environment, &self.proxy_connect_header),
            headers,
            follow_redirects: self.follow_redirects,
            http2: self.enable_http2,
            user_agent: user_agent.to_owned(),
        })
    }
}

impl TlsConfig {
    /// What an encrypted connection needs.
    pub fn options(&self, folder: &Path) -> TlsOptions {
        let either = |text: &str, file: &str| match (text, file) {
            ("", "") => None,
            ("", file) => Some(Source::File(folder.join(file))),
            (text, _) => Some(inline(text)),
        };
        TlsOptions {
            ca: either(&self.ca, &self.ca_file),
            cert: either(&self.cert, &self.cert_file),
            key: either(self.key.expose(), &self.key_file),
            server_name: self.server_name.clone(),
            insecure_skip_verify: self.insecure_skip_verify,
            min_version: version(&self.min_version),
            max_version: version(&self.max_version),
        }
    }
}

/// The version of a name that was checked.
pub(super) fn version(name: &str) -> Option<TlsVersion> {
    match name {
        "TLS10" => Some(TlsVersion::Tls10),
        "TLS11" => Some(TlsVersion::Tls11),
        "TLS12" => Some(TlsVersion::Tls12),
        "TLS13" => Some(TlsVersion::Tls13),
        _ => None,
    }
}

impl BasicAuth {
    fn credentials(&self, folder: &Path) -> Credentials {
        let user = source(&Secret::new(&*self.username), &self.username_file, folder);
        Credentials::Basic { user, password: source(&self.password, &self.password_file, folder) }
    }
}

impl Authorization {
    fn credentials(&self, folder: &Path) -> Credentials {
        let kind = if self.kind.is_empty() { "Bearer" } else { &self.kind };
        let text = source(&self.credentials, &self.credentials_file, folder);
        Credentials::Authorization { kind: kind.to_owned(), text }
    }
}

impl Oauth2 {
    fn options(&self, folder: &Path) -> Result<Oauth2Options, String> {
        let proof = match self.grant_type == JWT_BEARER {
            false => Proof::Secret(source(&self.client_secret, &self.client_secret_file, folder)),
            true => Proof::Assertion(Box::new(Assertion {
                key: source(&self.client_certificate_key, &self.client_certificate_key_file, folder),
                key_id: self.client_certificate_key_id.clone(),
                algorithm: match self.signature_algorithm.as_str() {
                    "RS384" => SignatureAlgorithm::Rs384,
                    "RS512" => SignatureAlgorithm::Rs512,
                    _ => SignatureAlgorithm::Rs256,
                },
                issuer: self.iss.clone(),
                audience: self.audience.clone(),
                claims: serde_json::to_string(&self.claims).map_err(|error| error.to_string())?,
            })),
        };
        Ok(Oauth2Options {
            client_id: self.client_id.clone(),
            proof,
            token_url: Url::parse(&self.token_url).map_err(|error| format!("oauth2 token_url: {error}"))?,
            scopes: self.scopes.clone(),
            params: self.endpoint_params.clone().into_iter().collect(),
            tls: self.tls_config.options(folder),
            proxy: proxy(&self.proxy_url, &self.no_proxy, self.proxy_from_environment, &self.proxy_connect_header),
        })
    }
}

/// A checked setting that stands in the configuration or in a file.
fn source(text: &Secret, file: &str, folder: &Path) -> Source {
    match text.is_empty() && !file.is_empty() {
        true => Source::File(folder.join(file)),
        false => Source::Inline(text.clone()),
    }
}

fn inline(text: &str) -> Source {
    Source::Inline(Secret::new(text))
}

pub(super) fn proxy(
    url: &Secret,
    no_proxy: &str,
    from_environment: bool,
    headers: &std::collections::BTreeMap<String, Vec<Secret>>,
) -> ProxyOptions {
    let each = |(name, values): (&String, &Vec<Secret>)| {
        values.iter().map(|value| (name.clone(), Source::Inline(value.clone()))).collect::<Vec<_>>()
    };
    ProxyOptions {
        url: url.clone(),
        no_proxy: no_proxy.to_owned(),
        from_environment,
        connect_headers: headers.iter().flat_map(each).collect(),
    }
}
