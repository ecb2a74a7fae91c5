//! `metric{label="value", "quoted label"!="value"}`.

use nightjar_model::{MatchOp, Matcher};

use crate::ast::{BinaryOp, ExprKind, Span, VectorSelector};
use crate::parser::error::ParseError;
use crate::parser::quoting;
use crate::parser::stream::{Built, Context, Parser};
use crate::parser::token::{Tok, Token};

impl Parser<'_> {
    /// A selector and nothing after it.
    pub(super) fn whole_selector(&mut self) -> Result<Vec<Matcher>, ParseError> {
        let token = self.bump()?;
        let selector = match token.tok {
            Tok::LBrace => self.nameless_selector(token)?,
            tok if tok.names_metric() => self.named_selector(token)?,
            _ => return Err(self.unexpected(token)),
        };
        self.expect(Tok::Eof)?;
        match selector.node.kind {
            ExprKind::Vector(selector) => Ok(selector.matchers),
            _ => Ok(Vec::new()),
        }
    }

    pub(super) fn named_selector(&mut self, name: Token) -> Result<Built, ParseError> {
        let text = self.text_of(name);
        let (mut matchers, mut end) = (Vec::new(), name.span.end);
        if self.eat(Tok::LBrace)?.is_some() {
            (matchers, end) = self.matchers()?;
        }
        matchers.push(Matcher::equal("__name__", text));
        Ok(selector(Span { start: name.span.start, end }, Some(text.to_owned()), matchers))
    }

    pub(super) fn nameless_selector(&mut self, open: Token) -> Result<Built, ParseError> {
        let (matchers, end) = self.matchers()?;
        Ok(selector(Span { start: open.span.start, end }, None, matchers))
    }

    /// What follows `{`, and where it ends. A comma may stand after the last matcher.
    fn matchers(&mut self) -> Result<(Vec<Matcher>, u32), ParseError> {
        let mut matchers = Vec::new();
        loop {
            if let Some(close) = self.eat(Tok::RBrace)? {
                return Ok((matchers, close.span.end));
            }
            matchers.push(self.matcher()?);
            let token = self.bump()?;
            match token.tok {
                Tok::Comma => {}
                Tok::RBrace => return Ok((matchers, token.span.end)),
                _ => return self.within(Context::MatcherMore, |p| Err(p.unexpected(token))),
            }
        }
    }

    fn matcher(&mut self) -> Result<Matcher, ParseError> {
        let token = self.bump()?;
        let text = self.text_of(token);
        match token.tok {
            Tok::Ident => match match_op(self.peek()?.tok) {
                Some(op) => self.matcher_value(token, text, op),
                None => self.within(Context::MatcherOp, |p| {
                    let token = p.bump()?;
                    Err(p.unexpected(token))
                }),
            },
            Tok::Str => match match_op(self.peek()?.tok) {
                Some(op) => self.matcher_value(token, &quoting::unquote(text), op),
                None => Ok(Matcher::equal("__name__", quoting::unquote(text))),
            },
            _ => self.within(Context::MatcherName, |p| Err(p.unexpected(token))),
        }
    }

    fn matcher_value(&mut self, name: Token, label: &str, op: MatchOp) -> Result<Matcher, ParseError> {
        self.bump()?;
        let value = self.within(Context::MatcherValue, |p| p.expect(Tok::Str))?;
        let span = Span { start: name.span.start, end: value.span.end };
        Matcher::new(op, label, quoting::unquote(self.text_of(value))).map_err(|e| self.error(span, e.to_string()))
    }
}

fn match_op(tok: Tok) -> Option<MatchOp> {
    match tok {
        Tok::Equal => Some(MatchOp::Equal),
        Tok::Op(BinaryOp::Ne) => Some(MatchOp::NotEqual),
        Tok::EqualRegex => Some(MatchOp::Regex),
        Tok::NotRegex => Some(MatchOp::NotRegex),
        _ => None,
    }
}

fn selector(span: Span, name: Option<String>, matchers: Vec<Matcher>) -> Built {
    let selector = VectorSelector { name, matchers, offset: None, at: None, mode: None };
    Built::leaf(span, ExprKind::Vector(Box::new(selector)))
}
