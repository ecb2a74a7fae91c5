//! How many bytes real samples take: reads captured scrapes and prints bytes per sample and speed.
//!
//! `cargo run --release -p nightjar-tsdb --example column_size [capture.txt.zst [keep every n-th scrape]]`
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a measurement, not the product")]
#![allow(clippy::print_stdout, clippy::expect_used, missing_docs)]

use std::collections::HashMap;
use std::error::Error;
use std::io::Read;
use std::time::{Duration, Instant};

use nightjar_model::{BlockRange, ClosedRange, Labels, LabelsBuilder};
use nightjar_platform::RealDisk;
use nightjar_tsdb::block::{Block, BlockBuilder, BlockOptions, BlockSeries, BlockSummary, Presence};
use nightjar_tsdb::codec::column;

/// One exporter's scrapes: shared times, and per series a presence and the values.
struct Capture {
    times: Vec<i64>,
    series: Vec<(String, Vec<(u32, f64)>)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/capture/node.txt.zst");
    let path = args.next().unwrap_or_else(|| default.to_owned());
    let steps = args.next().map_or(Ok(vec![1, 4]), |n| n.parse().map(|n| vec![n]))?;
    let Ok(file) = std::fs::File::open(&path) else {
        println!("SKIPPED: {path} is not there");
        return Ok(());
    };
    let mut text = String::new();
    zstd::Decoder::new(file)?.read_to_string(&mut text)?;
    for step in steps {
        let capture = parse(&text, step);
        let samples: usize = capture.series.iter().map(|(_, v)| v.len()).sum();
        println!(
            "{path}, every {step}. scrape: {} series, {} times, {samples} samples",
            capture.series.len(),
            capture.times.len()
        );
        columns(&capture, samples)?;
        block(&capture, samples)?;
    }
    Ok(())
}

fn parse(text: &str, step: usize) -> Capture {
    let mut capture = Capture { times: Vec::new(), series: Vec::new() };
    let mut ids: HashMap<&str, usize> = HashMap::new();
    let (mut scrape, mut keep) = (0, false);
    for line in text.lines() {
        if let Some(ts) = line.strip_prefix("#TS ") {
            keep = scrape % step == 0;
            scrape += 1;
            if keep {
                capture.times.extend(ts.trim().parse::<i64>());
            }
        } else if keep && !line.starts_with('#') {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            let id = *ids.entry(series).or_insert_with(|| {
                capture.series.push((series.to_owned(), Vec::new()));
                capture.series.len() - 1
            });
            capture.series[id].1.push((capture.times.len() as u32 - 1, value));
        }
    }
    capture.series.sort_by(|a, b| a.0.cmp(&b.0));
    capture
}

fn columns(capture: &Capture, samples: usize) -> Result<(), Box<dyn Error>> {
    let floats: Vec<Vec<f64>> = capture.series.iter().map(|(_, v)| v.iter().map(|(_, v)| *v).collect()).collect();
    let mut encoded = Vec::new();
    let mut ends = Vec::new();
    let mut encoder = column::Encoder::default();
    let encode = best_of(|| {
        encoded.clear();
        ends.clear();
        for floats in &floats {
            encoder.floats(floats, &mut encoded);
            ends.push(encoded.len());
        }
    });
    let mut out = Vec::new();
    let decode = best_of(|| {
        let mut start = 0;
        for (end, floats) in ends.iter().zip(&floats) {
            out.clear();
            column::decode(&encoded[start..*end], floats.len(), &mut out).expect("own bytes");
            assert_eq!(out.len(), floats.len());
            start = *end;
        }
    });
    let pages: Vec<Vec<u8>> = encoded.chunks(64 << 10).map(|p| zstd::bulk::compress(p, 1)).collect::<Result<_, _>>()?;
    let zipped: usize = pages.iter().map(Vec::len).sum();
    let unzip = best_of(|| {
        for page in &pages {
            assert!(zstd::bulk::decompress(page, 64 << 10).is_ok());
        }
    });
    let per = |bytes: usize| bytes as f64 / samples as f64;
    let speed = |t: Duration| samples as f64 / t.as_secs_f64() / 1e6;
    println!("  columns {:.3} B/sample, zstd-1 pages {:.3} B/sample", per(encoded.len()), per(zipped));
    println!(
        "  encode {:.0} M/s, decode {:.0} M/s, zstd-1 decode {:.0} M/s",
        speed(encode),
        speed(decode),
        speed(unzip)
    );
    Ok(())
}

