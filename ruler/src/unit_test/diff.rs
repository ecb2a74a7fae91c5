//! Expected and found alerts as one coloured text: what is missing in red, what is too much in green, what differs in
//! yellow.
//!
//! The layout is the one of github.com/nsf/jsondiff for consoles, which `promtool test rules --diff` prints.

use std::collections::BTreeSet;

use nightjar_model::labels::quote;

use super::compare::FiringAlert;
use crate::texts::Texts;

const GREEN: &str = "\x1b[0;32m";
const RED: &str = "\x1b[0;31m";
const YELLOW: &str = "\x1b[0;33m";
const PLAIN: &str = "\x1b[0m";

/// How alerts differ from those expected; every line but the first begins with `indent`.
pub(super) fn alerts_diff(expected: &[FiringAlert], found: &[FiringAlert], indent: &str) -> String {
    let nothing = [(Texts::default(), Texts::default())];
    let at_least_one = |alerts: &'_ [FiringAlert]| if alerts.is_empty() { nothing.to_vec() } else { alerts.to_vec() };
    let (expected, found) = (at_least_one(expected), at_least_one(found));
    let mut page = Page { text: String::new(), indent, level: 0, color: "" };
    let count = expected.len().max(found.len());
    page.items('[', ']', count, |page, i| match (expected.get(i), found.get(i)) {
        (Some(a), Some(b)) => page.alert(a, b),
        (Some(a), None) => page.colored(RED, |page| page.alert(a, a)),
        (None, Some(b)) => page.colored(GREEN, |page| page.alert(b, b)),
        (None, None) => {}
    });
    page.text
}

struct Page<'a> {
    text: String,
    indent: &'a str,
    level: usize,
    /// The color that lines continue in.
    color: &'static str,
}

impl Page<'_> {
    fn line(&mut self) {
        let end = if self.color.is_empty() { "" } else { PLAIN };
        self.text.push_str(end);
        self.text.push('\n');
        self.text.push_str(self.indent);
        self.text.push_str(&"    ".repeat(self.level));
        self.text.push_str(self.color);
    }

    fn colored(&mut self, color: &'static str, write: impl FnOnce(&mut Self)) {
        self.text.push_str(color);
        self.color = color;
        write(self);
        self.color = "";
        self.text.push_str(PLAIN);
    }

    fn items(&mut self, open: char, close: char, count: usize, mut item: impl FnMut(&mut Self, usize)) {
        self.text.push(open);
        if count > 0 {
            self.level += 1;
            self.line();
        }
        for i in 0..count {
            item(self, i);
            if i + 1 < count {
                self.text.push(',');
            } else {
                self.level -= 1;
            }
            self.line();
        }
        self.text.push(close);
    }

    /// Two versions of an alert; one that stands alone is compared with itself.
    fn alert(&mut self, expected: &FiringAlert, found: &FiringAlert) {
        self.items('{', '}', 2, |page, i| {
            let (name, a, b) = match i {
                0 => ("\"Annotations\": ", &expected.1, &found.1),
                _ => ("\"Labels\": ", &expected.0, &found.0),
            };
            page.text.push_str(name);
            page.texts(a, b);
        });
    }

    fn texts(&mut self, expected: &Texts, found: &Texts) {
        let value = |texts: &Texts, key: &str| texts.iter().find(|(name, _)| *name == key).map(|(_, v)| quote(v));
        let names: BTreeSet<&str> = expected.iter().chain(found.iter()).map(|(name, _)| name).collect();
        let names: Vec<&str> = names.into_iter().collect();
        self.items('{', '}', names.len(), |page, i| {
            let name = format!("{}: ", quote(names[i]));
            match (value(expected, names[i]), value(found, names[i])) {
                (Some(a), Some(b)) if a == b => page.text.push_str(&format!("{name}{a}")),
                (Some(a), Some(b)) => page.text.push_str(&format!("{name}{YELLOW}{a} => {b}{PLAIN}")),
                (Some(a), None) => page.text.push_str(&format!("{RED}{name}{a}{PLAIN}")),
                (None, Some(b)) => page.text.push_str(&format!("{GREEN}{name}{b}{PLAIN}")),
                (None, None) => {}
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_has_a_color() {
        let texts = |pairs: &[(&str, &str)]| Texts::from_pairs(pairs.iter().copied());
        let expected = [(texts(&[("alertname", "A"), ("job", "x"), ("team", "t")]), texts(&[]))];
        let found = [
            (texts(&[("alertname", "A"), ("job", "y"), ("zone", "z")]), texts(&[])),
            (texts(&[("alertname", "A")]), texts(&[])),
        ];
        let text = alerts_diff(&expected, &found, "").replace('\x1b', "^");
        let lines = [
            "[",
            "    {",
            "        \"Annotations\": {},",
            "        \"Labels\": {",
            "            \"alertname\": \"A\",",
            "            \"job\": ^[0;33m\"x\" => \"y\"^[0m,",
            "            ^[0;31m\"team\": \"t\"^[0m,",
            "            ^[0;32m\"zone\": \"z\"^[0m",
            "        }",
            "    },",
            "    ^[0;32m{^[0m",
            "        ^[0;32m\"Annotations\": {},^[0m",
            "        ^[0;32m\"Labels\": {^[0m",
            "            ^[0;32m\"alertname\": \"A\"^[0m",
            "        ^[0;32m}^[0m",
            "    ^[0;32m}^[0m",
            "]",
        ];
        assert_eq!(text, lines.join("\n"));
        // None at all is an alert without anything.
        assert!(alerts_diff(&[], &found[1..], "  ").starts_with("[\n      {\n          \"Annotations\": {},"));
    }
}
