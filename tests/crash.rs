//! `kill -9` at random moments of heavy ingest: every acknowledged sample is there afterwards.
//!
//! `NIGHTJAR_CRASH_ROUNDS` sets the number of kills (20 by default), `NIGHTJAR_CRASH_SEED` the moments.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(unreachable_pub, reason = "modules of a test")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::acked::{Acked, SERIES_PER_REQUEST, check, write};
use support::{free_port, now_ms, process, setting};

#[test]
fn nothing_acknowledged_is_lost() {
    let rounds = setting("NIGHTJAR_CRASH_ROUNDS").unwrap_or(20);
    let mut random = setting("NIGHTJAR_CRASH_SEED").unwrap_or(now_ms() as u64);
    eprintln!("NIGHTJAR_CRASH_ROUNDS={rounds} NIGHTJAR_CRASH_SEED={random}");
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let mut acked = Acked::nothing();
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
