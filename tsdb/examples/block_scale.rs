//! How a large block behaves: time, memory and size of writing, opening, selecting and reading.
//!
//! `cargo run --release -p nightjar-tsdb --example block_scale [targets [series a target [samples]]]`
#![expect(clippy::disallowed_methods, reason = "a measurement, not the product")]
#![allow(clippy::print_stdout, missing_docs)]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use nightjar_model::{BlockRange, ClosedRange, Labels, MatchOp, Matcher};
use nightjar_platform::RealDisk;
use nightjar_tsdb::block::{Block, BlockBuilder, BlockOptions, BlockSeries, Presence};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<usize> = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<_, _>>()?;
    let arg = |i: usize, default| args.get(i).copied().unwrap_or(default);
    let (targets, per_target, samples) = (arg(0, 1600), arg(1, 632), arg(2, 60));
    let dir = tempfile::tempdir()?;
    let disk = RealDisk::new(dir.path())?;
    let path = Path::new("block");
    let range = BlockRange { start: 0, end: 1 << 40 };
    let start = Instant::now();
    let mut builder = BlockBuilder::create(&disk, Path::new("scratch"), range, BlockOptions::default())?;
    for target in 0..targets {
        let times: Vec<i64> = (0..samples).map(|i| (i * 15_000 + target + i * target % 5) as i64).collect();
        let values: Vec<Vec<f64>> = (0..per_target).map(|s| column(s, target, samples)).collect();
        let series = values.iter().enumerate().map(|(s, values)| BlockSeries {
            labels: labels(s, target),
            presence: Presence::All,
            values,
            starts: None,
            histograms: &[],
            exemplars: &[],
        });
        builder.add_target(&times, &series.collect::<Vec<_>>())?;
    }
    println!("added {} series in {:.2?}, {}", targets * per_target, start.elapsed(), memory());
    let start = Instant::now();
    let summary = builder.finish(path)?;
    println!("finished in {:.2?}, {}", start.elapsed(), memory());
    println!(
        "{:.3} B/sample, {:.1} B/series",
        summary.file_len as f64 / summary.samples as f64,
        summary.file_len as f64 / summary.series as f64
    );
    let start = Instant::now();
    let block = Block::open(&disk, path)?;
    println!("opened in {:.2?}, {}", start.elapsed(), memory());
    println!("parts: {:?}", block.part_sizes());
    queries(&block, samples)
}

fn column(s: usize, target: usize, samples: usize) -> Vec<f64> {
    let value = |i: usize| match s % 4 {
        0 | 1 => (s % 7) as f64,
        2 => (i * (100 + target % 50) + (i * s * 7919) % 64) as f64 / 100.0,
        _ => ((i / 16) * s % 100) as f64,
    };
    (0..samples).map(value).collect()
}

fn labels(s: usize, target: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("node_metric_{}_total", s / 8)),
        ("instance", format!("host-{target:05}.example.org:9100")),
        ("job", "node-exporter".to_owned()),
        ("cluster", format!("prod-{}", target % 3)),
        ("device", format!("dev{}", s % 8)),
    ])
}

fn queries(block: &Block<RealDisk>, samples: usize) -> Result<(), Box<dyn Error>> {
    let queries = [
        vec![Matcher::equal("__name__", "node_metric_7_total")],
        vec![Matcher::equal("job", "node-exporter")],
        vec![Matcher::equal("__name__", "node_metric_7_total"), Matcher::new(MatchOp::NotEqual, "device", "dev1")?],
        vec![Matcher::new(MatchOp::Regex, "instance", ".+-0001.+")?],
        vec![Matcher::new(MatchOp::Regex, "__name__", "node_.*_total")?, Matcher::equal("cluster", "prod-1")],
        vec![Matcher::equal("instance", "host-00001.example.org:9100")],
    ];
    for matchers in queries {
        let start = Instant::now();
        let ids = block.select(&matchers)?.to_vec();
        let selected = start.elapsed();
        let start = Instant::now();
        let mut labels = Vec::new();
        block.labels_of(&ids, &mut labels)?;
        let labelled = start.elapsed();
        let start = Instant::now();
        let mut read = 0;
        for ids in ids.chunks(64) {
            let mut out = Vec::new();
            block.read(ids, ClosedRange::ALL, &mut out)?;
            read += out.iter().map(|s| s.floats.values.len()).sum::<usize>();
        }
        assert_eq!(read, ids.len() * samples);
        println!(
            "{matchers:?}: {} series, select {selected:.2?}, labels {labelled:.2?}, read {:.2?}",
            ids.len(),
            start.elapsed()
        );
    }
    let start = Instant::now();
    let n = block.label_values("instance", &[], 0)?.len();
    println!("{n} instances in {:.2?}", start.elapsed());
    let start = Instant::now();
    let n = block.label_values("instance", &[Matcher::equal("__name__", "node_metric_7_total")], 0)?.len();
    println!("{n} instances of a metric in {:.2?}, {}", start.elapsed(), memory());
    Ok(())
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field =
        |name| status.lines().find(|l| l.starts_with(name)).map(|l| l.split_whitespace().skip(1).collect::<String>());
    format!("RSS {} peak {}", field("VmRSS").unwrap_or_default(), field("VmHWM").unwrap_or_default())
}
