//! The UTF-8 grammar: names and values are bare words or Go's double-quoted texts.

use super::{MatchOp, Matcher, is_reserved};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Comma,
    Op(MatchOp),
    Quoted,
    Bare,
}

/// A word of the grammar; columns count characters from 0, the end is not included.
#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    start: usize,
    end: usize,
}

struct Lexer<'a> {
    input: &'a str,
    at: usize,
    column: usize,
}

impl<'a> Lexer<'a> {
    fn advance(&mut self, bytes: usize) -> &'a str {
        let text = &self.input[self.at..self.at + bytes];
        self.at += bytes;
        self.column += text.chars().count();
        text
    }

    fn next(&mut self) -> Result<Option<Token<'a>>, String> {
        let rest = &self.input[self.at..];
        self.advance(rest.len() - rest.trim_start().len());
        let rest = &self.input[self.at..];
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let (kind, len) = match first {
            '{' => (Kind::Open, 1),
            '}' => (Kind::Close, 1),
            ',' => (Kind::Comma, 1),
            '=' if rest.starts_with("=~") => (Kind::Op(MatchOp::Regex), 2),
            '=' => (Kind::Op(MatchOp::Equal), 1),
            '!' if rest.starts_with("!=") => (Kind::Op(MatchOp::NotEqual), 2),
            '!' if rest.starts_with("!~") => (Kind::Op(MatchOp::NotRegex), 2),
            '!' if rest.len() == 1 => return Err(self.complain(1, "unexpected end of input, expected one of '=~'")),
            '!' => return Err(self.complain(1, "!: expected one of '=~'")),
            '"' => (Kind::Quoted, self.quoted(rest)?),
            c if is_reserved(c) => return Err(self.complain(1, &format!("{c}: invalid input"))),
            _ => (Kind::Bare, rest.find(is_reserved).unwrap_or(rest.len())),
        };
        let start = self.column;
        let text = self.advance(len);
        Ok(Some(Token { kind, text, start, end: self.column }))
    }

    fn complain(&self, width: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.column, self.column + width)
    }

    fn quoted(&self, rest: &str) -> Result<usize, String> {
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return Ok(at + 1),
                _ => {}
            }
        }
        Err(self.complain(rest.chars().count(), &format!("{rest}: missing end \"")))
    }

    fn peek(&self) -> Result<Option<Token<'a>>, String> {
        Lexer { input: self.input, at: self.at, column: self.column }.next()
    }

    /// The next word, which must be one of a kind.
    fn expect(&mut self, wanted: impl Fn(Kind) -> bool, missing: &str) -> Result<Token<'a>, String> {
        let complaint = |error: String| format!("{error}: {missing}");
        match self.next().map_err(complaint)? {
            None => Err(complaint("end of input".to_owned())),
            Some(token) if wanted(token.kind) => Ok(token),
            Some(token) => Err(complaint(format!("{}:{}: unexpected {}", token.start, token.end, token.text))),
        }
    }
}

/// A list, with or without braces; one comma may follow the last.
pub(super) fn matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let mut lexer = Lexer { input: text, at: 0, column: 0 };
    let mut all = Vec::new();
    let braces = lexer.peek()?.is_some_and(|token| token.kind == Kind::Open);
    if braces {
        lexer.next()?;
    }
    while lexer.peek()?.is_some_and(|token| !(token.kind == Kind::Close && (braces || all.is_empty()))) {
        all.push(one(&mut lexer)?);
        match lexer.peek()? {
            Some(Token { kind: Kind::Comma, .. }) => {
                lexer.next()?;
            }
            None | Some(Token { kind: Kind::Close, .. }) => break,
            Some(t) => {
                return Err(format!("{}:{}: unexpected {}: expected a comma or close brace", t.start, t.end, t.text));
            }
        }
    }
    close(&mut lexer, braces)?;
    Ok(all)
}

fn close(lexer: &mut Lexer<'_>, braces: bool) -> Result<(), String> {
    let close = lexer.peek()?.is_some_and(|token| token.kind == Kind::Close);
    match (braces, close) {
        (true, false) => return Err(format!("0:{}: end of input: expected close brace", lexer.column)),
        (false, true) => return Err(format!("0:{}: }}: expected opening brace", lexer.column + 1)),
        (true, true) => lexer.next().map(|_| ())?,
        (false, false) => {}
    }
    match lexer.next()? {
        None => Ok(()),
        Some(t) => Err(format!("{}:{}: {}: expected end of input", t.start, t.end, t.text)),
    }
}

/// Exactly one matcher.
pub(super) fn matcher(text: &str) -> Result<Matcher, String> {
    let mut all = matchers(text)?;
    match (all.pop(), all.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), more) => Err(format!("expected 1 matcher, found {}", more + 1)),
        (None, _) => Err("no matchers".to_owned()),
    }
}

fn one(lexer: &mut Lexer<'_>) -> Result<Matcher, String> {
    let word = |kind| matches!(kind, Kind::Quoted | Kind::Bare);
    let name = unquote(lexer.expect(word, "expected label name")?)?;
    let operator = "expected an operator such as '=', '!=', '=~' or '!~'";
    let sign = lexer.expect(|kind| matches!(kind, Kind::Op(_)), operator)?;
    let value = unquote(lexer.expect(word, "expected label value")?)?;
    let op = if let Kind::Op(op) = sign.kind { op } else { MatchOp::Equal };
    Matcher::new(op, &name, &value).map_err(|error| format!("failed to create matcher: {error}"))
}

fn unquote(token: Token<'_>) -> Result<String, String> {
    match token.kind {
        Kind::Quoted => go_unquote(token.text),
        _ => Some(token.text.to_owned()),
    }
    .ok_or_else(|| format!("{}:{}: {}: invalid input", token.start, token.end, token.text))
}

/// Go's `strconv.Unquote` of a double-quoted text that must end up as UTF-8.
fn go_unquote(quoted: &str) -> Option<String> {
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let (mut bytes, mut chars) = (Vec::with_capacity(inner.len()), inner.chars());
    while let Some(c) = chars.next() {
        if c == '\n' {
            return None;
        }
        if c != '\\' {
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let escape = chars.next()?;
        let number = |chars: &mut std::str::Chars<'_>, digits: usize, radix: u32, first: u32| {
            (0..digits).try_fold(first, |sum, _| Some(sum.checked_mul(radix)? + chars.next()?.to_digit(radix)?))
        };
        match escape {
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(11),
            '\\' | '"' => bytes.push(escape as u8),
            'x' => bytes.push(number(&mut chars, 2, 16, 0)? as u8),
            '0'..='7' => bytes.push(u8::try_from(number(&mut chars, 2, 8, escape.to_digit(8)?)?).ok()?),
            'u' | 'U' => {
                let code = number(&mut chars, if escape == 'u' { 4 } else { 8 }, 16, 0)?;
                bytes.extend(char::from_u32(code)?.encode_utf8(&mut [0; 4]).bytes());
            }
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}
