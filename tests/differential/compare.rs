//! Whether two answers of the query API are the same.
//!
//! Label sets, types, times and which points exist must be equal, and values as they are printed, which is bit for bit.
//! Values that differ by [`TOLERANCE`] at most are told apart from others: Prometheus collects the series of every operation
//! in a hash map and walks it in random order, so that `sum(a + b)` differs between two calls.

use std::collections::BTreeMap;

use serde_json::Value;

/// Relative difference of two values that may come from another order of one sum.
pub const TOLERANCE: f64 = 1e-9;

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub series: u64,
    /// Numbers compared, parts of histograms included.
    pub numbers: u64,
    /// Those which are equal only within the tolerance.
    pub near: u64,
    /// Answers that are errors on both sides.
    pub errors: u64,
    /// Answers without any series.
    pub empty: u64,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.series += other.series;
        self.numbers += other.numbers;
        self.near += other.near;
        self.errors += other.errors;
        self.empty += other.empty;
    }
}

/// How strict.
#[derive(Clone, Copy, Debug)]
pub struct Strictness {
    /// Texts of errors, warnings and infos must be equal.
    pub texts: bool,
    /// What must come in the same order.
    pub order: Order,
    /// Numbers may differ within the tolerance.
    pub near: bool,
    /// Of two series that are too many either may be named first.
    pub twins: bool,
    /// The number of samples whose buckets had to be fixed is arbitrary.
    pub counts: bool,
}

/// What of a list of series must come in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Nothing,
    /// The values: equal ones may change places.
    Values,
    /// The series.
    Series,
}

/// Compares whole answers; the error says what differs.
pub fn equal(ours: &Value, theirs: &Value, strictness: Strictness) -> Result<Tally, String> {
    let mut tally = Tally::default();
    if ours["status"] != theirs["status"] {
        let short = |v: &Value| match v["status"].as_str() {
            Some("error") => v["error"].to_string(),
            Some(_) => "an answer".to_owned(),
            None => v.to_string().chars().take(300).collect(),
        };
        return Err(format!("{} instead of {}", short(ours), short(theirs)));
    }
    if ours["errorType"] != theirs["errorType"] {
        return Err(format!("error type {} instead of {}", ours["errorType"], theirs["errorType"]));
    }
    if strictness.texts {
        for key in ["error", "warnings", "infos"] {
            let (a, b) = (sorted_texts(&ours[key]), sorted_texts(&theirs[key]));
            let settle = |texts: Vec<String>| texts.iter().map(|text| settled(text, strictness)).collect::<Vec<_>>();
            let (a, b) = (settle(a), settle(b));
            if a != b {
                return Err(format!("{key} {a:?} instead of {b:?}"));
            }
        }
    }
    if theirs["status"] == "error" {
        tally.errors += 1;
        return Ok(tally);
    }
    let (ours, theirs) = (&ours["data"], &theirs["data"]);
    for cost in ["totalQueryableSamples", "samplesRead"] {
        let cost_of = |data: &Value| data["stats"]["samples"][cost].clone();
        if cost_of(ours) != cost_of(theirs) {
            return Err(format!("{cost} {} instead of {}", cost_of(ours), cost_of(theirs)));
        }
    }
    if ours["resultType"] != theirs["resultType"] {
        return Err(format!("type {} instead of {}", ours["resultType"], theirs["resultType"]));
    }
    match theirs["resultType"].as_str() {
        Some("scalar" | "string") => {
            numbers(&ours["result"], &theirs["result"], strictness.near, &mut tally)?;
            tally.series += 1;
        }
        _ => series(&ours["result"], &theirs["result"], strictness, &mut tally)?,
    }
    Ok(tally)
}

fn sorted_texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => {
            let mut texts: Vec<String> = items.iter().map(text).collect();
            texts.sort();
            texts
        }
        Value::Null => Vec::new(),
        one => vec![text(one)],
    }
}

