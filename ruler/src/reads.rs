//! Which metrics an expression may read.

use std::collections::BTreeSet;

use nightjar_model::labels::METRIC_NAME;
use nightjar_model::{MatchOp, Matcher};
use nightjar_query::ast::{Expr, ExprKind};

/// Which metrics an expression may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Only these.
    Metrics(BTreeSet<Box<str>>),
    /// Nobody knows.
    Everything,
}

impl Reads {
    pub(crate) fn of(expr: &Expr) -> Reads {
        let (mut metrics, mut everything) = (BTreeSet::new(), false);
        expr.walk(|expr| {
            let matchers = match &expr.kind {
                ExprKind::Vector(selector) => &selector.matchers,
                ExprKind::Matrix(matrix) => &matrix.selector.matchers,
                // Reads series that no selector names.
                ExprKind::Call(call) if call.func.name == "info" => {
                    everything = true;
                    return;
                }
                _ => return,
            };
            match matchers.iter().find(|m| names_metric(m)) {
                Some(name) => {
                    metrics.insert(Box::from(&*name.value));
                }
                None => everything = true,
            }
        });
        if everything { Reads::Everything } else { Reads::Metrics(metrics) }
    }

    /// Whether it may read this metric.
    pub(crate) fn may_read(&self, metric: &str) -> bool {
        match self {
            Reads::Metrics(metrics) => metrics.contains(metric),
            Reads::Everything => true,
        }
    }
}

fn names_metric(matcher: &Matcher) -> bool {
    &*matcher.name == METRIC_NAME && matcher.op == MatchOp::Equal && !matcher.value.is_empty()
}

#[cfg(test)]
mod tests {
    use nightjar_query::{ParserOptions, parse};

    use super::*;

    #[test]
    fn names() {
        let reads = |text: &str| Reads::of(&parse(text, &ParserOptions::ALL).unwrap());
        let expected = Reads::Metrics(["a".into(), "b".into()].into());
        assert_eq!(reads(r#"sum(rate(a[5m])) / {__name__="b"} + max_over_time((a > 1)[1h:])"#), expected);
        assert_eq!(reads("1"), Reads::Metrics(BTreeSet::new()));
        for text in [r#"{job="x"}"#, r#"{__name__=~"a|b"}"#, "info(a)"] {
            assert_eq!(reads(text), Reads::Everything, "{text}");
        }
    }
}
