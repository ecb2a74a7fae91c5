//! Template text to tokens.

use crate::quote::quote;
use crate::unicode::{is_digit, is_letter, is_print};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The text of the token is the message.
    Error,
    Eof,
    Text,
    LeftDelim,
    RightDelim,
    LeftParen,
    RightParen,
    Space,
    Pipe,
    Assign,
    Declare,
    /// Any other printable ASCII character.
    Char,
    Bool,
    CharConstant,
    /// `1+2i`
    Complex,
    Number,
    Str,
    RawStr,
    Field,
    Variable,
    Identifier,
    Dot,
    Nil,
    Keyword(Keyword),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) pos: usize,
    pub(super) line: usize,
    pub(super) text: String,
}

impl Token {
    /// How messages show it.
    pub(super) fn shown(&self) -> String {
        match self.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => self.text.clone(),
            Kind::Keyword(_) | Kind::Dot | Kind::Nil => format!("<{}>", self.text),
            _ if self.text.len() > 10 => {
                format!("{}...", quote(&self.text.chars().take(10).collect::<String>()))
            }
            _ => quote(&self.text),
        }
    }
}

/// `U+0021 '!'`
fn code_point(c: char) -> String {
    let shown = if is_print(c) { format!(" '{c}'") } else { String::new() };
    format!("U+{:04X}{shown}", u32::from(c))
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

fn is_alphanumeric(c: char) -> bool {
    c == '_' || is_letter(c) || is_digit(c)
}

pub(super) struct Lexer<'a> {
    input: &'a str,
    pos: usize,
    start: usize,
    line: usize,
    start_line: usize,
    parens: usize,
    inside: bool,
    /// `break` and `continue` are words of the language, not functions of the caller.
    pub(super) loop_words: (bool, bool),
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        Self { input, pos: 0, start: 0, line: 1, start_line: 1, parens: 0, inside: false, loop_words: (true, true) }
    }

    fn rest(&self) -> &'a str {
        &self.input[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn skip_to(&mut self, pos: usize) {
        self.line += self.input[self.pos..pos].matches('\n').count();
        self.pos = pos;
    }

    fn ignore(&mut self) {
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn token(&mut self, kind: Kind) -> Token {
        let text = self.input[self.start..self.pos].to_owned();
        let token = Token { kind, pos: self.start, line: self.start_line, text };
        self.ignore();
        token
    }

    fn error(&mut self, message: impl Into<String>) -> Token {
        let token = Token { kind: Kind::Error, pos: self.start, line: self.start_line, text: message.into() };
        self.pos = self.input.len();
        self.start = self.pos;
        self.inside = false;
        token
    }

    pub(super) fn next(&mut self) -> Token {
        if self.inside { self.action() } else { self.text() }
    }

    fn text(&mut self) -> Token {
        loop {
            let Some(at) = self.rest().find("{{") else {
                let kind = if self.rest().is_empty() { Kind::Eof } else { Kind::Text };
                self.skip_to(self.input.len());
                return self.token(kind);
            };
            let open = self.pos + at;
            let trims = has_left_trim(&self.input[open + 2..]);
            let text = &self.input[self.start..open];
            let kept = if trims { text.trim_end_matches(SPACES) } else { text };
            if !kept.is_empty() {
                self.skip_to(self.start + kept.len());
                let token = self.token(Kind::Text);
                self.skip_to(open);
                self.ignore();
                return token;
            }
            self.skip_to(open);
            self.ignore();
            let after = open + 2 + if trims { 2 } else { 0 };
            if !self.input[after..].starts_with("/*") {
                self.skip_to(open + 2);
                let token = self.token(Kind::LeftDelim);
                self.skip_to(after);
                self.ignore();
                self.inside = true;
                self.parens = 0;
                return token;
            }
            self.skip_to(after);
            self.ignore();
            if let Err(token) = self.comment() {
                return token;
            }
        }
    }

    /// The opening `/*` is next. Leaves the lexer after the closing delimiter.
    fn comment(&mut self) -> Result<(), Token> {
        let Some(end) = self.rest()[2..].find("*/") else { return Err(self.error("unclosed comment")) };
        let end = self.pos + 2 + end + 2;
        let Some(close) = right_delim(&self.input[end..]) else {
            return Err(self.error("comment ends before closing delimiter"));
        };
        self.skip_to(end + close);
        self.trim_after(close);
        Ok(())
    }

    fn trim_after(&mut self, delim_len: usize) {
        if delim_len > 2 {
            let rest = self.rest();
            self.skip_to(self.pos + rest.len() - rest.trim_start_matches(SPACES).len());
        }
        self.ignore();
    }

    fn close(&mut self, delim_len: usize) -> Token {
        self.skip_to(self.pos + delim_len - 2);
        self.ignore();
        self.pos += 2;
        let token = self.token(Kind::RightDelim);
        self.trim_after(delim_len);
        self.inside = false;
        token
    }

    fn action(&mut self) -> Token {
        if let Some(len) = right_delim(self.rest()) {
            return if self.parens == 0 { self.close(len) } else { self.error("unclosed left paren") };
        }
        let Some(c) = self.bump() else { return self.error("unclosed action") };
        match c {
            _ if SPACES.contains(&c) => self.space(),
            '=' => self.token(Kind::Assign),
            ':' if self.peek() == Some('=') => {
                self.bump();
                self.token(Kind::Declare)
            }
            ':' => self.error("expected :="),
            '|' => self.token(Kind::Pipe),
            '"' => self.quoted('"', "unterminated quoted string", Kind::Str),
            '`' => self.raw(),
            '$' => self.name(Kind::Variable),
            '\'' => self.quoted('\'', "unterminated character constant", Kind::CharConstant),
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) && self.pos < self.input.len() => {
                self.name(Kind::Field)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.pos = self.start;
                self.number()
            }
            _ if is_alphanumeric(c) => self.identifier(),
            '(' => {
                self.parens += 1;
                self.token(Kind::LeftParen)
            }
            ')' if self.parens == 0 => self.error("unexpected right paren"),
            ')' => {
                self.parens -= 1;
                self.token(Kind::RightParen)
            }
            _ if c.is_ascii() && is_print(c) => self.token(Kind::Char),
            _ => self.error(format!("unrecognized character in action: {}", code_point(c))),
        }
    }

    /// A run of spaces, except that the last one may belong to ` -}}`.
    fn space(&mut self) -> Token {
        while self.peek().is_some_and(|c| SPACES.contains(&c)) {
            self.bump();
        }
        let last = self.pos - 1;
        if right_delim(&self.input[last..]).is_some() {
            self.line -= usize::from(self.input.as_bytes()[last] == b'\n');
            self.pos = last;
            if self.pos == self.start {
                return self.close(4);
            }
        }
        self.token(Kind::Space)
    }

    fn quoted(&mut self, mark: char, unterminated: &str, kind: Kind) -> Token {
        loop {
            match self.bump() {
                Some('\\') if self.peek().is_some_and(|c| c != '\n') => {
                    self.bump();
                }
                Some(c) if c == mark => return self.token(kind),
                None | Some('\n' | '\\') => return self.error(unterminated),
                Some(_) => {}
            }
        }
    }

    fn raw(&mut self) -> Token {
        while let Some(c) = self.bump() {
            if c == '`' {
                return self.token(Kind::RawStr);
            }
        }
        self.error("unterminated raw quoted string")
    }

    /// What may follow a name directly.
    fn at_terminator(&self) -> bool {
        match self.peek() {
            None => true,
            Some(c) => SPACES.contains(&c) || ".,|:)(".contains(c) || self.rest().starts_with("}}"),
        }
    }

    fn name(&mut self, kind: Kind) -> Token {
        if self.at_terminator() {
            return self.token(if kind == Kind::Field { Kind::Dot } else { kind });
        }
        self.word(kind)
    }

    fn word(&mut self, kind: Kind) -> Token {
        while self.peek().is_some_and(is_alphanumeric) {
            self.bump();
        }
        match self.peek() {
            Some(c) if !self.at_terminator() => self.error(format!("bad character {}", code_point(c))),
            _ => self.token(kind),
        }
    }

    fn identifier(&mut self) -> Token {
        let mut token = self.word(Kind::Identifier);
        if token.kind == Kind::Identifier {
            token.kind = match token.text.as_str() {
                "true" | "false" => Kind::Bool,
                "nil" => Kind::Nil,
                "block" => Kind::Keyword(Keyword::Block),
                "break" if self.loop_words.0 => Kind::Keyword(Keyword::Break),
                "continue" if self.loop_words.1 => Kind::Keyword(Keyword::Continue),
                "define" => Kind::Keyword(Keyword::Define),
                "else" => Kind::Keyword(Keyword::Else),
                "end" => Kind::Keyword(Keyword::End),
                "if" => Kind::Keyword(Keyword::If),
                "range" => Kind::Keyword(Keyword::Range),
                "template" => Kind::Keyword(Keyword::Template),
                "with" => Kind::Keyword(Keyword::With),
                _ => Kind::Identifier,
            };
        }
        token
    }

    fn number(&mut self) -> Token {
        if !self.scan_number() {
            return self.bad_number();
        }
        if !matches!(self.peek(), Some('+' | '-')) {
            return self.token(Kind::Number);
        }
        if self.scan_number() && self.input[..self.pos].ends_with('i') {
            return self.token(Kind::Complex);
        }
        self.bad_number()
    }

    fn bad_number(&mut self) -> Token {
        let text = quote(&self.input[self.start..self.pos]);
        self.error(format!("bad number syntax: {text}"))
    }

    fn accept(&mut self, set: &str) -> bool {
        let found = self.peek().is_some_and(|c| set.contains(c));
        if found {
            self.bump();
        }
        found
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        while self.accept(digits) {}
        if self.accept(".") {
            while self.accept(digits) {}
        }
        if (digits.len() == 11 && self.accept("eE")) || (digits.len() == 23 && self.accept("pP")) {
            self.accept("+-");
            while self.accept("0123456789_") {}
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.bump();
            return false;
        }
        true
    }
}

fn has_left_trim(s: &str) -> bool {
    let mut chars = s.chars();
    chars.next() == Some('-') && chars.next().is_some_and(|c| SPACES.contains(&c))
}

/// The length of the closing delimiter that starts here: 2, or 4 with its trim marker.
fn right_delim(s: &str) -> Option<usize> {
    let bytes = s.as_bytes();
    match bytes {
        [b'}', b'}', ..] => Some(2),
        [b' ' | b'\t' | b'\r' | b'\n', b'-', b'}', b'}', ..] => Some(4),
        _ => None,
    }
}
