//! Both grammars side by side.

use super::*;

fn shown(result: Result<Vec<Matcher>, String>) -> String {
    match result {
        Ok(matchers) => matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn both_grammars() {
    // text, classic, UTF-8
    let table = [
        (r#"foo=bar"#, r#"foo="bar""#, r#"foo="bar""#),
        (r#"{foo="bar",a!~"b.*",}"#, r#"foo="bar",a!~"b.*""#, r#"foo="bar",a!~"b.*""#),
        (r#"foo="#, r#"foo="""#, "error: end of input: expected label value"),
        (r#"foo=a\nb"#, r#"foo="a\nb""#, r"error: 5:6: \: invalid input"),
        (r#"foo = "a\tb""#, r#"foo="a\\tb""#, "foo=\"a\tb\""),
        (r#"foo🙂="bar""#, r#"error: bad matcher format: foo🙂="bar""#, r#"foo🙂="bar""#),
        (r#""foo bar"="baz""#, r#"error: bad matcher format: "foo bar"="baz""#, r#""foo bar"="baz""#),
        (
            r#"foo="b"ar""#,
            r#"error: matcher value contains unescaped double quote: "b"ar""#,
            "error: 7:9: unexpected ar: expected a comma or close brace",
        ),
        (
            r#"foo="bar"#,
            r#"error: matcher value contains unescaped double quote: "bar"#,
            r#"error: 4:8: "bar: missing end ": expected label value"#,
        ),
        (r#"{foo=bar"#, r#"foo="bar""#, "error: 0:8: end of input: expected close brace"),
        (r#"foo=bar}"#, r#"foo="bar""#, "error: 0:8: }: expected opening brace"),
        ("{}", "", ""),
        ("", "", ""),
        ("{{}", "error: bad matcher format: {", "error: 1:2: unexpected {: expected label name"),
        (
            r#"foo=~["#,
            "error: error parsing regexp: missing closing ]: `[)$`",
            "error: failed to create matcher: error parsing regexp: missing closing ]: `[)$`",
        ),
        (r#"a="x,y",b="z""#, r#"a="x,y",b="z""#, r#"a="x,y",b="z""#),
        (r#"a=b,,c=d"#, "error: bad matcher format: ", "error: 4:5: unexpected ,: expected label name"),
    ];
    for (text, classic, utf8) in table {
        if !text.contains("~[") {
            assert_eq!(shown(MatcherMode::Classic.matchers(text)), classic, "classic {text}");
            assert_eq!(shown(MatcherMode::Utf8Strict.matchers(text)), utf8, "utf8 {text}");
        } else {
            assert!(MatcherMode::Fallback.matchers(text).is_err());
        }
    }
}

#[test]
fn where_grammars_disagree_the_classic_one_wins() {
    let fallback = MatcherMode::Fallback;
    assert_eq!(fallback.matcher(r#"foo="a\tb""#).unwrap().value.as_ref(), r"a\tb");
    assert_eq!(fallback.matcher("foo🙂=bar").unwrap().name.as_ref(), "foo🙂");
    assert_eq!(fallback.matcher("foo=").unwrap().value.as_ref(), "");
    assert_eq!(fallback.matcher("{foo=bar}").unwrap_err(), "unexpected open or close brace: {foo=bar}");
}

#[test]
fn matching() {
    let labels = Labels::from_pairs([("a", "x"), ("lines", "1\n2")]);
    let table = [
        ("a=x", true),
        ("a!=x", false),
        ("a=~x|y", true),
        ("a=~.", true),
        ("a!~y", true),
        ("b=", true),
        ("b!=x", true),
        ("b=~.*", true),
        ("b=~.+", false),
        ("lines=~1.2", false),
        ("lines=~(?s)1.2", true),
        ("lines=~\"1\\n2\"", true),
    ];
    for (text, expected) in table {
        let matchers = Matchers::new(MatcherMode::Fallback.matchers(text).unwrap());
        assert_eq!(matchers.matches(&labels), expected, "{text}");
    }
}

#[test]
fn matchers_are_sorted_and_printed_as_in_group_keys() {
    let matchers = Matchers::new(MatcherMode::Fallback.matchers(r#"z=1,a!=2,a=2,"a b"=~x,q="\"\\""#).unwrap());
    assert_eq!(matchers.to_string(), r#"{a="2",a!="2","a b"=~"x",q="\"\\",z="1"}"#);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[ -~\u{e9}\\n]{0,24}") {
        for mode in [MatcherMode::Fallback, MatcherMode::Utf8Strict, MatcherMode::Classic] {
            let _ = (mode.matcher(&text), mode.matchers(&text));
        }
    }

    #[test]
    fn what_is_printed_reads_back(name in "[^\\x00]{1,6}", value in "[^\\x00]{0,8}") {
        let matcher = Matcher::equal(&name, &value);
        let text = matcher.to_string();
        if !value.contains(|c: char| c.is_control() || c == '\u{7f}') && !name.contains(char::is_control) {
            proptest::prop_assert_eq!(MatcherMode::Utf8Strict.matcher(&text).unwrap(), matcher, "{}", text);
        }
    }
}
