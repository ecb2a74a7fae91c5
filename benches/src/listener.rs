//! A webhook that notes how long each message was on its way.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::Outcome;

pub(crate) struct Listener {
    pub(crate) port: u16,
    begin: Instant,
    delays_us: Arc<Mutex<Vec<u64>>>,
}

impl Listener {
    pub(crate) fn start() -> Outcome<Listener> {
        let socket = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let port = socket.local_addr().map_err(|e| e.to_string())?.port();
        let (begin, delays_us) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
        let own = Arc::clone(&delays_us);
        std::thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                let delays = Arc::clone(&own);
                std::thread::spawn(move || serve(stream, begin, &delays));
            }
        });
        Ok(Listener { port, begin, delays_us })
    }

    /// Microseconds since this listener began: what annotations carry.
    pub(crate) fn now_us(&self) -> u64 {
        self.begin.elapsed().as_micros() as u64
    }

    pub(crate) fn count(&self) -> usize {
        self.delays_us.lock().map_or(0, |delays| delays.len())
    }

    pub(crate) fn delays_us(&self) -> Vec<u64> {
        self.delays_us.lock().map_or_else(|_| Vec::new(), |delays| delays.clone())
    }
}

fn serve(stream: TcpStream, begin: Instant, delays: &Mutex<Vec<u64>>) {
    let mut reader = BufReader::new(stream);
    while let Some(body) = request(&mut reader) {
        let now = begin.elapsed().as_micros() as u64;
        let text = String::from_utf8_lossy(&body);
        let sent = text.split("\"at\":\"").nth(1).and_then(|rest| rest.split('"').next()?.parse::<u64>().ok());
        if let (Some(sent), Ok(mut delays)) = (sent, delays.lock()) {
            delays.push(now.saturating_sub(sent));
        }
        if reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}
