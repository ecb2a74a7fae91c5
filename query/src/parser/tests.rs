//! What is PromQL, what is not and why. Expectations were recorded from Prometheus 3.14's parser.

use super::*;
use crate::ast::{Cardinality, ExprKind, ValueType};

fn all(text: &str) -> Result<Expr, ParseError> {
    parse(text, &ParserOptions::ALL)
}

#[test]
fn accepted_and_printed() {
    // text, type, what Prometheus prints; "" if it is the text itself
    let table = [
        ("1", ValueType::Scalar, ""),
        ("0x1F + 0755 + 08 + 1_000", ValueType::Scalar, "31 + 493 + 8 + 1000"),
        ("-1^2", ValueType::Scalar, "-1 ^ 2"),
        ("--1", ValueType::Scalar, "1"),
        ("+Inf", ValueType::Scalar, ""),
        ("nan", ValueType::Scalar, "NaN"),
        ("90m", ValueType::Scalar, "1h30m"),
        ("-5m", ValueType::Scalar, ""),
        ("2 ^ 3 ^ 4", ValueType::Scalar, ""),
        ("1 < BOOL 2", ValueType::Scalar, "1 < bool 2"),
        (r#"'a\'\x41\u00e9"'"#, ValueType::String, r#""a'Aé\"""#),
        (r"`\d`", ValueType::String, r#""\\d""#),
        ("foo # comment", ValueType::Vector, "foo"),
        ("a:b", ValueType::Vector, ""),
        ("sum", ValueType::Vector, ""),
        ("offset offset 5m", ValueType::Vector, ""),
        ("fill + fill_left", ValueType::Vector, ""),
        ("start{end=\"x\"}", ValueType::Vector, ""),
        ("anchored and smoothed", ValueType::Vector, ""),
        (r#"{"metric.name", "label.x"="v",}"#, ValueType::Vector, r#"{"label.x"="v",__name__="metric.name"}"#),
        (r#"foo{b="2",a!="1",c=~"x|y",}"#, ValueType::Vector, r#"foo{a!="1",b="2",c=~"x|y"}"#),
        ("foo @ 1.2345 offset -5m", ValueType::Vector, "foo @ 1.235 offset -5m"),
        ("foo offset 5m @ end()", ValueType::Vector, "foo @ end() offset 5m"),
        ("foo offset 0", ValueType::Vector, "foo"),
        ("foo offset 1h offset 0s", ValueType::Vector, "!1:1: parse error: offset may not be set multiple times"),
        ("foo[300]", ValueType::Matrix, "foo[5m]"),
        ("foo[5m] smoothed @ 0 offset 1h", ValueType::Matrix, "foo[5m] smoothed @ 0.000 offset 1h"),
        ("foo smoothed offset 1h", ValueType::Vector, ""),
        ("foo[5m:]", ValueType::Matrix, ""),
        ("(a + b)[1h:30] @ start()", ValueType::Matrix, "(a + b)[1h:30s] @ start()"),
        ("foo[2*step() - -(3m + 1)]", ValueType::Matrix, "foo[2 * step() - -(3m + 1)]"),
        ("foo[max_of(step(),((range()/10)))]", ValueType::Matrix, "foo[max_of(step(), (range() / 10))]"),
        ("foo offset -2^2", ValueType::Vector, "foo offset -2s ^ 2"),
        ("foo offset (-2^2)", ValueType::Vector, "foo offset (-2 ^ 2)"),
        ("foo offset step() + 1", ValueType::Vector, ""),
        ("a + on() b", ValueType::Vector, "a + on () b"),
        ("a + ignoring() b", ValueType::Vector, "a + b"),
        ("a - on(x) group_left b", ValueType::Vector, "a - on (x) group_left () b"),
        ("a * on(x,\"y z\") group_right(le) b", ValueType::Vector, "a * on (x, \"y z\") group_right (le) b"),
        ("a + fill(0) b", ValueType::Vector, "a + fill (0) b"),
        ("a + fill_right(1e9) fill_left(-1) b", ValueType::Vector, "a + fill_left (-1) fill_right (1e+09) b"),
        ("h </ 1 >/ 0.5", ValueType::Vector, ""),
        ("a + on(b) 1", ValueType::Vector, "!1:1: parse error: vector matching only allowed between instant vectors"),
        ("a + on() 1", ValueType::Vector, "a + 1"),
        ("SUM(foo) BY (a, by,)", ValueType::Vector, "sum by (a, by) (foo)"),
        ("sum without () (foo)", ValueType::Vector, ""),
        ("count_values('v', foo)", ValueType::Vector, "count_values(\"v\", foo)"),
        ("limitk(2, foo)", ValueType::Vector, ""),
        ("rate(foo[5m])", ValueType::Vector, ""),
        ("time()", ValueType::Scalar, ""),
        ("start() - end()", ValueType::Scalar, ""),
        ("hour()", ValueType::Vector, ""),
        ("info(foo, {x=~\".*\"})", ValueType::Vector, ""),
        ("some_metric @ start() [5m]", ValueType::Matrix, "some_metric[5m] @ start()"),
    ];
    for (text, value_type, printed) in table {
        match (all(text), printed.strip_prefix('!')) {
            (Err(e), Some(complaint)) => assert_eq!(e.to_string(), complaint),
            (Ok(expr), None) => {
                assert_eq!(expr.value_type(), value_type, "{text}");
                assert_eq!(expr.to_string(), if printed.is_empty() { text } else { printed });
            }
            (result, _) => panic!("{text}: {result:?}"),
        }
    }
}

#[test]
fn refused() {
    let table = [
        ("", "unknown position: parse error: no expression found in input"),
        ("# only a comment\n", "1:1: parse error: no expression found in input"),
        ("1+", "1:3: parse error: unexpected end of input"),
        ("1 +\n *", "2:2: parse error: unexpected <op:*>"),
        ("2.5.", "1:1: parse error: bad number or duration syntax: \"2.5.\""),
        ("0deadbeef", "1:1: parse error: bad number or duration syntax: \"0de\""),
        ("1e999", "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e999\": value out of range"),
        ("foo[1m1h]", "1:5: parse error: not a valid duration string: \"1m1h\""),
        ("(1))", "1:5: parse error: unexpected right parenthesis ')'"),
        ("((1)", "1:5: parse error: unclosed left parenthesis"),
        ("foo bar", "1:5: parse error: unexpected identifier \"bar\""),
        ("sum(foo bar)", "1:9: parse error: unexpected identifier \"bar\" in aggregation"),
        ("sum foo by (x)", "1:5: parse error: unexpected identifier \"foo\""),
        ("sum(foo) by x", "1:13: parse error: unexpected identifier \"x\" in grouping opts, expected \"(\""),
        ("sum by (a b)", "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\""),
        ("sum by (without) (a)", "1:9: parse error: unexpected <without> in grouping opts, expected label"),
        ("sum by (\"\") (a)", "1:9: parse error: invalid label name for grouping: \"\""),
        ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        ("topk(a)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"),
        ("topk(a, b)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"),
        ("sum(a[5m])", "1:5: parse error: expected type instant vector in aggregation expression, got range vector"),
        ("nope(1)", "1:1: parse error: unknown function with name \"nope\""),
        ("abs(a, b)", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 2"),
        ("round()", "1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0"),
        ("hour(a, b)", "1:1: parse error: expected at most 1 argument(s) in call to \"hour\", got 2"),
        ("rate(foo)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
        ("abs(a,)", "1:6: parse error: trailing commas not allowed in function call args"),
        ("info(a, target_info)", "1:9: parse error: expected label selectors only, got vector selector instead"),
        ("a == on(x) 1", "1:1: parse error: vector matching only allowed between instant vectors"),
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"),
        ("a and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"),
        ("a or on(x) group_left b", "1:1: parse error: no grouping allowed for \"or\" operation"),
        ("a or fill(1) b", "1:1: parse error: filling in missing series not allowed for set operators"),
        ("a + on(x) group_left(x) b", "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"),
        ("a + group_left b", "1:5: parse error: unexpected <group_left>"),
        ("a + \"x\"", "1:5: parse error: binary expression must contain only scalar and instant vector types"),
        (
            "-\"x\"",
            "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\"",
        ),
        ("1[5m:]", "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"),
        ("(a)[5m]", "1:4: parse error: ranges only allowed for vector selectors"),
        ("a offset 1m [5m]", "1:13: parse error: no offset modifiers allowed before range"),
        ("a @ 1 [5m]", "1:7: parse error: no @ modifiers allowed before range"),
        ("a[0]", "1:3: parse error: duration must be greater than 0"),
        ("a[5m/0]", "1:5: parse error: division by zero"),
        ("a[300y]", "1:3: parse error: duration out of range"),
        ("a[5m", "1:5: parse error: unclosed left bracket"),
        ("a[", "1:3: parse error: unexpected end of input in duration expression"),
        ("a[5m b]", "1:6: parse error: unexpected character: 'b', expected ':'"),
        (
            "a[step]",
            "1:7: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, step(), or range()",
        ),
        (
            "a offset x",
            "1:10: parse error: unexpected identifier \"x\" in offset, expected number, duration, step(), or range()",
        ),
        (
            "1 offset 5m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        ("a @ x", "1:5: parse error: unexpected identifier \"x\" in @, expected timestamp"),
        ("a @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
        ("a @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"),
        ("a anchored smoothed", "1:1: parse error: anchored and smoothed modifiers cannot be used together"),
        ("a[5m:] anchored", "1:1: parse error: anchored modifier is not supported for subqueries"),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("{a=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("a{__name__=\"b\"}", "1:1: parse error: metric name must not be set twice: \"a\" or \"b\""),
        ("a{b}", "1:4: parse error: unexpected \"}\" in label matching, expected label matching operator"),
        ("a{b=c}", "1:5: parse error: unexpected identifier \"c\" in label matching, expected string"),
        ("a{,}", "1:3: parse error: unexpected \",\" in label matching, expected identifier or \"}\""),
        (
            "a{b=\"1\" c=\"2\"}",
            "1:9: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\"",
        ),
        ("a{b=~\"(\"}", "1:3: parse error: error parsing regexp: missing closing ): `(`"),
        ("a{", "1:3: parse error: unexpected end of input inside braces"),
        ("\"a", "1:1: parse error: unterminated quoted string"),
        ("\"\\q\"", "1:1: parse error: unknown escape sequence U+0071 'q'"),
        ("\"\u{fffd}\"", "1:1: parse error: invalid UTF-8 rune"),
        ("$", "1:1: parse error: unexpected character: '$'"),
        ("a !~ 1", "1:3: parse error: unexpected character after '!': '~'"),
    ];
    for (text, complaint) in table {
        match all(text) {
            Ok(expr) => panic!("{text} was taken for {expr}"),
            Err(e) => assert_eq!(e.to_string(), complaint, "{text}"),
        }
    }
}

#[test]
fn experiments_must_be_enabled() {
    let table = [
        ("sum(sort_by_label(a))", "1:5: parse error: function \"sort_by_label\" is not enabled"),
        (
            "limitk(2, a)",
            "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
        ),
        ("b + a[5m] anchored", "1:5: parse error: anchored modifier is experimental and not enabled"),
        ("a + fill(1) b", "1:1: parse error: binop fill modifiers are experimental and not enabled"),
    ];
    for (text, complaint) in table {
        assert_eq!(parse(text, &ParserOptions::default()).map_err(|e| e.to_string()), Err(complaint.to_owned()));
    }
    assert!(parse("a[2 * step()] offset (5m + 1)", &ParserOptions::default()).is_ok(), "durations are stable");
}

#[test]
fn every_node_knows_where_it_stands() {
    let text = "  sum by (x) (rate(foo[5m] offset 1m)) > -a{b=\"c\"} @ 5";
    let mut found = Vec::new();
    let expr = all(text).unwrap();
    expr.walk(|node| found.push(&text[node.span.start as usize..node.span.end as usize]));
    let sum = "sum by (x) (rate(foo[5m] offset 1m))";
    assert_eq!(
        found,
        [text.trim(), sum, "rate(foo[5m] offset 1m)", "foo[5m] offset 1m", "-a{b=\"c\"} @ 5", "a{b=\"c\"} @ 5"]
    );
}

#[test]
fn matching_is_kept_between_vectors_only() {
    let card = |text: &str| match all(text).unwrap().kind {
        ExprKind::Binary(binary) => binary.matching.map(|m| m.card),
        _ => None,
    };
    assert_eq!(card("a + b"), Some(Cardinality::OneToOne));
    assert_eq!(card("a or b"), Some(Cardinality::ManyToMany));
    assert_eq!(card("a * on(x) group_left b"), Some(Cardinality::ManyToOne));
    assert_eq!((card("a + 1"), card("1 + 1"), card("1 + time() + a")), (None, None, None));
}

#[test]
fn selectors_for_the_api() {
    let select = |text| parse_selector(text, &ParserOptions::default());
    let matchers = select("up{job=\"x\"}").unwrap();
    assert_eq!(matchers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["job=\"x\"", "__name__=\"up\""]);
    assert_eq!(select("{}").map(|m| m.len()), Ok(0));
    assert_eq!(select("up[5m]").unwrap_err().to_string(), "1:3: parse error: unexpected \"[\"");
    assert_eq!(select("1").unwrap_err().to_string(), "1:1: parse error: unexpected number \"1\"");
}

/// On as little stack as a worker thread has.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn what_is_too_deep_is_refused() {
    on_a_small_stack(|| {
        let nested = "expression is nested too deeply, at most 256 levels are allowed";
        let chain = "too many operators in a row, at most 1024 are allowed";
        let n = 20_000;
        let table = [
            (format!("{}1{}", "(".repeat(n), ")".repeat(n)), nested),
            ("(".repeat(60_000), nested),
            (format!("{}1", "-".repeat(n)), nested),
            (format!("{}a", "-(".repeat(n)), nested),
            ("abs(".repeat(10_000), nested),
            ("sum by (x) (".repeat(5000), nested),
            (vec!["1"; n].join("^"), nested),
            (vec!["a"; n].join("+"), chain),
            (vec!["a"; 10_000].join(" or "), chain),
            (format!("a{}", "[1m:]".repeat(10_000)), chain),
            (format!("a[{}1{}]", "(".repeat(n), ")".repeat(n)), nested),
            (format!("a[{}]", vec!["1"; n].join("+")), chain),
            (format!("a offset {}1", "-".repeat(n)), nested),
        ];
        for (text, complaint) in table {
            let error = all(&text).expect_err("too deep");
            assert_eq!(error.message, complaint, "{}...", &text[..20]);
        }
        let long = all(&"a".repeat(MAX_TEXT_BYTES + 1)).unwrap_err();
        assert_eq!(long.message, "expression is 65537 bytes long, at most 65536 are allowed");
    });
}

#[test]
fn the_deepest_trees_fit_a_small_stack() {
    on_a_small_stack(|| {
        let levels = MAX_NESTING as usize;
        let deep = [
            format!("{}a{}", "(".repeat(levels), ")".repeat(levels)),
            format!("{}a{}", "abs(".repeat(levels), ")".repeat(levels)),
            format!("{}a{}", "sum by (x) (".repeat(levels), ")".repeat(levels)),
            format!("{}a", "a + (".repeat(levels / 2)) + &")".repeat(levels / 2),
            vec!["a"; MAX_DEPTH as usize].join(" + "),
            vec!["1"; MAX_DEPTH as usize].join(" + "),
            vec!["rate(a[5m])"; MAX_DEPTH as usize - 1].join(" or "),
            format!("a[{}]", vec!["1"; MAX_DEPTH as usize].join("+")),
        ];
        for text in deep {
            let expr = all(&text).unwrap_or_else(|e| panic!("{e}"));
            let (copy, printed) = (expr.clone(), expr.to_string());
            assert!(copy == expr && format!("{copy:?}").len() > printed.len());
            assert_eq!(all(&printed).map(|again| again.to_string()).as_ref(), Ok(&printed));
            assert!(crate::printer::pretty(&expr).len() >= printed.len());
        }
    });
}

#[test]
fn series_of_test_scripts() {
    let items = |text: &str| parse_series(text).map(|s| (s.labels.to_string(), format!("{:?}", s.items)));
    let floats = |first: f64, step: f64, more: u64| format!("{:?}", SeriesItem::Floats { first, step, more });
    let table = [
        ("up", "{__name__=\"up\"}", vec![]),
        ("up{} 1", "{__name__=\"up\"}", vec![floats(1.0, 0.0, 0)]),
        ("{a=\"b\"}  -1 +2\t1e3", "{a=\"b\"}", vec![floats(-1.0, 0.0, 0), floats(2.0, 0.0, 0), floats(1000.0, 0.0, 0)]),
        ("{\"m.n\", a=\"b\",} 0+50x2", "{__name__=\"m.n\", a=\"b\"}", vec![floats(0.0, 50.0, 2)]),
        (
            "x 1-0.5x3 1e-3+1e+2x4 -Inf",
            "{__name__=\"x\"}",
            vec![floats(1.0, -0.5, 3), floats(1e-3, 100.0, 4), floats(f64::NEG_INFINITY, 0.0, 0)],
        ),
        (
            "x _ _x3 5m NaNx2",
            "{__name__=\"x\"}",
            vec!["Omitted(1)".into(), "Omitted(3)".into(), floats(300.0, 0.0, 0), floats(f64::NAN, 0.0, 2)],
        ),
        (
            "x {{}} {{sum:1 count:2}}+{{count:1}}x3 1",
            "{__name__=\"x\"}",
            vec![
                "Histograms(\"{{}}\")".into(),
                "Histograms(\"{{sum:1 count:2}}+{{count:1}}x3\")".into(),
                floats(1.0, 0.0, 0),
            ],
        ),
    ];
    for (text, labels, samples) in table {
        assert_eq!(items(text), Ok((labels.to_owned(), format!("[{}]", samples.join(", ")))), "{text}");
    }
    let stale = parse_series("x stale").unwrap().items;
    assert!(matches!(stale[..], [SeriesItem::Floats { first, .. }] if nightjar_model::is_stale(first)));
    let refused = [
        ("x 1+1", "1:3: parse error: unexpected \"1+1\" in series values"),
        ("x 1 2a", "1:5: parse error: unexpected \"2a\" in series values"),
        ("x _a4", "1:3: parse error: unexpected \"_a4\" in series values"),
        ("{a=b} 1", "1:4: parse error: unexpected identifier \"b\" in label set, expected string"),
        ("{a!=\"b\"} 1", "1:3: parse error: unexpected <op:!=> in label set, expected \"=\""),
        ("x{a=\"b\"}1", "1:9: parse error: unexpected \"1\" in series values"),
    ];
    for (text, complaint) in refused {
        assert_eq!(items(text).unwrap_err().to_string(), complaint);
    }
    assert_eq!(parse_metric("up{a=\"b\"}").map(|l| l.to_string()), Ok("{__name__=\"up\", a=\"b\"}".to_owned()));
}

#[test]
fn a_plus_before_a_computed_offset_is_kept_but_not_printed() {
    for text in ["a offset +step()", "a offset +range()", "a offset +min_of(1m, 2m)", "a offset -max_of(1m, 2m)"] {
        let expr = all(text).unwrap();
        assert_eq!(expr.to_string(), text.replace('+', ""));
        let ExprKind::Vector(selector) = expr.kind else { panic!("{text} is no selector") };
        assert!(matches!(selector.offset.unwrap().kind, crate::ast::DurationKind::Unary(..)), "{text}");
    }
}
