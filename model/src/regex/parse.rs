//! Go's syntax, read into the engine's tree.

use regex_syntax::hir::{Capture, Class, ClassUnicode, Dot, Hir, Look, Repetition};

use crate::regex::class::{fold, perl, posix, range};
use crate::regex::error::RegexError;
use crate::regex::unicode;

/// Longest pattern that is read.
pub const MAX_PATTERN_BYTES: usize = 64 << 10;
/// Most groups inside each other. Go allows 1000, which would ask more of a thread's stack than it has.
pub const MAX_NESTING: usize = 200;
/// Most copies that repetitions inside each other may ask for.
const MAX_REPEAT: u32 = 1000;
/// Most ranges of characters in all classes together.
const MAX_CLASS_RANGES: usize = 500_000;

/// A pattern that has been read.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    /// Names of the groups, the whole match first.
    pub(super) names: Vec<Option<String>>,
    /// Whether a `\Q` reaches to the end.
    pub(super) open_quote: bool,
}

/// Reads a pattern.
pub(super) fn parse(pattern: &str, dot_matches_newline: bool) -> Result<Parsed, RegexError> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(RegexError::new("expression too large", &pattern.chars().take(64).collect::<String>()));
    }
    let flags = Flags { dot_newline: dot_matches_newline, ..Flags::default() };
    let mut parser = Parser {
        pattern,
        pos: 0,
        flags,
        open: vec![Level::new(flags, None)],
        names: vec![None],
        last_repeat: None,
        class_ranges: 0,
        open_quote: false,
    };
    while parser.pos < pattern.len() {
        parser.step()?;
    }
    let hir = match (parser.open.pop(), parser.open.is_empty()) {
        (Some(level), true) => level.finish().hir,
        _ => return Err(RegexError::new("missing closing )", pattern)),
    };
    Ok(Parsed { hir, names: parser.names, open_quote: parser.open_quote })
}

#[derive(Clone, Copy, Default)]
struct Flags {
    fold: bool,
    multi_line: bool,
    dot_newline: bool,
    swap_greed: bool,
}

/// Something read, and how many copies its repetitions ask for.
struct Item {
    hir: Hir,
    copies: u32,
}

/// What has been read since a group was opened.
struct Level {
    flags: Flags,
    capture: Option<u32>,
    branches: Vec<Item>,
    sequence: Vec<Item>,
}

impl Level {
    fn new(flags: Flags, capture: Option<u32>) -> Level {
        Level { flags, capture, branches: Vec::new(), sequence: Vec::new() }
    }

    fn end_branch(&mut self) {
        let copies = self.sequence.iter().map(|item| item.copies).max().unwrap_or(1);
        let hir = Hir::concat(self.sequence.drain(..).map(|item| item.hir).collect());
        self.branches.push(Item { hir, copies });
    }

    fn finish(mut self) -> Item {
        self.end_branch();
        let copies = self.branches.iter().map(|item| item.copies).max().unwrap_or(1);
        let hir = Hir::alternation(self.branches.into_iter().map(|item| item.hir).collect());
        match self.capture {
            Some(index) => Item { hir: Hir::capture(Capture { index, name: None, sub: Box::new(hir) }), copies },
            None => Item { hir, copies },
        }
    }
}

struct Parser<'p> {
    pattern: &'p str,
    pos: usize,
    flags: Flags,
    /// Never empty; the first is the whole pattern.
    open: Vec<Level>,
    names: Vec<Option<String>>,
    /// Where the repetition operator just read begins.
    last_repeat: Option<usize>,
    class_ranges: usize,
    open_quote: bool,
}

type Step<T = ()> = Result<T, RegexError>;

