//! The parser's view of the text: one token ahead, the surroundings for error messages, the limits.

use crate::ast::{Expr, ExprKind, Span};
use crate::parser::error::ParseError;
use crate::parser::lexer::Lexer;
use crate::parser::options::ParserOptions;
use crate::parser::token::{Tok, Token};

/// Longest text that is parsed.
pub const MAX_TEXT_BYTES: usize = 64 << 10;
/// Most levels of parentheses, calls, signs and right operands inside each other.
pub const MAX_NESTING: u32 = 256;
/// Height of the highest tree, left operands counted too.
pub const MAX_DEPTH: u32 = 1024;

/// What is being read when a token does not fit; named in the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Nothing,
    Aggregation,
    GroupingOpen,
    GroupingLabel,
    GroupingMore,
    MatcherName,
    MatcherOp,
    MatcherValue,
    MatcherMore,
    LabelName,
    LabelEqual,
    LabelValue,
    LabelMore,
    Offset,
    At,
    Range,
    RangeEnd,
    Step,
    StepEnd,
}

impl Context {
    fn suffix(self) -> &'static str {
        match self {
            Context::Nothing => "",
            Context::Aggregation => " in aggregation",
            Context::GroupingOpen => " in grouping opts, expected \"(\"",
            Context::GroupingLabel => " in grouping opts, expected label",
            Context::GroupingMore => " in grouping opts, expected \",\" or \")\"",
            Context::MatcherName => " in label matching, expected identifier or \"}\"",
            Context::MatcherOp => " in label matching, expected label matching operator",
            Context::MatcherValue => " in label matching, expected string",
            Context::MatcherMore => " in label matching, expected \",\" or \"}\"",
            Context::LabelName => " in label set, expected identifier or \"}\"",
            Context::LabelEqual => " in label set, expected \"=\"",
            Context::LabelValue => " in label set, expected string",
            Context::LabelMore => " in label set, expected \",\" or \"}\"",
            Context::Offset => " in offset, expected number, duration, step(), or range()",
            Context::At => " in @, expected timestamp",
            Context::Range => " in subquery or range selector, expected number, duration, step(), or range()",
            Context::RangeEnd => " in subquery or range, expected \":\" or \"]\"",
            Context::Step => " in subquery selector, expected number, duration, step(), range(), or \"]\"",
            Context::StepEnd => " in subquery selector, expected \"]\"",
        }
    }
}

/// Something parsed, and the height of its tree.
#[derive(Debug)]
pub(super) struct Built<T = Expr> {
    pub(super) node: T,
    pub(super) depth: u32,
}

impl Built {
    pub(super) fn leaf(span: Span, kind: ExprKind) -> Built {
        Built { node: Expr { span, kind }, depth: 1 }
    }
}

/// The parser. Its productions are spread over the sibling files.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) options: ParserOptions,
    lexer: Lexer<'a>,
    ahead: Option<Token>,
    context: Context,
    nesting: u32,
    /// Where the token taken last ends.
    pub(super) end: u32,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, options: &ParserOptions) -> Result<Parser<'a>, ParseError> {
        if text.len() > MAX_TEXT_BYTES {
            let message = format!("expression is {} bytes long, at most {MAX_TEXT_BYTES} are allowed", text.len());
            return Err(ParseError::new(text, Span::default(), message));
        }
        let lexer = Lexer::new(text);
        Ok(Parser { text, options: *options, lexer, ahead: None, context: Context::Nothing, nesting: 0, end: 0 })
    }

    /// The next token, which stays next.
    pub(super) fn peek(&mut self) -> Result<Token, ParseError> {
        if let Some(token) = self.ahead {
            return Ok(token);
        }
        let token = self.lexer.next_token().map_err(|e| {
            ParseError::new(self.text, Span { start: e.start as u32, end: self.text.len() as u32 }, e.message)
        })?;
        self.ahead = Some(token);
        Ok(token)
    }

    /// Takes the next token.
    pub(super) fn bump(&mut self) -> Result<Token, ParseError> {
        let token = self.peek()?;
        self.ahead = None;
        self.end = token.span.end;
        Ok(token)
    }

    /// Takes the next token if it is `tok`.
    pub(super) fn eat(&mut self, tok: Tok) -> Result<Option<Token>, ParseError> {
        if self.peek()?.tok == tok { self.bump().map(Some) } else { Ok(None) }
    }

    /// Takes the next token, which must be `tok`.
    pub(super) fn expect(&mut self, tok: Tok) -> Result<Token, ParseError> {
        let token = self.bump()?;
        if token.tok == tok { Ok(token) } else { Err(self.unexpected(token)) }
    }

    /// The token's text.
    pub(super) fn text_of(&self, token: Token) -> &'a str {
        &self.text[token.span.start as usize..token.span.end as usize]
    }

    pub(super) fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, span, message)
    }

    /// The token does not fit here.
    pub(super) fn unexpected(&self, token: Token) -> ParseError {
        let message = format!("unexpected {}{}", token.describe(self.text_of(token)), self.context.suffix());
        self.error(token.span, message)
    }

    /// Parses with another context, and comes back to this one.
    pub(super) fn within<T>(
        &mut self,
        context: Context,
        parse: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        let outer = std::mem::replace(&mut self.context, context);
        let result = parse(self);
        self.context = outer;
        result
    }

    /// Parses `levels` deeper, unless that is too deep.
    pub(super) fn nested<T>(
        &mut self,
        levels: usize,
        parse: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        let outer = self.nesting;
        self.nesting = outer.saturating_add(u32::try_from(levels).unwrap_or(u32::MAX));
        if self.nesting > MAX_NESTING {
            let span = self.peek()?.span;
            return Err(
                self.error(span, format!("expression is nested too deeply, at most {MAX_NESTING} levels are allowed"))
            );
        }
        let result = parse(self);
        self.nesting = outer;
        result
    }

    /// The height of a tree above subtrees of height `below`, unless it is too high.
    pub(super) fn height(&self, span: Span, below: u32) -> Result<u32, ParseError> {
        if below < MAX_DEPTH {
            return Ok(below + 1);
        }
        Err(self.error(span, format!("too many operators in a row, at most {MAX_DEPTH} are allowed")))
    }
}
