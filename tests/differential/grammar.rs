//! Random well-typed queries over the data of `world`.

use crate::data::BASE_MS;
use crate::peer::Version;
use crate::rng::Rng;
use crate::tree::Kind::{Matrix, Scalar, Vector};
use crate::tree::{Node, Piece};
use crate::world::{FIRST_WITH_NATIVE, SPAN_S};

/// The version that knows all of the language.
const WHOLE: Version = (3, 14);

const FLOATS: &[&str] = &[
    "requests_total",
    "cpu_seconds_total",
    "temperature",
    "up",
    "odd",
    "pod_load",
    "target_info",
    "latency_seconds_bucket",
];
const NATIVE: &[&str] = &["native_seconds", "native_gauge", "mixed_total", "native_seconds"];
const LABELS: &[&str] = &["instance", "job", "code", "kind", "pod", "le", "version", "absent"];
const MATH: &[&str] = &[
    "abs",
    "ceil",
    "floor",
    "exp",
    "ln",
    "log2",
    "log10",
    "sqrt",
    "sgn",
    "deg",
    "rad",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "round",
    "timestamp",
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
    "absent",
];
const OVER_TIME: &[&str] = &[
    "rate",
    "rate",
    "increase",
    "irate",
    "delta",
    "idelta",
    "deriv",
    "resets",
    "changes",
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "last_over_time",
    "present_over_time",
    "absent_over_time",
];
const NEW_OVER_TIME: &[&str] = &[
    "mad_over_time",
    "first_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];
const OF_HISTOGRAMS: &[&str] =
    &["rate", "increase", "irate", "delta", "idelta", "sum_over_time", "avg_over_time", "last_over_time"];
const AGGREGATORS: &[&str] = &["sum", "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "%", "^", "atan2"];
const COMPARISONS: &[&str] = &["==", "!=", "<", ">", "<=", ">="];
const NUMBERS: &[&str] =
    &["0", "1", "-1", "2", "0.5", "1.5", "10", "100", "1e3", "Inf", "-Inf", "NaN", "3.7e-5", "1e300"];
const WINDOWS: &[&str] = &["1m", "5m", "30s", "90s", "10m", "17s", "1h", "2m", "20s", "3h"];
const OFFSETS: &[&str] = &["1m", "5m", "30s", "-1m", "17s", "1h", "-10m"];
const STEPS: &[&str] = &["15s", "30s", "1m", "7s", "5m", "", ""];

/// What native histograms may be multiplied with: see the first row of `differences.tsv`.
const FACTORS: &[&str] = &["2", "0.5", "1.5", "10", "3", "0.25"];

/// Makes queries.
pub struct Grammar<'a> {
    pub rng: &'a mut Rng,
    pub version: Version,
    /// Inside something that looks for a bucket: no histogram may have negative counts. What is found there among them
    /// depends on empty buckets, and these on how a storage keeps its histograms.
    pub positive: bool,
}

fn extra(text: impl Into<String>) -> Piece {
    Piece::Extra(text.into())
}

fn vector(pieces: Vec<Piece>) -> Node {
    Node::new(Vector, pieces)
}

fn call(name: &str, args: Vec<Piece>) -> Vec<Piece> {
    let mut pieces = vec![format!("{name}(").into()];
    for (i, arg) in args.into_iter().enumerate() {
        if i > 0 {
            pieces.push(", ".into());
        }
        pieces.push(arg);
    }
    pieces.push(")".into());
    pieces
}

impl Grammar<'_> {
    /// A query for an instant.
    pub fn query(&mut self) -> Node {
        let depth = self.rng.between(0, 4) as u32;
        match self.rng.below(20) {
            0 => self.scalar(depth),
            1..=3 => {
                let name = self.pick_new(&["sort", "sort_desc"], &["sort_by_label", "sort_by_label_desc"]);
                let inner = self.vector(depth).into();
                let by: Vec<Piece> = match name {
                    "sort_by_label" | "sort_by_label_desc" => vec![inner, "\"instance\", \"code\"".into()],
                    _ => vec![inner],
                };
                vector(call(name, by))
            }
            _ => self.vector(depth),
        }
    }

    fn whole(&self) -> bool {
        self.version >= WHOLE
    }

    fn pick_new<'t>(&mut self, always: &[&'t str], new: &[&'t str]) -> &'t str {
        let all = always.len() + if self.whole() { new.len() } else { 0 };
        let at = self.rng.below(all as u64) as usize;
        always.get(at).copied().unwrap_or_else(|| new[at - always.len()])
    }

    fn chance(&mut self, n: u64) -> bool {
        self.rng.one_in(n)
    }

    pub fn vector(&mut self, depth: u32) -> Node {
        if depth == 0 {
            return self.selector();
        }
        let depth = depth - 1;
        match self.rng.below(26) {
            0 | 1 => self.selector(),
            2..=5 => self.aggregation(depth),
            6..=10 => self.over_time(depth),
            11..=14 => self.binary(depth),
            15 => self.set(depth),
            16 | 17 => self.math(depth),
            18..=20 => self.histogram_value(depth),
            21 => self.labels(depth),
            22 => vector(call("vector", vec![self.scalar(depth).into()])),
            23 => {
                let sign = self.rng.pick(&["-", "+", "-"]);
                vector(vec![sign.into(), self.vector(depth).into()])
            }
            24 => vector(vec!["(".into(), self.vector(depth).into(), ")".into()]),
            _ => self.histogram(depth),
        }
    }

    fn metric(&mut self) -> &'static str {
        match self.rng.below(12) {
            0 if self.version >= FIRST_WITH_NATIVE => self.rng.pick(NATIVE),
            1 => self.pick_new(&["latency_seconds_count", "broken_bucket", "nothing"], &["custom_seconds", "UTF8"]),
            _ => self.rng.pick(FLOATS),
        }
    }

    fn selector(&mut self) -> Node {
        let metric = self.metric();
        let mut pieces = self.selected(metric);
        if self.whole() && self.chance(25) {
            pieces.push(extra(" smoothed"));
        }
        pieces.extend(self.modifiers());
        vector(pieces)
    }

    /// Name and matchers.
    fn selected(&mut self, metric: &str) -> Vec<Piece> {
        if metric == "UTF8" {
            return vec!["{\"utf8.name\"".into(), extra(", \"dotted.label\"=~\"a.*\""), "}".into()];
        }
        let matchers = [
            "job=\"api\"",
            "job=~\"a.+\"",
            "job!=\"api\"",
            "instance=~\"a:1|b:1\"",
            "instance!~\"a.*\"",
            "code=\"500\"",
            "code=~\"4..|5..\"",
            "code!=\"\"",
            "code=\"\"",
            "kind=~\"some|often\"",
            "pod=~\"pod-[0-4]\"",
            "le!=\"+Inf\"",
            "instance=~\".*\"",
            "job=~\".+\"",
            "version=\"1\"",
        ];
        let name = if self.chance(15) { format!("{{__name__=\"{metric}\"") } else { format!("{metric}{{") };
        let mut pieces: Vec<Piece> = vec![name.as_str().into()];
        if self.chance(2) {
            let matcher = self.rng.pick(&matchers);
            let comma = if name.ends_with('"') { ", " } else { "" };
            pieces.push(extra(format!("{comma}{matcher}")));
        }
        pieces.push("}".into());
        pieces
    }

    fn modifiers(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if self.chance(8) {
            let at = match self.rng.below(4) {
                0 => "start()".to_owned(),
                1 => "end()".to_owned(),
                _ => format!("{}.5", BASE_MS / 1000 + self.rng.between(-60, SPAN_S + 300)),
            };
            pieces.push(extra(format!(" @ {at}")));
        }
        if self.chance(6) {
            let offset = self.pick_new(OFFSETS, &["(1m + 30s)", "-step()", "(2 * 17s - 4)", "(range() / 2)"]);
            pieces.push(extra(format!(" offset {offset}")));
        }
        pieces
    }

    fn matrix(&mut self, depth: u32, metric: Option<&'static str>) -> Node {
        if depth > 0 && self.chance(4) {
            let inner = match metric {
                Some(_) => self.histogram(depth - 1),
                None => self.vector(depth - 1),
            };
            let (window, step) = (self.rng.pick(&["1m", "5m", "10m", "97s", "15m"]), self.rng.pick(STEPS));
            let mut pieces: Vec<Piece> = vec!["(".into(), inner.into(), format!(")[{window}:{step}]").into()];
            pieces.extend(self.modifiers());
            return Node::new(Matrix, pieces);
        }
        let metric = metric.unwrap_or_else(|| self.metric());
        let mut pieces = self.selected(metric);
        let window = self.pick_new(WINDOWS, &["step() + 1m", "300", "2m * 2", "max_of(step(), 90s)"]);
        pieces.push(format!("[{window}]").into());
        if self.whole() && self.chance(10) {
            pieces.push(extra(self.rng.pick(&[" anchored", " smoothed"])));
        }
        pieces.extend(self.modifiers());
        Node::new(Matrix, pieces)
    }

    fn over_time(&mut self, depth: u32) -> Node {
        let name = self.pick_new(OVER_TIME, NEW_OVER_TIME);
        let matrix = self.matrix(depth, None).into();
        vector(match self.rng.below(12) {
            0 => call("quantile_over_time", vec![self.fraction(), matrix]),
            1 => call("predict_linear", vec![matrix, self.number()]),
            2 => call("double_exponential_smoothing", vec![matrix, "0.3".into(), "0.6".into()]),
            _ => call(name, vec![matrix]),
        })
    }

    fn fraction(&mut self) -> Piece {
        match self.rng.below(12) {
            0 => self.number(),
            1 => "scalar(up{instance=\"a:1\"})".into(),
            _ => self.rng.pick(&["0", "0.1", "0.25", "0.5", "0.9", "0.95", "0.99", "1"]).into(),
        }
    }

    fn number(&mut self) -> Piece {
        self.rng.pick(NUMBERS).into()
    }

    fn grouping(&mut self) -> Piece {
        if self.chance(4) {
            return "".into();
        }
        let how = self.rng.pick(&["by", "by", "without"]);
        let labels: Vec<&str> = (0..self.rng.below(3)).map(|_| self.rng.pick(LABELS)).collect();
        extra(format!(" {how} ({}) ", labels.join(", ")))
    }

    fn aggregation(&mut self, depth: u32) -> Node {
        let grouping = self.grouping();
        let inner = if self.chance(6) { self.histogram(depth) } else { self.vector(depth) };
        let name = self.rng.pick(AGGREGATORS);
        let (name, param): (&str, Option<Piece>) = match self.rng.below(10) {
            0 => (self.rng.pick(&["topk", "bottomk"]), Some(self.rng.pick(&["1", "2", "3", "0", "100"]).into())),
            1 => ("quantile", Some(self.fraction())),
            2 => ("count_values", Some("\"value\"".into())),
            3 if self.whole() => ("limitk", Some(self.rng.pick(&["1", "2", "5"]).into())),
            4 if self.whole() => ("limit_ratio", Some(self.rng.pick(&["0.5", "-0.3", "1", "2"]).into())),
            _ => (name, None),
        };
        let mut pieces: Vec<Piece> = vec![name.into(), grouping, "(".into()];
        if let Some(param) = param {
            pieces.extend([param, ", ".into()]);
        }
        pieces.extend([inner.into(), ")".into()]);
        vector(pieces)
    }

    fn operator(&mut self) -> Vec<Piece> {
        match self.rng.below(3) {
            0 => {
                let comparison = self.rng.pick(COMPARISONS);
                let mut pieces: Vec<Piece> = vec![format!(" {comparison} ").into()];
                if self.chance(2) {
                    pieces.push(extra("bool "));
                }
                pieces
            }
            _ => vec![format!(" {} ", self.rng.pick(ARITHMETIC)).into()],
        }
    }

    fn binary(&mut self, depth: u32) -> Node {
        let mut pieces: Vec<Piece> = Vec::new();
        match self.rng.below(8) {
            0 => {
                pieces.push(self.vector(depth).into());
                pieces.extend(self.operator());
                pieces.push(self.operand());
            }
            1 => {
                pieces.push(self.operand());
                pieces.extend(self.operator());
                pieces.push(self.vector(depth).into());
            }
            // Both sides from the same series.
            2 | 3 => {
                let metric =
                    self.rng.pick(&["temperature", "requests_total", "native_seconds", "pod_load", "odd", "up"]);
                let side = |grammar: &mut Self| {
                    let mut pieces = grammar.selected(metric);
                    pieces.extend(grammar.modifiers());
                    Piece::Part(vector(pieces))
                };
                pieces.push(side(self));
                pieces.extend(self.operator());
                let how = self.rng.pick(&["", "", "on (instance, job, code, kind, pod) ", "ignoring (absent) "]);
                pieces.push(extra(how));
                pieces.extend(self.fill());
                pieces.push(side(self));
            }
            4 | 5 => {
                let labels = self.rng.pick(&["job", "instance", "job, instance"]);
                let side = |grammar: &mut Self| {
                    let name = grammar.rng.pick(AGGREGATORS);
                    let inner = grammar.vector(depth);
                    Piece::Part(vector(vec![format!("{name} by ({labels}) (").into(), inner.into(), ")".into()]))
                };
                pieces.push(side(self));
                pieces.extend(self.operator());
                if self.chance(2) {
                    pieces.push(extra(format!("on ({labels}) ")));
                }
                pieces.extend(self.fill());
                pieces.push(side(self));
            }
            6 => pieces = self.grouped(depth),
            _ => {
                pieces.push(self.vector(depth).into());
                pieces.extend(self.operator());
                pieces.push(self.vector(depth).into());
            }
        }
        vector(pieces)
    }

    /// Many to one.
    fn grouped(&mut self, depth: u32) -> Vec<Piece> {
        let (labels, included) =
            (self.rng.pick(&["instance", "instance, job"]), self.rng.pick(&["", "version", "kind"]));
        let by = if included.is_empty() { labels.to_owned() } else { format!("{labels}, {included}") };
        let name = self.rng.pick(&["max", "sum", "group"]);
        let inner = if included == "version" { self.selected("target_info") } else { vec![self.vector(depth).into()] };
        let mut one: Vec<Piece> = vec![format!("{name} by ({by}) (").into()];
        one.extend(inner);
        one.push(")".into());
        let (many, one) = (Piece::Part(self.vector(depth)), Piece::Part(vector(one)));
        let left = self.chance(2);
        let side = if left { "group_left" } else { "group_right" };
        let mut pieces = vec![if left { many.clone() } else { one.clone() }];
        pieces.extend(self.operator());
        pieces.push(format!("on ({labels}) {side} ({included}) ").into());
        pieces.extend(self.fill());
        pieces.push(if left { one } else { many });
        pieces
    }

    fn fill(&mut self) -> Option<Piece> {
        let how = self.rng.pick(&["fill (0) ", "fill_left (1) ", "fill_right (-3) ", "fill_left (1) fill_right (2) "]);
        (self.whole() && self.chance(8)).then(|| extra(how))
    }

    fn operand(&mut self) -> Piece {
        if self.chance(3) { Piece::Part(self.scalar(1)) } else { self.number() }
    }

    fn set(&mut self, depth: u32) -> Node {
        let op = self.rng.pick(&["and", "or", "unless"]);
        let how = self.rng.pick(&["", "on (instance) ", "on (job, instance) ", "ignoring (code, pod) ", "on () "]);
        let (left, right) = (self.vector(depth), self.vector(depth));
        vector(vec![left.into(), format!(" {op} ").into(), extra(how), right.into()])
    }

    fn math(&mut self, depth: u32) -> Node {
        let inner: Piece = self.vector(depth).into();
        let name = self.rng.pick(MATH);
        vector(match self.rng.below(8) {
            0 => call("clamp", vec![inner, self.number(), self.number()]),
            1 => call("clamp_min", vec![inner, self.number()]),
            2 => call("clamp_max", vec![inner, self.number()]),
            3 => call("round", vec![inner, self.number()]),
            _ => call(name, vec![inner]),
        })
    }

    fn labels(&mut self, depth: u32) -> Node {
        let inner: Piece = self.vector(depth).into();
        let into = self.rng.pick(&["\"job\"", "\"new\"", "\"instance\"", "\"__name__\""]);
        vector(match self.rng.below(5) {
            0 | 1 => {
                let what = self.rng.pick(&[
                    "\"$1-x\", \"instance\", \"(.):.*\"",
                    "\"\", \"job\", \"a.*\"",
                    "\"${2}_$1\", \"job\", \"(a)(p|w)?i?\"",
                    "\"all\", \"absent\", \"\"",
                    "\"$first\", \"code\", \"(?P<first>.).*\"",
                ]);
                call("label_replace", vec![inner, into.into(), what.into()])
            }
            2 | 3 => call("label_join", vec![inner, into.into(), "\"-\", \"job\", \"code\", \"absent\"".into()]),
            _ if self.whole() => match self.rng.below(3) {
                0 => call("info", vec![inner]),
                1 => call("info", vec![inner, "{version=~\".+\"}".into()]),
                _ => call("info", vec![inner, "{__name__=\"target_info\"}".into()]),
            },
            _ => call("absent", vec![inner]),
        })
    }

    /// Something that holds native histograms, most of the time.
    fn histogram(&mut self, depth: u32) -> Node {
        if self.version < FIRST_WITH_NATIVE {
            return self.vector(depth);
        }
        let metric = self.pick_new(NATIVE, &["custom_seconds", "custom_seconds"]);
        if depth == 0 {
            let mut pieces = self.selected(metric);
            pieces.extend(self.modifiers());
            return vector(pieces);
        }
        let depth = depth - 1;
        match self.rng.below(12) {
            0..=4 => {
                let name = match self.positive {
                    true => self.rng.pick(&["rate", "increase", "sum_over_time", "avg_over_time", "last_over_time"]),
                    false => self.pick_new(OF_HISTOGRAMS, &["first_over_time"]),
                };
                let matrix = self.matrix(depth, Some(metric));
                vector(call(name, vec![matrix.into()]))
            }
            5..=7 => {
                let name = self.rng.pick(&["sum", "avg", "sum"]);
                let grouping = self.grouping();
                vector(vec![name.into(), grouping, "(".into(), self.histogram(depth).into(), ")".into()])
            }
            8 => {
                let (op, factor) = (self.rng.pick(&[" * ", " / "]), self.rng.pick(FACTORS));
                vector(vec![self.histogram(depth).into(), op.into(), factor.into()])
            }
            9 => {
                let difference = if self.positive { " + " } else { " - " };
                let op = self.rng.pick(&[" + ", difference, " == ", " != ", " + ", " or "]);
                vector(vec![self.histogram(depth).into(), op.into(), self.histogram(depth).into()])
            }
            10 if self.whole() => {
                let op = self.rng.pick(&[" </ ", " >/ "]);
                vector(vec![self.histogram(depth).into(), op.into(), self.number()])
            }
            _ => {
                let sign = if self.positive { "+" } else { "-" };
                vector(vec![sign.into(), self.histogram(depth).into()])
            }
        }
    }

    fn histogram_value(&mut self, depth: u32) -> Node {
        let native = self.version >= FIRST_WITH_NATIVE && self.chance(2);
        let inner: Piece = if native {
            let outer = std::mem::replace(&mut self.positive, true);
            let inner = self.histogram(depth + 1);
            self.positive = outer;
            inner.into()
        } else {
            let metric = self.rng.pick(&["latency_seconds_bucket", "latency_seconds_bucket", "broken_bucket"]);
            let (mut pieces, grouping) = (self.selected(metric), self.rng.pick(&["le", "le, job", "le, instance"]));
            if self.chance(3) {
                pieces.extend(self.modifiers());
            } else {
                pieces.insert(0, "rate(".into());
                pieces.push(format!("[{}])", self.rng.pick(WINDOWS)).into());
            }
            if self.chance(2) {
                pieces.insert(0, format!("sum by ({grouping}) (").into());
                pieces.push(")".into());
            }
            vector(pieces).into()
        };
        let old =
            ["histogram_quantile", "histogram_quantile", "histogram_fraction", "histogram_count", "histogram_sum"];
        let new = ["histogram_avg", "histogram_stddev", "histogram_stdvar", "histogram_quantiles"];
        let name = self.pick_new(&old, &new);
        vector(match name {
            "histogram_quantile" => call(name, vec![self.fraction(), inner]),
            "histogram_fraction" => {
                let bounds = self.rng.pick(&["0, 1", "0.1, 0.7", "-1, 1", "-Inf, 0.25", "1, Inf", "2, 1", "0, NaN"]);
                call(name, vec![bounds.into(), inner])
            }
            "histogram_quantiles" => call(name, vec![inner, "\"q\", 0.1, 0.5, 0.9".into()]),
            _ => call(name, vec![inner]),
        })
    }

    pub fn scalar(&mut self, depth: u32) -> Node {
        let scalar = |pieces| Node::new(Scalar, pieces);
        if depth == 0 {
            return scalar(vec![self.number()]);
        }
        let depth = depth - 1;
        match self.rng.below(7) {
            0 => scalar(vec!["time()".into()]),
            1 => scalar(vec!["pi()".into()]),
            2 | 3 => scalar(call("scalar", vec![self.vector(depth).into()])),
            4 => {
                let op =
                    self.rng.pick(&["+", "-", "*", "/", "%", "^", "atan2", "== bool", "< bool", ">= bool", "!= bool"]);
                scalar(vec![
                    "(".into(),
                    self.scalar(depth).into(),
                    format!(" {op} ").into(),
                    self.scalar(depth).into(),
                    ")".into(),
                ])
            }
            5 if self.whole() => match self.rng.below(3) {
                0 => scalar(vec![self.rng.pick(&["start()", "end()", "range()", "step()", "5m"]).into()]),
                1 => scalar(call("max_of", vec![self.scalar(depth).into(), self.scalar(depth).into()])),
                _ => scalar(call("min_of", vec![self.scalar(depth).into(), self.scalar(depth).into()])),
            },
            _ => scalar(vec!["-".into(), self.scalar(depth).into()]),
        }
    }
}
