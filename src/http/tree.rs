//! The syntax tree of a query as JSON, for `parse_query`. Recursion is bounded by the parser.

use nightjar_model::number::format_f;
use nightjar_query::ast::{
    At, BinaryExpr, Call, Cardinality, DurationExpr, DurationKind, Expr, ExprKind, NumberLiteral, RangeMode, UnaryOp,
    ValueType, VectorMatching, VectorSelector,
};
use serde_json::{Map, Value, json};

/// An expression with everything below it.
pub(super) fn tree(expr: &Expr) -> Value {
    match &expr.kind {
        ExprKind::Number(number) => json!({"type": "numberLiteral", "val": format_f(number.value)}),
        ExprKind::String(text) => json!({"type": "stringLiteral", "val": text.as_str()}),
        ExprKind::Paren(inner) => json!({"type": "parenExpr", "expr": tree(inner)}),
        ExprKind::StepInvariant(inner) => tree(inner),
        ExprKind::Unary(op, inner) => {
            let op = if *op == UnaryOp::Minus { "-" } else { "+" };
            json!({"type": "unaryExpr", "op": op, "expr": tree(inner)})
        }
        ExprKind::Binary(binary) => binary_tree(binary),
        ExprKind::Aggregate(aggregate) => json!({
            "type": "aggregation",
            "op": aggregate.op.as_str(),
            "expr": tree(&aggregate.expr),
            "param": aggregate.param.as_ref().map(tree),
            "grouping": aggregate.grouping,
            "without": aggregate.without,
        }),
        ExprKind::Call(call) => call_tree(call),
        ExprKind::Vector(selector) => selector_tree("vectorSelector", selector),
        ExprKind::Matrix(matrix) => {
            let mut node = selector_tree("matrixSelector", &matrix.selector);
            node["range"] = duration_ms(Some(&matrix.range)).into();
            node["rangeExpr"] = computed(Some(&matrix.range));
            node
        }
        ExprKind::Subquery(subquery) => {
            let (timestamp, start_or_end) = at(subquery.at);
            json!({
                "type": "subquery",
                "expr": tree(&subquery.expr),
                "range": duration_ms(Some(&subquery.range)),
                "rangeExpr": computed(Some(&subquery.range)),
                "offset": duration_ms(subquery.offset.as_ref()),
                "offsetExpr": computed(subquery.offset.as_ref()),
                "step": duration_ms(subquery.step.as_ref()),
                "stepExpr": computed(subquery.step.as_ref()),
                "timestamp": timestamp,
                "startOrEnd": start_or_end,
            })
        }
    }
}

fn binary_tree(binary: &BinaryExpr) -> Value {
    json!({
        "type": "binaryExpr",
        "op": binary.op.as_str(),
        "lhs": tree(&binary.lhs),
        "rhs": tree(&binary.rhs),
        "matching": binary.matching.as_ref().map(matching),
        "bool": binary.return_bool,
    })
}

fn matching(matching: &VectorMatching) -> Value {
    let card = match matching.card {
        Cardinality::OneToOne => "one-to-one",
        Cardinality::ManyToOne => "many-to-one",
        Cardinality::OneToMany => "one-to-many",
        Cardinality::ManyToMany => "many-to-many",
    };
    let fill = |number: Option<NumberLiteral>| number.map(|n| number_as_go(n.value));
    json!({
        "card": card,
        "labels": matching.labels,
        "on": matching.on,
        "include": matching.include,
        "fillValues": {"lhs": fill(matching.fill_left), "rhs": fill(matching.fill_right)},
    })
}

/// Whole numbers without a point.
fn number_as_go(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

fn call_tree(call: &Call) -> Value {
    json!({
        "type": "call",
        "func": {
            "name": call.func.name,
            "argTypes": call.func.args.iter().map(|t| type_name(*t)).collect::<Vec<_>>(),
            "variadic": call.func.variadic,
            "returnType": type_name(call.func.returns),
        },
        "args": call.args.iter().map(tree).collect::<Vec<_>>(),
    })
}

fn type_name(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Scalar => "scalar",
        ValueType::String => "string",
        ValueType::Vector => "vector",
        ValueType::Matrix => "matrix",
    }
}

fn selector_tree(kind: &str, selector: &VectorSelector) -> Value {
    let (timestamp, start_or_end) = at(selector.at);
    let mut node = Map::new();
    let matchers =
        selector.matchers.iter().map(|m| json!({"name": &*m.name, "value": &*m.value, "type": m.op.as_str()}));
    let members = [
        ("type", json!(kind)),
        ("name", json!(selector.name.as_deref().unwrap_or(""))),
        ("offset", json!(duration_ms(selector.offset.as_ref()))),
        ("offsetExpr", computed(selector.offset.as_ref())),
        ("matchers", Value::Array(matchers.collect())),
        ("timestamp", json!(timestamp)),
        ("startOrEnd", json!(start_or_end)),
        ("anchored", json!(selector.mode == Some(RangeMode::Anchored))),
        ("smoothed", json!(selector.mode == Some(RangeMode::Smoothed))),
    ];
    node.extend(members.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(node)
}

fn at(at: Option<At>) -> (Option<i64>, Option<&'static str>) {
    match at {
        None => (None, None),
        Some(At::Time(ms)) => (Some(ms), None),
        Some(At::Start) => (None, Some("start")),
        Some(At::End) => (None, Some("end")),
    }
}

/// Milliseconds of a written duration; 0 for none and for those that depend on the query.
fn duration_ms(duration: Option<&DurationExpr>) -> i64 {
    match duration.map(|d| &d.kind) {
        Some(DurationKind::Literal(number)) => (number.value * 1000.0).round() as i64,
        Some(DurationKind::Unary(UnaryOp::Minus, inner)) => -duration_ms(Some(inner)),
        Some(DurationKind::Unary(UnaryOp::Plus, inner) | DurationKind::Paren(inner)) => duration_ms(Some(inner)),
        _ => 0,
    }
}

/// A duration that has to be computed, as a tree; null for a plain one.
fn computed(duration: Option<&DurationExpr>) -> Value {
    match duration.map(|d| &d.kind) {
        None | Some(DurationKind::Literal(_)) => Value::Null,
        Some(kind) => duration_tree(kind, false),
    }
}

fn duration_tree(kind: &DurationKind, wrapped: bool) -> Value {
    let node = |op: &str, lhs: Value, rhs: Value| json!({"type": "durationExpr", "op": op, "lhs": lhs, "rhs": rhs, "wrapped": wrapped});
    let below = |duration: &DurationExpr| duration_tree(&duration.kind, false);
    match kind {
        DurationKind::Literal(n) => {
            json!({"type": "numberLiteral", "val": format_f(n.value), "duration": n.duration})
        }
        DurationKind::Step => node("step", Value::Null, Value::Null),
        DurationKind::Range => node("range", Value::Null, Value::Null),
        DurationKind::Unary(UnaryOp::Minus, inner) => node("-", Value::Null, below(inner)),
        DurationKind::Unary(UnaryOp::Plus, inner) => node("+", Value::Null, below(inner)),
        DurationKind::Binary(op, lhs, rhs) => node(op.as_str(), below(lhs), below(rhs)),
        DurationKind::MinOf(lhs, rhs) => node("min_of", below(lhs), below(rhs)),
        DurationKind::MaxOf(lhs, rhs) => node("max_of", below(lhs), below(rhs)),
        DurationKind::Paren(inner) => duration_tree(&inner.kind, true),
    }
}
