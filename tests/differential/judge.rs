//! Asking both the same, and what to say of a difference.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::compare::{Strictness, Tally, equal};
use crate::explained::{Reason, explain, reasons};
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
}

/// How both answered.
pub enum Verdict {
    Equal(Tally),
    /// The older version's difference, by the number of the reason.
    Explained(usize),
    /// Prometheus gave different answers to the same question.
    Unsteady,
    Different(String),
}

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
    texts: u64,
}

impl Judge {
    pub fn new(version: Version) -> Judge {
        Judge { version, reasons: reasons(version), score: Mutex::default() }
    }

    /// Asks both; not counted.
    pub fn verdict(&self, both: &mut Both, question: &Question<'_>) -> Verdict {
        let strictness = Strictness { texts: self.version >= WHOLE, ordered: ordered(question) };
        let (path, params) = question.request();
        let ours = ask(&mut both.ours, path, &params);
        let theirs_query = self.spelled_for_them(question.query);
        let mut theirs_params = params.clone();
        theirs_params[0].1 = &theirs_query;
        let theirs = ask(&mut both.theirs, path, &theirs_params);
        let difference = match equal(&ours, &theirs, strictness) {
            Ok(tally) => {
                if tally.near > 0 && std::env::var_os("NIGHTJAR_DIFF_NEAR").is_some() {
                    eprintln!("{} of {} numbers only near: {question:?}", tally.near, tally.numbers);
                }
                return Verdict::Equal(tally);
            }
            Err(difference) => difference,
        };
        if let Some(reason) = explain(&self.reasons, question.query, &difference) {
            return Verdict::Explained(reason);
        }
        for _ in 0..6 {
            let again = ask(&mut both.theirs, path, &theirs_params);
            if equal(&ours, &again, strictness).is_ok() || equal(&theirs, &again, strictness).is_err() {
                return Verdict::Unsteady;
            }
        }
        Verdict::Different(difference)
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
                return Err(format!("{path} {text}\n    {ours}\n  instead of\n    {theirs}"));
            }
        }
        self.score.lock().expect("not poisoned").texts += 1;
        Ok(())
    }

    /// What was compared, in words.
    pub fn report(&self, what: &str) -> String {
        let score = self.score.lock().expect("not poisoned");
        let Score { asked, tally, unsteady, .. } = &*score;
        let version = match self.version {
            (_, u32::MAX) => "without a version".to_owned(),
            (major, minor) => format!("{major}.{minor}"),
        };
        let mut text = format!(
            "{what}: {asked} answers of Prometheus {version} compared: {} series, {} numbers ({} equal only within the \
             tolerance), {} errors on both sides, {} without series, {unsteady} to which Prometheus answers differently \
             each time; {} texts parsed",
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

/// Whether the order of an instant vector means something.
fn ordered(question: &Question<'_>) -> bool {
    let sorting = ["sort(", "sort_desc(", "topk(", "bottomk("];
    matches!(question.when, When::Instant(_)) && sorting.iter().any(|name| question.query.starts_with(name))
}