/// Without what is arbitrary in Prometheus' texts: the number of samples whose buckets had to be fixed, which it doubles at
/// every step; and which of two series that are too many it met first.
fn settled(note: &str, strictness: Strictness) -> String {
    let twins = note.split_once("operation: [").and_then(|(before, rest)| Some((before, rest.split_once("];many")?)));
    if let Some((before, (twins, after))) = twins.filter(|_| strictness.twins) {
        let mut twins: Vec<&str> = twins.split("}, {").map(|twin| twin.trim_matches(['{', '}'])).collect();
        twins.sort_unstable();
        return format!("{before}{twins:?}{after}");
    }
    match note.split_once(", over ").zip(note.split_once(" samples from ")).filter(|_| strictness.counts) {
        Some(((before, _), (_, after))) => format!("{before}, over some samples from {after}"),
        None => note.to_owned(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn series(ours: &Value, theirs: &Value, strictness: Strictness, tally: &mut Tally) -> Result<(), String> {
    let (Some(ours), Some(theirs)) = (ours.as_array(), theirs.as_array()) else {
        return Err("no list of series".to_owned());
    };
    if strictness.order == Order::Values {
        for (a, b) in ours.iter().zip(theirs) {
            numbers(&a["value"], &b["value"], strictness.near, &mut Tally::default())
                .map_err(|e| format!("order: {e}"))?;
        }
    }
    let order = |list: &[Value]| list.iter().map(|one| one["metric"].to_string()).collect::<Vec<_>>();
    let orders = (order(ours), order(theirs));
    let (ours, theirs) = (by_labels(ours)?, by_labels(theirs)?);
    if !ours.keys().eq(theirs.keys()) {
        let missing: Vec<_> = theirs.keys().filter(|k| !ours.contains_key(*k)).take(3).collect();
        let extra: Vec<_> = ours.keys().filter(|k| !theirs.contains_key(*k)).take(3).collect();
        return Err(format!("{} series instead of {}: missing {missing:?}, extra {extra:?}", ours.len(), theirs.len()));
    }
    tally.empty += u64::from(theirs.is_empty());
    tally.series += theirs.len() as u64;
    for (labels, theirs) in theirs {
        let ours = ours[&labels];
        for key in ["value", "histogram", "values", "histograms"] {
            numbers(&ours[key], &theirs[key], strictness.near, tally).map_err(|e| format!("{labels}: {e}"))?;
        }
    }
    match strictness.order == Order::Series && orders.0 != orders.1 {
        true => Err(format!("order: {:?} instead of {:?}", orders.0, orders.1)),
        false => Ok(()),
    }
}

fn by_labels(series: &[Value]) -> Result<BTreeMap<String, &Value>, String> {
    let mut map = BTreeMap::new();
    for one in series {
        let labels = one["metric"].to_string();
        if map.insert(labels.clone(), one).is_some() {
            return Err(format!("{labels} comes twice"));
        }
    }
    Ok(map)
}

/// Compares points, lists of points, and histograms in them.
fn numbers(ours: &Value, theirs: &Value, may_be_near: bool, tally: &mut Tally) -> Result<(), String> {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return Err(format!("{} elements instead of {}: {ours} instead of {theirs}", a.len(), b.len()));
            }
            a.iter().zip(b).try_for_each(|(a, b)| numbers(a, b, may_be_near, tally))
        }
        (Value::Object(a), Value::Object(b)) => {
            if !a.keys().eq(b.keys()) {
                return Err(format!("{ours} instead of {theirs}"));
            }
            a.iter().zip(b).try_for_each(|((_, a), (_, b))| numbers(a, b, may_be_near, tally))
        }
        (Value::String(a), Value::String(b)) => {
            tally.numbers += 1;
            if a == b {
                return Ok(());
            }
            tally.near += 1;
            if may_be_near && near(a, b) { Ok(()) } else { Err(format!("{a} instead of {b}")) }
        }
        _ if ours == theirs => Ok(()),
        _ => Err(format!("{ours} instead of {theirs}")),
    }
}

fn near(a: &str, b: &str) -> bool {
    let (Ok(a), Ok(b)) = (a.parse::<f64>(), b.parse::<f64>()) else { return false };
    a == b || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}
