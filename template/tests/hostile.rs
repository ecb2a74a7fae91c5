//! Whatever the text, there is an answer.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/data.rs"]
mod data;

use nightjar_template::{Context, Limits};
use proptest::prelude::*;

/// Parses and renders, as text and as HTML. The answer does not matter, that there is one does.
fn try_all(text: &str) {
    let limits = Limits { steps: 5000, output_bytes: 1 << 16, work_bytes: 1 << 18, ..Limits::RULE };
    for name in ["plain", "rule", "notify"] {
        for mode in ["text", "html"] {
            let (mut set, data) = data::set(name, mode);
            if set.parse("t", text).is_err() {
                continue;
            }
            let mut world = data::World;
            let mut context = Context::new(&mut world, limits);
            let result = match mode {
                "html" => set.render_html("t", &data, &mut context),
                _ => set.render("t", &data, &mut context),
            };
            if let Ok(text) = result {
                assert!(text.len() <= limits.output_bytes);
            }
        }
    }
}

/// Templates of the golden files, to be cut and mixed.
fn seeds() -> Vec<String> {
    let files = ["syntax", "control", "print", "go", "prometheus", "alertmanager", "time", "html"];
    files.iter().flat_map(|file| cases::read(&format!("{file}.txt"))).map(|case| case.template).collect()
}

/// All functions, and some methods.
fn functions() -> Vec<&'static str> {
    let methods = [".time.Add", ".time.AddDate", ".time.Truncate", ".dur.Round", ".kv.Remove", ".kv.Names.Join"];
    let sets = [nightjar_template::builtins(), nightjar_template::alertmanager(), nightjar_template::console()];
    sets.iter().flat_map(|set| set.names().collect::<Vec<_>>()).chain(methods).collect()
}

const TOKENS: &[&str] = &[
    "{{",
    "}}",
    "{{-",
    "-}}",
    "(",
    ")",
    "|",
    ".",
    "$",
    "$x",
    ":=",
    "=",
    ",",
    "\"",
    "`",
    "'",
    "\\",
    "/*",
    "*/",
    "if ",
    "else ",
    "end",
    "range ",
    "with ",
    "define ",
    "block ",
    "template ",
    "break",
    "continue",
    "nil",
    "true",
    "printf ",
    "index ",
    "slice ",
    "print ",
    "len ",
    "-1",
    "9223372036854775807",
    "1e308",
    "0x",
    "%",
    "%*d",
    "%[9]d",
    "%.99999f",
    "é",
    "\u{2028}",
    "\u{0}",
    "<script>",
    "</script>",
    "<a href=",
    "<style>",
    "url(",
    "${",
    "<!--",
    "-->",
    "\n",
];

/// Operands at the edges of their types.
const OPERANDS: &[&str] = &[
    ".int",
    ".neg",
    ".uint",
    ".float",
    ".nan",
    ".inf",
    ".s",
    ".empty",
    ".uni",
    ".html",
    ".words",
    ".none",
    ".list",
    ".labels",
    ".m",
    ".kv",
    ".pair",
    ".pairs",
    ".time",
    ".timep",
    ".dur",
    ".safe",
    ".nil",
    ".nosuch",
    ".",
    "nil",
    "true",
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "1e308",
    "5e-324",
    "-0.0",
    "70000",
    "\"%070000d\"",
    "\"%.70000e\"",
    "\"%-*.*[1]f%v\"",
    "\"2006-01-02T15:04:05.999Z07:00\"",
    "\"-07:00:00 MST Jan\"",
    "\"9999-12-31\"",
    "\"é☃\"",
    "\"(a)|b*\"",
    "\"${1}$x$\"",
    "\"[\"",
    "\"1y2w\"",
    "\"[::1]:80\"",
    "\"0x1p-2\"",
    "\"%zz\"",
    "\"YQ==\"",
    ".time.Month",
    "(.time.AddDate 99999999999 1 1)",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_has_an_answer(text in "\\PC*") {
        try_all(&text);
        try_all(&format!("{{{{ {text} }}}}"));
    }

    #[test]
    fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        try_all(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_tokens_have_an_answer(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..40)) {
        try_all(&tokens.concat());
    }

    #[test]
    fn mixed_templates_have_an_answer(
        seed in prop::sample::select(seeds()),
        other in prop::sample::select(seeds()),
        cuts in (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        token in prop::sample::select(TOKENS),
    ) {
        let cut = |s: &str, at: prop::sample::Index| {
            let chars: Vec<char> = s.chars().collect();
            let at = at.index(chars.len() + 1);
            (chars[..at].iter().collect::<String>(), chars[at..].iter().collect::<String>())
        };
        let (head, tail) = cut(&seed, cuts.0);
        try_all(&format!("{head}{token}{tail}"));
        try_all(&format!("{head}{}", cut(&other, cuts.1).1));
        try_all(&cut(&tail, cuts.2).1);
    }

    #[test]
    fn any_call_has_an_answer(
        function in prop::sample::select(functions()),
        args in prop::collection::vec(prop::sample::select(OPERANDS), 0..5),
    ) {
        let call = format!("{function} {}", args.join(" "));
        try_all(&format!("{{{{ {call} }}}}"));
        try_all(&format!("<a href=\"{{{{ {call} }}}}\"><script>{{{{ {call} | printf \"%v\" }}}}</script>"));
    }

    #[test]
    fn any_format_has_an_answer(
        format in "(%[#0+ -]{0,3}(\\[[0-9]\\]|\\*|[0-9]{0,6})(\\.[0-9*]{0,6})?[vTtbcdoOqxXUeEfFgGspw%é]){1,4}",
        args in prop::collection::vec(prop::sample::select(OPERANDS), 0..5),
    ) {
        try_all(&format!("{{{{ printf \"{format}\" {} }}}}", args.join(" ")));
    }

    #[test]
    fn any_time_has_an_answer(layout in "[2006Jan15:04.9MST_Z-]{0,20}\\PC{0,3}", text in "[0-9 :.+TZaMF-]{0,20}\\PC{0,3}") {
        let (layout, text) = (layout.replace(['"', '\\'], ""), text.replace(['"', '\\'], ""));
        try_all(&format!("{{{{ toDate \"{layout}\" \"{text}\" | date \"{layout}\" }}}}"));
        try_all(&format!("{{{{ mustToDate \"{layout}\" \"{text}\" }}}}{{{{ humanize \"{text}\" }}}}{{{{ parseDuration \"{text}\" }}}}"));
    }
}
