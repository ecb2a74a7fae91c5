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
}
