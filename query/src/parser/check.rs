//! Prometheus' type check, in its order: the first complaint is the one reported.

use nightjar_model::labels::quote;

use crate::ast::{
    AggregateExpr, AggregateOp, BinaryExpr, Call, Cardinality, Expr, ExprKind, Span, SubqueryExpr, ValueType,
    VectorMatching, VectorSelector,
};
use crate::parser::error::ParseError;

/// The type of a well-typed expression.
pub(super) fn check(expr: &Expr, text: &str) -> Result<ValueType, ParseError> {
    Check { text }.expr(expr)
}

/// Makes set operators many-to-many, and forgets the matching of everything but two vectors.
pub(super) fn settle_matching(expr: &mut Expr) {
    let mut next = Some(expr);
    while let Some(expr) = next {
        next = match &mut expr.kind {
            ExprKind::Binary(binary) => {
                settle_one(binary);
                settle_matching(&mut binary.rhs);
                Some(&mut binary.lhs)
            }
            ExprKind::Paren(inner) | ExprKind::Unary(_, inner) | ExprKind::StepInvariant(inner) => Some(inner),
            ExprKind::Aggregate(aggregate) => {
                if let Some(param) = &mut aggregate.param {
                    settle_matching(param);
                }
                Some(&mut aggregate.expr)
            }
            ExprKind::Call(call) => {
                call.args.iter_mut().for_each(settle_matching);
                None
            }
            ExprKind::Subquery(subquery) => Some(&mut subquery.expr),
            ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Vector(_) | ExprKind::Matrix(_) => None,
        };
    }
}

fn settle_one(binary: &mut BinaryExpr) {
    let vectors = [&binary.lhs, &binary.rhs].iter().all(|side| side.value_type() == ValueType::Vector);
    binary.matching = binary.matching.take().filter(|_| vectors);
    if let Some(matching) = &mut binary.matching
        && binary.op.is_set()
        && matching.card == Cardinality::OneToOne
    {
        matching.card = Cardinality::ManyToMany;
    }
}

struct Check<'a> {
    text: &'a str,
}

