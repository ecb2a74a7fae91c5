//! What may follow an operand: `[5m]`, `[1h:5m]`, `offset 5m`, `@ 12`, `anchored`, `smoothed`.

use crate::ast::{
    At, DurationExpr, DurationKind, Expr, ExprKind, MatrixSelector, NumberLiteral, RangeMode, Span, SubqueryExpr,
};
use crate::parser::error::ParseError;
use crate::parser::number::negate;
use crate::parser::stream::{Built, Context, Parser};
use crate::parser::token::{Tok, Token};

impl Parser<'_> {
    /// Applies the modifier that comes next; `false` if none does.
    pub(super) fn modifier(&mut self, built: &mut Built) -> Result<bool, ParseError> {
        let token = self.peek()?;
        match token.tok {
            Tok::LBracket => self.brackets(built)?,
            Tok::Offset => self.offset(&mut built.node)?,
            Tok::At => self.at(&mut built.node)?,
            Tok::Anchored => self.range_mode(&mut built.node, RangeMode::Anchored)?,
            Tok::Smoothed => self.range_mode(&mut built.node, RangeMode::Smoothed)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn brackets(&mut self, built: &mut Built) -> Result<(), ParseError> {
        let open = self.bump()?;
        let range = self.within(Context::Range, Parser::positive_duration)?;
        let token = self.bump()?;
        match token.tok {
            Tok::RBracket => self.matrix(built, range, Span { start: open.span.start, end: token.span.end }),
            Tok::Colon => self.subquery(built, range),
            _ => self.within(Context::RangeEnd, |p| Err(p.unexpected(token))),
        }
    }

    fn matrix(&self, built: &mut Built, range: DurationExpr, brackets: Span) -> Result<(), ParseError> {
        let selector_span = built.node.span;
        let ExprKind::Vector(selector) = &built.node.kind else {
            return Err(self.error(brackets, "ranges only allowed for vector selectors"));
        };
        // As in Prometheus 3.14, a computed offset and `@ start()` may stand before the range, too.
        if selector.offset.as_ref().is_some_and(is_literal) {
            return Err(self.error(brackets, "no offset modifiers allowed before range"));
        }
        if matches!(selector.at, Some(At::Time(_))) {
            return Err(self.error(brackets, "no @ modifiers allowed before range"));
        }
        let matrix = MatrixSelector { selector: (**selector).clone(), selector_span, range };
        let span = Span { start: selector_span.start, end: brackets.end };
        built.node = Expr { span, kind: ExprKind::Matrix(Box::new(matrix)) };
        Ok(())
    }

    fn subquery(&mut self, built: &mut Built, range: DurationExpr) -> Result<(), ParseError> {
        let (step, end) = match self.eat(Tok::RBracket)? {
            Some(close) => (None, close.span.end),
            None => {
                let step = self.within(Context::Step, Parser::positive_duration)?;
                let close = self.within(Context::StepEnd, |p| p.expect(Tok::RBracket))?;
                (Some(step), close.span.end)
            }
        };
        let span = Span { start: built.node.span.start, end };
        built.depth = self.height(span, built.depth)?;
        let expr = std::mem::replace(
            &mut built.node,
            Expr { span, kind: ExprKind::Number(NumberLiteral { value: 0.0, duration: false }) },
        );
        let subquery = SubqueryExpr { expr, range, step, offset: None, at: None };
        built.node.kind = ExprKind::Subquery(Box::new(subquery));
        Ok(())
    }

    fn offset(&mut self, expr: &mut Expr) -> Result<(), ParseError> {
        self.bump()?;
        let offset = self.within(Context::Offset, Parser::offset_duration)?;
        let span = expr.span;
        let slot = match &mut expr.kind {
            ExprKind::Vector(selector) => &mut selector.offset,
            ExprKind::Matrix(matrix) => &mut matrix.selector.offset,
            ExprKind::Subquery(subquery) => &mut subquery.offset,
            _ => return Err(self.error(span, misplaced("offset"))),
        };
        if slot.is_some() {
            return Err(self.error(span, "offset may not be set multiple times"));
        }
        expr.span.end = self.end;
        *slot = Some(offset).filter(|offset| !is_zero(offset));
        Ok(())
    }

    fn at(&mut self, expr: &mut Expr) -> Result<(), ParseError> {
        self.bump()?;
        let span = expr.span;
        let (at, end) = self.within(Context::At, |p| p.at_time(span))?;
        let slot = match &mut expr.kind {
            ExprKind::Vector(selector) => &mut selector.at,
            ExprKind::Matrix(matrix) => &mut matrix.selector.at,
            ExprKind::Subquery(subquery) => &mut subquery.at,
            _ => return Err(self.error(span, misplaced("@"))),
        };
        if slot.is_some() {
            return Err(self.error(span, "@ <timestamp> may not be set multiple times"));
        }
        *slot = Some(at);
        expr.span.end = end;
        Ok(())
    }

    fn at_time(&mut self, span: Span) -> Result<(At, u32), ParseError> {
        let at = match self.peek()?.tok {
            Tok::Start => At::Start,
            Tok::End => At::End,
            _ => return self.at_number(span),
        };
        self.bump()?;
        self.expect(Tok::LParen)?;
        Ok((at, self.expect(Tok::RParen)?.span.end))
    }

    fn at_number(&mut self, span: Span) -> Result<(At, u32), ParseError> {
        let sign = self.sign()?;
        let (mut literal, token): (_, Token) = self.number_token()?;
        if let Some((op, _)) = sign {
            negate(&mut literal, op);
        }
        let ms = (literal.value * 1000.0).round();
        // Prometheus lets seconds up to the largest integer pass and overflows; milliseconds must fit too.
        if ms.is_nan() || ms.abs() >= i64::MAX as f64 {
            return Err(self.error(span, format!("timestamp out of bounds for @ modifier: {}", fixed(literal.value))));
        }
        Ok((At::Time(ms as i64), token.span.end))
    }

    fn range_mode(&mut self, expr: &mut Expr, mode: RangeMode) -> Result<(), ParseError> {
        self.bump()?;
        let name = match mode {
            RangeMode::Anchored => "anchored",
            RangeMode::Smoothed => "smoothed",
        };
        let span = expr.span;
        if !self.options.extended_range_selectors {
            return Err(self.error(span, format!("{name} modifier is experimental and not enabled")));
        }
        let slot = match &mut expr.kind {
            ExprKind::Vector(selector) => &mut selector.mode,
            ExprKind::Matrix(matrix) => &mut matrix.selector.mode,
            ExprKind::Subquery(_) => {
                return Err(self.error(span, format!("{name} modifier is not supported for subqueries")));
            }
            _ => return Err(self.error(span, format!("{name} modifier not implemented"))),
        };
        if slot.is_some_and(|other| other != mode) {
            return Err(self.error(span, "anchored and smoothed modifiers cannot be used together"));
        }
        *slot = Some(mode);
        Ok(())
    }
}

fn misplaced(modifier: &str) -> String {
    let places = "an instant vector selector or range vector selector or a subquery";
    format!("{modifier} modifier must be preceded by {places}")
}

fn is_literal(duration: &DurationExpr) -> bool {
    matches!(duration.kind, DurationKind::Literal(_))
}

/// Whether it is written as a number that means no time at all.
fn is_zero(duration: &DurationExpr) -> bool {
    matches!(&duration.kind, DurationKind::Literal(literal) if (literal.value * 1e9).round() == 0.0)
}

/// As Go's `%f`.
fn fixed(v: f64) -> String {
    if v.is_finite() { format!("{v:.6}") } else { nightjar_model::number::format_f(v) }
}
