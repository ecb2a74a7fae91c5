//! Title case by words, as `golang.org/x/text/cases` does it for American English.

use crate::unicode::{is_digit, is_letter, is_mark};

/// The first letter of each word in title case; the others in lower case if `lower`, else as they are.
pub(super) fn title(text: &str, lower: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_word, mut after_joiner) = (false, false);
    for c in text.chars() {
        let joiner = is_joiner(c);
        if joiner && after_joiner {
            in_word = false;
        }
        after_joiner = joiner;
        if is_cased(c) {
            match (in_word, lower) {
                (false, _) => push_title(c, &mut out),
                (true, true) => out.extend(c.to_lowercase()),
                (true, false) => out.push(c),
            }
            in_word = true;
        } else {
            out.push(c);
            if is_break(c) && !joiner {
                in_word = false;
            }
        }
    }
    out
}

fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || matches!(c, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ')
}

/// The first of a full mapping is a capital, the others are small: `ß` begins a word as `Ss`.
fn push_title(c: char, out: &mut String) {
    match c {
        'Ǆ'..='ǆ' => out.push('ǅ'),
        'Ǉ'..='ǉ' => out.push('ǈ'),
        'Ǌ'..='ǌ' => out.push('ǋ'),
        'Ǳ'..='ǳ' => out.push('ǲ'),
        'ა'..='ჿ' => out.push(c),
        _ => {
            let mut full = c.to_uppercase();
            out.extend(full.next());
            full.for_each(|rest| out.extend(rest.to_lowercase()));
        }
    }
}

/// Stands inside words, but not twice in a row.
fn is_joiner(c: char) -> bool {
    const JOINERS: &str = "'.:··՟״‘’․‧︓﹒﹕＇．：";
    JOINERS.contains(c)
}

fn is_break(c: char) -> bool {
    let ideographic = matches!(c, '\u{e00}'..='\u{eff}' | '\u{2e80}'..='\u{309f}' | '\u{3400}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
    let invisible = matches!(c, '\u{ad}' | '\u{200c}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    let part = c == '_' || is_digit(c) || is_mark(c) || (is_letter(c) && !ideographic) || invisible;
    !part
}

#[test]
fn words_begin_with_capitals() {
    for (text, lowered, kept) in [
        ("foo-bar foo_bar it's", "Foo-Bar Foo_bar It's", "Foo-Bar Foo_bar It's"),
        ("CPU is HIGH", "Cpu Is High", "CPU Is HIGH"),
        ("3abc abc3def a..b a.b", "3Abc Abc3def A..B A.b", "3Abc Abc3def A..B A.b"),
        ("ǆabc ßab ﬁn", "ǅabc Ssab Fin", "ǅabc Ssab Fin"),
        ("abc日本def a\u{301}bc", "Abc日本Def A\u{301}bc", "Abc日本Def A\u{301}bc"),
    ] {
        assert_eq!((title(text, true).as_str(), title(text, false).as_str()), (lowered, kept));
    }
}
