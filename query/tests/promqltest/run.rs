//! Running a script.

use std::collections::BTreeMap;
use std::sync::Arc;

use nightjar_model::histogram::ClassicHistogram;
use nightjar_model::{Labels, TimestampMs};
use nightjar_query::value::{MatrixSeries, Value as Answer, VectorSample};
use nightjar_query::{Engine, EngineOptions, Features, QueryError, QueryOptions, Steps, Uninterrupted};

use crate::check::{check_answer, check_notes, check_scalar, check_sorted, check_vector, points};
use crate::memory::Memory;
use crate::pin::pinned;
use crate::script::{Command, Eval, Load, When, bound, read, samples};
use crate::series::Value;

/// How a script fared.
#[derive(Debug, Default)]
pub struct Outcome {
    pub passed: usize,
    pub total: usize,
    /// `line: query: what is wrong`.
    pub failures: Vec<String>,
}

/// How the engine is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As for Prometheus' own scripts.
    Script,
    /// Names are dropped at once, as a server does by default.
    Server,
}

fn engine(mode: Mode) -> Engine {
    let features = Features {
        experimental_functions: true,
        delayed_name_removal: mode == Mode::Script,
        extended_range_selectors: true,
        fill_modifiers: true,
        start_timestamps: true,
        type_and_unit_labels: false,
    };
    Engine::new(EngineOptions { max_samples: 10_000, lookback_ms: 300_000, default_subquery_step_ms: 60_000, features })
}

/// Runs a script; a script that cannot be read is one failure.
pub fn run(text: &str, mode: Mode) -> Outcome {
    let mut outcome = Outcome::default();
    let commands = match read(text) {
        Ok(commands) => commands,
        Err(e) => {
            outcome.failures.push(e);
            return outcome;
        }
    };
    let engine = engine(mode);
    let mut storage = Memory::default();
    for command in commands {
        match command {
            Command::Clear => storage = Memory::default(),
            Command::Load(load) => load_into(&mut storage, &load),
            Command::Eval(eval) => {
                outcome.total += 1;
                match (Runner { engine: &engine, storage: &storage, eval: &eval }).run() {
                    Ok(()) => outcome.passed += 1,
                    Err(e) => outcome.failures.push(format!("{}: {}: {e}", eval.line, eval.expr)),
                }
            }
        }
    }
    outcome
}

struct Runner<'a> {
    engine: &'a Engine,
    storage: &'a Memory,
    eval: &'a Eval,
}

