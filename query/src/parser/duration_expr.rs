//! Durations, plain or computed: `5m`, `2 * step()`, `max_of(5m, range() / 10)`.

use crate::ast::{BinaryOp, DurationExpr, DurationKind, NumberLiteral, Span, UnaryOp};
use crate::parser::error::ParseError;
use crate::parser::number::negate;
use crate::parser::stream::{Built, Parser};
use crate::parser::token::{Tok, Token};

/// Seconds that still fit Go's 64-bit nanoseconds.
const MAX_SECONDS: f64 = (1_u64 << 63) as f64 / 1e9;

fn precedence(op: BinaryOp) -> Option<u8> {
    match op {
        BinaryOp::Add | BinaryOp::Sub => Some(1),
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => Some(2),
        BinaryOp::Pow => Some(3),
        _ => None,
    }
}

impl Parser<'_> {
    /// What stands in brackets.
    pub(super) fn positive_duration(&mut self) -> Result<DurationExpr, ParseError> {
        let duration = self.duration(0)?.node;
        match &duration.kind {
            DurationKind::Literal(literal) if literal.value <= 0.0 => {
                Err(self.error(duration.span, "duration must be greater than 0"))
            }
            _ => Ok(duration),
        }
    }

    /// What stands after `offset`: without parentheses just one term, so that `x offset 5m + 1` adds to `x`.
    pub(super) fn offset_duration(&mut self) -> Result<DurationExpr, ParseError> {
        let first = self.peek()?;
        match first.tok {
            Tok::LParen => return Ok(self.duration(0)?.node),
            Tok::Op(BinaryOp::Add | BinaryOp::Sub) => {}
            _ => return Ok(self.duration_term()?.node),
        }
        let signs = self.signs()?;
        if signs.len() == 1 {
            let term = match self.peek()?.tok {
                Tok::Number | Tok::Duration => self.signed_number(signs[0])?,
                _ => self.duration_term()?,
            };
            return match term.node.kind {
                DurationKind::Literal(_) | DurationKind::Paren(_) => Ok(self.sign_duration(signs, term)?.node),
                _ => Ok(self.with_sign(signs[0], term)?.node),
            };
        }
        let operand = self.nested(signs.len(), |p| p.duration(3))?;
        let lhs = self.sign_duration(signs, operand)?;
        Ok(self.duration_rest(lhs, 0)?.node)
    }

    /// The number after the sign of an offset: when it is too large, that shows at the sign.
    fn signed_number(&mut self, sign: (UnaryOp, u32)) -> Result<Built<DurationExpr>, ParseError> {
        let (literal, token) = self.number_token()?;
        self.refuse_overflow(Span { start: sign.1, end: token.span.end }, literal)?;
        Ok(Built { node: DurationExpr { span: token.span, kind: DurationKind::Literal(literal) }, depth: 1 })
    }

    /// A duration of operators that bind at least as tightly as `weakest`.
    fn duration(&mut self, weakest: u8) -> Result<Built<DurationExpr>, ParseError> {
        let signs = self.signs()?;
        let lhs = match signs.is_empty() {
            true => self.duration_term()?,
            false => {
                let operand = self.nested(signs.len(), |p| p.duration(3))?;
                self.sign_duration(signs, operand)?
            }
        };
        self.duration_rest(lhs, weakest)
    }

    fn duration_rest(&mut self, mut lhs: Built<DurationExpr>, weakest: u8) -> Result<Built<DurationExpr>, ParseError> {
        loop {
            let token = self.peek()?;
            let Tok::Op(op) = token.tok else { return Ok(lhs) };
            let Some(strength) = precedence(op).filter(|p| *p >= weakest) else { return Ok(lhs) };
            self.bump()?;
            let next = if op == BinaryOp::Pow { strength } else { strength + 1 };
            let rhs = self.nested(1, |p| p.duration(next))?;
            self.refuse_zero_divisor(op, token, &rhs.node)?;
            let span = Span { start: lhs.node.bare_span().start, end: rhs.node.bare_span().end };
            let depth = self.height(span, lhs.depth.max(rhs.depth))?;
            let kind = DurationKind::Binary(op, Box::new(lhs.node), Box::new(rhs.node));
            lhs = Built { node: DurationExpr { span, kind }, depth };
        }
    }

    fn refuse_zero_divisor(&self, op: BinaryOp, token: Token, rhs: &DurationExpr) -> Result<(), ParseError> {
        let zero = matches!(&rhs.kind, DurationKind::Literal(literal) if literal.value == 0.0);
        match op {
            BinaryOp::Div if zero => Err(self.error(token.span, "division by zero")),
            BinaryOp::Mod if zero => Err(self.error(token.span, "modulo by zero")),
            _ => Ok(()),
        }
    }

    /// A number, a function of durations or something in parentheses.
    fn duration_term(&mut self) -> Result<Built<DurationExpr>, ParseError> {
        let token = self.bump()?;
        let (kind, end, depth) = match token.tok {
            Tok::Number | Tok::Duration => {
                let literal = self.number(token)?;
                self.refuse_overflow(token.span, literal)?;
                (DurationKind::Literal(literal), token.span.end, 1)
            }
            Tok::Step | Tok::Range => {
                self.expect(Tok::LParen)?;
                let kind = if token.tok == Tok::Step { DurationKind::Step } else { DurationKind::Range };
                (kind, self.expect(Tok::RParen)?.span.end, 1)
            }
            Tok::MinOf | Tok::MaxOf => return self.extreme(token),
            Tok::LParen => {
                let inner = self.nested(1, |p| p.duration(0))?;
                let end = self.expect(Tok::RParen)?.span.end;
                match inner.node.kind {
                    // Parentheses around a number or around parentheses leave no trace.
                    DurationKind::Literal(_) => return Ok(inner),
                    paren @ DurationKind::Paren(_) => (paren, end, inner.depth),
                    _ => (DurationKind::Paren(Box::new(inner.node)), end, inner.depth + 1),
                }
            }
            _ => return Err(self.unexpected(token)),
        };
        let span = Span { start: token.span.start, end };
        Ok(Built { node: DurationExpr { span, kind }, depth })
    }

    fn extreme(&mut self, name: Token) -> Result<Built<DurationExpr>, ParseError> {
        self.expect(Tok::LParen)?;
        let a = self.nested(1, |p| p.duration(0))?;
        self.expect(Tok::Comma)?;
        let b = self.nested(1, |p| p.duration(0))?;
        let span = Span { start: name.span.start, end: self.expect(Tok::RParen)?.span.end };
        let depth = self.height(span, a.depth.max(b.depth))?;
        let (a, b) = (Box::new(a.node), Box::new(b.node));
        let kind = if name.tok == Tok::MinOf { DurationKind::MinOf(a, b) } else { DurationKind::MaxOf(a, b) };
        Ok(Built { node: DurationExpr { span, kind }, depth })
    }

    fn signs(&mut self) -> Result<Vec<(UnaryOp, u32)>, ParseError> {
        let mut signs = Vec::new();
        while let Some(sign) = self.sign()? {
            signs.push(sign);
        }
        Ok(signs)
    }

    /// Puts signs before a duration. A plus leaves no trace, and numbers take up the minus.
    fn sign_duration(
        &self,
        signs: Vec<(UnaryOp, u32)>,
        mut built: Built<DurationExpr>,
    ) -> Result<Built<DurationExpr>, ParseError> {
        for (op, start) in signs.into_iter().rev() {
            let span = Span { start, end: built.node.span.end };
            if let DurationKind::Literal(literal) = &mut built.node.kind {
                negate(literal, op);
                built.node.span = span;
            } else if op == UnaryOp::Minus {
                built = self.with_sign((op, start), built)?;
            }
        }
        Ok(built)
    }

    /// The sign as a node of its own.
    fn with_sign(
        &self,
        (op, start): (UnaryOp, u32),
        term: Built<DurationExpr>,
    ) -> Result<Built<DurationExpr>, ParseError> {
        let span = Span { start, end: term.node.span.end };
        let depth = self.height(span, term.depth)?;
        Ok(Built { node: DurationExpr { span, kind: DurationKind::Unary(op, Box::new(term.node)) }, depth })
    }

    fn refuse_overflow(&self, span: Span, literal: NumberLiteral) -> Result<(), ParseError> {
        match literal.value.abs() > MAX_SECONDS {
            true => Err(self.error(span, "duration out of range")),
            false => Ok(()),
        }
    }
}
