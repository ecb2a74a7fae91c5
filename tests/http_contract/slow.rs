//! Clients that are slow, large or lying, over raw sockets.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Answer, get, raw};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_never_end_are_cut_off() {
    // The least patience the flags allow stands for all: the read timeout also bounds the head.
    let server = Server::empty(&["--web.read-timeout=200ms"]).await;
    for start in ["", "P", "PRI * HTT", "GET /-/ready HTTP/1.1\r\nHost:"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "{start:?} is still open");
    }
    let page = get(server.address, "/metrics").await;
    let cut =
        page.text().lines().find_map(|l| l.strip_prefix("nightjar_http_connections_cut_total ")).unwrap().to_owned();
    assert!(cut.parse::<u32>().unwrap() >= 3, "{cut}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_make_place() {
    let server = Server::empty(&["--web.max-connections=4"]).await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /-/ready HTTP/1.1\r\nHo").await.unwrap();
        idle.push(stream);
    }
    // Less than the patience for heads: place was made, not waited for.
    let answer = tokio::time::timeout(Duration::from_secs(8), get(server.address, "/-/ready")).await;
    assert_eq!(answer.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_rests_between_requests() {
    let server = Server::empty(&[]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut buffer = [0; 1024];
        let n = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..n].starts_with(b"HTTP/1.1 200"));
    }
    drop(stream);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_in_use_is_not_cut_off() {
    // Requests that come whole and are answered at once, for longer than a single head may take.
    let server = Server::empty(&["--web.read-timeout=300ms"]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for i in 0..20 {
        stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut buffer = [0; 1024];
        let n = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..n].starts_with(b"HTTP/1.1 200"), "request {i}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(stream);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_two_servers_would_read_differently() {
    let server = Server::empty(&[]).await;
    let post = "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let table = [
        ("two lengths", "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        ("a length that is none", "Content-Length: +3\r\n\r\nabc"),
        ("chunked is not last", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("a folded line", "X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"),
        ("a space before the colon", "Content-Length : 3\r\n\r\nabc"),
    ];
    for (what, rest) in table {
        let bytes = raw(server.address, format!("{post}{rest}").as_bytes()).await;
        assert!(bytes.starts_with(b"HTTP/1.1 400"), "{what}: {}", String::from_utf8_lossy(&bytes));
    }
    // Both: the length must not be believed, and the connection must not be used again.
    let both = "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /-/quit HTTP/1.1\r\nHost: x\r\n\r\n";
    let bytes = raw(server.address, both.as_bytes()).await;
    assert!(bytes.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&bytes));
    assert_eq!(String::from_utf8_lossy(&bytes).matches("HTTP/1.1 ").count(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_have_limits() {
    let server = Server::empty(&[]).await;
    let long = format!("GET /?{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70_000));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-A: b\r\n".repeat(200));
    for request in [long, many] {
        let bytes = raw(server.address, request.as_bytes()).await;
        let status = if bytes.is_empty() { 431 } else { Answer::parse(&bytes).status };
        assert!(status == 431 || status == 414, "{status}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_its_query() {
    let server = Server::empty(&[]).await;
    let metric = async |name: &str| {
        let page = get(server.address, "/metrics").await;
        page.text().lines().find_map(|l| l.strip_prefix(name)?.trim().parse::<f64>().ok()).unwrap()
    };
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // Tens of millions of evaluations: far longer than any test waits.
    let query =
        "GET /api/v1/query?query=count_over_time(vector(1)%5B1y:1s%5D)&time=1700000000 HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(query.as_bytes()).await.unwrap();
    let wait = async {
        while metric("prometheus_engine_queries ").await < 1.0 {}
        drop(stream);
        while metric("prometheus_engine_queries ").await > 0.0 {}
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it starts, and ends");
    assert_eq!(metric("nightjar_queries_failed_total ").await, 1.0, "it was not interrupted but ended");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_without_tls() {
    let server = Server::empty(&[]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // The preface and an empty SETTINGS frame; the server answers with its own.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4);
    drop(stream);
    server.stop().await;
}
