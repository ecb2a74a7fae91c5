//! What a regular expression over a million values of one label costs.

use std::time::Duration;

use nightjar_model::Labels;
use nightjar_platform::SplitMix;

use crate::Outcome;
use crate::bench::Bench;
use crate::cost::{ask, instant};
use crate::report::Report;
use crate::server::Kind;
use crate::synthetic::Synthetic;

/// Patterns, and what is known of their matches.
const PATTERNS: [(&str, &str); 7] = [
    ("a set", "checkout-svc-042-00000000000000002a|checkout-svc-043-0000000000000002b|none"),
    ("a prefix", "checkout-svc-123-.*"),
    ("prefixes", "checkout-svc-(001|002|399)-.*"),
    ("a literal inside", ".*abc12.*"),
    ("a suffix", ".*00abc"),
    ("a literal and a class", "checkout-.*abc1[0-9a-f]7.*"),
    ("no literal of use", "checkout-svc-[0-4].*-f.*"),
];

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let (server, _) = bench.fresh(kind, "regex")?;
    let values = bench.pick(200_000, 1_000_000);
    let mut rng = SplitMix::new(7);
    let one = |i: usize| {
        let pod = format!("checkout-svc-{:03}-{:016x}", i % 1000, rng.below(u64::MAX));
        Labels::from_pairs([("__name__", "pod_up".to_owned()), ("job", "kube".to_owned()), ("pod", pod)])
    };
    let data =
        Synthetic { series: (0..values).map(one).collect(), end: bench.now - 15_000, step_ms: 15_000, scrapes: 1 };
    data.send(&server, |_, _| Some(1.0))?;
    if kind.name == "victoria-metrics" {
        server.client()?.get("/internal/force_flush")?;
    }
    server.settle(bench.settle_limit())?;
    let limit = Duration::from_millis(bench.pick(400, 1500));
    for (what, pattern) in PATTERNS {
        let path = instant(&format!("count(pod_up{{pod=~\"{pattern}\"}})"), bench.now - 14_000);
        let name = format!("{values} values, {what}: {pattern}").replace('|', "\\|");
        ask(report, &server, "regular expressions", &name, &path, limit);
    }
    Ok(())
}
