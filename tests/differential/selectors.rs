//! Series for a query: what its selectors ask for, so that it has something to answer.

use std::collections::{BTreeMap, BTreeSet};

use nightjar_model::{Labels, MatchOp, Matcher};
use nightjar_query::ast::{DurationKind, Expr, ExprKind, VectorSelector};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::rng::seed_of;

/// The label that keeps the queries apart, as a proxy for many tenants would add it.
pub const OWNER: &str = "q";

/// Bounds of the buckets of every histogram.
const BOUNDS: [&str; 5] = ["0.1", "0.5", "1", "10", "+Inf"];

/// What a query asks for.
#[derive(Default)]
pub struct Needs {
    selectors: Vec<Vec<Matcher>>,
    /// Labels it groups by, joins on, or selects by.
    labels: BTreeSet<String>,
    /// Values for a label that some selector names.
    pinned: BTreeMap<String, Vec<String>>,
    /// Numbers it compares with, or does something else with.
    numbers: Vec<f64>,
    /// Offsets, milliseconds.
    pub offsets: BTreeSet<i64>,
    /// The narrowest window, milliseconds.
    pub window: Option<i64>,
}

/// What a query asks for.
pub fn needs(expr: &Expr) -> Needs {
    let mut needs = Needs::default();
    expr.walk(|node| needs.of(node));
    needs
}

impl Needs {
    fn of(&mut self, node: &Expr) {
        match &node.kind {
            ExprKind::Number(literal) if literal.value.is_finite() => self.numbers.push(literal.value),
            ExprKind::Vector(selector) => self.selector(selector),
            ExprKind::Matrix(matrix) => {
                self.selector(&matrix.selector);
                if let DurationKind::Literal(range) = &matrix.range.kind {
                    let range = (range.value * 1000.0) as i64;
                    self.window = Some(self.window.map_or(range, |window| window.min(range)));
                }
            }
            ExprKind::Subquery(subquery) => self.offset(subquery.offset.as_ref().map(|offset| &offset.kind)),
            ExprKind::Aggregate(aggregate) => self.labels.extend(aggregate.grouping.iter().cloned()),
            ExprKind::Binary(binary) => {
                if let Some(matching) = &binary.matching {
                    self.labels.extend(matching.labels.iter().chain(&matching.include).cloned());
                }
            }
            _ => {}
        }
    }

    fn offset(&mut self, offset: Option<&DurationKind>) {
        if let Some(DurationKind::Literal(offset)) = offset {
            self.offsets.insert((offset.value * 1000.0) as i64);
        }
    }

    fn selector(&mut self, selector: &VectorSelector) {
        self.offset(selector.offset.as_ref().map(|offset| &offset.kind));
        for matcher in &selector.matchers {
            self.labels.insert(matcher.name.to_string());
            let examples = match matcher.op {
                MatchOp::Equal => vec![matcher.value.to_string()],
                MatchOp::Regex => examples(matcher),
                _ => Vec::new(),
            };
            let pinned = self.pinned.entry(matcher.name.to_string()).or_default();
            pinned.extend(examples.into_iter().filter(|example| !example.is_empty()));
        }
        self.selectors.push(selector.matchers.clone());
    }

    /// Label sets that the selectors select, `variants` for each where they leave room for it.
    pub fn series(&self, owner: &str, variants: usize) -> BTreeSet<Labels> {
        let mut found = BTreeSet::new();
        for matchers in &self.selectors {
            for variant in 0..variants {
                let mut labels = BTreeMap::from([(OWNER.to_owned(), owner.to_owned())]);
                for name in self.labels.iter().map(String::as_str).chain(["__name__", "instance", "job"]) {
                    labels.insert(name.to_owned(), self.value(matchers, name, variant));
                }
                let metric = labels["__name__"].clone();
                let classic = metric.ends_with("_bucket") || (labels.contains_key("le") && metric.contains("bucket"));
                if !classic {
                    found.insert(Labels::from_pairs(&labels));
                    continue;
                }
                for le in BOUNDS.into_iter().chain(self.pinned.get("le").into_iter().flatten().map(String::as_str)) {
                    labels.insert("le".to_owned(), le.to_owned());
                    found.insert(Labels::from_pairs(&labels));
                }
            }
        }
        found
    }

    fn value(&self, matchers: &[Matcher], name: &str, variant: usize) -> String {
        let own: Vec<&Matcher> = matchers.iter().filter(|m| *m.name == *name).collect();
        let pinned = self.pinned.get(name).cloned().unwrap_or_default();
        let free = match name {
            "__name__" => format!("metric_{variant}"),
            _ => format!("{name}-{variant}"),
        };
        let mut candidates = pinned;
        candidates.insert(if variant == 0 { candidates.len() } else { 0 }, free);
        candidates.extend(["x", "1", "10.0.0.1:9100", "/dev/sda1", "500", ""].map(str::to_owned));
        let fits = |value: &String| own.iter().all(|m| m.matches(value));
        candidates.into_iter().find(fits).unwrap_or_default()
    }
}

/// Texts a regular expression matches: its alternatives where they are plain, and one made from it.
fn examples(matcher: &Matcher) -> Vec<String> {
    let mut found: Vec<String> =
        matcher.value.split('|').map(|part| part.trim_matches(['(', ')', '^', '$']).to_owned()).collect();
    // Wildcards become short.
    found.push(matcher.value.replace(".*", "").replace(".+", "x").trim_matches(['(', ')']).to_owned());
    if let Ok(strategy) = proptest::string::string_regex(&matcher.value)
        && let Ok(tree) = strategy.new_tree(&mut TestRunner::deterministic())
    {
        found.push(tree.current());
    }
    found.retain(|text| matcher.matches(text) && text.chars().all(|c| c.is_ascii_graphic()));
    found
}

/// The value of a series at a time: it wanders through magnitudes and the numbers of the query, so that comparisons hold
/// now and then; counters grow, buckets grow with their bound, times lie near the time.
pub fn value(needs: &Needs, labels: &Labels, t: i64) -> f64 {
    let name = labels.metric_name();
    let minutes = t.div_euclid(60_000);
    let seed = seed_of(labels.value("instance")) ^ seed_of(name);
    let phase = (minutes.div_euclid(3) as u64).wrapping_add(seed);
    let mut levels = vec![0.0, 1.0, 0.25, 60.0, 4e10];
    levels.extend(needs.numbers.iter().flat_map(|number| [*number, number * 1.5 + 1.0]));
    let level = levels[(phase % levels.len() as u64) as usize];
    let bound = labels.get("le").map(|le| le.parse().unwrap_or(f64::INFINITY).min(100.0) + 1.0);
    let counts = ["_total", "_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end)) || bound.is_some();
    if name.contains("timestamp") || name.ends_with("_time_seconds") || name.contains("_time_") {
        let age = [10.0, 5e3, 1e6, -1e6][(phase % 4) as usize];
        return (t / 1000) as f64 - age;
    }
    if counts {
        let speed = [0.0, 1.0, 7.0, 40_000.0][((minutes.div_euclid(40) as u64).wrapping_add(seed) % 4) as usize] + 1.0;
        return (t.rem_euclid(86_400_000) as f64 / 1000.0 * speed * bound.unwrap_or(1.0)).floor();
    }
    level
}
