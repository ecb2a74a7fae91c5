//! Text to tokens, lazily: an error in the text ahead does not hide one the parser finds before it.

use crate::ast::{BinaryOp, Span};
use crate::parser::number::scan_number;
use crate::parser::quoting::{check_escape, quote_char};
use crate::parser::token::{Tok, Token};

/// What is wrong and from where on; the damage reaches to the end of the text.
pub(super) struct LexError {
    pub(super) start: usize,
    pub(super) message: String,
}

/// Which rules apply to the next character outside braces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Statement,
    Duration,
}

/// The lexer. Braces and brackets switch rules, so it keeps track of them.
pub(super) struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    mode: Mode,
    parens: u32,
    brace: bool,
    bracket: bool,
    colon: bool,
    duration: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer {
            text,
            pos: 0,
            mode: Mode::Statement,
            parens: 0,
            brace: false,
            bracket: false,
            colon: false,
            duration: false,
        }
    }

    /// The next token; `Eof` again and again at the end.
    pub(super) fn next_token(&mut self) -> Result<Token, LexError> {
        loop {
            self.skip_spaces();
            if !(self.mode == Mode::Statement && self.peek() == Some('#')) {
                break;
            }
            self.pos += self.rest().find(['\n', '\r']).unwrap_or(self.rest().len());
        }
        let start = self.pos;
        let tok = match self.mode {
            Mode::Duration => self.in_duration(start)?,
            Mode::Statement if self.brace => self.in_braces(start)?,
            Mode::Statement => self.in_statement(start)?,
        };
        Ok(Token { tok, span: Span { start: start as u32, end: self.pos as u32 } })
    }

    fn in_statement(&mut self, start: usize) -> Result<Tok, LexError> {
        let Some(c) = self.bump() else {
            return match () {
                () if self.parens != 0 => error(start, "unclosed left parenthesis".to_owned()),
                () if self.bracket => error(start, "unclosed left bracket".to_owned()),
                () => Ok(Tok::Eof),
            };
        };
        if let Some(tok) = simple_operator(c) {
            return Ok(tok);
        }
        match c {
            '=' if self.eat('=') => Ok(Tok::Op(BinaryOp::Eq)),
            '=' if self.peek() == Some('~') => error(start, "unexpected character after '=': '~'".to_owned()),
            '=' => Ok(Tok::Equal),
            '!' if self.eat('=') => Ok(Tok::Op(BinaryOp::Ne)),
            '!' => error(start, format!("unexpected character after '!': {}", quote_char(self.peek()))),
            '<' if self.eat('=') => Ok(Tok::Op(BinaryOp::Le)),
            '<' if self.eat('/') => Ok(Tok::Op(BinaryOp::TrimUpper)),
            '<' => Ok(Tok::Op(BinaryOp::Lt)),
            '>' if self.eat('=') => Ok(Tok::Op(BinaryOp::Ge)),
            '>' if self.eat('/') => Ok(Tok::Op(BinaryOp::TrimLower)),
            '>' => Ok(Tok::Op(BinaryOp::Gt)),
            _ if starts_number(c, self.peek()) => self.number_or_duration(start),
            '"' | '\'' => self.string(start, c),
            '`' => self.raw_string(start),
            _ if is_alpha(c) || c == ':' => self.word(start, c),
            '(' => Ok(self.open_paren()),
            ')' => self.close_paren(c),
            '{' => {
                self.brace = true;
                Ok(Tok::LBrace)
            }
            '[' if self.bracket => error(start, "unexpected left bracket '['".to_owned()),
            '[' => {
                self.colon = false;
                self.bracket = true;
                self.mode = Mode::Duration;
                Ok(Tok::LBracket)
            }
            ']' if !self.bracket => error(start, "unexpected right bracket ']'".to_owned()),
            ']' => {
                self.bracket = false;
                Ok(Tok::RBracket)
            }
            '@' => Ok(Tok::At),
            _ => error(start, format!("unexpected character: {}", quote_char(Some(c)))),
        }
    }

    /// Keywords and names, or what may stand in a bracket after a first duration.
    fn word(&mut self, start: usize, c: char) -> Result<Tok, LexError> {
        if !self.bracket {
            self.eat_while(|c| is_alphanumeric(c) || c == ':');
            return Ok(self.keyword_or_name(&self.text[start..self.pos]));
        }
        if c == ':' {
            if self.colon {
                return error(start, "unexpected colon ':'".to_owned());
            }
            self.colon = true;
            return Ok(Tok::Colon);
        }
        self.duration_keyword(start).ok_or_else(|| LexError {
            start,
            message: format!("unexpected character: {}, expected ':'", quote_char(Some(c))),
        })
    }

    fn keyword_or_name(&self, word: &str) -> Tok {
        match Tok::keyword(word) {
            Some(Tok::Fill | Tok::FillLeft | Tok::FillRight) if !self.before_paren() => Tok::Ident,
            Some(keyword) => keyword,
            None if word.contains(':') => Tok::MetricIdent,
            None => Tok::Ident,
        }
    }

    fn before_paren(&self) -> bool {
        self.rest().trim_start_matches(is_space).starts_with('(')
    }

    fn duration_keyword(&mut self, start: usize) -> Option<Tok> {
        self.eat_while(is_alpha);
        Tok::duration_keyword(&self.text[start..self.pos])
    }

    /// Between `[` and the first number; a number ends these rules.
    fn in_duration(&mut self, start: usize) -> Result<Tok, LexError> {
        let Some(c) = self.bump() else {
            return error(start, "unexpected end of input in duration expression".to_owned());
        };
        let unexpected = |c| format!("unexpected character in duration expression: {}", quote_char(Some(c)));
        match c {
            ']' => {
                self.bracket = false;
                self.colon = false;
                self.mode = Mode::Statement;
                Ok(Tok::RBracket)
            }
            ':' if !self.duration => {
                error(self.pos, "unexpected colon before duration in duration expression".to_owned())
            }
            ':' if self.colon => error(self.pos, "unexpected repeated colon in duration expression".to_owned()),
            ':' => {
                self.colon = true;
                Ok(Tok::Colon)
            }
            '(' => Ok(self.open_paren()),
            ')' => self.close_paren(c),
            'a'..='z' | 'A'..='Z' => {
                self.duration_keyword(start).ok_or_else(|| LexError { start, message: unexpected(c) })
            }
            _ if starts_number(c, self.peek()) => {
                self.duration = true;
                self.mode = Mode::Statement;
                self.number_or_duration(start)
            }
            _ => simple_operator(c).ok_or_else(|| LexError { start, message: unexpected(c) }),
        }
    }

    /// Between `{` and `}`, where no word is a keyword.
    fn in_braces(&mut self, start: usize) -> Result<Tok, LexError> {
        let Some(c) = self.bump() else {
            return error(start, "unexpected end of input inside braces".to_owned());
        };
        match c {
            _ if is_alpha(c) => {
                self.eat_while(is_alphanumeric);
                Ok(Tok::Ident)
            }
            ',' => Ok(Tok::Comma),
            '"' | '\'' => self.string(start, c),
            '`' => self.raw_string(start),
            '=' if self.eat('~') => Ok(Tok::EqualRegex),
            '=' => Ok(Tok::Equal),
            '!' if self.eat('~') => Ok(Tok::NotRegex),
            '!' if self.eat('=') => Ok(Tok::Op(BinaryOp::Ne)),
            '!' => error(start, format!("unexpected character after '!' inside braces: {}", quote_char(self.peek()))),
            '{' => error(start, "unexpected left brace '{'".to_owned()),
            '}' => {
                self.brace = false;
                Ok(Tok::RBrace)
            }
            _ => error(start, format!("unexpected character inside braces: {}", quote_char(Some(c)))),
        }
    }

    fn open_paren(&mut self) -> Tok {
        self.parens += 1;
        Tok::LParen
    }

    fn close_paren(&mut self, c: char) -> Result<Tok, LexError> {
        match self.parens.checked_sub(1) {
            Some(parens) => {
                self.parens = parens;
                Ok(Tok::RParen)
            }
            None => error(self.pos, format!("unexpected right parenthesis {}", quote_char(Some(c)))),
        }
    }

    fn string(&mut self, start: usize, quote: char) -> Result<Tok, LexError> {
        loop {
            match self.bump() {
                Some('\\') => {
                    let taken = check_escape(self.rest(), quote).map_err(|message| LexError { start, message })?;
                    self.pos += taken;
                }
                Some(char::REPLACEMENT_CHARACTER) => return error(start, "invalid UTF-8 rune".to_owned()),
                None | Some('\n') => return error(start, "unterminated quoted string".to_owned()),
                Some(c) if c == quote => return Ok(Tok::Str),
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self, start: usize) -> Result<Tok, LexError> {
        loop {
            match self.bump() {
                Some(char::REPLACEMENT_CHARACTER) => return error(start, "invalid UTF-8 rune".to_owned()),
                None => return error(start, "unterminated raw string".to_owned()),
                Some('`') => return Ok(Tok::Str),
                Some(_) => {}
            }
        }
    }

    fn number_or_duration(&mut self, start: usize) -> Result<Tok, LexError> {
        let scan = scan_number(&self.text[start..]);
        self.pos = start + scan.length;
        scan.tok.ok_or_else(|| LexError {
            start,
            message: format!(
                "bad number or duration syntax: {}",
                nightjar_model::labels::quote(&self.text[start..self.pos])
            ),
        })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.pos += expected.len_utf8();
        }
        found
    }

    fn eat_while(&mut self, accept: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.pos += rest.find(|c| !accept(c)).unwrap_or(rest.len());
    }

    fn skip_spaces(&mut self) {
        self.eat_while(is_space);
    }
}

fn error<T>(start: usize, message: String) -> Result<T, LexError> {
    Err(LexError { start, message })
}

/// Operators of one character that no other operator begins with.
fn simple_operator(c: char) -> Option<Tok> {
    Some(match c {
        ',' => Tok::Comma,
        '*' => Tok::Op(BinaryOp::Mul),
        '/' => Tok::Op(BinaryOp::Div),
        '%' => Tok::Op(BinaryOp::Mod),
        '+' => Tok::Op(BinaryOp::Add),
        '-' => Tok::Op(BinaryOp::Sub),
        '^' => Tok::Op(BinaryOp::Pow),
        _ => return None,
    })
}

fn starts_number(c: char, next: Option<char>) -> bool {
    c.is_ascii_digit() || (c == '.' && next.is_some_and(|next| next.is_ascii_digit()))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}
