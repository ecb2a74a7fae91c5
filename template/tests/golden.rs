//! Templates by what Go makes of them: `testdata/template/*.txt` beside ours.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/data.rs"]
mod data;

use cases::{Case, Outcome};
use data::World;
use nightjar_template::{Context, Limits};

/// What ours do differently: the template, and why.
const DIFFERENT: &[(&str, &str)] = &[("{{ len .nil }}", "a nil that Go holds in an interface{} is plain nil here")];

fn outcome(case: &Case) -> Outcome {
    let (mut set, data) = data::set(&case.data, &case.mode);
    let text = if case.data == "rule" {
        format!("{}{}", nightjar_template::RULE_PRELUDE, case.template)
    } else {
        case.template.clone()
    };
    if let Err(e) = set.parse("t", &text) {
        return Outcome::Error(e.to_string());
    }
    let mut world = World;
    let mut context = Context::new(&mut world, Limits::NOTIFICATION);
    let result = match case.mode.as_str() {
        "html" => set.render_html("t", &data, &mut context),
        _ => set.render("t", &data, &mut context),
    };
    match result {
        Ok(text) => Outcome::Text(text),
        Err(e) => Outcome::Error(e.to_string()),
    }
}

fn check(file: &str) {
    let cases = cases::read(file);
    assert!(cases.len() > 20, "{file} has only {} cases", cases.len());
    let mut wrong = 0;
    for case in &cases {
        let got = outcome(case);
        if got != case.outcome && !DIFFERENT.iter().any(|(template, _)| case.template == *template) {
            wrong += 1;
            println!("{file}: {}\n  want {:?}\n  got  {got:?}", case.template, case.outcome);
        }
    }
    assert_eq!(wrong, 0, "{wrong} of {} templates in {file} differ from Go", cases.len());
}

macro_rules! golden {
    ($($name:ident)*) => { $(#[test] fn $name() { check(concat!(stringify!($name), ".txt")); })* };
}

golden! { syntax control print floats go prometheus alertmanager annotations time html }
