//! Native histograms, and what is read from histograms.

use super::words::{FACTORS, NATIVE, OF_HISTOGRAMS, WINDOWS};
use super::{Grammar, call, vector};
use crate::explained::Buckets;
use crate::tree::{Node, Piece};
use crate::world::FIRST_WITH_NATIVE;

impl Grammar<'_> {
    /// Something that holds native histograms, most of the time.
    pub(super) fn histogram(&mut self, depth: u32) -> Node {
        if self.version < FIRST_WITH_NATIVE {
            return self.vector(depth);
        }
        let metric = match self.starts && self.chance(3) {
            true => "started_seconds",
            false => self.pick_new(NATIVE, &["custom_seconds", "custom_seconds"]),
        };
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
                let op = self.rng.pick(&[" * ", " / "]);
                let factor = match self.buckets {
                    Buckets::All => self.number(),
                    Buckets::Full => self.rng.pick(FACTORS).into(),
                };
                vector(vec![self.histogram(depth).into(), op.into(), factor])
            }
            9 => {
                let difference = if self.positive { " + " } else { " - " };
                let op = self.rng.pick(&[" + ", difference, " == ", " != ", " + ", " or "]);
                vector(vec![self.histogram(depth).into(), op.into(), self.histogram(depth).into()])
            }
            10 if self.whole() => {
                let op = self.rng.pick(&[" </ ", " >/ "]);
                vector(vec![self.histogram(depth).into(), op.into(), self.operand()])
            }
            _ => {
                let sign = if self.positive { "+" } else { "-" };
                vector(vec![sign.into(), self.histogram(depth).into()])
            }
        }
    }

    pub(super) fn histogram_value(&mut self, depth: u32) -> Node {
        let native = self.version >= FIRST_WITH_NATIVE && self.chance(2);
        let inner: Piece = if native {
            let outer = std::mem::replace(&mut self.positive, self.buckets == Buckets::Full);
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
                let bounds = ["0, 1", "0.1, 0.7", "-1, 1", "-Inf, 0.25", "1, Inf", "2, 1", "0, NaN", "0, scalar(up)"];
                call(name, vec![self.rng.pick(&bounds).into(), inner])
            }
            "histogram_quantiles" => {
                let which =
                    self.rng.pick(&["0.1, 0.5, 0.9", "0.5", "1.5, -1", "0, scalar(up{instance=\"a:1\"})", "NaN"]);
                call(name, vec![inner, "\"q\"".into(), which.into()])
            }
            _ => call(name, vec![inner]),
        })
    }
}
