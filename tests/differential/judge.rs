//! Asking both the same, and what to say of a difference.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::compare::{Order, Strictness, Tally, equal};
use crate::explained::{Buckets, Reason, explain, reasons};
use crate::peer::{Both, Version, ask};

/// When a query is asked.
#[derive(Clone, Debug)]
pub enum When {
    /// At a time, seconds.
    Instant(String),
    /// From, to, step: seconds.
    Range(String, String, String),
}

/// A question to both.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    pub query: &'a str,
    pub when: &'a When,
    pub lookback: Option<&'a str>,
    /// At most so many series.
    pub limit: Option<&'a str>,
    /// Whether to ask for what it cost, too.
    pub stats: bool,
}

/// How both answered.
pub enum Verdict {
    Equal(Tally),
    /// The older version's difference, by the number of the reason.
    Explained(usize),
    /// Prometheus gave different answers to the same question, ours among them.
    Unsteady,
    /// Prometheus gave different answers to the same question, ours not among them.
    Astray(String),
    Different(String),
}

/// How often Prometheus is asked again when it answers differently.
const AGAIN: usize = 20;
/// The first version that tells of two series that are too many always the same one first.
const TWINS_IN_ORDER: Version = (3, 15);

/// The version from which on everything must be equal, texts included.
const WHOLE: Version = (3, 14);

/// Compares, and keeps count.
pub struct Judge {
    version: Version,
    reasons: Vec<Reason>,
    score: Mutex<Score>,
}

#[derive(Default)]
struct Score {
    asked: u64,
    tally: Tally,
    explained: BTreeMap<usize, u64>,
    unsteady: u64,
    astray: u64,
    texts: u64,
}

impl Judge {
    pub fn new(version: Version, buckets: Buckets) -> Judge {
        Judge { version, reasons: reasons(version, buckets), score: Mutex::default() }
    }

    /// Asks both; not counted.
    pub fn verdict(&self, both: &mut Both, question: &Question<'_>) -> Verdict {
        let near = self.strictness(question);
        let (path, params) = question.request();
        let ours = ask(&mut both.ours, path, &params);
        let theirs_query = self.spelled_for_them(question.query);
        let mut theirs_params = params.clone();
        theirs_params[0].1 = &theirs_query;
        let mut ask_them = || ask(&mut both.theirs, path, &theirs_params);
        let theirs = ask_them();
        let (difference, tally, strictness) = match equal(&ours, &theirs, near) {
            Ok(tally) if tally.near == 0 || self.version < WHOLE => return Verdict::Equal(tally),
            Ok(tally) => {
                let exact = Strictness { near: false, ..near };
                (equal(&ours, &theirs, exact).err().unwrap_or_default(), Some(tally), exact)
            }
            Err(difference) => (difference, None, near),
        };
        if tally.is_none()
            && let Some(reason) = explain(&self.reasons, question.query, &difference)
        {
            return Verdict::Explained(reason);
        }
        let mut wavers = false;
        for _ in 0..AGAIN {
            let again = ask_them();
            wavers |= equal(&theirs, &again, strictness).is_err();
            match tally {
                // Last digits that come out differently are those of a sum in another order.
                Some(tally) if wavers || equal(&ours, &again, strictness).is_ok() => return Verdict::Equal(tally),
                None if equal(&ours, &again, strictness).is_ok() => return Verdict::Unsteady,
                _ => {}
            }
        }
        match (wavers, tally) {
            (true, _) => Verdict::Astray(difference),
            (false, None) => Verdict::Different(difference),
            (false, Some(_)) => {
                let difference = format!("last digits, always: {difference}");
                let reason = explain(&self.reasons, question.query, &difference);
                reason.map_or(Verdict::Different(difference), Verdict::Explained)
            }
        }
    }

