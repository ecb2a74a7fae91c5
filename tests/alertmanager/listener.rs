//! A service that takes messages, and remembers when it got what.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What the service does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Takes it.
    Take,
    /// Says that it took it, and forgets it.
    Forget,
    /// Says nothing for so long, then forgets it.
    Sleep(Duration),
    /// Takes it, but answers late.
    Slow(Duration),
    /// Answers with this status.
    Answer(u16),
}

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Message {
    pub at: Instant,
    pub path: String,
    pub key: String,
    pub body: Value,
}

pub struct Listener {
    pub port: u16,
    taken: Arc<Mutex<Vec<Message>>>,
}

impl Listener {
    /// A service that takes everything.
    pub fn new() -> Listener {
        Listener::with(|_| Deed::Take)
    }

    /// A service that decides message by message.
    pub fn with(deed: impl Fn(Instant) -> Deed + Send + Sync + 'static) -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (taken, deed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(deed));
        let own = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (taken, deed) = (Arc::clone(&own), Arc::clone(&deed));
                std::thread::spawn(move || serve(stream, &*deed, &taken));
            }
        });
        Listener { port, taken }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub fn taken(&self) -> Vec<Message> {
        self.taken.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, deed: &dyn Fn(Instant) -> Deed, taken: &Mutex<Vec<Message>>) {
    let mut reader = BufReader::new(stream);
    while let Some((path, key, body)) = request(&mut reader) {
        let at = Instant::now();
        let deed = deed(at);
        let status = match deed {
            Deed::Answer(status) => status,
            _ => 200,
        };
        if matches!(deed, Deed::Take | Deed::Slow(_)) {
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            taken.lock().unwrap().push(Message { at, path, key, body });
        }
        if let Deed::Sleep(time) | Deed::Slow(time) = deed {
            std::thread::sleep(time);
        }
        let answer = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n");
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut key) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "idempotency-key" => key = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, key, body))
}
