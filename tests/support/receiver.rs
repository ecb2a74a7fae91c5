//! A receiver of alerts: takes what Alertmanager's API would take and remembers it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// One alert with the time at which it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub at_ms: i64,
    pub alert: Value,
}

/// A listening receiver.
pub struct Receiver {
    pub port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    /// Listens; `now` tells the time.
    pub fn start(now: impl Fn() -> i64 + Send + 'static) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (received, requests) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (alerts, heads) = (Arc::clone(&received), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let Some((head, body)) = read(stream) else { continue };
                heads.lock().expect("no panic").push(head);
                let Ok(Value::Array(list)) = serde_json::from_slice(&body) else { continue };
                let at_ms = now();
                alerts.lock().expect("no panic").extend(list.into_iter().map(|alert| Received { at_ms, alert }));
            }
        });
        Receiver { port, received, requests }
    }

    /// Everything so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }

    /// The heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

/// One request; it is answered 200 and the connection ends.
fn read(stream: TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
    Some((head, body))
}
