//! What can be said of a pattern without running it.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Most texts that are listed.
const MAX_LITERALS: usize = 256;
/// Most bytes in a listed text; longer ones are left to the engine.
const MAX_LITERAL_BYTES: usize = 4096;

/// What stands before or after the literal in `.*literal.+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    Nothing,
    Anything,
    Something,
}

/// A pattern that a comparison answers.
#[derive(Clone, Debug)]
enum Exact {
    /// Exactly these, sorted.
    Literals(Vec<String>),
    /// A literal, possibly empty, between gaps.
    Between(Gap, String, Gap),
}

/// The shape of an anchored pattern.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    exact: Option<Exact>,
    prefix: String,
    suffix: String,
    required: String,
}

impl Shape {
    /// The shape of a pattern that must match the whole text.
    pub(super) fn of(hir: &Hir) -> Shape {
        let mut parts = Vec::new();
        flatten(hir, &mut parts);
        while parts.first().is_some_and(|part| is_look(part, Look::Start)) {
            parts.remove(0);
        }
        while parts.last().is_some_and(|part| is_look(part, Look::End)) {
            parts.pop();
        }
        let exact = literals_of(hir).map(Exact::Literals).or_else(|| between(&parts));
        let longest = parts.iter().filter_map(|part| literal(part)).max_by_key(|literal| literal.len());
        Shape {
            exact,
            prefix: parts.first().and_then(|part| literal(part)).unwrap_or_default().to_owned(),
            suffix: parts.last().and_then(|part| literal(part)).unwrap_or_default().to_owned(),
            required: longest.unwrap_or_default().to_owned(),
        }
    }

    /// Whether [`Shape::is_match`] always has the answer.
    pub(super) fn is_exact(&self) -> bool {
        self.exact.is_some()
    }

    /// Whether the text matches, if that is plain.
    pub(super) fn is_match(&self, text: &str) -> Option<bool> {
        match &self.exact {
            Some(Exact::Literals(literals)) => Some(match literals.as_slice() {
                [one] => one == text,
                many => many.binary_search_by(|literal| literal.as_str().cmp(text)).is_ok(),
            }),
            Some(Exact::Between(before, literal, after)) => Some(is_between(text, *before, literal, *after)),
            None if !text.starts_with(&self.prefix) || !text.ends_with(&self.suffix) => Some(false),
            None => None,
        }
    }

    pub(super) fn literals(&self) -> Option<&[String]> {
        match &self.exact {
            Some(Exact::Literals(literals)) => Some(literals),
            _ => None,
        }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn required(&self) -> &str {
        &self.required
    }

    pub(super) fn is_everything(&self) -> bool {
        matches!(&self.exact, Some(Exact::Between(Gap::Anything, literal, Gap::Nothing)) if literal.is_empty())
    }

    pub(super) fn is_nonempty(&self) -> bool {
        matches!(&self.exact, Some(Exact::Between(Gap::Something, literal, Gap::Nothing)) if literal.is_empty())
    }
}

fn is_between(text: &str, before: Gap, literal: &str, after: Gap) -> bool {
    match (before, after) {
        (Gap::Nothing, Gap::Nothing) => text == literal,
        (Gap::Nothing, after) => text.strip_prefix(literal).is_some_and(|rest| fits(rest, after)),
        (before, Gap::Nothing) => text.strip_suffix(literal).is_some_and(|rest| fits(rest, before)),
        (before, after) => {
            let mut inner = text.chars();
            if before == Gap::Something && inner.next().is_none() {
                return false;
            }
            if after == Gap::Something && inner.next_back().is_none() {
                return false;
            }
            inner.as_str().contains(literal)
        }
    }
}

fn fits(text: &str, gap: Gap) -> bool {
    match gap {
        Gap::Nothing => text.is_empty(),
        Gap::Anything => true,
        Gap::Something => !text.is_empty(),
    }
}

/// The parts of a sequence, groups opened.
pub(super) fn flatten<'h>(hir: &'h Hir, parts: &mut Vec<&'h Hir>) {
    match hir.kind() {
        HirKind::Capture(capture) => flatten(&capture.sub, parts),
        HirKind::Concat(subs) => subs.iter().for_each(|sub| flatten(sub, parts)),
        HirKind::Empty => {}
        _ => parts.push(hir),
    }
}

fn is_look(hir: &Hir, look: Look) -> bool {
    matches!(hir.kind(), HirKind::Look(found) if *found == look)
}

fn literal(hir: &Hir) -> Option<&str> {
    match hir.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok(),
        _ => None,
    }
}

