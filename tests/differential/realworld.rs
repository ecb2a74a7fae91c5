//! Queries of public dashboards and rules, over series made from their selectors.
//!
//! Each query gets series of its own, told apart by a label that is added to its selectors. What has no answer in the first
//! attempt, or fails because a join is ambiguous, is asked once more with one series per selector. `NIGHTJAR_DIFF_EVERY=n`
//! takes every n-th query only, 1 all of them.

use std::collections::BTreeSet;
use std::path::Path;

use nightjar_model::Matcher;
use nightjar_query::ast::{Expr, ExprKind};
use nightjar_query::{ParserOptions, parse};

use crate::data::{BASE_MS, Series, push};
use crate::explained::Buckets;
use crate::judge::{Judge, Question, When};
use crate::peer::{Both, Pair, Setup};
use crate::selectors::{Needs, OWNER, needs, value};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/realworld");
/// Which queries are asked without a word from the environment: all of them take more than a minute.
const EVERY: usize = 5;
/// How long before the end series have data.
const SPAN_MS: i64 = 45 * 60_000;
/// Ends of the data of the two attempts; apart from each other, so that no request is older than what is there already.
const ENDS_MS: [i64; 2] = [BASE_MS + 40 * 86_400_000, BASE_MS + 80 * 86_400_000];

struct Query {
    text: String,
    needs: Needs,
}

pub fn realworld_expressions() {
    let texts = texts(Path::new(FOLDER));
    if texts.is_empty() {
        eprintln!("SKIPPED: {FOLDER} is absent");
        return;
    }
    let Some(pair) = Pair::start(Setup::Plain) else { return };
    let every: usize = std::env::var("NIGHTJAR_DIFF_EVERY").ok().map_or(EVERY, |n| n.parse().expect("a number"));
    let queries: Vec<Query> = texts.iter().step_by(every).enumerate().filter_map(|(i, text)| query(i, text)).collect();
    let mut both = pair.connect();
    let judge = Judge::new(pair.version, Buckets::All);
    let mut failures = Vec::new();
    let mut left: Vec<usize> = (0..queries.len()).collect();
    for (attempt, variants) in [(0, 2), (1, 1)] {
        push(&mut both, &mut data(left.iter().map(|i| (*i, &queries[*i])), variants, ENDS_MS[attempt]));
        left.retain(|i| !answered(&judge, &mut both, &queries[*i].text, ENDS_MS[attempt], &mut failures));
    }
    let what = format!("{} real-world queries, {} of them with answers", queries.len(), queries.len() - left.len());
    eprintln!("{}", judge.report(&what));
    if std::env::var_os("NIGHTJAR_DIFF_EMPTY").is_some() {
        left.iter().for_each(|i| eprintln!("no answer: {}", queries[*i].text));
    }
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
    assert!(left.len() * 10 < queries.len(), "{} of {} queries have no answer", left.len(), queries.len());
}

/// All expressions, each once.
fn texts(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|e| e != "json") || path.to_string_lossy().ends_with(".variables.json") {
            continue;
        }
        let rows: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&path).expect("it can be read")).expect("JSON");
        for row in rows.as_array().into_iter().flatten() {
            let text = row["expr_interpolated"].as_str().or_else(|| row["expr"].as_str());
            // Interpolation put `.*` where the dashboard would put a list for a regular expression.
            found.extend(text.map(|text| text.replace("=\".*\"", "=~\".*\"")));
        }
    }
    found
}

fn query(number: usize, text: &str) -> Option<Query> {
    let mut expr = parse(text, &ParserOptions::ALL).unwrap_or_else(|e| panic!("{text}: {e}"));
    let needs = needs(&expr);
    own(&mut expr, &number.to_string());
    Some(Query { text: expr.to_string(), needs })
}

/// Adds the label that keeps queries apart to all selectors.
fn own(expr: &mut Expr, owner: &str) {
    let matcher = || Matcher::equal(OWNER, owner);
    match &mut expr.kind {
        ExprKind::Number(_) | ExprKind::String(_) => {}
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) | ExprKind::StepInvariant(inner) => own(inner, owner),
        ExprKind::Binary(binary) => {
            own(&mut binary.lhs, owner);
            own(&mut binary.rhs, owner);
        }
        ExprKind::Aggregate(aggregate) => {
            aggregate.param.iter_mut().for_each(|param| own(param, owner));
            own(&mut aggregate.expr, owner);
        }
        ExprKind::Call(call) => call.args.iter_mut().for_each(|arg| own(arg, owner)),
        ExprKind::Vector(selector) => selector.matchers.push(matcher()),
        ExprKind::Matrix(matrix) => matrix.selector.matchers.push(matcher()),
        ExprKind::Subquery(subquery) => own(&mut subquery.expr, owner),
    }
}

fn data<'a>(queries: impl Iterator<Item = (usize, &'a Query)>, variants: usize, end: i64) -> Vec<Series> {
    let mut all = Vec::new();
    for (number, query) in queries {
        let interval = if query.needs.window.is_some_and(|window| window < 120_000) { 10_000 } else { 30_000 };
        let mut ends: Vec<i64> = query.needs.offsets.iter().map(|offset| end - offset).collect();
        ends.push(end);
        let mut times: Vec<i64> = ends.iter().flat_map(|end| (end - SPAN_MS..=*end).step_by(interval)).collect();
        // Ten minutes without data, for those who wait for absence.
        times.retain(|t| !(end - 25 * 60_000..end - 15 * 60_000).contains(t));
        times.sort_unstable();
        times.dedup();
        for labels in query.needs.series(&number.to_string(), variants) {
            let mut series = Series::new(labels);
            times.iter().for_each(|t| series.float(t + 137, value(&query.needs, &series.labels, *t)));
            all.push(series);
        }
    }
    all
}

/// Compares; whether there was an answer with series.
fn answered(judge: &Judge, both: &mut Both, query: &str, end: i64, failures: &mut Vec<String>) -> bool {
    let at = |before: i64| ((end - before * 60_000) / 1000).to_string();
    let times = [When::Instant(at(0)), When::Instant(at(12)), When::Range(at(32), at(0), "60".to_owned())];
    let mut found = false;
    failures.extend(judge.syntax(both, query).err());
    for when in &times {
        match judge.compare(both, &Question { query, when, lookback: None, limit: None, stats: false }) {
            Ok(tally) => found |= tally.series > 0,
            Err(e) => failures.push(format!("{query} {when:?}\n    {e}")),
        }
    }
    found
}
