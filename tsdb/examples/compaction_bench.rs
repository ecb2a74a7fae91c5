//! What compaction costs: memory, bytes written, and what queries feel of it.
//!
//! `cargo run --release -p nightjar-tsdb --example compaction_bench [SERIES] [HOURS]` writes that many series (20000) of
//! targets with 500 series each for that many hours (30), a sample a minute, into a temporary directory, then compacts the
//! day while queries run, and prints the figures.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "an example")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use nightjar_model::storage::{Appender, Atomicity, SelectHints, Storage, WriteBatch, WriteEntry};
use nightjar_model::{ClosedRange, Labels, Matcher, Sample};
use nightjar_platform::{Clock, PanicPolicy, RealClock, RealDisk, SplitMix, spawn_background};
use nightjar_tsdb::{Compacted, Db, Maintained, Options};

const STEP_MS: i64 = 60_000;
const TARGET: usize = 500;

/// One scrape of one target.
struct Scrape<'a> {
    spellings: &'a [Vec<u8>],
    samples: Vec<Sample>,
}

impl WriteBatch for Scrape<'_> {
    fn len(&self) -> usize {
        self.spellings.len()
    }

    fn entry(&self, index: usize) -> WriteEntry<'_> {
        let samples = &self.samples[index..=index];
        WriteEntry { spelling: &self.spellings[index], samples, histograms: &[], exemplars: &[], metadata: None }
    }
}

fn spellings(series: usize) -> Vec<Vec<u8>> {
    let spell = |n: usize| {
        let (target, metric) = ((n / TARGET).to_string(), n % TARGET);
        let (name, mode) = (format!("metric_{:03}_total", metric / 5), format!("m{}", metric % 5));
        let pairs =
            [("__name__", name.as_str()), ("instance", target.as_str()), ("job", "bench"), ("mode", mode.as_str())];
        let mut out = Vec::new();
        Labels::from_pairs(pairs).spell(&mut out);
        out
    };
    (0..series).map(spell).collect()
}

fn fill(db: &Db<RealDisk>, spellings: &[Vec<u8>], hours: i64, end: i64) {
    let mut rng = SplitMix::new(3);
    let mut values = vec![0.0; spellings.len()];
    for i in 0..hours * 3_600_000 / STEP_MS {
        let t = end - hours * 3_600_000 + i * STEP_MS;
        let (send, receive) = sync_channel(1);
        let scrapes = spellings.chunks(TARGET).enumerate();
        let count = spellings.len().div_ceil(TARGET);
        let left = Arc::new(std::sync::atomic::AtomicUsize::new(count));
        for (n, chunk) in scrapes {
            let jitter = (n as i64 * 37) % 9_000 + rng.below(8) as i64;
            let own = &mut values[n * TARGET..n * TARGET + chunk.len()];
            let sample = |v: &mut f64| {
                *v += if rng.one_in(3) { rng.below(100) as f64 } else { 0.0 };
                Sample { timestamp: t + jitter, start: 0, value: *v }
            };
            let scrape = Scrape { spellings: chunk, samples: own.iter_mut().map(sample).collect() };
            let (send, left) = (send.clone(), Arc::clone(&left));
            let done = Box::new(move |result: Result<_, _>| {
                assert!(result.is_ok(), "an append was refused");
                if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                    send.send(()).unwrap();
                }
            });
            db.append(&scrape, Atomicity::Whole, end, done);
        }
        receive.recv().unwrap();
        if i % 30 == 29 {
            while db.maintain(end).unwrap() != Maintained::Nothing {}
        }
    }
}

/// Times of queries for one metric over twelve hours, in milliseconds.
fn queries(db: &Db<RealDisk>, clock: &RealClock, end: i64, mut go_on: impl FnMut(usize) -> bool) -> Vec<f64> {
    let (_silent, nothing) = sync_channel::<()>(1);
    let mut times = Vec::new();
    let mut rng = SplitMix::new(9);
    while go_on(times.len()) {
        let begin = clock.monotonic();
        let start = end - 26 * 3_600_000 + rng.below(12) as i64 * 3_600_000;
        let range = ClosedRange { start, end: start + 12 * 3_600_000 };
        let matchers = [Matcher::equal("__name__", format!("metric_{:03}_total", rng.below(100)))];
        let querier = db.querier(range).unwrap();
        let set = querier.select(&matchers, &SelectHints::range(range)).unwrap();
        let mut data = Vec::new();
        for at in (0..set.len()).step_by(64) {
            data.clear();
            set.read(at..set.len().min(at + 64), range, &mut data).unwrap();
        }
        times.push((clock.monotonic() - begin).as_secs_f64() * 1000.0);
        // A pause, so that one core is not taken by this thread alone.
        let _ = nothing.recv_timeout(Duration::from_millis(2));
    }
    times.sort_by(f64::total_cmp);
    times
}

fn percentiles(times: &[f64]) -> String {
    let at = |p: f64| times.get(((times.len() - 1) as f64 * p) as usize).copied().unwrap_or(0.0);
    format!("{} queries: p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms", times.len(), at(0.5), at(0.99), at(1.0))
}

fn resident() -> u64 {
    nightjar_platform::process::usage().map_or(0, |u| u.resident_bytes)
}

fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<usize>().unwrap());
    let (series, hours) = (args.next().unwrap_or(20_000), args.next().unwrap_or(30) as i64);
    let clock = RealClock::new();
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::new(directory.path()).unwrap();
    let options = Options { retention_ms: 0, out_of_order_window_ms: 600_000, ..Options::default() };
    let end = clock.wall_ms();
    // The day ends where compaction may begin.
    let end = end - end % 86_400_000 + hours.rem_euclid(24) * 3_600_000;
    let db = Arc::new(Db::open(disk, options, end, &mut |_| {}).unwrap());
    fill(&db, &spellings(series), hours, end);
    let stats = db.stats();
    println!("{series} series, {hours} h: {} blocks, {} B", stats.blocks, stats.block_bytes);
    let alone = queries(&db, &clock, end, |n| n < 1500);
    println!("without compaction, {}", percentiles(&alone));
    let before = resident();
    let (over, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(std::sync::atomic::AtomicU64::new(before)));
    let (worker, flag) = (Arc::clone(&db), Arc::clone(&over));
    let begin = clock.monotonic();
    let thread = spawn_background("compact", &PanicPolicy::quiet(), move || {
        let clock = RealClock::new();
        let begin = clock.monotonic();
        let mut merged = Vec::new();
        while let Compacted::Merged { blocks, read_bytes, written_bytes } = worker.compact().unwrap() {
            merged.push((blocks, read_bytes, written_bytes));
        }
        flag.store(true, Ordering::SeqCst);
        (merged, clock.monotonic() - begin)
    });
    let during = queries(&db, &clock, end, |_| {
        peak.fetch_max(resident(), Ordering::SeqCst);
        !over.load(Ordering::SeqCst)
    });
    let (merged, took) = thread.unwrap().join().unwrap();
    println!("during compaction, {}", percentiles(&during));
    let stats = db.stats();
    println!("merged {merged:?} in {:.1} s, of {:.1} s", took.as_secs_f64(), (clock.monotonic() - begin).as_secs_f64());
    println!("resident: {before} B before, {} B at most during", peak.load(Ordering::SeqCst));
    let written = stats.sealed_bytes + stats.compaction_written_bytes;
    println!(
        "sealed {} B, written in all {written} B: {:.2} times",
        stats.sealed_bytes,
        written as f64 / stats.sealed_bytes as f64
    );
}