impl<'p> Parser<'p> {
    /// Reads one character, escape, class, group boundary or repetition operator.
    fn step(&mut self) -> Step {
        let last_repeat = self.last_repeat.take();
        let rest = self.rest();
        let Some(c) = self.bump() else { return Ok(()) };
        match c {
            '(' if self.rest().starts_with('?') => self.group_flags(rest)?,
            '(' => self.open_group(true, None)?,
            ')' => self.close_group()?,
            '|' => {
                if let Some(level) = self.open.last_mut() {
                    level.end_branch();
                }
            }
            '^' => self.push(Hir::look(if self.flags.multi_line { Look::StartLF } else { Look::Start })),
            '$' => self.push(Hir::look(if self.flags.multi_line { Look::EndLF } else { Look::End })),
            '.' => self.push(Hir::dot(if self.flags.dot_newline { Dot::AnyChar } else { Dot::AnyCharExceptLF })),
            '[' => self.class(rest)?,
            '*' => self.repeat(rest, 0, None, last_repeat)?,
            '+' => self.repeat(rest, 1, None, last_repeat)?,
            '?' => self.repeat(rest, 0, Some(1), last_repeat)?,
            '{' => self.braces(rest, last_repeat)?,
            '\\' => self.escape(rest)?,
            c => self.literal(c as u32)?,
        }
        Ok(())
    }

    fn rest(&self) -> &'p str {
        &self.pattern[self.pos..]
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    /// An error about the part of the pattern from `from` up to here.
    fn error<T>(&self, what: &str, from: &'p str) -> Step<T> {
        Err(RegexError::new(what, &from[..from.len() - self.rest().len()]))
    }

    fn push(&mut self, hir: Hir) {
        if let Some(level) = self.open.last_mut() {
            level.sequence.push(Item { hir, copies: 1 });
        }
    }

    fn push_class(&mut self, class: ClassUnicode) -> Step {
        self.class_ranges += class.ranges().len();
        if self.class_ranges > MAX_CLASS_RANGES {
            return Err(RegexError::new("expression too large", self.pattern));
        }
        self.push(Hir::class(Class::Unicode(class)));
        Ok(())
    }

