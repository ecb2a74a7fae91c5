//! Appends node_exporter-like scrapes of many targets and prints what they cost.
//!
//! `cargo run --release -p nightjar-tsdb --example append_bench -- <directory> [series] [scrapes] [batch]`
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a bench talks and may fail")]

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use nightjar_model::storage::*;
use nightjar_model::{ClosedRange, Matcher, Sample};
use nightjar_platform::{Clock, RealClock, RealDisk, SplitMix};
use nightjar_tsdb::{Db, Options};

const PER_TARGET: usize = 2720;
const STEP_MS: i64 = 15_000;
const START: i64 = 1_700_000_000_000;

/// One series of the workload: how its value moves.
#[derive(Clone, Copy)]
enum Moves {
    Never,
    Counter(u64),
    Cpu,
    Gauge,
    Rarely,
}

struct Workload {
    spellings: Vec<Vec<u8>>,
    moves: Vec<Moves>,
    samples: Vec<Sample>,
}

impl Workload {
    fn new(series: usize) -> Workload {
        let mut spellings = Vec::with_capacity(series);
        let mut moves = Vec::with_capacity(series);
        for i in 0..series {
            let (target, s) = (i / PER_TARGET, i % PER_TARGET);
            let pairs = [
                ("__name__", format!("node_metric_family_{:03}_total", s / 16)),
                ("cluster", "production-eu-1".into()),
                ("cpu", format!("{}", s % 16)),
                ("device", format!("dev{}", s % 8)),
                ("instance", format!("10.0.{}.{}:9100", target / 250, target % 250)),
                ("job", "node-exporter".into()),
                ("mode", ["idle", "user", "system", "iowait"][s % 4].to_owned()),
            ];
            let mut spelling = Vec::new();
            for (name, value) in pairs {
                nightjar_model::labels::spell_pair(name, &value, &mut spelling);
            }
            spellings.push(spelling);
            // About a quarter of node_exporter's series change from one scrape to the next.
            moves.push(match s % 20 {
                0 | 1 => Moves::Counter(1 + (s as u64 * 7919) % 5000),
                2 => Moves::Cpu,
                3 => Moves::Gauge,
                4..=6 => Moves::Rarely,
                _ => Moves::Never,
            });
        }
        let samples = (0..series).map(|i| Sample { timestamp: 0, start: 0, value: (i % 1000) as f64 }).collect();
        Workload { spellings, moves, samples }
    }

    fn scrape(&mut self, t: i64, rng: &mut SplitMix) {
        for (i, (s, m)) in self.samples.iter_mut().zip(&self.moves).enumerate() {
            s.timestamp = t + ((i / PER_TARGET) as i64 * 37) % STEP_MS;
            match m {
                Moves::Never => {}
                Moves::Counter(by) => s.value += rng.below(*by) as f64,
                Moves::Cpu => s.value = ((s.value * 100.0).round() + rng.below(1500) as f64) / 100.0,
                Moves::Gauge => s.value = (rng.below(1 << 33) * 4096 % (1 << 34)) as f64,
                Moves::Rarely => {
                    if rng.one_in(8) {
                        s.value += 1.0;
                    }
                }
            }
        }
    }
}

struct Slice<'a> {
    work: &'a Workload,
    from: usize,
    to: usize,
}

impl WriteBatch for Slice<'_> {
    fn len(&self) -> usize {
        self.to - self.from
    }

    fn entry(&self, index: usize) -> WriteEntry<'_> {
        let i = self.from + index;
        WriteEntry {
            spelling: &self.work.spellings[i],
            samples: std::slice::from_ref(&self.work.samples[i]),
            histograms: &[],
            exemplars: &[],
            metadata: None,
        }
    }
}

/// Resident memory of this process in bytes.
fn rss() -> u64 {
    nightjar_platform::process::usage().unwrap().resident_bytes
}

/// CPU time of this process.
fn cpu() -> Duration {
    Duration::from_secs_f64(nightjar_platform::process::usage().unwrap().cpu_seconds)
}

