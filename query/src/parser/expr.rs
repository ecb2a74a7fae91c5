//! Expressions by operator precedence.

use crate::ast::{
    AggregateExpr, AggregateOp, BinaryExpr, BinaryOp, Call, Expr, ExprKind, NumberLiteral, Span, Text, UnaryOp,
};
use crate::functions::function;
use crate::parser::error::ParseError;
use crate::parser::grouping::Grouping;
use crate::parser::number::{self, negate};
use crate::parser::quoting;
use crate::parser::stream::{Built, Context, Parser};
use crate::parser::token::{Tok, Token};

/// How tightly an infix operator binds; a sign binds like `*`.
fn precedence(op: BinaryOp) -> u8 {
    use BinaryOp::*;
    match op {
        Or => 1,
        And | Unless => 2,
        Eq | Ne | Le | Lt | Ge | Gt | TrimUpper | TrimLower => 3,
        Add | Sub => 4,
        Mul | Div | Mod | Atan2 => 5,
        Pow => 6,
    }
}

impl Parser<'_> {
    /// An expression and nothing after it.
    pub(super) fn whole_expr(&mut self) -> Result<Expr, ParseError> {
        if self.peek()?.tok == Tok::Eof {
            return Err(self.error(Span::default(), "no expression found in input"));
        }
        let expr = self.expr(0)?.node;
        self.expect(Tok::Eof)?;
        Ok(expr)
    }

    /// An expression of operators that bind at least as tightly as `weakest`.
    fn expr(&mut self, weakest: u8) -> Result<Built, ParseError> {
        let mut lhs = self.signed()?;
        loop {
            let Tok::Op(op) = self.peek()?.tok else { return Ok(lhs) };
            let precedence = precedence(op);
            if precedence < weakest {
                return Ok(lhs);
            }
            self.bump()?;
            lhs = self.binary(lhs, op, if op == BinaryOp::Pow { precedence } else { precedence + 1 })?;
        }
    }

    /// The rest of `lhs op rhs` after the operator.
    fn binary(&mut self, lhs: Built, op: BinaryOp, weakest: u8) -> Result<Built, ParseError> {
        let modifiers = self.binary_modifiers()?;
        let rhs = self.nested(1, |p| p.expr(weakest))?;
        let span = Span { start: lhs.node.span.start, end: rhs.node.span.end };
        let filled = modifiers.matching.fill_left.is_some() || modifiers.matching.fill_right.is_some();
        if filled && !self.options.fill_modifiers {
            return Err(self.error(span, "binop fill modifiers are experimental and not enabled"));
        }
        let depth = self.height(span, lhs.depth.max(rhs.depth))?;
        let binary = BinaryExpr {
            op,
            lhs: lhs.node,
            rhs: rhs.node,
            return_bool: modifiers.return_bool,
            matching: Some(modifiers.matching),
        };
        Ok(Built { node: Expr { span, kind: ExprKind::Binary(Box::new(binary)) }, depth })
    }

    /// An operand with any signs before it.
    fn signed(&mut self) -> Result<Built, ParseError> {
        let mut signs = Vec::new();
        while let Some((op, start)) = self.sign()? {
            signs.push((op, start));
        }
        if signs.is_empty() {
            return self.operand();
        }
        let mut built = self.nested(signs.len(), |p| p.expr(precedence(BinaryOp::Pow)))?;
        for (op, start) in signs.into_iter().rev() {
            let span = Span { start, end: built.node.span.end };
            if let ExprKind::Number(literal) = &mut built.node.kind {
                negate(literal, op);
                built.node.span = span;
                continue;
            }
            built.depth = self.height(span, built.depth)?;
            built.node = Expr { span, kind: ExprKind::Unary(op, Box::new(built.node)) };
        }
        Ok(built)
    }

    /// Takes a sign, if there is one, and says where it stands.
    pub(super) fn sign(&mut self) -> Result<Option<(UnaryOp, u32)>, ParseError> {
        let token = self.peek()?;
        let op = match token.tok {
            Tok::Op(BinaryOp::Add) => UnaryOp::Plus,
            Tok::Op(BinaryOp::Sub) => UnaryOp::Minus,
            _ => return Ok(None),
        };
        self.bump()?;
        Ok(Some((op, token.span.start)))
    }

    /// Something without operators around it, and the modifiers after it.
    fn operand(&mut self) -> Result<Built, ParseError> {
        let mut built = self.primary()?;
        while self.modifier(&mut built)? {}
        Ok(built)
    }

    fn primary(&mut self) -> Result<Built, ParseError> {
        let token = self.bump()?;
        match token.tok {
            Tok::Number | Tok::Duration => Ok(Built::leaf(token.span, ExprKind::Number(self.number(token)?))),
            Tok::Str => Ok(self.string(token)),
            Tok::LParen => self.paren(token),
            Tok::LBrace => self.nameless_selector(token),
            Tok::Agg(op) if matches!(self.peek()?.tok, Tok::LParen | Tok::By | Tok::Without) => {
                self.within(Context::Aggregation, |p| p.aggregate(token, op))
            }
            tok if (tok == Tok::Ident || tok.is_preprocessor()) && self.peek()?.tok == Tok::LParen => self.call(token),
            tok if tok.names_metric() => self.named_selector(token),
            _ => Err(self.unexpected(token)),
        }
    }

    /// A function of its own, to keep the frame of its recursive caller small.
    #[inline(never)]
    fn string(&self, token: Token) -> Built {
        let text = Text::new(quoting::unquoted_bytes(self.text_of(token)));
        Built::leaf(token.span, ExprKind::String(Box::new(text)))
    }

    /// The value of a number or duration token.
    pub(super) fn number(&self, token: Token) -> Result<NumberLiteral, ParseError> {
        number::value(token.tok, self.text_of(token)).map_err(|message| self.error(token.span, message))
    }

    fn paren(&mut self, open: Token) -> Result<Built, ParseError> {
        let inner = self.nested(1, |p| p.expr(0))?;
        let close = self.expect(Tok::RParen)?;
        let span = Span { start: open.span.start, end: close.span.end };
        let depth = self.height(span, inner.depth)?;
        Ok(Built { node: Expr { span, kind: ExprKind::Paren(Box::new(inner.node)) }, depth })
    }

    fn call(&mut self, name: Token) -> Result<Built, ParseError> {
        let (args, end) = self.arguments()?;
        let text = self.text_of(name);
        let Some(func) = function(text) else {
            return Err(
                self.error(name.span, format!("unknown function with name {}", nightjar_model::labels::quote(text)))
            );
        };
        if func.experimental && !self.options.experimental_functions {
            return Err(self.error(name.span, format!("function \"{text}\" is not enabled")));
        }
        let span = Span { start: name.span.start, end };
        let depth = self.height(span, args.depth)?;
        Ok(Built { node: Expr { span, kind: ExprKind::Call(Call { func, args: args.node }) }, depth })
    }

    /// `(a, b)`, and where it ends.
    fn arguments(&mut self) -> Result<(Built<Vec<Expr>>, u32), ParseError> {
        self.expect(Tok::LParen)?;
        let mut args = Built { node: Vec::new(), depth: 0 };
        if let Some(close) = self.eat(Tok::RParen)? {
            return Ok((args, close.span.end));
        }
        loop {
            let arg = self.nested(1, |p| p.expr(0))?;
            args.depth = args.depth.max(arg.depth);
            args.node.push(arg.node);
            let token = self.bump()?;
            match token.tok {
                Tok::RParen => return Ok((args, token.span.end)),
                Tok::Comma if self.peek()?.tok.starts_expr() => {}
                Tok::Comma => return Err(self.error(token.span, "trailing commas not allowed in function call args")),
                _ => return Err(self.unexpected(token)),
            }
        }
    }

    /// The rest of an aggregation after its operator.
    fn aggregate(&mut self, name: Token, op: AggregateOp) -> Result<Built, ParseError> {
        let before = self.aggregate_grouping()?;
        let (args, mut end) = self.arguments()?;
        let grouping = match before {
            Some(grouping) => grouping,
            None => match self.aggregate_grouping()? {
                Some(grouping) => {
                    end = grouping.end;
                    grouping
                }
                None => Grouping::default(),
            },
        };
        let span = Span { start: name.span.start, end };
        let (param, expr) = self.aggregate_arguments(span, op, args.node)?;
        let depth = self.height(span, args.depth)?;
        let aggregate = AggregateExpr { op, expr, param, grouping: grouping.labels, without: grouping.without };
        Ok(Built { node: Expr { span, kind: ExprKind::Aggregate(Box::new(aggregate)) }, depth })
    }

    fn aggregate_arguments(
        &self,
        span: Span,
        op: AggregateOp,
        args: Vec<Expr>,
    ) -> Result<(Option<Expr>, Expr), ParseError> {
        let found = args.len();
        if found == 0 {
            return Err(self.error(span, "no arguments for aggregate expression provided"));
        }
        if op.is_experimental() && !self.options.experimental_functions {
            let hint = "is experimental and must be enabled with --enable-feature=promql-experimental-functions";
            return Err(self.error(span, format!("{}() {hint}", op.as_str())));
        }
        let mut args = args.into_iter();
        let parts = match op.takes_parameter() {
            true => (args.next(), args.next()),
            false => (None, args.next()),
        };
        match (parts, args.next()) {
            ((param, Some(expr)), None) => Ok((param, expr)),
            _ => {
                let wanted = 1 + usize::from(op.takes_parameter());
                let message = "wrong number of arguments for aggregate expression provided";
                Err(self.error(span, format!("{message}, expected {wanted}, got {found}")))
            }
        }
    }
}