    fn strictness(&self, question: &Question<'_>) -> Strictness {
        let instant = matches!(question.when, When::Instant(_));
        let sorting = ["sort(", "sort_desc(", "topk", "bottomk", "limitk", "limit_ratio"];
        let sorted = sorting.iter().any(|name| question.query.starts_with(name));
        Strictness {
            texts: self.version >= WHOLE,
            order: match (instant, sorted) {
                (false, _) => Order::Series,
                (true, true) => Order::Values,
                (true, false) => Order::Nothing,
            },
            near: true,
            twins: self.version < TWINS_IN_ORDER,
            counts: !instant || question.query.contains(':'),
        }
    }

    /// Old names of functions.
    fn spelled_for_them(&self, query: &str) -> String {
        match self.version < (3, 0) {
            true => query.replace("double_exponential_smoothing(", "holt_winters("),
            false => query.to_owned(),
        }
    }

    /// Asks both and counts; the error says what differs.
    pub fn compare(&self, both: &mut Both, question: &Question<'_>) -> Result<Tally, String> {
        let verdict = self.verdict(both, question);
        let mut score = self.score.lock().expect("not poisoned");
        score.asked += 1;
        match verdict {
            Verdict::Equal(tally) => {
                score.tally.add(tally);
                return Ok(tally);
            }
            Verdict::Explained(reason) => *score.explained.entry(reason).or_default() += 1,
            Verdict::Unsteady => score.unsteady += 1,
            Verdict::Astray(difference) => {
                score.astray += 1;
                eprintln!("Prometheus wavers, and never answers as we do: {question:?}\n  {difference}");
            }
            Verdict::Different(difference) => return Err(difference),
        }
        Ok(Tally::default())
    }

    /// Compares what the API says of a text, query or not: its tree, its pretty form, the complaint about it.
    pub fn syntax(&self, both: &mut Both, text: &str) -> Result<(), String> {
        if self.version < WHOLE {
            return Ok(());
        }
        for path in ["/api/v1/parse_query", "/api/v1/format_query"] {
            let (ours, theirs) = both.ask(path, &[("query", text)]);
            // A tree with an infinite number in it is no JSON, and a 500 of theirs.
            if ours != theirs && !theirs.as_str().is_some_and(|text| text.contains("unsupported value")) {
                let Some(reason) = explain(&self.reasons, text, &format!("{path} {ours} instead of {theirs}")) else {
                    return Err(format!("{path} {text}\n    {ours}\n  instead of\n    {theirs}"));
                };
                *self.score.lock().expect("not poisoned").explained.entry(reason).or_default() += 1;
            }
        }
        self.score.lock().expect("not poisoned").texts += 1;
        Ok(())
    }

    /// What was compared, in words.
    pub fn report(&self, what: &str) -> String {
        let score = self.score.lock().expect("not poisoned");
        let Score { asked, tally, unsteady, astray, .. } = &*score;
        let version = match self.version {
            (_, u32::MAX) => "without a version".to_owned(),
            (major, minor) => format!("{major}.{minor}"),
        };
        let mut text = format!(
            "{what}: {asked} answers of Prometheus {version} compared: {} series, {} numbers ({} equal only within the \
             tolerance), {} errors on both sides, {} without series; to {unsteady} questions Prometheus answers differently \
             each time and as we do now and then, to {astray} never as we do; {} texts parsed",
            tally.series, tally.numbers, tally.near, tally.errors, tally.empty, score.texts,
        );
        for (reason, count) in &score.explained {
            text.push_str(&format!("\n  {count} explained: {}", self.reasons[*reason].change));
        }
        text
    }
}

impl Question<'_> {
    fn request(&self) -> (&'static str, Vec<(&'static str, &str)>) {
        let mut params = vec![("query", self.query)];
        params.extend(self.lookback.map(|lookback| ("lookback_delta", lookback)));
        params.extend(self.limit.map(|limit| ("limit", limit)));
        params.extend(self.stats.then_some(("stats", "all")));
        match self.when {
            When::Instant(time) => {
                params.push(("time", time));
                ("/api/v1/query", params)
            }
            When::Range(start, end, step) => {
                params.extend([("start", start.as_str()), ("end", end), ("step", step)]);
                ("/api/v1/query_range", params)
            }
        }
    }
}
