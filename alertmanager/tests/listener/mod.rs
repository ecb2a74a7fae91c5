//! A service that keeps what it is told: HTTP and mail, on threads of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// Status and body for a request.
pub type Answers = Arc<dyn Fn(&Heard) -> (u16, String) + Send + Sync>;

#[derive(Clone)]
pub struct Listener {
    pub port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Listener {
    pub fn start(answers: impl Fn(&Heard) -> (u16, String) + Send + Sync + 'static) -> Listener {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let listener = Listener { port: socket.local_addr().unwrap().port(), heard: Arc::default() };
        let (own, answers) = (listener.clone(), Arc::new(answers) as Answers);
        std::thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                let (own, answers) = (own.clone(), answers.clone());
                std::thread::spawn(move || own.converse(&stream, &answers));
            }
        });
        listener
    }

    fn converse(&self, stream: &TcpStream, answers: &Answers) -> Option<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let heard = request(&mut reader)?;
            let (status, body) = answers(&heard);
            let kind = if body.starts_with('<') { "text/xml" } else { "application/json" };
            let wait = if status == 429 { "Retry-After: 7\r\n" } else { "" };
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{wait}Content-Length: {length}\r\n\r\n");
            self.heard.lock().unwrap().push(heard);
            (&mut &*stream).write_all(format!("{head}{body}").as_bytes()).ok()?;
        }
    }

    /// All requests so far, in the order in which they came.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub fn forget(&self) {
        self.heard.lock().unwrap().clear();
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn request(reader: &mut impl BufRead) -> Option<Heard> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, n)| n.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Heard { method, path, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

/// A mail server that takes everything; answers its port and the mails.
pub fn mailbox() -> (u16, Arc<Mutex<Vec<String>>>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let mails: Arc<Mutex<Vec<String>>> = Arc::default();
    let own = mails.clone();
    std::thread::spawn(move || {
        for stream in socket.incoming().flatten() {
            let own = own.clone();
            std::thread::spawn(move || take(&stream, &own));
        }
    });
    (port, mails)
}

fn take(stream: &TcpStream, mails: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let say = |line: &str| (&mut &*stream).write_all(format!("{line}\r\n").as_bytes()).ok();
    say("220 here")?;
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        match line.get(..4).unwrap_or("") {
            "EHLO" => say("250-here\r\n250 8BITMIME")?,
            "DATA" => {
                say("354 go on")?;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).ok()?;
                    if line == ".\r\n" {
                        break;
                    }
                    mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                }
                mails.lock().unwrap().push(std::mem::take(&mut mail));
                say("250 taken")?;
            }
            "QUIT" => return say("221 bye"),
            _ => {
                mail.push_str(&line);
                say("250 ok")?;
            }
        }
    }
}
