//! Sending prepared requests as fast as they are taken.

use std::time::{Duration, Instant};

use nightjar_remote_write::Protocol;

use crate::Outcome;
use crate::fleet::Load;
use crate::http::Client;

/// What happened to a load.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) wall: Duration,
    /// Time from the first byte of a request to the answer, sorted.
    pub(crate) waits: Vec<Duration>,
    pub(crate) refused: u64,
    pub(crate) first_refusal: String,
    /// Samples the server says it wrote (2.0 only).
    pub(crate) counted: bool,
}

impl Sent {
    pub(crate) fn wait(&self, quantile: f64) -> Duration {
        self::quantile(&self.waits, quantile)
    }

    /// An error if anything was refused.
    pub(crate) fn checked(self) -> Outcome<Sent> {
        if self.refused == 0 {
            Ok(self)
        } else {
            Err(format!("{} of {} requests refused: {}", self.refused, self.waits.len(), self.first_refusal))
        }
    }
}

/// Of sorted durations the one that such a part does not exceed.
pub(crate) fn quantile(sorted: &[Duration], quantile: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * quantile) as usize).copied().unwrap_or_default()
}

/// Sends each connection's requests in order, one at a time; connections run side by side.
pub(crate) fn send(load: &Load, port: u16, protocol: Protocol) -> Outcome<Sent> {
    send_paced(load, port, protocol, None)
}

/// The same at `rate` samples per second.
pub(crate) fn send_paced(load: &Load, port: u16, protocol: Protocol, rate: Option<usize>) -> Outcome<Sent> {
    let requests: usize = load.requests.iter().map(Vec::len).sum();
    let seconds = rate.map(|rate| load.samples as f64 / rate as f64);
    let pause = seconds.map(|s| Duration::from_secs_f64(s / requests.max(1) as f64 * load.requests.len() as f64));
    let start = Instant::now();
    let parts: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = load
            .requests
            .iter()
            .map(|requests| scope.spawn(move || send_all(requests, port, protocol, pause)))
            .collect();
        running.into_iter().map(|thread| thread.join()).collect()
    });
    let mut all = Sent { counted: true, ..Default::default() };
    for part in parts {
        let part = part.map_err(|_| "a sender failed".to_owned())??;
        all.waits.extend(part.waits);
        all.refused += part.refused;
        all.counted &= part.counted;
        if all.first_refusal.is_empty() {
            all.first_refusal = part.first_refusal;
        }
    }
    all.wall = start.elapsed();
    all.waits.sort_unstable();
    Ok(all)
}

fn headers(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::V1 => {
            "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
             X-Prometheus-Remote-Write-Version: 0.1.0\r\n"
        }
        Protocol::V2 => {
            "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request\r\nContent-Encoding: snappy\r\n\
             X-Prometheus-Remote-Write-Version: 2.0.0\r\n"
        }
    }
}

fn send_all(requests: &[Vec<u8>], port: u16, protocol: Protocol, pause: Option<Duration>) -> Outcome<Sent> {
    let begin = Instant::now();
    let mut client = Client::connect(port)?;
    let mut sent = Sent { counted: true, ..Default::default() };
    for (i, request) in requests.iter().enumerate() {
        if let Some(pause) = pause {
            std::thread::sleep((pause * i as u32).saturating_sub(begin.elapsed()));
        }
        let start = Instant::now();
        let answer = client.post("/api/v1/write", headers(protocol), request)?;
        sent.waits.push(start.elapsed());
        let counts = answer.head.to_ascii_lowercase().contains("x-prometheus-remote-write-samples-written");
        sent.counted &= counts;
        if answer.status / 100 != 2 {
            sent.refused += 1;
            if sent.first_refusal.is_empty() {
                sent.first_refusal = format!("{} {}", answer.status, answer.text().lines().next().unwrap_or(""));
            }
        }
    }
    Ok(sent)
}
