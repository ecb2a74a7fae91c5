//! The client against real servers: good ones, slow ones, and ones that lie.

mod faults;
mod identity;
mod proxies;
mod server;
mod tls;

use super::*;
use server::{Reply, Server, ok};

/// A client that may reach this machine, with short deadlines.
fn client(options: HttpOptions) -> Client {
    let limits = Limits { connect: Duration::from_secs(5), total: Duration::from_secs(10), body_bytes: 1000 };
    let guard = Guard::default().allowing(["127.0.0.0/8".parse().unwrap()]);
    Client::new(options, limits, guard).unwrap()
}

fn get(url: &str) -> Request {
    Request::new(Method::GET, Url::parse(url).unwrap(), "")
}

fn post(url: &str) -> Request {
    Request::new(Method::POST, Url::parse(url).unwrap(), "body")
}

#[tokio::test]
async fn an_exchange() {
    let server =
        Server::start(|_| Reply::text("HTTP/1.1 418 Teapot\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nshort")).await;
    let answer = client(HttpOptions::default()).send(post(&server.url("/a b?c")).with("X-One", "1")).await.unwrap();
    assert_eq!((answer.status, answer.text().as_str(), answer.truncated), (418, "short", false));
    assert_eq!(answer.header("retry-after"), Some("7"));
    let asked = server.asked(0);
    assert!(asked.starts_with("POST /a%20b?c HTTP/1.1\r\n"), "{asked}");
    for line in ["x-one: 1", &format!("user-agent: nightjar/{}", env!("CARGO_PKG_VERSION")), "content-length: 4"] {
        assert!(asked.to_lowercase().contains(line), "{line}: {asked}");
    }
    assert!(asked.ends_with("\r\n\r\nbody"), "{asked}");
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::start(|_| ok("x")).await;
    let client = client(HttpOptions::default());
    for _ in 0..5 {
        assert_eq!(client.send(get(&server.url("/"))).await.unwrap().status, 200);
    }
    assert_eq!((server.connections(), server.count()), (1, 5));
}

#[tokio::test]
async fn long_bodies_are_cut() {
    let server = Server::start(|_| Reply::Endless).await;
    let answer = client(HttpOptions::default()).send(get(&server.url("/"))).await.unwrap();
    assert_eq!((answer.status, answer.body.len(), answer.truncated), (200, 1000, true));
}

#[tokio::test]
async fn redirects_keep_secrets_at_home() {
    let away = Server::start(|_| ok("away")).await;
    let to = away.url("/there");
    let home = Server::start(move |asked| match asked.split(' ').nth(1) {
        Some("/away") => Reply::text(&format!("HTTP/1.1 307 Go\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")),
        Some("/turn") => Reply::text("HTTP/1.1 302 Go\r\nLocation: end\r\nContent-Length: 0\r\n\r\n"),
        Some("/end") => ok("end"),
        _ => Reply::text("HTTP/1.1 302 Go\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n"),
    })
    .await;
    let bearer = Credentials::Authorization { kind: "Bearer".into(), text: Source::Inline(Secret::new("CANARY")) };
    let headers = vec![("X-Key".to_owned(), Source::Inline(Secret::new("CANARY")))];
    let options = HttpOptions { credentials: bearer, headers, ..HttpOptions::default() };
    let client = client(options.clone());

    let answer = client.send(post(&home.url("/turn"))).await.unwrap();
    assert_eq!(answer.text(), "end");
    let last = home.asked(1);
    assert!(last.starts_with("GET /end ") && last.contains("Bearer CANARY") && last.ends_with("\r\n\r\n"), "{last}");

    let answer = client.send(post(&home.url("/away")).with("X-Auth-Token", "CANARY")).await.unwrap();
    assert_eq!(answer.text(), "away");
    let asked = away.asked(0);
    assert!(asked.starts_with("POST /there ") && asked.ends_with("body") && !asked.contains("CANARY"), "{asked}");

    let error = client.send(get(&home.url("/round"))).await.unwrap_err();
    assert!(error.is_final() && error.to_string().contains("10 redirects"), "{error}");
    let staying = super::tests::client(HttpOptions { follow_redirects: false, ..options });
    assert_eq!(staying.send(get(&home.url("/away"))).await.unwrap().status, 307);
}

#[tokio::test]
async fn the_guard_judges_what_is_not_the_operators_word() {
    let server = Server::start(|_| ok("x")).await;
    let port = server.port;
    let to = server.url("/");
    let guarded = |url: String| Request { guarded: true, ..get(&url) };
    let strict = Client::new(HttpOptions::default(), Limits::default(), Guard::default()).unwrap();
    assert_eq!(strict.send(get(&server.url("/"))).await.unwrap().status, 200, "the operator's own word");
    let tricky = ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0"];
    for host in tricky {
        let error = strict.send(guarded(format!("http://{host}:{port}/CANARY"))).await.unwrap_err();
        let told = error.to_string();
        assert!(!told.contains("CANARY"), "{told}");
        // Shortened addresses may not resolve at all.
        assert!(error.is_final() || told.contains("cannot resolve"), "{host}: {told}");
    }
    assert_eq!(server.count(), 1, "nothing else arrived");
    let lead =
        Server::start(move |_| Reply::text(&format!("HTTP/1.1 302 Go\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")))
            .await;
    assert!(strict.send(get(&lead.url("/"))).await.unwrap_err().is_final(), "led into this machine");
    assert_eq!(client(HttpOptions::default()).send(guarded(server.url("/"))).await.unwrap().status, 200, "allowed");
}