impl Check<'_> {
    fn fail<T>(&self, span: Span, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(self.text, span, message))
    }

    fn expr(&self, expr: &Expr) -> Result<ValueType, ParseError> {
        match &expr.kind {
            ExprKind::Number(_) => Ok(ValueType::Scalar),
            ExprKind::String(_) => Ok(ValueType::String),
            ExprKind::Paren(inner) | ExprKind::StepInvariant(inner) => self.expr(inner),
            ExprKind::Unary(_, inner) => self.unary(expr, inner),
            ExprKind::Binary(_) => self.chain(expr),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate),
            ExprKind::Call(call) => self.call(expr, call),
            ExprKind::Vector(selector) => self.selector(expr.span, selector, false),
            ExprKind::Matrix(matrix) => {
                self.selector(matrix.selector_span, &matrix.selector, false)?;
                Ok(ValueType::Matrix)
            }
            ExprKind::Subquery(subquery) => self.subquery(expr, subquery),
        }
    }

    fn unary(&self, expr: &Expr, inner: &Expr) -> Result<ValueType, ParseError> {
        let found = self.expr(inner)?;
        if matches!(found, ValueType::Scalar | ValueType::Vector) {
            return Ok(found);
        }
        let rule = "unary expression only allowed on expressions of type scalar or instant vector";
        self.fail(expr.span, format!("{rule}, got \"{}\"", found.documented()))
    }

    fn subquery(&self, expr: &Expr, subquery: &SubqueryExpr) -> Result<ValueType, ParseError> {
        let name = match self.expr(&subquery.expr)? {
            ValueType::Vector => return Ok(ValueType::Matrix),
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Matrix => "matrix",
        };
        self.fail(expr.span, format!("subquery is only allowed on instant vector, got {name} instead"))
    }

    fn aggregate(&self, aggregate: &AggregateExpr) -> Result<ValueType, ParseError> {
        self.expect(&aggregate.expr, ValueType::Vector, "aggregation expression")?;
        if let Some(param) = &aggregate.param {
            let wanted = match aggregate.op {
                AggregateOp::CountValues => ValueType::String,
                _ => ValueType::Scalar,
            };
            self.expect(param, wanted, "aggregation parameter")?;
        }
        Ok(ValueType::Vector)
    }

    fn expect(&self, expr: &Expr, wanted: ValueType, place: &str) -> Result<(), ParseError> {
        let found = self.expr(expr)?;
        if found == wanted {
            return Ok(());
        }
        self.fail(expr.span, format!("expected type {} in {place}, got {}", wanted.documented(), found.documented()))
    }

    /// Left operands are checked by a loop, leftmost first: chains of operators may be long.
    fn chain(&self, expr: &Expr) -> Result<ValueType, ParseError> {
        let mut links: Vec<(&Expr, &BinaryExpr)> = Vec::new();
        let mut leftmost = expr;
        while let ExprKind::Binary(binary) = &leftmost.kind {
            links.push((leftmost, binary));
            leftmost = &binary.lhs;
        }
        let mut lhs = self.expr(leftmost)?;
        for (expr, binary) in links.into_iter().rev() {
            let rhs = self.expr(&binary.rhs)?;
            self.binary(expr.span, binary, lhs, rhs)?;
            let scalars = lhs == ValueType::Scalar && rhs == ValueType::Scalar;
            lhs = if scalars { ValueType::Scalar } else { ValueType::Vector };
        }
        Ok(lhs)
    }

    fn binary(&self, span: Span, binary: &BinaryExpr, lhs: ValueType, rhs: ValueType) -> Result<(), ParseError> {
        let op = binary.op;
        if binary.return_bool && !op.is_comparison() {
            return self.fail(self.operator(binary), "bool modifier can only be used on comparison operators");
        }
        if op.is_comparison() && !binary.return_bool && lhs == ValueType::Scalar && rhs == ValueType::Scalar {
            return self.fail(self.operator(binary), "comparisons between scalars must use BOOL modifier");
        }
        let matching = binary.matching.as_ref();
        if let Some(matching) = matching.filter(|m| m.on)
            && let Some(label) = matching.labels.iter().find(|label| matching.include.contains(label))
        {
            let message = format!("label {} must not occur in ON and GROUP clause at once", quote(label));
            return self.fail(self.operator(binary), message);
        }
        for (side, found) in [(&binary.lhs, lhs), (&binary.rhs, rhs)] {
            if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                return self.fail(side.span, "binary expression must contain only scalar and instant vector types");
            }
        }
        let vectors = lhs == ValueType::Vector && rhs == ValueType::Vector;
        if let Some(matching) = matching {
            match vectors {
                true if op.is_set() => self.set_matching(span, binary, matching)?,
                true => {}
                false => self.no_matching(span, matching)?,
            }
        }
        if op.is_set() && !vectors {
            let message = format!("set operator \"{}\" not allowed in binary scalar expression", op.as_str());
            return self.fail(span, message);
        }
        Ok(())
    }

    fn no_matching(&self, span: Span, matching: &VectorMatching) -> Result<(), ParseError> {
        if !matching.labels.is_empty() {
            return self.fail(span, "vector matching only allowed between instant vectors");
        }
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            return self.fail(span, "filling in missing series only allowed between instant vectors");
        }
        Ok(())
    }

    fn set_matching(&self, span: Span, binary: &BinaryExpr, matching: &VectorMatching) -> Result<(), ParseError> {
        if matches!(matching.card, Cardinality::OneToMany | Cardinality::ManyToOne) {
            return self.fail(span, format!("no grouping allowed for \"{}\" operation", binary.op.as_str()));
        }
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            return self.fail(span, "filling in missing series not allowed for set operators");
        }
        Ok(())
    }

    /// Where the operator and its modifiers stand.
    fn operator(&self, binary: &BinaryExpr) -> Span {
        let (start, end) = (binary.lhs.span.end, binary.rhs.span.start.max(binary.lhs.span.end));
        let between = &self.text[start as usize..end as usize];
        let skipped = between.len() - between.trim_start_matches([' ', '\t', '\n', '\r']).len();
        Span { start: start + skipped as u32, end }
    }

    fn call(&self, expr: &Expr, call: &Call) -> Result<ValueType, ParseError> {
        self.count_arguments(expr.span, call)?;
        let info_selector = if call.func.name == "info" { self.info_selector(expr, call)? } else { None };
        for (i, arg) in call.args.iter().enumerate() {
            let Some(wanted) = call.func.args.get(i).or(call.func.args.last()) else { break };
            let found = match info_selector {
                Some(selector) if i == 1 => self.selector(arg.span, selector, true)?,
                _ => self.expr(arg)?,
            };
            if found != *wanted {
                let place = format!("call to function \"{}\"", call.func.name);
                let message = format!("expected type {} in {place}, got {}", wanted.documented(), found.documented());
                return self.fail(arg.span, message);
            }
        }
        Ok(call.func.returns)
    }

    fn count_arguments(&self, span: Span, call: &Call) -> Result<(), ParseError> {
        let (listed, found, name) = (call.func.args.len(), call.args.len(), call.func.name);
        let complain =
            |bound: String| self.fail(span, format!("expected {bound} argument(s) in call to \"{name}\", got {found}"));
        if call.func.variadic == 0 {
            return if found == listed { Ok(()) } else { complain(listed.to_string()) };
        }
        let least = listed.saturating_sub(1);
        if found < least {
            return complain(format!("at least {least}"));
        }
        match usize::try_from(call.func.variadic) {
            Ok(more) if found > least + more => complain(format!("at most {}", least + more)),
            _ => Ok(()),
        }
    }

    /// The second argument of `info` selects labels only, and may match anything.
    fn info_selector<'a>(&self, expr: &Expr, call: &'a Call) -> Result<Option<&'a VectorSelector>, ParseError> {
        let Some(arg) = call.args.get(1) else { return Ok(None) };
        let found = arg.value_type();
        if found != ValueType::Vector {
            let message =
                format!("expected type instant vector in call to function \"info\", got {}", found.documented());
            return self.fail(expr.span, message);
        }
        match &arg.kind {
            ExprKind::Vector(selector) if selector.name.is_some() => {
                self.fail(arg.span, "expected label selectors only, got vector selector instead")
            }
            ExprKind::Vector(selector) => Ok(Some(selector)),
            _ => self.fail(arg.span, "expected label selectors only"),
        }
    }

    fn selector(&self, span: Span, selector: &VectorSelector, any: bool) -> Result<ValueType, ParseError> {
        if let Some(name) = &selector.name {
            let others = &selector.matchers[..selector.matchers.len().saturating_sub(1)];
            if let Some(other) = others.iter().find(|m| &*m.name == "__name__") {
                let (a, b) = (quote(name), quote(&other.value));
                return self.fail(span, format!("metric name must not be set twice: {a} or {b}"));
            }
        } else if !any && selector.matchers.iter().all(nightjar_model::Matcher::matches_empty) {
            return self.fail(span, "vector selector must contain at least one non-empty matcher");
        }
        Ok(ValueType::Vector)
    }
}
