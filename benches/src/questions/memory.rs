//! How far a careless query drives memory.

use crate::Outcome;
use crate::bench::Bench;
use crate::cost::instant;
use crate::fleet::Fleet;
use crate::report::Report;
use crate::server::Kind;

const QUERIES: [&str; 4] = [
    "{__name__=~\".+\"}[5d]",
    "{__name__=~\".+\"}",
    "count(rate({__name__=~\".+\"}[5d]))",
    "max_over_time({__name__=~\".+\"}[5d])",
];

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let (server, _) = bench.fresh(kind, "memory")?;
    let fleet = Fleet::new(&bench.capture, bench.pick(20, 100), bench.pick(240, 720), bench.now - 60_000);
    bench.replay(&fleet, &server)?;
    server.settle(bench.settle_limit())?;
    for query in QUERIES {
        let before = server.usage()?.resident_bytes;
        server.forget_peak()?;
        let answer = server.client()?.get(&instant(query, bench.now));
        let grown = server.peak_bytes()?.saturating_sub(before);
        let outcome = answer.map_or_else(|e| e, |a| format!("{} with {} MiB", a.status, a.body.len() >> 20));
        report.add(&format!("{query}, RSS grows by, MiB"), &kind.name, format!("{} ({outcome})", grown >> 20));
    }
    Ok(())
}
