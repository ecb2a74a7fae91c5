//! Servers that do not behave.

use super::*;

/// A client with this long for everything.
fn hurried(total_ms: u64) -> Client {
    let limits = Limits { total: Duration::from_millis(total_ms), ..Limits::default() };
    Client::new(HttpOptions::default(), limits, Guard::default()).unwrap()
}

#[tokio::test]
async fn nothing_waits_longer_than_its_deadline() {
    let silent = Server::start(|_| Reply::Silence).await;
    let head = Server::start(|_| Reply::Drip(b"HTTP/1.1 200 OK\r\nX-Slow: yes\r\n\r\n".to_vec())).await;
    let body = Server::start(|_| Reply::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n".repeat(9))).await;
    for server in [silent, head, body] {
        let begun = tokio::time::Instant::now();
        let error = hurried(300).send(get(&server.url("/CANARY"))).await.unwrap_err();
        assert!(matches!(error, HttpError::Timeout { .. }), "{error}");
        assert!(!error.is_final() && !error.to_string().contains("CANARY"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_request_has_a_deadline_of_its_own() {
    let server = Server::start(|_| Reply::Silence).await;
    let request = Request { timeout: Some(Duration::from_millis(100)), ..get(&server.url("/")) };
    let error = hurried(60_000).send(request).await.unwrap_err();
    assert!(error.to_string().ends_with("did not answer within 100ms"), "{error}");
}

#[tokio::test]
async fn a_tarpit_in_the_tls_handshake() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let limits = Limits { connect: Duration::from_millis(200), ..Limits::default() };
    let client = Client::new(HttpOptions::default(), limits, Guard::default()).unwrap();
    let error = client.send(get(&format!("https://127.0.0.1:{port}/"))).await.unwrap_err();
    assert!(error.to_string().contains("no connection within 200ms"), "{error}");
    drop(listener);
}

#[tokio::test]
async fn broken_conversations_are_told_and_may_be_tried_again() {
    let table: [(&str, &[u8]); 6] = [
        ("nothing", b""),
        ("half a head", b"HTTP/1.1 200 OK\r\nX-"),
        ("half a body", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
        ("another protocol", b"220 mail.example ESMTP\r\n"),
        ("a bad chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    ];
    for (what, bytes) in table {
        let server = Server::start(move |_| Reply::Cut(bytes.to_vec())).await;
        let error = hurried(5_000).send(post(&server.url("/CANARY"))).await.expect_err(what);
        assert!(!error.is_final() && !error.to_string().contains("CANARY"), "{what}: {error}");
    }
    let endless_head =
        Server::start(|_| Reply::Bytes([b"HTTP/1.1 200 OK\r\n".as_slice(), &b"X-A: b\r\n".repeat(200_000)].concat()))
            .await;
    assert!(hurried(5_000).send(get(&endless_head.url("/"))).await.is_err());
}

#[tokio::test]
async fn nobody_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = hurried(5_000).send(get(&format!("http://127.0.0.1:{port}/CANARY"))).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")), "{error}");
    let error = hurried(5_000).send(get("http://no-such-host.invalid/")).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot resolve no-such-host.invalid"), "{error}");
    assert!(!error.is_final());
}

#[tokio::test]
async fn a_header_with_a_line_break_is_not_sent() {
    let server = Server::start(|_| ok("x")).await;
    let error = hurried(5_000).send(get(&server.url("/")).with("X-A", "1\r\nX-B: CANARY")).await.unwrap_err();
    assert!(error.is_final() && !error.to_string().contains("CANARY"), "{error}");
    assert_eq!(server.count(), 0);
}
