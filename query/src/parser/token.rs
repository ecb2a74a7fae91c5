//! What the lexer hands to the parser.

use nightjar_model::labels::quote;

use crate::ast::{AggregateOp, BinaryOp, Span};

/// Kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tok {
    Eof,
    Ident,
    MetricIdent,
    Number,
    Duration,
    Str,
    LParen,
    RParen,
    LBrace,
    RBrace,
    LBracket,
    RBracket,
    Comma,
    Colon,
    Equal,
    EqualRegex,
    NotRegex,
    At,
    /// Every infix operator; `!=` is also a match operator.
    Op(BinaryOp),
    Agg(AggregateOp),
    Bool,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Offset,
    Anchored,
    Smoothed,
    Start,
    End,
    Step,
    Range,
    MaxOf,
    MinOf,
}

impl Tok {
    /// The keyword a word spells, upper and lower case alike. `fill...` needs a look ahead and is decided by the lexer.
    pub(super) fn keyword(word: &str) -> Option<Tok> {
        if word.len() > 12 {
            return None;
        }
        let word = word.to_ascii_lowercase();
        if let Some(op) = AggregateOp::from_name(&word) {
            return Some(Tok::Agg(op));
        }
        Some(match word.as_str() {
            "and" => Tok::Op(BinaryOp::And),
            "or" => Tok::Op(BinaryOp::Or),
            "unless" => Tok::Op(BinaryOp::Unless),
            "atan2" => Tok::Op(BinaryOp::Atan2),
            "offset" => Tok::Offset,
            "smoothed" => Tok::Smoothed,
            "anchored" => Tok::Anchored,
            "by" => Tok::By,
            "without" => Tok::Without,
            "on" => Tok::On,
            "ignoring" => Tok::Ignoring,
            "group_left" => Tok::GroupLeft,
            "group_right" => Tok::GroupRight,
            "fill" => Tok::Fill,
            "fill_left" => Tok::FillLeft,
            "fill_right" => Tok::FillRight,
            "bool" => Tok::Bool,
            "inf" | "nan" => Tok::Number,
            _ => return Tok::duration_keyword(&word).or_else(|| Tok::at_keyword(&word)),
        })
    }

    /// Words that stand for functions inside duration expressions.
    pub(super) fn duration_keyword(word: &str) -> Option<Tok> {
        let is = |name: &str| word.eq_ignore_ascii_case(name);
        match () {
            () if is("step") => Some(Tok::Step),
            () if is("range") => Some(Tok::Range),
            () if is("max_of") => Some(Tok::MaxOf),
            () if is("min_of") => Some(Tok::MinOf),
            () => None,
        }
    }

    fn at_keyword(word: &str) -> Option<Tok> {
        match word {
            "start" => Some(Tok::Start),
            "end" => Some(Tok::End),
            _ => None,
        }
    }

    /// Keywords that may name a metric.
    pub(super) fn names_metric(self) -> bool {
        matches!(
            self,
            Tok::Ident
                | Tok::MetricIdent
                | Tok::Agg(_)
                | Tok::By
                | Tok::Without
                | Tok::Fill
                | Tok::FillLeft
                | Tok::FillRight
                | Tok::Offset
                | Tok::Anchored
                | Tok::Smoothed
                | Tok::Op(BinaryOp::And | BinaryOp::Or | BinaryOp::Unless)
        ) || self.is_preprocessor()
    }

    /// Keywords that may name a label in `by (...)`, `on (...)` and the like. `without` may not.
    pub(super) fn names_label(self) -> bool {
        let more = matches!(
            self,
            Tok::Bool | Tok::GroupLeft | Tok::GroupRight | Tok::Ignoring | Tok::On | Tok::Op(BinaryOp::Atan2)
        );
        more || (self.names_metric() && self != Tok::Without)
    }

    /// `start`, `end`, `step`, `range`, `max_of`, `min_of`.
    pub(super) fn is_preprocessor(self) -> bool {
        matches!(self, Tok::Start | Tok::End | Tok::Step | Tok::Range | Tok::MaxOf | Tok::MinOf)
    }

    /// Whether an expression can begin with it.
    pub(super) fn starts_expr(self) -> bool {
        self.names_metric()
            || matches!(
                self,
                Tok::Number
                    | Tok::Duration
                    | Tok::Str
                    | Tok::LParen
                    | Tok::LBrace
                    | Tok::Op(BinaryOp::Add | BinaryOp::Sub)
            )
    }
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) tok: Tok,
    pub(super) span: Span,
}

impl Token {
    /// As error messages call it.
    pub(super) fn describe(self, text: &str) -> String {
        match self.tok {
            Tok::Eof => "end of input".to_owned(),
            Tok::Ident => format!("identifier {}", quote(text)),
            Tok::MetricIdent => format!("metric identifier {}", quote(text)),
            Tok::Number => format!("number {}", shortened(text)),
            Tok::Duration => format!("duration {}", shortened(text)),
            Tok::Str => format!("string {}", shortened(text)),
            Tok::Op(_) | Tok::At | Tok::EqualRegex | Tok::NotRegex => format!("<op:{text}>"),
            Tok::Agg(_) => format!("<aggr:{text}>"),
            Tok::Bool | Tok::By | Tok::Without | Tok::On | Tok::Ignoring | Tok::GroupLeft | Tok::GroupRight => {
                format!("<{text}>")
            }
            Tok::Fill | Tok::FillLeft | Tok::FillRight | Tok::Offset | Tok::Anchored | Tok::Smoothed => {
                format!("<{text}>")
            }
            _ => shortened(text),
        }
    }
}

/// Quoted; cut to ten characters when it is longer than ten bytes.
fn shortened(text: &str) -> String {
    if text.len() <= 10 {
        return quote(text);
    }
    let cut: String = text.chars().take(10).collect();
    format!("{}...", quote(&cut))
}
