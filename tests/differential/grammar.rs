//! Random well-typed queries over the data of `world`.

mod histograms;
mod operators;
mod words;

use words::{
    AGGREGATORS, FLOATS, LABELS, MATCHERS, MATH, NATIVE, NEW_OVER_TIME, NUMBERS, OFFSETS, OVER_TIME, STARTED, STEPS,
    WINDOWS,
};

use crate::data::BASE_MS;
use crate::explained::Buckets;
use crate::peer::Version;
use crate::rng::Rng;
use crate::tree::Kind::{Matrix, Scalar, Vector};
use crate::tree::{Node, Piece};
use crate::world::{FIRST_WITH_NATIVE, SPAN_S};

/// The version that knows all of the language.
const WHOLE: Version = (3, 14);

/// Makes queries.
pub struct Grammar<'a> {
    pub rng: &'a mut Rng,
    pub version: Version,
    /// There are series with start times.
    pub starts: bool,
    /// Whether native histograms have their empty buckets.
    pub buckets: Buckets,
    /// Inside something that looks for a bucket, without empty ones: no histogram may have negative counts. What is found
    /// there among them depends on empty buckets, and these on how a storage keeps its histograms.
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
        match self.rng.below(60) {
            0..=2 => self.scalar(depth),
            3..=10 => {
                let name = self.pick_new(&["sort", "sort_desc"], &["sort_by_label", "sort_by_label_desc"]);
                let inner = self.vector(depth).into();
                let by: Vec<Piece> = match name {
                    "sort_by_label" | "sort_by_label_desc" => {
                        vec![inner, self.rng.pick(&["\"instance\", \"code\"", "\"pod\"", "\"le\", \"absent\""]).into()]
                    }
                    _ => vec![inner],
                };
                vector(call(name, by))
            }
            11 | 12 => self.matrix(depth, None),
            13 if self.chance(5) => Node::new(Scalar, vec!["\"a text\"".into()]),
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
        if self.starts && self.chance(3) {
            return self.rng.pick(STARTED);
        }
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
        let common: &[&str] = &[
            "job=\"api\"",
            "job=~\"a.+\"",
            "job!=\"api\"",
            "instance=~\"a:1|b:1\"",
            "instance!~\"a.*\"",
            "instance=~\".*\"",
            "job=~\".+\"",
            "absent=\"\"",
            "absent!=\"\"",
        ];
        let own = MATCHERS.iter().find(|(name, _)| *name == metric).map_or(common, |(_, own)| own);
        let name = if self.chance(15) { format!("{{__name__=\"{metric}\"") } else { format!("{metric}{{") };
        let mut pieces: Vec<Piece> = vec![name.as_str().into()];
        if self.chance(2) {
            let matcher = if self.chance(2) { self.rng.pick(own) } else { self.rng.pick(common) };
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
            let offset = self.pick_new(
                OFFSETS,
                &["(1m + 30s)", "-step()", "(2 * 17s - 4)", "(range() / 2)", "(min_of(1m, step()))"],
            );
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
            let window = self.pick_new(&["1m", "5m", "10m", "97s", "15m"], &["2 * 1m", "step() + 30s"]);
            let step = self.pick_new(STEPS, &["step()", "60 / 4", "max_of(5s, 7s)"]);
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
            1 => call("predict_linear", vec![matrix, self.operand()]),
            2 => {
                let factors = self.rng.pick(&["0.3, 0.6", "0.3, 0.6", "0.01, 0.99", "1, 0.5", "0, 0.5", "0.5, NaN"]);
                call("double_exponential_smoothing", vec![matrix, factors.into()])
            }
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
        let labels: Vec<&str> = (0..self.rng.below(3)).map(|_| self.pick_new(LABELS, &["\"dotted.label\""])).collect();
        extra(format!(" {how} ({}) ", labels.join(", ")))
    }

    fn aggregation(&mut self, depth: u32) -> Node {
        let grouping = self.grouping();
        let inner = if self.chance(6) { self.histogram(depth) } else { self.vector(depth) };
        let name = self.rng.pick(AGGREGATORS);
        let (name, param): (&str, Option<Piece>) = match self.rng.below(10) {
            0 => (self.rng.pick(&["topk", "bottomk"]), Some(self.how_many())),
            1 => ("quantile", Some(self.fraction())),
            2 => ("count_values", Some(self.rng.pick(&["\"value\"", "\"value\"", "\"instance\""]).into())),
            3 if self.whole() => ("limitk", Some(self.how_many())),
            4 if self.whole() => {
                let ratio =
                    self.rng.pick(&["0.5", "-0.3", "1", "2", "-1", "0", "NaN", "scalar(up{instance=\"a:1\"}) / 2"]);
                ("limit_ratio", Some(ratio.into()))
            }
            _ => (name, None),
        };
        let mut pieces: Vec<Piece> = vec![name.into(), grouping, "(".into()];
        if let Some(param) = param {
            pieces.extend([param, ", ".into()]);
        }
        pieces.extend([inner.into(), ")".into()]);
        vector(pieces)
    }

    fn how_many(&mut self) -> Piece {
        match self.rng.below(12) {
            0 => self.number(),
            1 => "scalar(up{instance=\"a:1\"}) * 2".into(),
            _ => self.rng.pick(&["1", "2", "3", "0", "100", "1.9", "-1"]).into(),
        }
    }

    fn math(&mut self, depth: u32) -> Node {
        let inner: Piece = self.vector(depth).into();
        let name = self.rng.pick(MATH);
        vector(match self.rng.below(8) {
            0 => call("clamp", vec![inner, self.operand(), self.operand()]),
            1 => call("clamp_min", vec![inner, self.operand()]),
            2 => call("clamp_max", vec![inner, self.operand()]),
            3 => call("round", vec![inner, self.operand()]),
            4 if self.chance(3) => {
                let date = self.rng.pick(&["minute", "hour", "month", "year", "day_of_week", "day_of_year"]);
                call(date, vec![])
            }
            5 if self.starts => {
                let inner = if self.chance(3) { inner } else { self.selector().into() };
                call("start_timestamp", vec![inner])
            }
            _ => call(name, vec![inner]),
        })
    }

    fn labels(&mut self, depth: u32) -> Node {
        let inner: Piece = self.vector(depth).into();
        let into = self.pick_new(
            &["\"job\"", "\"new\"", "\"instance\"", "\"__name__\""],
            &["\"with.dot\"", "\"__type__\"", "\"\""],
        );
        vector(match self.rng.below(5) {
            0 | 1 => {
                let what = self.rng.pick(&[
                    "\"$1-x\", \"instance\", \"(.):.*\"",
                    "\"\", \"job\", \"a.*\"",
                    "\"${2}_$1\", \"job\", \"(a)(p|w)?i?\"",
                    "\"all\", \"absent\", \"\"",
                    "\"$first\", \"code\", \"(?P<first>.).*\"",
                    "\"$$1$2\", \"instance\", \"(.):(.)\"",
                    "\"x\", \"job\", \"(\"",
                ]);
                call("label_replace", vec![inner, into.into(), what.into()])
            }
            2 => {
                let from =
                    self.rng.pick(&["\"-\", \"job\", \"code\", \"absent\"", "\"\"", "\", \", \"__name__\", \"le\""]);
                call("label_join", vec![inner, into.into(), from.into()])
            }
            3 | 4 if self.whole() => {
                let which = self.rng.pick(&[
                    "",
                    ", {version=~\".+\"}",
                    ", {__name__=\"target_info\"}",
                    ", {__name__=\"build_info\"}",
                    ", {__name__=~\".+_info\"}",
                    ", {__name__=~\"(target|build)_info\", revision=\"abc\"}",
                    ", {__name__!=\"build_info\"}",
                    ", {__name__!~\"target.*\", version=~\".*\"}",
                    ", {version!=\"1\"}",
                    ", {version=\"\"}",
                    ", {absent=\"\", version=\"3\"}",
                ]);
                vec!["info(".into(), inner, extra(which), ")".into()]
            }
            _ => call("absent", vec![inner]),
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
