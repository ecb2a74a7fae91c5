//! What Go's RE2 does, as a specification. Expectations were recorded from Go 1.26 and Prometheus 3.14.

use proptest::prelude::*;

use super::*;

fn anchored(pattern: &str) -> Regex {
    Regex::anchored(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"))
}

#[test]
fn refused_with_gos_words() {
    let table = [
        ("a**", "invalid nested repetition operator: `**`"),
        ("a*?+", "invalid nested repetition operator: `*?+`"),
        ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a|+", "missing argument to repetition operator: `+`"),
        ("(?", "invalid or unsupported Perl syntax: `(?`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?i-:a)", "invalid or unsupported Perl syntax: `(?i-:`"),
        ("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
        ("(?<", "invalid or unsupported Perl syntax: `(?<`"),
        ("(?<=a)b", "invalid named capture: `(?<=a)b`"),
        ("(?P<a b>c)", "invalid named capture: `(?P<a b>`"),
        ("x{1001}", "invalid repeat count: `{1001}`"),
        ("x{3,2}", "invalid repeat count: `{3,2}`"),
        ("(x{100}){11}", "invalid repeat count: `{11}`"),
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        (r"\p{Nope}", r"invalid character class range: `\p{Nope}`"),
        (r"\p{Alphabetic}", r"invalid character class range: `\p{Alphabetic}`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
        (r"[\b]", r"invalid escape sequence: `\b`"),
        ("a\\", "trailing backslash at end of expression: ``"),
        (r"\Qa", r"missing closing ): `^(?s:\Qa)$`"),
    ];
    for (pattern, complaint) in table {
        let error = Regex::anchored(pattern).expect_err(pattern);
        assert_eq!(error.to_string(), format!("error parsing regexp: {complaint}"), "{pattern}");
    }
}

#[test]
fn means_what_go_means() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("a.c", &["abc", "a\nc", "aéc"], &["ac", "abbc"]),
        ("(?-s:a.c)", &["abc"], &["a\nc"]),
        (r"\d+", &["12"], &["", "١٢", "1a"]),
        (r"\w", &["_", "k"], &["é"]),
        (r"(?i)\w", &["K", "ſ", "\u{212a}"], &["é"]),
        (r"(?i)k", &["k", "K", "\u{212a}"], &["q"]),
        (r"\s", &[" ", "\t", "\n"], &["\u{b}", "\u{a0}"]),
        ("[[a]", &["[", "a"], &["]", "b"]),
        ("[a&&b]", &["a", "&", "b"], &["", "c"]),
        ("[a~~b]", &["~"], &["c"]),
        ("[]a]", &["]", "a"], &["["]),
        ("[^]a]", &["["], &["]", "a"]),
        ("[[:^alpha:]]", &["1"], &["a"]),
        (r"\Qa.b\E+", &["a.b", "a.bbb"], &["axb", "a.ba.b"]),
        (r"\pN", &["1", "½"], &["a"]),
        (r"\p{greek}\P{Lu}", &["αb"], &["αB", "ab"]),
        (r"\p{uppercase_letter}", &["A"], &["a"]),
        ("a{,2}", &["a{,2}"], &["aa"]),
        ("{", &["{"], &[""]),
        ("rootfs{} ", &["rootfs{} "], &["rootfs"]),
        ("a(?i)b|c", &["ab", "aB", "C"], &["AB"]),
        ("(a(?i)b)c", &["aBc"], &["abC"]),
        ("^foo$", &["foo"], &["foo\n", "xfoo"]),
        ("(?m)a$.^b", &["a\nb"], &["ab"]),
        (r"\x{1F600}\x41\101", &["😀AA"], &["AA"]),
        ("(?P<n>a)(?<n>b)", &["ab"], &["ba"]),
        ("(x{10}){100}", &[], &["x"]),
        ("", &[""], &["a"]),
        ("a|", &["a", ""], &["b"]),
        ("(?U)a+", &["aaa"], &[""]),
        (r"\bfoo\b", &["foo"], &["foox"]),
    ];
    for (pattern, matching, others) in table {
        let regex = anchored(pattern);
        matching.iter().for_each(|text| assert!(regex.is_match(text), "{pattern} should match {text:?}"));
        others.iter().for_each(|text| assert!(!regex.is_match(text), "{pattern} should not match {text:?}"));
    }
}

#[test]
fn sets_of_literals() {
    let table: &[(&str, Option<&[&str]>)] = &[
        ("foo", Some(&["foo"])),
        ("foo|bar", Some(&["bar", "foo"])),
        ("^(foo|bar)$", Some(&["bar", "foo"])),
        ("^foo$|^bar$", Some(&["bar", "foo"])),
        ("(a|b)[12]c?", Some(&["a1", "a1c", "a2", "a2c", "b1", "b1c", "b2", "b2c"])),
        (r"a\.b", Some(&["a.b"])),
        ("(?i)ab", Some(&["AB", "Ab", "aB", "ab"])),
        ("", Some(&[""])),
        ("a|", Some(&["", "a"])),
        ("foo.*", None),
        ("[0-9]{3}", None),
        ("a+", None),
        ("a^b", None),
    ];
    for (pattern, literals) in table {
        let regex = anchored(pattern);
        assert_eq!(
            regex.set_of_literals().map(<[String]>::to_vec),
            literals.map(|l| l.iter().map(|t| t.to_string()).collect()),
            "{pattern}"
        );
    }
    let many = |n: usize| (0..n).map(|i| format!("x{i}")).collect::<Vec<_>>().join("|");
    assert_eq!(anchored(&many(256)).set_of_literals().map(<[String]>::len), Some(256));
    assert_eq!(anchored(&many(257)).set_of_literals(), None);
    assert!(anchored(&many(257)).is_match("x256") && !anchored(&many(257)).is_match("x257"));
}

#[test]
fn hints_for_storage() {
    // pattern, prefix, required literal, everything, everything but the empty text
    let table = [
        (".*", None, None, true, false),
        ("(.*?)", None, None, true, false),
        ("^.*$", None, None, true, false),
        (".+", None, None, false, true),
        ("(?-s).*", None, None, false, false),
        ("foo.*", Some("foo"), Some("foo"), false, false),
        ("foo[0-9]+bars", Some("foo"), Some("bars"), false, false),
        (".*foo.*", None, Some("foo"), false, false),
        ("foo|bar", None, None, false, false),
        ("(?i)foo.*", None, None, false, false),
    ];
    for (pattern, prefix, required, everything, nonempty) in table {
        let regex = anchored(pattern);
        assert_eq!(regex.prefix(), prefix, "{pattern}");
        assert_eq!(regex.required_literal(), required, "{pattern}");
        assert_eq!((regex.matches_everything(), regex.matches_nonempty()), (everything, nonempty), "{pattern}");
    }
}

#[test]
fn gaps_around_a_literal() {
    for (pattern, matching, others) in [
        (".+foo.+", vec!["xfoox", "foofoox"], vec!["foo", "xfoo", "foox", "ffoo", ""]),
        (".*foo.+", vec!["foox"], vec!["foo", "xfoo"]),
        (".+foo", vec!["éfoo"], vec!["foo"]),
        (".+foo.*", vec!["xfoo", "foofoo"], vec!["foo", "foox"]),
    ] {
        let regex = anchored(pattern);
        matching.iter().for_each(|text| assert!(regex.is_match(text), "{pattern} {text}"));
        others.iter().for_each(|text| assert!(!regex.is_match(text), "{pattern} {text}"));
    }
}

#[test]
fn templates() {
    let regex = anchored("(?P<first>[^-]*)-(.*)-(x)?");
    let captures = regex.captures("a-b-").unwrap();
    let table = [
        ("$1.$2", "a.b"),
        ("${1}x$2", "axb"),
        ("$1x", ""),
        ("$first/${first}", "a/a"),
        ("[$3]", "[]"),
        ("$9", ""),
        ("$$1", "$1"),
        ("$", "$"),
        ("$-", "$-"),
        ("${1", "${1"),
        ("${}", "${}"),
        ("$01", ""),
        ("$0", "a-b-"),
    ];
    for (template, expected) in table {
        let mut out = String::new();
        captures.expand(template, &mut out);
        assert_eq!(out, expected, "{template}");
    }
    assert!(regex.captures("ab").is_none());
    assert_eq!(anchored("foo|bar").captures("bar").and_then(|c| c.group(0)), Some("bar"), "compiled late");
}

#[test]
fn replacing() {
    let table = [
        ("a*", "baac", "-", "-b-c-"),
        ("", "ab", "-", "-a-b-"),
        ("b", "abcb", "<$0>", "a<b>c<b>"),
        (r"(\w)(\w)", "abcde", "$2$1", "badce"),
        (".", "a\nb", "x", "x\nx"),
    ];
    for (pattern, text, template, expected) in table {
        assert_eq!(Regex::unanchored(pattern).unwrap().replace_all(text, template), expected, "{pattern}");
    }
}

#[test]
fn limits() {
    let too_large = |pattern: &str| Regex::anchored(pattern).expect_err("too large").to_string();
    assert!(too_large(&"a".repeat(MAX_PATTERN_BYTES + 1)).contains("expression too large"));
    assert!(too_large(&r"\pL".repeat(2000)).contains("expression too large"));
    assert!(too_large(r"(\pL{1000})").contains("expression too large"));
    let nested = |n: usize| format!("{}a{}", "(".repeat(n), ")*".repeat(n));
    assert!(too_large(&nested(MAX_NESTING + 1)).contains("expression nests too deeply"));
    let deep = nested(MAX_NESTING);
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let matched = thread.spawn(move || anchored(&deep).is_match("aaa")).unwrap().join().unwrap();
    assert!(matched, "the deepest pattern fits a small stack");
    assert!(Regex::anchored(&"(".repeat(MAX_PATTERN_BYTES)).is_err());
}

proptest! {
    #[test]
    fn no_pattern_panics_and_hints_are_true(pattern in pattern(), texts in prop::collection::vec("[abkK\n.]{0,4}", 8)) {
        let Ok(regex) = Regex::anchored(&pattern) else { return Ok(()) };
        for text in &texts {
            let slow = regex.captures(text).is_some();
            prop_assert_eq!(regex.is_match(text), slow, "{:?} on {:?}", pattern, text);
            if let Some(set) = regex.set_of_literals() {
                prop_assert_eq!(set.contains(text), slow);
            }
            prop_assert!(!slow || text.starts_with(regex.prefix().unwrap_or("")));
            prop_assert!(!slow || text.contains(regex.required_literal().unwrap_or("")));
            prop_assert!(slow || !regex.matches_everything());
            prop_assert!(!regex.matches_nonempty() || slow != text.is_empty());
        }
    }

    #[test]
    fn no_text_panics_as_a_pattern(pattern in any::<String>()) {
        let _ = Regex::anchored(&pattern);
        let _ = Regex::unanchored(&pattern);
    }
}

fn pattern() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "k", ".", ".*", ".+", "*", "+?", "?", "(", ")", "|", "[ab]", "[^a]", "^", "$", "{2}", "{0}", "(?i)",
        "(?:", "(?m)", "\\Q", "\\E", "\\n", "\\.", "\\b", "\\B",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}
