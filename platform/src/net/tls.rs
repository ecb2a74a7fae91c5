//! Encryption of outbound connections, as Go's programs have it set up.

mod roots;

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, SupportedProtocolVersion, version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;

use super::source::Source;
use crate::secret::Secret;

/// `tls_config`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsOptions {
    /// Whom to trust instead of the system's authorities: PEM.
    pub ca: Option<Source>,
    /// Our certificate: PEM.
    pub cert: Option<Source>,
    /// The key of our certificate: PEM.
    pub key: Option<Source>,
    /// The name the other side must have, instead of the host's; empty for the host's.
    pub server_name: String,
    /// Whether any certificate is taken.
    pub insecure_skip_verify: bool,
    /// The oldest version accepted.
    pub min_version: Option<TlsVersion>,
    /// The newest version accepted.
    pub max_version: Option<TlsVersion>,
}

/// Versions of TLS. Those before 1.2 are not spoken; as a lower bound they mean 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// 1.0
    Tls10,
    /// 1.1
    Tls11,
    /// 1.2
    Tls12,
    /// 1.3
    Tls13,
}

/// What the options' files said at one time. Equal material makes equal connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsMaterial {
    ca: Option<Secret>,
    identity: Option<(Secret, Secret)>,
}

impl TlsOptions {
    /// Reads what stands in files.
    pub async fn load(&self) -> Result<TlsMaterial, String> {
        let mut material = TlsMaterial::default();
        if let Some(ca) = &self.ca {
            material.ca = Some(ca.load().await?);
        }
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            material.identity = Some((cert.load().await?, key.load().await?));
        }
        Ok(material)
    }

    /// A configuration from what was read; `protocols` are offered in this order.
    pub fn client(&self, material: &TlsMaterial, protocols: &[&str]) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions()?)
            .map_err(|error| error.to_string())?;
        let verifier = match (self.insecure_skip_verify, &material.ca) {
            (true, _) => roots::anybody(&provider),
            (false, Some(ca)) => roots::these(certificates(ca, "CA")?, &provider)?,
            (false, None) => roots::of_the_system(&provider)?,
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = match &material.identity {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                    .map_err(|error| format!("the client key is not PEM: {error}"))?;
                let chain = certificates(cert, "client certificate")?;
                builder.with_client_auth_cert(chain, key).map_err(|error| format!("client certificate: {error}"))?
            }
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Arc::new(config))
    }

    fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
        let (min, max) = (self.min_version.unwrap_or(TlsVersion::Tls12), self.max_version.unwrap_or(TlsVersion::Tls13));
        let all = [(TlsVersion::Tls13, &version::TLS13), (TlsVersion::Tls12, &version::TLS12)];
        let wanted: Vec<_> = all.into_iter().filter(|(v, _)| (min..=max).contains(v)).map(|(_, v)| v).collect();
        match wanted.is_empty() {
            true if max < TlsVersion::Tls12 => {
                Err("TLS 1.0 and 1.1 are broken and not spoken; max_version must be TLS12 or TLS13".to_owned())
            }
            true => Err("min_version is newer than max_version".to_owned()),
            false => Ok(wanted),
        }
    }

    /// The name a certificate must have.
    fn name(&self, host: &str) -> Result<ServerName<'static>, String> {
        let name = if self.server_name.is_empty() { host } else { &self.server_name };
        ServerName::try_from(name.to_owned()).map_err(|_| format!("{name:?} is no name that a certificate could have"))
    }

    /// Speaks TLS over a connection to `host`.
    pub async fn wrap<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        config: Arc<ClientConfig>,
        host: &str,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        let name = self.name(host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        tokio_rustls::TlsConnector::from(config).connect(name, stream).await
    }
}

fn certificates(pem: &Secret, what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.expose().as_bytes()).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(format!("the {what} holds no certificate; it must be PEM")),
        Err(error) => Err(format!("the {what} is not PEM: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        use TlsVersion::*;
        let table = [
            (None, None, Some(2)),
            (Some(Tls10), None, Some(2)),
            (Some(Tls13), None, Some(1)),
            (None, Some(Tls12), Some(1)),
            (None, Some(Tls11), None),
            (Some(Tls13), Some(Tls12), None),
        ];
        for (min_version, max_version, expected) in table {
            let options = TlsOptions { min_version, max_version, ..TlsOptions::default() };
            assert_eq!(options.versions().ok().map(|all| all.len()), expected, "{min_version:?} {max_version:?}");
        }
    }

    #[test]
    fn bad_pem_is_told() {
        let material = |ca: &str| TlsMaterial { ca: Some(Secret::new(ca)), identity: None };
        for ca in ["", "CANARY", "-----BEGIN CERTIFICATE-----\nCANARY\n-----END CERTIFICATE-----\n"] {
            let error = TlsOptions::default().client(&material(ca), &[]).unwrap_err();
            assert!(error.contains("CA") && !error.contains("CANARY"), "{error}");
        }
    }
}
