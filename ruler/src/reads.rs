//! Which series an expression may read.

use std::sync::Arc;

use nightjar_model::Matcher;
use nightjar_query::ast::{Expr, ExprKind};

/// Which series an expression may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Only what one of these finds.
    Selectors(Vec<Arc<[Matcher]>>),
    /// Nobody knows.
    Everything,
}

/// What is known of the labels of a series: the value of some, empty where it lacks them. The last of a name counts.
pub(crate) type Known<'a> = [(&'a str, &'a str)];

impl Reads {
    pub(crate) fn of(expr: &Expr) -> Reads {
        let (mut selectors, mut everything) = (Vec::new(), false);
        expr.walk(|expr| match &expr.kind {
            ExprKind::Vector(selector) => selectors.push(selector.matchers.as_slice().into()),
            ExprKind::Matrix(matrix) => selectors.push(matrix.selector.matchers.as_slice().into()),
            // Reads series that no selector names.
            ExprKind::Call(call) if call.func.name == "info" => everything = true,
            _ => {}
        });
        if everything { Reads::Everything } else { Reads::Selectors(selectors) }
    }

    /// Whether it may read a series of which this is known.
    pub(crate) fn may_read(&self, series: &Known<'_>) -> bool {
        let value = |name: &str| series.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let fits = |matcher: &Matcher| value(&matcher.name).is_none_or(|value| matcher.matches(value));
        match self {
            Reads::Selectors(selectors) => selectors.iter().any(|matchers| matchers.iter().all(fits)),
            Reads::Everything => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use nightjar_query::{ParserOptions, parse};

    use super::*;

    #[test]
    fn what_may_be_read() {
        let reads = |text: &str| Reads::of(&parse(text, &ParserOptions::ALL).unwrap());
        let (a, b) = ([("__name__", "a"), ("team", "x")], [("__name__", "b"), ("team", "")]);
        let table = [
            ("1", false, false),
            ("a", true, false),
            ("sum(rate(a[5m])) / {__name__=\"b\"}", true, true),
            ("max_over_time((b > 1)[1h:])", false, true),
            // No name is asked for, or several.
            ("{job=~\".*x\"}", true, true),
            ("{__name__=~\"a|c\"}", true, false),
            ("{__name__!=\"a\", job=\"x\"}", false, true),
            // What is known of other labels counts.
            ("a{team=\"y\"} or b{team=\"y\"}", false, false),
            ("{team=~\".+\"}", true, false),
            ("info(c)", true, true),
        ];
        for (text, reads_a, reads_b) in table {
            assert_eq!((reads(text).may_read(&a), reads(text).may_read(&b)), (reads_a, reads_b), "{text}");
        }
        assert!(reads("a{team=\"y\"}").may_read(&[("__name__", "a"), ("team", "x"), ("team", "y")]));
    }
}
