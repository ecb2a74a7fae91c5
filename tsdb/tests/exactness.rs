//! Every f64 comes back to the bit: through the column codec, and through log, seal and block.
//!
//! `NIGHTJAR_EXACT_VALUES` sets how many go through the codec (400000 by default; the whole test is 100000000, for a release
//! build).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may fail")]

mod support;

use nightjar_model::storage::Atomicity;
use nightjar_model::{ClosedRange, STALE_NAN_BITS};
use nightjar_platform::{SimDisk, SplitMix};
use nightjar_tsdb::codec::column::{Encoder, decode};
use nightjar_tsdb::{Maintained, Options};
use support::*;

/// Kinds of values; a column has one kind, or all of them mixed.
const KINDS: u64 = 12;

fn value(kind: u64, random: &mut SplitMix, i: usize) -> u64 {
    let r = random.next_u64();
    match kind {
        0 => r,
        // Subnormals, and zeros of both signs.
        1 => r & 0x800f_ffff_ffff_ffff,
        2 => [0, 1 << 63][(r & 1) as usize],
        // NaNs with any payload.
        3 => 0x7ff0_0000_0000_0000 | r & 0x800f_ffff_ffff_ffff | 1,
        // Whole numbers around and above 2^53.
        4 => ((1i64 << 53) as f64 + (r % 64) as f64 * 2.0).to_bits(),
        5 => ((r >> (r % 64)) as f64).to_bits(),
        6 => (i as f64 * 0.1).to_bits(),
        7 => ((r % 1_000_000) as f64 / 10f64.powi((r % 19) as i32)).to_bits(),
        8 => (10f64.powi((r % 617) as i32 - 308) * if r & 1 == 0 { 1.0 } else { -1.0 }).to_bits(),
        9 => [STALE_NAN_BITS, f64::INFINITY.to_bits(), f64::NEG_INFINITY.to_bits(), f64::MAX.to_bits(), 1]
            [(r % 5) as usize],
        10 => (1.7e9 + (i as u64 * 15_000 + r % 50) as f64 / 1000.0).to_bits(),
        _ => (r as i64 as f64).to_bits(),
    }
}

fn column(random: &mut SplitMix, n: usize) -> Vec<f64> {
    let kind = random.next_u64() % (KINDS + 3);
    let mixed = |random: &mut SplitMix| if kind < KINDS { kind } else { random.next_u64() % KINDS };
    (0..n)
        .map(|i| {
            let kind = mixed(random);
            f64::from_bits(value(kind, random, i))
        })
        .collect()
}

#[test]
fn the_codec_changes_no_bit() {
    let wanted: u64 = std::env::var("NIGHTJAR_EXACT_VALUES").ok().and_then(|n| n.parse().ok()).unwrap_or(400_000);
    let mut random = SplitMix::new(5);
    let (mut done, mut bytes) = (0, 0);
    let (mut encoder, mut out, mut back) = (Encoder::default(), Vec::new(), Vec::new());
    while done < wanted {
        let n = 1 + (random.next_u64() % 600) as usize;
        let values = column(&mut random, n);
        out.clear();
        back.clear();
        encoder.floats(&values, &mut out);
        decode(&out, n, &mut back).unwrap();
        assert_eq!(back.len(), n);
        for (i, (a, b)) in values.iter().zip(&back).enumerate() {
            assert_eq!(a.to_bits(), b.to_bits(), "value {i} of a column of {n} after {done}");
        }
        done += n as u64;
        bytes += out.len();
    }
    eprintln!("{done} values, {bytes} bytes, 0 mismatches");
}

#[test]
fn log_and_block_change_no_bit() {
    const NOW: i64 = 1_700_000_000_000;
    let options =
        || Options { block_ms: 100_000, seal_delay_ms: 0, retention_ms: 0, segment_bytes: 1 << 16, ..options() };
    let disk = SimDisk::new();
    let db = open(&disk, options()).unwrap();
    let mut random = SplitMix::new(9);
    let mut truth = Content::new();
    let columns: Vec<Vec<f64>> = (0..40).map(|_| column(&mut random, 300)).collect();
    for i in 0..300 {
        let mut batch = Owned::default();
        for (s, column) in columns.iter().enumerate() {
            let series = format!("__name__=v,s={s:02},job=j{},instance=a", s % 3);
            let (t, v) = (NOW + i as i64 * 1_000, column[i]);
            truth.entry(labels(&series).to_string()).or_default().push((t, v.to_bits()));
            batch = batch.with(&series, &[(t, v)]);
        }
        append(&db, &batch, Atomicity::Whole, NOW + i as i64 * 1_000).unwrap();
    }
    let same = |content: Content, what: &str| assert!(content == truth, "{what}: something changed");
    same(read(&db), "log");
    while db.maintain(NOW).unwrap() != Maintained::Nothing {}
    assert!(db.stats().blocks >= 1);
    same(read(&db), "blocks and log");
    drop(db);
    let db = open(&disk, options()).unwrap();
    same(read_range(&db, ClosedRange::ALL, &[]).0, "after a restart");
}
