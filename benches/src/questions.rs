//! The questions a user would ask, each put to every server with the same load.

mod alerts;
mod disk;
mod expressions;
mod ingest;
mod interference;
mod memory;
mod pressure;
mod query;
mod regex;
mod restart;
mod rules;

use std::time::SystemTime;

use crate::bench::{Bench, EVERY};
use crate::capture::Capture;
use crate::fleet::Fleet;
use crate::options::Options;
use crate::report::Report;
use crate::server::Kind;
use crate::{Outcome, decode};

/// Answers what was asked.
pub(crate) fn answer(options: &Options) -> Outcome<()> {
    let capture = Capture::read(&options.capture, EVERY)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|e| e.to_string())?.as_millis() as i64;
    let root = std::env::temp_dir().join(format!("nightjar-benches-{}", std::process::id()));
    let bench = Bench { options, capture, now, root };
    if options.questions.iter().any(|q| q == "decode") {
        decode::measure(&Fleet::new(&bench.capture, 40, 10, now), options.batch)?;
    }
    if options.questions.iter().any(|q| q == "alerts") {
        alerts::measure(&bench)?;
    }
    let asked: Vec<&String> =
        options.questions.iter().filter(|q| !["decode", "alerts"].contains(&q.as_str())).collect();
    if asked.is_empty() {
        return Ok(());
    }
    let mut report = Report::default();
    let servers = present(&bench)?;
    for question in asked {
        for (kind, _) in &servers {
            println!("{question}: {}", kind.name);
            let result = match question.as_str() {
                "ingest" => ingest::measure(&bench, kind, &mut report),
                "disk" => disk::measure(&bench, kind, &mut report),
                "exporters" => disk::by_exporter(&bench, kind, &mut report),
                "pressure" => pressure::measure(&bench, kind, &mut report),
                "rules" => rules::measure(&bench, kind, &mut report),
                "query" => query::measure(&bench, kind, &mut report, query::Age::Fresh),
                "sealed" => query::measure(&bench, kind, &mut report, query::Age::Sealed),
                "promql" => expressions::measure(&bench, kind, &mut report),
                "interference" => interference::measure(&bench, kind, &mut report),
                "regex" => regex::measure(&bench, kind, &mut report),
                "memory" => memory::measure(&bench, kind, &mut report),
                _ => restart::measure(&bench, kind, &mut report),
            };
            if let Err(problem) = result {
                report.add(&format!("{question} FAILED"), &kind.name, problem);
            }
            if !options.keep {
                let _ = std::fs::remove_dir_all(&bench.root);
            }
        }
    }
    report.judge();
    report.sum_up();
    report.print(&servers);
    Ok(())
}

/// The servers that are there, with their versions; the others are missed loudly.
fn present(bench: &Bench<'_>) -> Outcome<Vec<(Kind, String)>> {
    let mut servers = Vec::new();
    for name in &bench.options.servers {
        let found = Kind::find(name, bench.options).ok_or("not installed".to_owned());
        let started = found.and_then(|kind| bench.fresh(&kind, "version").map(|(server, _)| (kind, server)));
        match started {
            Ok((kind, server)) => servers.push((kind, server.version())),
            Err(problem) => println!("!!! {name} IS MISSING FROM THIS COMPARISON: {problem}"),
        }
    }
    if servers.is_empty() { Err("no server to measure".to_owned()) } else { Ok(servers) }
}
