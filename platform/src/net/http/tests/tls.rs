//! Encryption against a real TLS server.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::RootCertStore;

use super::*;
use crate::net::certificates::{Authority, authority, config};
use crate::net::tls::TlsVersion;

pub(super) fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions { ca: Some(inline(&authority.pem)), ..TlsOptions::default() }
}

fn inline(text: &str) -> Source {
    Source::Inline(Secret::new(text))
}

async fn answer(server: &Server, tls: TlsOptions) -> Result<u16, String> {
    let client = client(HttpOptions { tls, ..HttpOptions::default() });
    client.send(get(&server.url("/"))).await.map(|answer| answer.status).map_err(|error| error.to_string())
}

#[tokio::test]
async fn who_is_believed() {
    let known = authority("127.0.0.1");
    let server = Server::start_with(Some(known.server.clone()), |_| ok("x")).await;
    assert_eq!(answer(&server, trusting(&known)).await, Ok(200));
    let stranger = answer(&server, TlsOptions::default()).await.unwrap_err();
    assert!(stranger.contains("UnknownIssuer") && stranger.contains("TLS"), "{stranger}");
    assert_eq!(answer(&server, TlsOptions { insecure_skip_verify: true, ..TlsOptions::default() }).await, Ok(200));
    let named = TlsOptions { server_name: "other".into(), ..trusting(&known) };
    assert!(answer(&server, named).await.unwrap_err().contains("not valid for"));

    let other = authority("service.internal");
    let server = Server::start_with(Some(other.server.clone()), |_| ok("x")).await;
    assert!(answer(&server, trusting(&other)).await.unwrap_err().contains("not valid for"));
    let named = TlsOptions { server_name: "service.internal".into(), ..trusting(&other) };
    assert_eq!(answer(&server, named).await, Ok(200));
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "files of the test")]
async fn a_renewed_authority_needs_no_reload() {
    let (one, two) = (authority("127.0.0.1"), authority("127.0.0.1"));
    let server = Server::start_with(Some(two.server.clone()), |_| ok("x")).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    let tls = TlsOptions { ca: Some(Source::File(path.clone())), ..TlsOptions::default() };
    let client = client(HttpOptions { tls, ..HttpOptions::default() });
    std::fs::write(&path, &one.pem).unwrap();
    assert!(client.send(get(&server.url("/"))).await.is_err());
    std::fs::write(&path, &two.pem).unwrap();
    assert_eq!(client.send(get(&server.url("/"))).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_server_that_shows_the_trusted_certificate_itself() {
    for (first_year, last_year, name, taken) in
        [(2020, 4000, "127.0.0.1", true), (2020, 2021, "127.0.0.1", false), (2020, 4000, "other", false)]
    {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(first_year, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        let server = Server::start_with(Some(Arc::new(config(vec![own.der().clone()], &key, None))), |_| ok("x")).await;
        let tls = TlsOptions { ca: Some(inline(&own.pem())), ..TlsOptions::default() };
        assert_eq!(answer(&server, tls).await.is_ok(), taken, "{last_year} {name}");
    }
}

#[tokio::test]
async fn our_own_certificate() {
    let authority = authority("127.0.0.1");
    let mut roots = RootCertStore::empty();
    roots.add(authority.root.clone()).unwrap();
    let wants = config(vec![authority.leaf.0.der().clone()], &authority.leaf.1, Some(roots));
    let server = Server::start_with(Some(Arc::new(wants)), |_| ok("x")).await;
    assert!(answer(&server, trusting(&authority)).await.is_err(), "without a certificate");
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["me".to_owned()]).unwrap().signed_by(&key, &authority.issuer).unwrap();
    let (cert, key) = (Some(inline(&cert.pem())), Some(inline(&key.serialize_pem())));
    assert_eq!(answer(&server, TlsOptions { cert, key, ..trusting(&authority) }).await, Ok(200));
}

#[tokio::test]
async fn versions() {
    let authority = authority("127.0.0.1");
    let server = Server::start_with(Some(authority.server.clone()), |_| ok("x")).await;
    let only = |version| TlsOptions { min_version: version, max_version: version, ..trusting(&authority) };
    assert_eq!(answer(&server, only(Some(TlsVersion::Tls12))).await, Ok(200));
    assert_eq!(answer(&server, only(Some(TlsVersion::Tls13))).await, Ok(200));
    assert!(answer(&server, only(Some(TlsVersion::Tls11))).await.unwrap_err().contains("max_version"));
}

#[tokio::test]
async fn http2_where_both_want_it() {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let authority = authority("127.0.0.1");
    let mut config = (*authority.server).clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
            let service = hyper::service::service_fn(|request: http::Request<Incoming>| async move {
                let version = format!("{:?}", request.version());
                let bytes = request.into_body().collect().await.unwrap().to_bytes().len();
                Ok::<_, std::convert::Infallible>(http::Response::new(Full::new(Bytes::from(format!(
                    "{version} {bytes}"
                )))))
            });
            tokio::spawn(async move {
                let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                    .serve_connection(stream, service)
                    .await;
            });
        }
    });
    for (http2, expected) in [(true, "HTTP/2.0 4"), (false, "HTTP/1.1 4")] {
        let client = client(HttpOptions { tls: trusting(&authority), http2, ..HttpOptions::default() });
        assert_eq!(client.send(post(&url)).await.unwrap().text(), expected);
    }
}
