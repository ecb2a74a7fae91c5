//! What a template may cost: each limit by the template that runs into it.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

use nightjar_template::{
    Context, Error, Functions, Host, Limits, Set, Stage, Time, Value, alertmanager, console, prometheus,
};

struct Nobody;

impl Host for Nobody {
    fn now(&self) -> Time {
        Time::zero()
    }
}

fn render_with(functions: Functions, text: &str, limits: Limits, html: bool) -> Result<String, Error> {
    let mut set = Set::new(functions);
    set.parse("t", text)?;
    let mut nobody = Nobody;
    let mut context = Context::new(&mut nobody, limits);
    if html { set.render_html("t", &Value::Nil, &mut context) } else { set.render("t", &Value::Nil, &mut context) }
}

fn render(text: &str) -> Result<String, Error> {
    render_with(alertmanager(), text, Limits::RULE, false)
}

#[test]
fn every_limit_fails_with_its_name_and_the_place() {
    for (text, message) in [
        (
            "{{ range 1000000000 }}{{ end }}",
            "template: t:1:9: executing \"t\" at <1000000000>: template takes more than 100000 steps",
        ),
        (
            "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
            "template: t:1:28: executing \"a\" at <{{template \"a\"}}>: exceeded maximum template depth (32)",
        ),
        (
            "{{ range 1000 }}0123456789012345678901234567890123456789012345678901234567890123456789{{ end }}",
            "result has more than 65536 bytes",
        ),
        (
            "{{ $x := \"0123456789\" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}",
            "error calling print: template makes more than 4194304 bytes",
        ),
        (
            "{{ $x := list }}{{ range 1000 }}{{ $x = list $x }}{{ end }}",
            "error calling list: more than 64 lists inside each other",
        ),
        ("{{ $x := list 1 }}{{ range 60 }}{{ $x = list $x $x }}{{ end }}{{ $x }}", "result has more than 65536 bytes"),
        ("{{ $x := list 1 }}{{ range 60 }}{{ $x = list $x $x }}{{ end }}{{ toJson $x }}", "json: more than"),
        (
            "{{ $x := list 1 }}{{ range 60 }}{{ $x = list $x $x }}{{ end }}{{ print $x }}",
            "error calling print: template makes more than",
        ),
        ("{{ printf \"%9999999d\" 1 }}", "error calling printf: template makes more than"),
        ("{{ printf \"%.9999999f\" 1.5 }}", "error calling printf: template makes more than"),
        (
            "{{ $x := printf \"%99999d\" 1 }}{{ reReplaceAll \"\" $x $x }}",
            "error calling reReplaceAll: template makes more than",
        ),
        (
            "{{ $x := printf \"%999d\" 1 }}{{ range 12 }}{{ $x = html (js (printf \"%q\" $x)) }}{{ end }}{{ $l := stringSlice $x $x }}{{ join $x $l }}",
            "more than",
        ),
        ("{{ match (printf \"a{1000}%s\" \"{1000}\") \"a\" }}", "error calling match: error parsing regexp"),
    ] {
        let error = render(text).expect_err(text);
        assert!(error.to_string().contains(message), "{text}:\n{error}\n{message}");
    }
    assert_eq!(render("{{ range 1000000000 }}{{ end }}").unwrap_err().stage(), Stage::Limit);
    assert_eq!(render("{{ len 3 }}").unwrap_err().stage(), Stage::Execute);
    assert_eq!(render("{{ ").unwrap_err().stage(), Stage::Parse);
    assert_eq!(render_with(console(), "<a", Limits::RULE, true).unwrap_err().stage(), Stage::Escape);
}

#[test]
fn depth_within_the_limits_does_not_overflow_the_stack() {
    let nested = "{{ if 1 }}".repeat(100) + "x" + &"{{ end }}".repeat(100);
    for html in [false, true] {
        assert_eq!(render_with(alertmanager(), &nested, Limits::RULE, html).as_deref(), Ok("x"));
    }
    let parens = format!("{{{{ {}1{} }}}}", "(".repeat(100), ")".repeat(100));
    assert_eq!(render(&parens).as_deref(), Ok("1"));
    // Templates that call each other deeply, each with blocks around the call.
    let blocks = |inner: &str| format!("{}{inner}{}", "{{ if 1 }}".repeat(90), "{{ end }}".repeat(90));
    let deep = format!("{{{{ define \"a\" }}}}{}{{{{ end }}}}{{{{ template \"a\" }}}}", blocks("{{ template \"a\" }}"));
    assert!(render(&deep).unwrap_err().to_string().contains("more than 200 blocks open"));
    assert!(render_with(console(), &deep, Limits::RULE, true).is_err());
    let tmpl = "{{ define \"a\" }}{{ tmpl \"a\" . }}{{ end }}{{ tmpl \"a\" . }}";
    assert!(
        render_with(console(), tmpl, Limits::RULE, true).unwrap_err().to_string().contains("maximum template depth")
    );
    let chain = "{{ if 0 }}".to_owned() + &"{{ else if 0 }}".repeat(98) + "{{ else }}x{{ end }}";
    assert_eq!(render(&chain).as_deref(), Ok("x"));
    let lists =
        "{{ $x := list 1 }}{{ range 60 }}{{ $x = list $x }}{{ end }}{{ $x }}{{ toJson $x }}{{ len (print $x) }}";
    assert!(render(lists).is_ok());
}

#[test]
fn escaping_ends() {
    // Loops inside loops are looked at twice each: 2^90 times without a limit.
    let loops = "{{ range 1 }}".repeat(90) + &"{{ end }}".repeat(90);
    let error = render_with(alertmanager(), &loops, Limits::RULE, true).unwrap_err();
    assert!(error.to_string().contains("to escape"), "{error}");
    // Each call begins one `${` deeper.
    let braces = "{{ define \"a\" }}${`{{ template \"a\" }}{{ end }}<script>`{{ template \"a\" }}</script>";
    assert!(render_with(alertmanager(), braces, Limits::RULE, true).is_err());
    let chain: String =
        (0..2000).map(|i| format!("{{{{ define \"t{i}\" }}}}{{{{ template \"t{}\" }}}}{{{{ end }}}}", i + 1)).collect();
    let chain = chain + "{{ define \"t2000\" }}x{{ end }}{{ template \"t0\" }}";
    assert!(render_with(alertmanager(), &chain, Limits::RULE, true).is_err());
}

#[test]
fn a_set_grows_by_texts_and_keeps_what_is_not_empty() {
    let mut set = Set::new(prometheus());
    set.parse("a.tmpl", "{{ define \"x\" }}1{{ end }}{{ define \"y\" }}2{{ end }}").unwrap();
    set.parse("b.tmpl", "{{ define \"x\" }} {{ end }}{{ define \"y\" }}3{{ end }}").unwrap();
    assert!(set.parse("c.tmpl", "{{ define \"x\" }}4{{ end }}{{ nosuch }}").is_err());
    assert_eq!(set.names().collect::<Vec<_>>(), ["a.tmpl", "b.tmpl", "x", "y"]);
    let mut nobody = Nobody;
    let mut context = Context::new(&mut nobody, Limits::RULE);
    let text = "{{ template \"x\" }}<{{ template \"y\" }}";
    assert_eq!(set.expand(text, &Value::Nil, &mut context).as_deref(), Ok("1<3"));
    assert_eq!(set.expand_html(text, &Value::Nil, &mut context).as_deref(), Ok("1&lt;3"));
    assert!(set.render("", &Value::Nil, &mut context).is_err());
}