impl Runner<'_> {
    fn run(&self) -> Result<(), String> {
        match self.eval.when {
            When::Range { start, end, step_ms } => {
                let steps = Steps { start, end, step_ms };
                let answer =
                    self.engine.range(self.storage, &self.eval.expr, steps, &QueryOptions::default(), &Uninterrupted);
                self.check(answer.map(|a| (a.value, a.warnings, a.infos))).map(drop)
            }
            When::Instant(at) => {
                self.instant(&self.eval.expr, at)?;
                let Some(pinned) = pinned(&self.eval.expr, at) else { return Ok(()) };
                let times = if at == 0 { vec![-1000, 0, 1000] } else { vec![-10 * at, 0, at / 5, at, 10 * at] };
                for time in times {
                    self.instant(&pinned, time).map_err(|e| format!("as {pinned} at {time}: {e}"))?;
                }
                Ok(())
            }
        }
    }

    /// Compares success or failure; answers the value if there was one to compare.
    fn check(&self, answer: Result<(Answer, Vec<String>, Vec<String>), QueryError>) -> Result<Option<Answer>, String> {
        match (answer, &self.eval.fail) {
            (Err(e), Some(pattern)) if pattern.matches(&e.to_string()) => Ok(None),
            (Err(e), Some(pattern)) => Err(format!("expected failure {pattern:?}, got {e}")),
            (Err(e), None) => Err(format!("error: {e}")),
            (Ok(_), Some(_)) => Err("expected a failure, got none".to_owned()),
            (Ok((value, warnings, infos)), None) => {
                check_notes(self.eval, &warnings, &infos)?;
                check_answer(self.eval, &value)?;
                Ok(Some(value))
            }
        }
    }

    /// As an instant query, and once more as the middle step of a range query.
    fn instant(&self, expr: &str, at: TimestampMs) -> Result<(), String> {
        let answer = self.engine.instant(self.storage, expr, at, &QueryOptions::default(), &Uninterrupted);
        let answer = self.check(answer.map(|a| (a.value, a.warnings, a.infos)))?;
        let context = ["start()", "end()", "range()", "step()"];
        let Some(answer) = answer else { return Ok(()) };
        if self.eval.grid.is_some() || self.eval.string.is_some() || context.iter().any(|f| expr.contains(f)) {
            return Ok(());
        }
        self.middle(expr, at, &answer).map_err(|e| format!("as a range query: {e}"))
    }

    fn middle(&self, expr: &str, at: TimestampMs, instant: &Answer) -> Result<(), String> {
        let steps = Steps { start: at - 60_000, end: at + 60_000, step_ms: 60_000 };
        let answer = self.engine.range(self.storage, expr, steps, &QueryOptions::default(), &Uninterrupted);
        let Answer::Matrix(matrix) = answer.map_err(|e| e.to_string())?.value else {
            return Err("no matrix".to_owned());
        };
        if self.eval.ordered {
            return Ok(());
        }
        check_sorted(&matrix)?;
        let samples = at_time(&matrix, at);
        match (instant, samples.first()) {
            (Answer::Scalar(..), Some(VectorSample { value: nightjar_query::SampleValue::Float(v), .. })) => {
                check_scalar(self.eval, *v)
            }
            (Answer::Scalar(..), _) => Err("no scalar".to_owned()),
            _ => check_vector(self.eval, &samples),
        }
    }
}

/// The samples of a matrix at one time.
fn at_time(matrix: &[MatrixSeries], at: TimestampMs) -> Vec<VectorSample> {
    let sample = |series: &MatrixSeries| {
        let (timestamp, value) = points(series).into_iter().find(|(t, _)| *t == at)?;
        Some(VectorSample { labels: series.labels.clone(), timestamp, value })
    };
    matrix.iter().filter_map(sample).collect()
}

fn load_into(storage: &mut Memory, load: &Load) {
    for (series, starts) in &load.series {
        storage.load(series.labels.clone(), samples(load, series, starts.as_ref()));
    }
    if load.with_nhcb {
        for (labels, by_time) in classic_histograms(load) {
            let histogram = |(t, classic): (TimestampMs, ClassicHistogram)| {
                Some((t, 0, Value::Histogram(Arc::new(classic.convert().ok()?), false)))
            };
            storage.load(labels, by_time.into_iter().filter_map(histogram).collect());
        }
    }
}

/// Classic histograms by base labels and time.
fn classic_histograms(load: &Load) -> BTreeMap<Labels, BTreeMap<TimestampMs, ClassicHistogram>> {
    let mut found: BTreeMap<Labels, BTreeMap<TimestampMs, ClassicHistogram>> = BTreeMap::new();
    for (series, _) in &load.series {
        let name = series.labels.metric_name();
        let Some((base, part)) =
            ["_bucket", "_count", "_sum"].iter().find_map(|part| Some((name.strip_suffix(part)?, *part)))
        else {
            continue;
        };
        let labels = series.labels.to_builder().set("__name__", base).remove("le").build();
        let le = bound(series.labels.value("le"));
        if part == "_bucket" && le.is_none() {
            continue;
        }
        for (t, _, value) in samples(load, series, None) {
            let Value::Float(value) = value else { continue };
            let classic = found.entry(labels.clone()).or_default().entry(t).or_default();
            match (part, le) {
                ("_bucket", Some(le)) => classic.set_bucket(le, value),
                ("_count", _) => classic.set_count(value),
                _ => classic.set_sum(value),
            }
        }
    }
    found
}