/// `.*` or `.+`, greedy or not, where `.` is any character at all.
fn gap(hir: &Hir) -> Option<Gap> {
    let HirKind::Repetition(repetition) = hir.kind() else { return None };
    let mut sub = &*repetition.sub;
    while let HirKind::Capture(capture) = sub.kind() {
        sub = &capture.sub;
    }
    let HirKind::Class(Class::Unicode(class)) = sub.kind() else { return None };
    let any = matches!(class.ranges(), [all] if all.start() == '\0' && all.end() == char::MAX);
    match (any, repetition.min, repetition.max) {
        (true, 0, None) => Some(Gap::Anything),
        (true, 1, None) => Some(Gap::Something),
        _ => None,
    }
}

fn between(parts: &[&Hir]) -> Option<Exact> {
    let (before, parts) = match parts.split_first() {
        Some((first, rest)) if gap(first).is_some() => (gap(first)?, rest),
        _ => (Gap::Nothing, parts),
    };
    let (after, parts) = match parts.split_last() {
        Some((last, rest)) if gap(last).is_some() => (gap(last)?, rest),
        _ => (Gap::Nothing, parts),
    };
    let mut middle = String::new();
    for part in parts {
        middle.push_str(literal(part)?);
    }
    match (before, after) {
        // Two gaps without a literal between them are not worth a rule of their own.
        (Gap::Anything | Gap::Something, Gap::Anything | Gap::Something) if middle.is_empty() => None,
        _ => Some(Exact::Between(before, middle, after)),
    }
}

/// All texts the whole pattern matches, sorted, if they are few.
fn literals_of(hir: &Hir) -> Option<Vec<String>> {
    let mut found = texts(hir, true, true)?;
    found.sort_unstable();
    found.dedup();
    Some(found)
}

/// All texts a part matches. `^` and `$` are known to hold at the edges only.
fn texts(hir: &Hir, at_start: bool, at_end: bool) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(_) => {
            literal(hir).filter(|text| text.len() <= MAX_LITERAL_BYTES).map(|text| vec![text.to_owned()])
        }
        HirKind::Look(Look::Start) if at_start => Some(vec![String::new()]),
        HirKind::Look(Look::End) if at_end => Some(vec![String::new()]),
        HirKind::Look(_) => None,
        HirKind::Capture(capture) => texts(&capture.sub, at_start, at_end),
        HirKind::Class(class) => class_texts(class),
        HirKind::Repetition(repetition) => {
            let max = repetition.max.filter(|max| *max <= 8)?;
            let once = texts(&repetition.sub, false, false)?;
            let mut all = Vec::new();
            let mut copies = vec![String::new()];
            for n in 0..=max {
                if n >= repetition.min {
                    all.extend(copies.iter().cloned());
                }
                if n < max {
                    copies = product(&copies, &once)?;
                }
            }
            few(all)
        }
        HirKind::Concat(subs) => {
            let mut all = vec![String::new()];
            for (i, sub) in subs.iter().enumerate() {
                let starts = at_start && subs[..i].iter().all(|sub| is_look(sub, Look::Start));
                let ends = at_end && subs[i + 1..].iter().all(|sub| is_look(sub, Look::End));
                all = product(&all, &texts(sub, starts, ends)?)?;
            }
            Some(all)
        }
        HirKind::Alternation(subs) => {
            let mut all = Vec::new();
            for sub in subs {
                all.extend(texts(sub, at_start, at_end)?);
                all = few(all)?;
            }
            Some(all)
        }
    }
}

fn class_texts(class: &Class) -> Option<Vec<String>> {
    let Class::Unicode(class) = class else { return None };
    let size: u32 = class.ranges().iter().map(|range| range.end() as u32 - range.start() as u32 + 1).sum();
    if size as usize > MAX_LITERALS {
        return None;
    }
    Some(class.ranges().iter().flat_map(|range| range.start()..=range.end()).map(String::from).collect())
}

fn product(heads: &[String], tails: &[String]) -> Option<Vec<String>> {
    if heads.len() * tails.len() > MAX_LITERALS {
        return None;
    }
    let longest = |texts: &[String]| texts.iter().map(String::len).max().unwrap_or(0);
    if longest(heads) + longest(tails) > MAX_LITERAL_BYTES {
        return None;
    }
    Some(heads.iter().flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}"))).collect())
}

fn few(texts: Vec<String>) -> Option<Vec<String>> {
    if texts.len() <= MAX_LITERALS { Some(texts) } else { None }
}
