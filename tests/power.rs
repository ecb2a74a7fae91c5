//! The power goes, for real: an ext4 on a loop device is shut down without flushing while writers are at work; after a
//! remount every acknowledged sample is there.
//!
//! `NIGHTJAR_POWER_CYCLES` sets the number of cuts (4 by default; 60 take about two minutes). Needs root, loop devices and
//! python3; says so when it skips.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(unreachable_pub, reason = "modules of a test")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::acked::{Acked, SERIES_PER_REQUEST, check, write_until_dark};
use support::volume::Volume;
use support::{free_port, now_ms, process, setting};

#[test]
fn a_power_cut_costs_nothing_acknowledged() {
    let cycles = setting("NIGHTJAR_POWER_CYCLES").unwrap_or(4);
    let dir = tempfile::tempdir().expect("a directory");
    let Some(volume) = Volume::ext4(&dir.path().join("data"), &dir.path().join("image"), 512) else { return };
    let mut random = now_ms() as u64;
    let port = free_port();
    let (mut acked, mut before, mut idle) = (Acked::nothing(), 0, 0);
    for cycle in 0..cycles {
        let server = process::nightjar(port, dir.path(), &[]);
        check(port, &acked);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let stop = AtomicBool::new(false);
        let cut = std::thread::scope(|scope| {
            for (writer, state) in acked.iter_mut().enumerate() {
                let stop = &stop;
                scope.spawn(move || write_until_dark(port, writer, state, stop));
            }
            let power = volume.power();
            std::thread::sleep(Duration::from_millis(100 + (random >> 33) % 400));
            stop.store(true, Ordering::SeqCst);
            let cut = power.cut();
            server.kill();
            cut
        });
        if !cut {
            eprintln!("SKIPPED: the file system cannot be shut down; this test needs ext4 and python3");
            return;
        }
        volume.remount();
        let total = acked.iter().map(|a| a.requests).sum::<i64>();
        idle = if total > before { 0 } else { idle + 1 };
        assert!(idle < 5, "cycle {cycle}: nothing is accepted any more");
        before = total;
        eprintln!("cycle {cycle}: {total} requests acknowledged");
    }
    let server = process::nightjar(port, dir.path(), &[]);
    check(port, &acked);
    assert_eq!(server.terminate(), Some(0));
    let total: i64 = acked.iter().map(|a| a.requests).sum();
    assert!(total > cycles as i64);
    eprintln!("{cycles} power cuts, {} samples acknowledged, 0 lost", total * SERIES_PER_REQUEST as i64);
}
