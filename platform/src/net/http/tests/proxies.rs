//! Proxies in between.

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::tls::trusting;
use super::*;
use crate::net::certificates::authority;

fn through(url: &str) -> HttpOptions {
    let proxy = ProxyOptions {
        url: Secret::new(url),
        connect_headers: vec![("X-Tunnel".to_owned(), Source::Inline(Secret::new("t")))],
        ..ProxyOptions::default()
    };
    HttpOptions { proxy, ..HttpOptions::default() }
}

#[tokio::test]
async fn a_proxy_forwards_what_is_not_encrypted() {
    let proxy = Server::start(|_| ok("from the proxy")).await;
    let url = proxy.url("").replace("http://", "http://u:p@");
    let answer = client(through(&url)).send(get("http://somewhere.invalid/x")).await.unwrap();
    assert_eq!(answer.text(), "from the proxy");
    let asked = proxy.asked(0);
    assert!(asked.starts_with("GET http://somewhere.invalid/x HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: Basic dTpw\r\n"), "{asked}");
}

/// A proxy that opens tunnels to this port, whatever it is asked for; answers what it was asked.
async fn tunnel(socks: bool, port: u16) -> (u16, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let asked = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        if socks {
            let mut bytes = [0; 64];
            for reply in [vec![5, 2], vec![1, 0], vec![5, 0, 0, 1, 0, 0, 0, 0, 0, 0]] {
                let n = near.read(&mut bytes).await.unwrap();
                asked.extend_from_slice(&bytes[..n]);
                near.write_all(&reply).await.unwrap();
            }
        } else {
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(near.read_u8().await.unwrap());
            }
            near.write_all(b"HTTP/1.1 200 Yes\r\nX-Via: me\r\n\r\n").await.unwrap();
        }
        let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
        asked
    });
    (own, asked)
}

#[tokio::test]
async fn a_tunnel_for_what_is_encrypted() {
    let authority = authority("service.invalid");
    let server = Server::start_with(Some(authority.server.clone()), |_| ok("inside")).await;
    for socks in [false, true] {
        let (port, asked) = tunnel(socks, server.port).await;
        let scheme = if socks { "socks5" } else { "http" };
        let options = HttpOptions { tls: trusting(&authority), ..through(&format!("{scheme}://u:p@127.0.0.1:{port}")) };
        let answer = client(options).send(get("https://service.invalid/x")).await.unwrap();
        assert_eq!(answer.text(), "inside");
        let asked = String::from_utf8_lossy(&asked.await.unwrap()).into_owned();
        match socks {
            true => assert!(asked.contains("service.invalid") && asked.contains("u\u{1}p"), "{asked:?}"),
            false => assert_eq!(
                asked,
                "CONNECT service.invalid:443 HTTP/1.1\r\nHost: service.invalid:443\r\nX-Tunnel: t\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
            ),
        }
    }
}

#[tokio::test]
async fn a_proxy_that_refuses() {
    let proxy = Server::start(|_| Reply::text("HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")).await;
    let error = client(through(&proxy.url(""))).send(get("https://h.invalid/CANARY")).await.unwrap_err();
    assert!(error.to_string().contains("refuses a tunnel: \"407 Who are you\""), "{error}");
    assert!(!error.to_string().contains("CANARY") && !error.is_final());
}

#[tokio::test]
async fn the_guard_looks_behind_the_proxy() {
    let proxy = Server::start(|_| ok("x")).await;
    let strict = Client::new(through(&proxy.url("")), Limits::default(), Guard::default()).unwrap();
    for (url, goes) in [("http://127.0.0.1/", false), ("http://localhost/", false), ("http://h.invalid/", true)] {
        let answer = strict.send(Request { guarded: true, ..get(url) }).await;
        assert_eq!(answer.is_ok(), goes, "{url} {answer:?}");
    }
    assert_eq!(proxy.count(), 1);
}