    fn literal(&mut self, code: u32) -> Step {
        match char::from_u32(code) {
            Some(c) if !self.flags.fold => {
                self.push(Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes()));
                Ok(())
            }
            _ => {
                let mut class = range(code, code);
                fold(&mut class);
                self.push_class(class)
            }
        }
    }

    fn open_group(&mut self, capture: bool, name: Option<&str>) -> Step {
        if self.open.len() > MAX_NESTING {
            return Err(RegexError::new("expression nests too deeply", self.pattern));
        }
        let index = capture.then(|| {
            self.names.push(name.map(str::to_owned));
            (self.names.len() - 1) as u32
        });
        self.open.push(Level::new(self.flags, index));
        Ok(())
    }

    fn close_group(&mut self) -> Step {
        let closed = if self.open.len() > 1 { self.open.pop() } else { None };
        let (Some(closed), Some(level)) = (closed, self.open.last_mut()) else {
            return Err(RegexError::new("unexpected )", self.pattern));
        };
        self.flags = closed.flags;
        level.sequence.push(closed.finish());
        Ok(())
    }

    /// `(?flags)`, `(?flags:`, `(?P<name>`, `(?<name>`; the parenthesis has been read.
    fn group_flags(&mut self, from: &'p str) -> Step {
        let named = from.strip_prefix("(?P<").or_else(|| from.strip_prefix("(?<"));
        if let Some(rest) = named.filter(|rest| !rest.is_empty()) {
            let Some(end) = rest.find('>') else {
                return Err(RegexError::new("invalid named capture", from));
            };
            self.pos = self.pattern.len() - rest.len() + end + 1;
            let name = &rest[..end];
            if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
                return self.error("invalid named capture", from);
            }
            return self.open_group(true, Some(name));
        }
        self.pos += 1;
        let (mut flags, mut value, mut pending) = (self.flags, true, false);
        while let Some(c) = self.bump() {
            match c {
                'i' => flags.fold = value,
                'm' => flags.multi_line = value,
                's' => flags.dot_newline = value,
                'U' => flags.swap_greed = value,
                '-' if value => {
                    (value, pending) = (false, true);
                    continue;
                }
                ':' | ')' if !pending => {
                    if c == ':' {
                        self.open_group(false, None)?;
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => return self.error("invalid or unsupported Perl syntax", from),
            }
            pending = false;
        }
        self.error("invalid or unsupported Perl syntax", from)
    }

    /// Applies a repetition operator, which has been read but for a `?` behind it.
    fn repeat(&mut self, from: &'p str, min: u32, max: Option<u32>, last_repeat: Option<usize>) -> Step {
        let lazy = self.rest().starts_with('?');
        self.pos += usize::from(lazy);
        if let Some(start) = last_repeat {
            let pattern = self.pattern;
            return self.error("invalid nested repetition operator", &pattern[start..]);
        }
        let Some(item) = self.open.last_mut().and_then(|level| level.sequence.pop()) else {
            return self.error("missing argument to repetition operator", from);
        };
        // Operators without braces ask for no copies, and nothing is copied for {0}.
        let copies = match (from.starts_with('{'), max) {
            (true, Some(0)) => 1,
            (true, _) => item.copies.saturating_mul(max.unwrap_or(min).max(1)),
            (false, _) => item.copies,
        };
        let counted = from.starts_with('{') && (min >= 2 || max.is_some_and(|max| max >= 2));
        if counted && copies > MAX_REPEAT {
            return self.error("invalid repeat count", from);
        }
        let greedy = lazy == self.flags.swap_greed;
        let hir = Hir::repetition(Repetition { min, max, greedy, sub: Box::new(item.hir) });
        if let Some(level) = self.open.last_mut() {
            level.sequence.push(Item { hir, copies });
        }
        self.last_repeat = Some(self.pattern.len() - from.len());
        Ok(())
    }

    /// `{n}`, `{n,}`, `{n,m}`, or a plain brace.
    fn braces(&mut self, from: &'p str, last_repeat: Option<usize>) -> Step {
        let Some((min, max, length)) = repeat_bounds(from) else { return self.literal('{' as u32) };
        self.pos = self.pattern.len() - from.len() + length;
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || max < min) {
            return self.error("invalid repeat count", from);
        }
        self.repeat(from, min, max, last_repeat)
    }

    /// An escape outside classes; the backslash has been read.
    fn escape(&mut self, from: &'p str) -> Step {
        let look = match self.rest().chars().next() {
            Some('A') => Look::Start,
            Some('z') => Look::End,
            Some('b') => Look::WordAscii,
            Some('B') => Look::WordAsciiNegate,
            Some('C') => {
                self.pos += 1;
                return self.error("invalid escape sequence", from);
            }
            Some('Q') => {
                self.pos += 1;
                return self.quoted();
            }
            _ => return self.escaped_class_or_char(from),
        };
        self.pos += 1;
        self.push(Hir::look(look));
        Ok(())
    }

    fn quoted(&mut self) -> Step {
        let rest = self.rest();
        let (literal, skipped) = match rest.split_once("\\E") {
            Some((literal, _)) => (literal, literal.len() + 2),
            None => {
                self.open_quote = true;
                (rest, rest.len())
            }
        };
        for c in literal.chars() {
            self.literal(c as u32)?;
        }
        self.pos += skipped;
        Ok(())
    }

    fn escaped_class_or_char(&mut self, from: &'p str) -> Step {
        if let Some(class) = self.escaped_class(from)? {
            return self.push_class(class);
        }
        let code = self.escaped_char(from)?;
        self.literal(code)
    }

    /// `\d`, `\pL`, `\p{Greek}`: the backslash has been read, nothing more is if it is no such class.
    fn escaped_class(&mut self, from: &'p str) -> Step<Option<ClassUnicode>> {
        match self.rest().chars().next() {
            Some('p' | 'P') => self.unicode_class(from).map(Some),
            Some(letter) => {
                let class = perl(letter, self.flags.fold);
                self.pos += usize::from(class.is_some());
                Ok(class)
            }
            None => Ok(None),
        }
    }

    fn unicode_class(&mut self, from: &'p str) -> Step<ClassUnicode> {
        let mut negated = self.bump() == Some('P');
        let start = self.rest();
        let name = match self.bump() {
            Some('{') => {
                let Some(end) = start.find('}') else {
                    return Err(RegexError::new("invalid character class range", from));
                };
                self.pos = self.pattern.len() - start.len() + end + 1;
                &start[1..end]
            }
            Some(c) => &start[..c.len_utf8()],
            None => "",
        };
        let plain = name.strip_prefix('^').unwrap_or(name);
        negated ^= plain.len() != name.len();
        let Some(mut class) = unicode::named(plain) else {
            return self.error("invalid character class range", from);
        };
        if self.flags.fold {
            fold(&mut class);
        }
        if negated {
            class.negate();
        }
        Ok(class)
    }

    /// The code point an escape means; the backslash has been read.
    fn escaped_char(&mut self, from: &'p str) -> Step<u32> {
        let Some(c) = self.bump() else {
            return Err(RegexError::new("trailing backslash at end of expression", ""));
        };
        let octal_follows = self.rest().starts_with(|c: char| c.is_digit(8));
        let code = match c {
            '0' => Some(self.octal(c)),
            '1'..='7' if octal_follows => Some(self.octal(c)),
            'x' => self.hexadecimal(),
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c as u32),
            _ => None,
        };
        code.map_or_else(|| self.error("invalid escape sequence", from), Ok)
    }

    fn octal(&mut self, first: char) -> u32 {
        let mut code = first.to_digit(8).unwrap_or(0);
        for _ in 0..2 {
            let Some(digit) = self.rest().chars().next().and_then(|c| c.to_digit(8)) else { break };
            code = code * 8 + digit;
            self.pos += 1;
        }
        code
    }

    /// `41` or `{1F600}`.
    fn hexadecimal(&mut self) -> Option<u32> {
        let first = self.bump()?;
        if first != '{' {
            let second = self.bump();
            return Some(first.to_digit(16)? * 16 + second?.to_digit(16)?);
        }
        let (mut code, mut digits) = (0_u32, 0);
        loop {
            let c = self.bump()?;
            if c == '}' {
                return if digits > 0 { Some(code) } else { None };
            }
            code = code * 16 + c.to_digit(16)?;
            digits += 1;
            if code > char::MAX as u32 {
                return None;
            }
        }
    }

    /// `[...]`; the bracket has been read.
    fn class(&mut self, from: &'p str) -> Step {
        let negated = self.rest().starts_with('^');
        self.pos += usize::from(negated);
        let mut class = ClassUnicode::empty();
        let mut first = true;
        while first || !self.rest().starts_with(']') {
            first = false;
            let part = self.class_part(from)?;
            self.class_ranges += part.ranges().len();
            if self.class_ranges > MAX_CLASS_RANGES {
                return Err(RegexError::new("expression too large", self.pattern));
            }
            class.union(&part);
        }
        self.pos += 1;
        if negated {
            class.negate();
        }
        self.push_class(class)
    }

    /// A character, range or named class inside brackets.
    fn class_part(&mut self, class: &'p str) -> Step<ClassUnicode> {
        let part = self.rest();
        if let Some((name, _)) = part.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) {
            self.pos += name.len() + 4;
            return posix(name, self.flags.fold).map_or_else(|| self.error("invalid character class range", part), Ok);
        }
        if part.starts_with('\\') {
            self.pos += 1;
            if let Some(found) = self.escaped_class(part)? {
                return Ok(found);
            }
            self.pos -= 1;
        }
        let low = self.class_char(class)?;
        let mut high = low;
        let follows = self.rest().as_bytes();
        if follows.len() >= 2 && follows[0] == b'-' && follows[1] != b']' {
            self.pos += 1;
            high = self.class_char(class)?;
            if high < low {
                return self.error("invalid character class range", part);
            }
        }
        let mut found = range(low, high);
        if self.flags.fold {
            fold(&mut found);
        }
        Ok(found)
    }

    fn class_char(&mut self, class: &'p str) -> Step<u32> {
        let from = self.rest();
        match self.bump() {
            Some('\\') => self.escaped_char(from),
            Some(c) => Ok(c as u32),
            None => Err(RegexError::new("missing closing ]", class)),
        }
    }
}

/// The bounds and length of a counted repetition; numbers too large to matter are cut off. `None` if it is none.
fn repeat_bounds(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let (inner, _) = text.strip_prefix('{')?.split_once('}')?;
    let (min, max) = match inner.split_once(',') {
        None => {
            let n = count(inner)?;
            (n, Some(n))
        }
        Some((min, "")) => (count(min)?, None),
        Some((min, max)) => (count(min)?, Some(count(max)?)),
    };
    Some((min, max, inner.len() + 2))
}

fn count(digits: &str) -> Option<u32> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some(digits.parse().unwrap_or(u32::MAX))
}
