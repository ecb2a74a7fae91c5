//! Throw-away authorities for tests.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// An authority, and a server with a certificate of it.
pub(in crate::net) struct Authority {
    pub(in crate::net) pem: String,
    pub(in crate::net) server: Arc<ServerConfig>,
    pub(in crate::net) issuer: Issuer<'static, KeyPair>,
    pub(in crate::net) root: rustls::pki_types::CertificateDer<'static>,
    pub(in crate::net) leaf: (rcgen::Certificate, KeyPair),
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

pub(in crate::net) fn config(
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: &KeyPair,
    clients: Option<RootCertStore>,
) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    match clients {
        None => builder.with_no_client_auth(),
        Some(roots) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap(),
        ),
    }
    .with_single_cert(chain, key)
    .unwrap()
}

pub(in crate::net) fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap();
    let (pem, der) = (root.pem(), root.der().clone());
    let issuer = Issuer::new(params, key);
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&leaf_key, &issuer).unwrap();
    let server = Arc::new(config(vec![leaf.der().clone()], &leaf_key, None));
    Authority { pem, server, issuer, root: der, leaf: (leaf, leaf_key) }
}
