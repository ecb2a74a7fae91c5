//! Binary operators.

use super::words::{AGGREGATORS, ARITHMETIC, COMPARISONS};
use super::{Grammar, extra, vector};
use crate::tree::{Node, Piece};

impl Grammar<'_> {
    pub(super) fn operator(&mut self) -> Vec<Piece> {
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

    pub(super) fn binary(&mut self, depth: u32) -> Node {
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
                let how = self.pick_new(
                    &["", "", "on (instance, job, code, kind, pod) ", "ignoring (absent) "],
                    &["ignoring (\"dotted.label\") "],
                );
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

    pub(super) fn operand(&mut self) -> Piece {
        if self.chance(3) { Piece::Part(self.scalar(1)) } else { self.number() }
    }

    pub(super) fn set(&mut self, depth: u32) -> Node {
        let op = self.rng.pick(&["and", "or", "unless"]);
        let how = self.rng.pick(&["", "on (instance) ", "on (job, instance) ", "ignoring (code, pod) ", "on () "]);
        let (left, right) = (self.vector(depth), self.vector(depth));
        vector(vec![left.into(), format!(" {op} ").into(), extra(how), right.into()])
    }
}
