//! Random queries over random data.
//!
//! `NIGHTJAR_DIFF_QUERIES` says how many, `NIGHTJAR_DIFF_SEED` which, `NIGHTJAR_DIFF_ONLY` the number of one to repeat.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::data::{BASE_MS, push};
use crate::explained::Buckets;
use crate::grammar::Grammar;
use crate::judge::{Judge, Question, Verdict, When};
use crate::peer::{Both, Pair, Setup, Version};
use crate::rng::Rng;
use crate::started::started;
use crate::support::setting;
use crate::tree::Node;
use crate::world::{FIRST_WITH_NATIVE, SPAN_S, world};

/// Queries without a word from the environment: half a minute.
const QUERIES: u64 = 2500;
/// Failures to print before giving up.
const MOST_FAILURES: usize = 40;
/// Attempts to make a failing query smaller.
const SHRINKS: usize = 300;

/// A query and when to ask it.
struct Case {
    node: Node,
    when: When,
    lookback: Option<&'static str>,
    limit: Option<&'static str>,
    stats: bool,
}

impl Case {
    fn question<'a>(&'a self, query: &'a str) -> Question<'a> {
        Question { query, when: &self.when, lookback: self.lookback, limit: self.limit, stats: self.stats }
    }
}

fn case(seed: u64, index: u64, version: Version, setup: Setup) -> Case {
    let mut rng = Rng::new(seed.wrapping_mul(0x1_0000_0001).wrapping_add(index));
    let starts = setup == Setup::StartTimes;
    let node = Grammar { rng: &mut rng, version, starts, buckets: buckets(seed), positive: false }.query();
    let when = when(&mut rng, version);
    let lookback = (version >= (3, 14) && rng.one_in(12)).then(|| rng.pick(&["1m", "15s", "20", "10m"]));
    // The first series of an instant are those that happen to come first.
    let limited = version >= (3, 14) && matches!(when, When::Range(..)) && rng.one_in(10);
    let limit = limited.then(|| rng.pick(&["1", "2", "5", "0"]));
    let stats = version >= (3, 14) && rng.one_in(10);
    Case { node, when, lookback, limit, stats }
}

/// Times of questions. Since 3.0 windows do not hold the sample on their left edge; times older versions are asked are
/// such that no sample, and no step of a subquery, lies on an edge.
fn when(rng: &mut Rng, version: Version) -> When {
    let unit = if version < (3, 0) { 2 } else { rng.below(3) };
    let seconds = rng.between(-120, SPAN_S + 400) as f64;
    let offset = match unit {
        0 => -(seconds.rem_euclid(15.0)),
        1 => rng.below(1000) as f64 / 1000.0,
        _ => 0.5,
    };
    let start = BASE_MS as f64 / 1000.0 + seconds + offset;
    if rng.one_in(2) {
        return When::Instant(format!("{start:.3}"));
    }
    let step: f64 = rng.pick(&["15", "30", "60", "7", "1", "300", "45"]).parse().expect("a number");
    let end = start + step * rng.between(0, 40) as f64 + rng.between(0, 3) as f64;
    When::Range(format!("{start:.3}"), format!("{end:.3}"), format!("{step}"))
}

/// Odd seeds give native histograms with all their buckets.
fn buckets(seed: u64) -> Buckets {
    if seed % 2 == 1 { Buckets::All } else { Buckets::Full }
}

/// Asks two servers with that setup the queries in question.
pub fn random_queries(setup: Setup) {
    let Some(pair) = Pair::start(setup) else { return };
    let seed = setting("NIGHTJAR_DIFF_SEED").unwrap_or(1);
    let mut series = world(seed, pair.version, buckets(seed));
    if setup == Setup::StartTimes {
        series.extend(started(seed));
    }
    push(&mut pair.connect(), &mut series);
    let judge = Judge::new(pair.version, buckets(seed));
    if pair.version < FIRST_WITH_NATIVE {
        eprintln!("SKIPPED: native histograms, this Prometheus is too old for them");
    }
    let (first, end) = match setting("NIGHTJAR_DIFF_ONLY") {
        Some(only) => (only, only + 1),
        None => (0, setting("NIGHTJAR_DIFF_QUERIES").unwrap_or(QUERIES)),
    };
    let (next, failures) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut both = pair.connect();
                while let Some(index) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < end) {
                    if let Err(failure) = one(&judge, &mut both, seed, index, setup) {
                        eprintln!("{failure}");
                        failures.lock().expect("not poisoned").push(failure);
                    }
                    if index % 10_000 == 9_999 {
                        eprintln!("... {} of {end}", index + 1);
                    }
                    if failures.lock().expect("not poisoned").len() >= MOST_FAILURES {
                        break;
                    }
                }
            });
        }
    });
    eprintln!("{}", judge.report(&format!("random queries, seed {seed}, {setup:?}")));
    let failures = failures.into_inner().expect("not poisoned");
    assert!(failures.is_empty(), "{} unexplained differences:\n{}", failures.len(), failures.join("\n"));
}

/// One question; the error is everything needed to repeat it.
fn one(judge: &Judge, both: &mut Both, seed: u64, index: u64, setup: Setup) -> Result<(), String> {
    let case = case(seed, index, both.version, setup);
    let text = case.node.to_string();
    judge.syntax(both, &text)?;
    judge.syntax(both, &broken(&mut Rng::new(seed ^ index), &text))?;
    let Err(difference) = judge.compare(both, &case.question(&text)) else { return Ok(()) };
    let smallest = case.node.shrink(SHRINKS, |node| {
        let text = node.to_string();
        matches!(judge.verdict(both, &case.question(&text)), Verdict::Different(_))
    });
    let shrunk = smallest.to_string();
    let difference = match judge.verdict(both, &case.question(&shrunk)) {
        Verdict::Different(difference) => difference,
        _ => difference,
    };
    Err(format!(
        "NIGHTJAR_DIFF_SEED={seed} NIGHTJAR_DIFF_ONLY={index}, {setup:?}, lookback {:?}, limit {:?}, stats {}, {:?}\n  query {text}\n  shrunk {shrunk}\n  {difference}",
        case.lookback, case.limit, case.stats, case.when
    ))
}

/// The text with a few letters gone, doubled, or others in their place: what people type.
fn broken(rng: &mut Rng, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..rng.between(1, 2) {
        let at = rng.below(chars.len() as u64) as usize;
        let typed = rng.pick(&[
            "(", ")", "{", "}", "[", "]", "\"", ",", " ", "=", "~", "1", "m", "by", "on", "@", "-", "!", "offset ", ":",
        ]);
        match rng.below(4) {
            0 if chars.len() > 1 => drop(chars.remove(at)),
            1 => chars.truncate(at + 1),
            2 => chars[at] = typed.chars().next().unwrap_or(' '),
            _ => drop(chars.splice(at..at, typed.chars()).collect::<Vec<_>>()),
        }
    }
    chars.into_iter().collect()
}
