//! `kill -9` at random moments of heavy ingest: every acknowledged sample is there afterwards.
//!
//! `NIGHTJAR_CRASH_ROUNDS` sets the number of kills (20 by default), `NIGHTJAR_CRASH_SEED` the moments.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(unreachable_pub, reason = "modules of a test")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::http::{Client, escape};
use support::write::{Series, post};
use support::{free_port, now_ms, process};

const WRITERS: usize = 4;
const SERIES_PER_REQUEST: usize = 100;

/// What one writer knows to be acknowledged: request `n` wrote value `n` at `start + n` to each of its series.
#[derive(Clone, Copy)]
struct Acked {
    start: i64,
    requests: i64,
    /// One more was sent and its answer never came: it may be there or not.
    in_flight: bool,
}

#[test]
fn nothing_acknowledged_is_lost() {
    let rounds = setting("NIGHTJAR_CRASH_ROUNDS", 20);
    let mut random = setting("NIGHTJAR_CRASH_SEED", now_ms() as u64);
    eprintln!("NIGHTJAR_CRASH_ROUNDS={rounds} NIGHTJAR_CRASH_SEED={random}");
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let mut acked = [Acked { start: now_ms() - 3_600_000, requests: 0, in_flight: false }; WRITERS];
    for round in 0..rounds {
        let server = process::nightjar(port, dir.path(), &[]);
        check(port, &acked);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = Duration::from_millis(50 + (random >> 33) % 400);
        write_until_killed(port, &mut acked, pause, server);
        eprintln!(
            "round {round}: killed after {pause:?}, {} requests acknowledged",
            acked.iter().map(|a| a.requests).sum::<i64>()
        );
    }
    let server = process::nightjar(port, dir.path(), &[]);
    check(port, &acked);
    assert_eq!(server.terminate(), Some(0), "SIGTERM ends it with 0");
    let total: i64 = acked.iter().map(|a| a.requests).sum();
    assert!(total > rounds as i64, "the server accepted next to nothing");
    eprintln!("{rounds} kills, {} samples acknowledged, 0 lost", total * SERIES_PER_REQUEST as i64);
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn write_until_killed(port: u16, acked: &mut [Acked], pause: Duration, server: process::Process) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (writer, state) in acked.iter_mut().enumerate() {
            let stop = &stop;
            scope.spawn(move || write(port, writer, state, stop));
        }
        std::thread::sleep(pause);
        server.kill();
        stop.store(true, Ordering::Relaxed);
    });
}

/// Sends request after request and counts the acknowledged ones, until the connection breaks.
fn write(port: u16, writer: usize, state: &mut Acked, stop: &AtomicBool) {
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
            Ok(response) if response.status == 204 || response.status == 200 => {
                state.requests += 1;
                state.in_flight = false;
            }
            Ok(response) => panic!("status {}: {}", response.status, response.text()),
            Err(_) => return,
        }
    }
}

/// Every acknowledged sample is there, with its value, and nothing that was never sent.
fn check(port: u16, acked: &[Acked]) {
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
