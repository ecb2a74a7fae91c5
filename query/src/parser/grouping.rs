//! `by (...)`, `bool`, `on (...) group_left (...)`, `fill (...)`.

use nightjar_model::labels::quote;

use crate::ast::{Cardinality, NumberLiteral, VectorMatching};
use crate::parser::error::ParseError;
use crate::parser::number::negate;
use crate::parser::quoting;
use crate::parser::stream::{Context, Parser};
use crate::parser::token::{Tok, Token};

/// `by` or `without` of an aggregation.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    pub(super) labels: Vec<String>,
    pub(super) without: bool,
    pub(super) end: u32,
}

/// What stands between an infix operator and its right operand.
#[derive(Debug, Default)]
pub(super) struct BinaryModifiers {
    pub(super) return_bool: bool,
    pub(super) matching: VectorMatching,
}

impl Parser<'_> {
    pub(super) fn aggregate_grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let without = match self.peek()?.tok {
            Tok::By => false,
            Tok::Without => true,
            _ => return Ok(None),
        };
        self.bump()?;
        let (labels, end) = self.grouping_labels()?;
        Ok(Some(Grouping { labels, without, end }))
    }

    pub(super) fn binary_modifiers(&mut self) -> Result<BinaryModifiers, ParseError> {
        let return_bool = self.eat(Tok::Bool)?.is_some();
        let mut matching = VectorMatching::default();
        if matches!(self.peek()?.tok, Tok::On | Tok::Ignoring) {
            matching.on = self.bump()?.tok == Tok::On;
            matching.explicit = true;
            matching.labels = self.grouping_labels()?.0;
            self.group_side(&mut matching)?;
        }
        self.fill(&mut matching)?;
        Ok(BinaryModifiers { return_bool, matching })
    }

    fn group_side(&mut self, matching: &mut VectorMatching) -> Result<(), ParseError> {
        matching.card = match self.peek()?.tok {
            Tok::GroupLeft => Cardinality::ManyToOne,
            Tok::GroupRight => Cardinality::OneToMany,
            _ => return Ok(()),
        };
        self.bump()?;
        let next = self.peek()?;
        if next.tok == Tok::LParen {
            matching.include = self.grouping_labels()?.0;
        } else if !next.tok.starts_expr() {
            return self.within(Context::GroupingOpen, |p| Err(p.unexpected(next)));
        }
        Ok(())
    }

    fn fill(&mut self, matching: &mut VectorMatching) -> Result<(), ParseError> {
        let first = self.peek()?.tok;
        match first {
            Tok::Fill => {
                self.bump()?;
                matching.fill_left = Some(self.fill_value()?);
                matching.fill_right = matching.fill_left;
            }
            Tok::FillLeft => {
                matching.fill_left = self.fill_side(Tok::FillLeft)?;
                matching.fill_right = self.fill_side(Tok::FillRight)?;
            }
            Tok::FillRight => {
                matching.fill_right = self.fill_side(Tok::FillRight)?;
                matching.fill_left = self.fill_side(Tok::FillLeft)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn fill_side(&mut self, side: Tok) -> Result<Option<NumberLiteral>, ParseError> {
        match self.eat(side)? {
            Some(_) => self.fill_value().map(Some),
            None => Ok(None),
        }
    }

    fn fill_value(&mut self) -> Result<NumberLiteral, ParseError> {
        self.expect(Tok::LParen)?;
        let sign = self.sign()?;
        let mut literal = self.number_token()?.0;
        if let Some((op, _)) = sign {
            negate(&mut literal, op);
        }
        self.expect(Tok::RParen)?;
        Ok(literal)
    }

    /// A number or duration, and its token.
    pub(super) fn number_token(&mut self) -> Result<(NumberLiteral, Token), ParseError> {
        let token = self.bump()?;
        match token.tok {
            Tok::Number | Tok::Duration => Ok((self.number(token)?, token)),
            _ => Err(self.unexpected(token)),
        }
    }

    /// `(a, "b")`, and where it ends. A comma may stand after the last label.
    fn grouping_labels(&mut self) -> Result<(Vec<String>, u32), ParseError> {
        self.within(Context::GroupingOpen, |p| p.expect(Tok::LParen))?;
        let mut labels = Vec::new();
        loop {
            if let Some(close) = self.eat(Tok::RParen)? {
                return Ok((labels, close.span.end));
            }
            labels.push(self.within(Context::GroupingLabel, Parser::grouping_label)?);
            let token = self.bump()?;
            match token.tok {
                Tok::Comma => {}
                Tok::RParen => return Ok((labels, token.span.end)),
                _ => return self.within(Context::GroupingMore, |p| Err(p.unexpected(token))),
            }
        }
    }

    fn grouping_label(&mut self) -> Result<String, ParseError> {
        let token = self.bump()?;
        let text = self.text_of(token);
        let label = match token.tok {
            Tok::Str => quoting::unquote(text),
            tok if tok.names_label() => text.to_owned(),
            _ => return Err(self.unexpected(token)),
        };
        if label.is_empty() {
            return Err(self.error(token.span, format!("invalid label name for grouping: {}", quote(&label))));
        }
        Ok(label)
    }
}