fn main() {
    let mut args = std::env::args().skip(1);
    let directory = args.next().expect("a directory");
    let mut number = |default: usize| args.next().map_or(default, |a| a.parse().expect("a number"));
    let (series, scrapes, batch) = (number(1_000_000), number(10), number(2000));
    let clock = RealClock::new();
    let mut work = Workload::new(series);
    let spelled: usize = work.spellings.iter().map(Vec::len).sum();
    println!("{series} series, {} B of labels each, {scrapes} scrapes, batches of {batch}", spelled / series);
    let disk = RealDisk::new(&directory).unwrap();
    let db = Db::open(disk.clone(), Options::default(), START, &mut |_| {}).unwrap();
    let mut rng = SplitMix::new(1);
    let before = rss();
    for n in 0..scrapes {
        let t = START + n as i64 * STEP_MS;
        work.scrape(t, &mut rng);
        let (wall, used) = (clock.monotonic(), cpu());
        let (send, receive) = sync_channel(1 << 16);
        let mut append_wall = Duration::ZERO;
        let batches = series.div_ceil(batch);
        for b in 0..batches {
            let slice = Slice { work: &work, from: b * batch, to: ((b + 1) * batch).min(series) };
            let send = send.clone();
            let begin = clock.monotonic();
            db.append(&slice, Atomicity::Whole, t, Box::new(move |r| send.send(r.map(|r| r.samples)).unwrap()));
            append_wall += clock.monotonic() - begin;
        }
        let written: u64 = (0..batches).map(|_| receive.recv().unwrap().unwrap()).sum();
        assert_eq!(written, series as u64);
        let (wall, used) = (clock.monotonic() - wall, cpu() - used);
        let ns = |d: Duration| d.as_nanos() as f64 / series as f64;
        if n < 5 || n % 100 == 0 {
            println!(
                "scrape {n}: append {:.0} ns, cpu {:.0} ns, wall {:.0} ns a sample",
                ns(append_wall),
                ns(used),
                ns(wall)
            );
        }
    }
    let stats = db.stats();
    let samples = (series * scrapes) as f64;
    println!(
        "log: {:.2} B a sample, {} directory entries",
        stats.log_written_bytes as f64 / samples,
        stats.directory_entries
    );
    println!(
        "memory: {} B a series ({} MB), {:?}",
        (rss() - before) / series as u64,
        (rss() - before) >> 20,
        stats.fsync.count
    );
    query(&db, &clock, scrapes);
    loop {
        let begin = (clock.monotonic(), cpu());
        let done = db.maintain(START).unwrap();
        println!("maintain: {done:?}, wall {:?}, cpu {:?}", clock.monotonic() - begin.0, cpu() - begin.1);
        if done == nightjar_tsdb::Maintained::Nothing {
            break;
        }
        let stats = db.stats();
        println!(
            "{} blocks of {} bytes, {} segments, memory {} MB",
            stats.blocks,
            stats.block_bytes,
            stats.log_segments,
            rss() >> 20
        );
        query(&db, &clock, scrapes);
    }
    drop(db);
    let begin = (clock.monotonic(), cpu());
    let db = Db::open(disk, Options::default(), START, &mut |_| {}).unwrap();
    println!("open after a stop: {:?}, cpu {:?}", clock.monotonic() - begin.0, cpu() - begin.1);
    query(&db, &clock, scrapes);
}

fn query(db: &Db<RealDisk>, clock: &RealClock, scrapes: usize) {
    let range = ClosedRange { start: START, end: START + (scrapes as i64 + 1) * STEP_MS };
    for matchers in [
        vec![Matcher::equal("__name__", "node_metric_family_007_total"), Matcher::equal("mode", "idle")],
        vec![Matcher::equal("instance", "10.0.0.7:9100")],
        vec![Matcher::equal("job", "node-exporter"), Matcher::equal("cpu", "3")],
    ] {
        let begin = clock.monotonic();
        let querier = db.querier(range).unwrap();
        let set = querier.select(&matchers, &SelectHints::range(range)).unwrap();
        let selected = clock.monotonic();
        let (mut data, mut samples) = (Vec::new(), 0);
        for start in (0..set.len()).step_by(64) {
            data.clear();
            set.read(start..(start + 64).min(set.len()), range, &mut data).unwrap();
            samples += data.iter().map(|d| d.floats.values.len()).sum::<usize>();
        }
        let read = clock.monotonic();
        println!(
            "query {matchers:?}: {} series {samples} samples, select {:?}, read {:?}",
            set.len(),
            selected - begin,
            read - selected
        );
    }
}
