//! Writers that know what was acknowledged, and the check that it is there.

use std::sync::atomic::{AtomicBool, Ordering};

use super::http::{Client, escape};
use super::now_ms;
use super::write::{Series, post};

pub const WRITERS: usize = 4;
pub const SERIES_PER_REQUEST: usize = 100;

/// What one writer knows to be acknowledged: request `n` wrote value `n` at `start + n` to each of its series.
#[derive(Clone, Copy)]
pub struct Acked {
    pub start: i64,
    pub requests: i64,
    /// One more was sent and its answer never came: it may be there or not.
    pub in_flight: bool,
}

impl Acked {
    /// Nothing yet, for each writer.
    pub fn nothing() -> [Acked; WRITERS] {
        [Acked { start: now_ms() - 3_600_000, requests: 0, in_flight: false }; WRITERS]
    }
}

/// Sends request after request and counts the acknowledged ones, until the connection breaks.
pub fn write(port: u16, writer: usize, state: &mut Acked, stop: &AtomicBool) {
    if let Some(refused) = send(port, writer, state, stop, false) {
        panic!("{refused}");
    }
}

/// The same until the power goes: a refusal is no surprise, and an answer that comes after `stop` was set is not counted.
/// A sync that overlaps the cut may succeed without effect, but of a real machine nobody would hear that.
pub fn write_until_dark(port: u16, writer: usize, state: &mut Acked, stop: &AtomicBool) {
    send(port, writer, state, stop, true);
}

/// Sends until it is stopped, the connection breaks or something is refused; answers the refusal.
fn send(port: u16, writer: usize, state: &mut Acked, stop: &AtomicBool, dark: bool) -> Option<String> {
    let mut client = Client::new(port);
    // What was in flight at the last kill is sent again, as a real sender would.
    while !stop.load(Ordering::Relaxed) {
        let sample = [(state.start + state.requests, state.requests as f64)];
        let names: Vec<String> = (0..SERIES_PER_REQUEST).map(|i| i.to_string()).collect();
        let instance = format!("writer-{writer}");
        let labels: Vec<[(&str, &str); 4]> = names
            .iter()
            .map(|n| [("__name__", "crash_test"), ("instance", instance.as_str()), ("job", "crash"), ("n", n.as_str())])
            .collect();
        let series: Vec<Series<'_>> = labels.iter().map(|l| Series { labels: l, samples: &sample }).collect();
        state.in_flight = true;
        match post(&mut client, &series) {
            Ok(_) if dark && stop.load(Ordering::SeqCst) => return None,
            Ok(response) if response.status == 204 || response.status == 200 => {
                state.requests += 1;
                state.in_flight = false;
            }
            Ok(response) => return Some(format!("status {}: {}", response.status, response.text())),
            Err(_) => return None,
        }
    }
    None
}

/// Every acknowledged sample is there, with its value, and nothing that was never sent.
pub fn check(port: u16, acked: &[Acked]) {
    let mut client = Client::new(port);
    for (writer, state) in acked.iter().enumerate().filter(|(_, s)| s.requests > 0) {
        let counts = over_time(&mut client, "count", writer, state);
        let sums = over_time(&mut client, "sum", writer, state);
        assert_eq!(
            (counts.len(), sums.len()),
            (SERIES_PER_REQUEST, SERIES_PER_REQUEST),
            "writer {writer}: series are missing"
        );
        for (count, sum) in counts.iter().zip(&sums) {
            let most = state.requests + i64::from(state.in_flight);
            let n = *count as i64;
            assert!(n >= state.requests && n <= most, "writer {writer}: {n} of {} samples", state.requests);
            assert_eq!(*sum, (n * (n - 1) / 2) as f64, "writer {writer}: a wrong value among {n}");
        }
    }
}

fn over_time(client: &mut Client, what: &str, writer: usize, state: &Acked) -> Vec<f64> {
    let query = format!("{what}_over_time(crash_test{{instance=\"writer-{writer}\"}}[{}ms])", state.requests + 1_000);
    let at = (state.start + state.requests + 500) as f64 / 1000.0;
    let answer = client.get(&format!("/api/v1/query?query={}&time={at:.3}", escape(&query))).expect("an answer").json();
    let series = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("no result: {answer}"));
    series.iter().map(|s| s["value"][1].as_str().and_then(|v| v.parse().ok()).expect("a number")).collect()
}