/// The labels of an exposition line's series.
fn labels(series: &str) -> Labels {
    let mut builder = LabelsBuilder::new();
    let (name, pairs) = series.split_once('{').unwrap_or((series, ""));
    builder.set("__name__", name).set("job", "node").set("instance", "host-0:9100");
    let mut rest = pairs.trim_end_matches('}');
    while let Some((name, value)) = rest.split_once("=\"") {
        let mut escaped = false;
        let end = value.find(|c| {
            let end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            end
        });
        let end = end.unwrap_or(value.len());
        builder.set(name.trim_start_matches(','), &value[..end]);
        rest = value.get(end + 1..).unwrap_or("");
    }
    builder.build()
}

fn block(capture: &Capture, samples: usize) -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let disk = RealDisk::new(dir.path())?;
    let path = std::path::Path::new("block");
    let n = capture.times.len();
    let values: Vec<Vec<f64>> = capture.series.iter().map(|(_, v)| v.iter().map(|(_, v)| *v).collect()).collect();
    let bitmap = |points: &[(u32, f64)]| {
        let mut words = vec![0u64; n.div_ceil(64)];
        points.iter().for_each(|(i, _)| words[*i as usize / 64] |= 1 << (i % 64));
        words
    };
    let bitmaps: Vec<Vec<u64>> = capture.series.iter().map(|(_, v)| bitmap(v)).collect();
    let series = capture.series.iter().zip(&values).zip(&bitmaps).map(|(((text, _), values), bitmap)| BlockSeries {
        labels: labels(text),
        presence: if values.len() == n { Presence::All } else { Presence::Bitmap(bitmap) },
        values,
        starts: None,
        histograms: &[],
        exemplars: &[],
    });
    let series: Vec<_> = series.collect();
    let range = BlockRange { start: capture.times[0], end: capture.times[n - 1] + 1 };
    let write = || -> std::io::Result<BlockSummary> {
        let mut builder = BlockBuilder::create(&disk, std::path::Path::new("scratch"), range, BlockOptions::default())?;
        builder.add_target(&capture.times, &series)?;
        builder.finish(path)
    };
    let summary = write()?;
    let encode = best_of(|| assert!(write().is_ok()));
    let ids: Vec<u32> = (0..summary.series as u32).collect();
    let mut out = Vec::new();
    let decode = best_of(|| {
        out.clear();
        let block = Block::open(&disk, path).expect("own block");
        block.read(&ids, ClosedRange::ALL, &mut out).expect("own block");
    });
    assert_eq!(out.iter().map(|s| s.floats.values.len()).sum::<usize>(), samples);
    let speed = |t: Duration| samples as f64 / t.as_secs_f64() / 1e6;
    println!("  block {} bytes, {:.3} B/sample, all in", summary.file_len, summary.file_len as f64 / samples as f64);
    println!("  write with fsync {:.0} M/s, open and read all {:.0} M/s", speed(encode), speed(decode));
    let block = Block::open(&disk, path)?;
    println!("  parts: {:?}", block.part_sizes());
    Ok(())
}

fn best_of(mut f: impl FnMut()) -> Duration {
    let once = |f: &mut dyn FnMut()| {
        let start = Instant::now();
        f();
        start.elapsed()
    };
    (0..5).map(|_| once(&mut f)).min().unwrap_or_default()
}
