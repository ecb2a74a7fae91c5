//! The syntax tree of PromQL 3.14. Every node knows where it stands in the text.

use nightjar_model::{Matcher, TimestampMs};

mod inspect;
mod names;
mod text;

pub use inspect::Children;
pub use text::Text;

/// A byte range of the query text, `start <= end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// First byte after.
    pub end: u32,
}

/// The four types of PromQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number per evaluation time.
    Scalar,
    /// A text.
    String,
    /// One sample per series and evaluation time ("instant vector").
    Vector,
    /// A window of samples per series and evaluation time ("range vector").
    Matrix,
}

impl ValueType {
    /// As in error messages: `instant vector`.
    pub fn documented(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
        }
    }
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// The kinds of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `1.5`, `0x1f`, `Inf`, `5m`.
    Number(NumberLiteral),
    /// `"text"`.
    String(Box<Text>),
    /// `(expr)`.
    Paren(Box<Expr>),
    /// `-expr`, `+expr`.
    Unary(UnaryOp, Box<Expr>),
    /// `lhs op rhs`.
    Binary(Box<BinaryExpr>),
    /// `sum by (x) (expr)`.
    Aggregate(Box<AggregateExpr>),
    /// `rate(expr)`.
    Call(Call),
    /// `metric{label="x"} offset 5m @ 12`.
    Vector(Box<VectorSelector>),
    /// `metric[5m]`.
    Matrix(Box<MatrixSelector>),
    /// `expr[1h:5m]`.
    Subquery(Box<SubqueryExpr>),
    /// Evaluated once and repeated at every step. Only the planner makes it.
    StepInvariant(Box<Expr>),
}

/// A number.
#[derive(Clone, Copy, Debug)]
pub struct NumberLiteral {
    /// Its value; seconds when it was a duration.
    pub value: f64,
    /// Whether it was written as a duration, and is printed as one.
    pub duration: bool,
}

impl PartialEq for NumberLiteral {
    /// By bits, so that NaN equals itself.
    fn eq(&self, other: &NumberLiteral) -> bool {
        self.value.to_bits() == other.value.to_bits() && self.duration == other.duration
    }
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `+`
    Plus,
    /// `-`
    Minus,
}

/// Infix operators, tightest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `or`
    Or,
    /// `and`
    And,
    /// `unless`
    Unless,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<=`
    Le,
    /// `<`
    Lt,
    /// `>=`
    Ge,
    /// `>`
    Gt,
    /// `</`: keep observations below.
    TrimUpper,
    /// `>/`: keep observations above.
    TrimLower,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `atan2`
    Atan2,
    /// `^`
    Pow,
}

/// `lhs op rhs` with its modifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct BinaryExpr {
    /// Operator.
    pub op: BinaryOp,
    /// Left operand.
    pub lhs: Expr,
    /// Right operand.
    pub rhs: Expr,
    /// `bool` after a comparison.
    pub return_bool: bool,
    /// How elements of two vectors find each other; `None` unless both sides are vectors.
    pub matching: Option<VectorMatching>,
}

/// How many elements may match on each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cardinality {
    /// The default.
    #[default]
    OneToOne,
    /// `group_left`.
    ManyToOne,
    /// `group_right`.
    OneToMany,
    /// Set operators.
    ManyToMany,
}

/// `on/ignoring (...) group_left/group_right (...) fill...`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VectorMatching {
    /// Cardinality.
    pub card: Cardinality,
    /// Labels of `on` or `ignoring`, as written.
    pub labels: Vec<String>,
    /// `on` (true) or `ignoring` (false, also when nothing was written).
    pub on: bool,
    /// Whether `ignoring ()`/`on ()` was written at all; matters for printing only.
    pub explicit: bool,
    /// Labels of `group_left`/`group_right`, copied from the "one" side.
    pub include: Vec<String>,
    /// `fill_left(x)` (or `fill(x)`).
    pub fill_left: Option<NumberLiteral>,
    /// `fill_right(x)` (or `fill(x)`).
    pub fill_right: Option<NumberLiteral>,
}

/// Aggregation operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as in the language")]
pub enum AggregateOp {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    TopK,
    BottomK,
    CountValues,
    Quantile,
    LimitK,
    LimitRatio,
}

/// `op by (labels) (param, expr)`.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateExpr {
    /// Operator.
    pub op: AggregateOp,
    /// The vector.
    pub expr: Expr,
    /// First argument of those that take one.
    pub param: Option<Expr>,
    /// Labels of `by` or `without`, as written.
    pub grouping: Vec<String>,
    /// `without` instead of `by`.
    pub without: bool,
}

/// `func(args)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub func: &'static Function,
    /// Its arguments.
    pub args: Vec<Expr>,
}

/// A function's signature. The table of all functions is in `functions`.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Name as called.
    pub name: &'static str,
    /// Types of arguments.
    pub args: &'static [ValueType],
    /// 0 = exactly `args`; n > 0 = the last n are optional; -1 = the last may be repeated or left out without limit.
    pub variadic: i32,
    /// Type of the result.
    pub returns: ValueType,
    /// Needs `--enable-feature=promql-experimental-functions`.
    pub experimental: bool,
}

/// `@ ...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A fixed time.
    Time(TimestampMs),
    /// `@ start()`.
    Start,
    /// `@ end()`.
    End,
}

/// `anchored` or `smoothed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeMode {
    /// `anchored`
    Anchored,
    /// `smoothed`
    Smoothed,
}

/// `metric{matchers} anchored offset d @ t`.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSelector {
    /// Metric name written before the braces; also present among `matchers`. `None` when the name was quoted inside them.
    pub name: Option<String>,
    /// All matchers, the one for `__name__` included (last when the name stood before the braces, as Prometheus keeps it).
    pub matchers: Vec<Matcher>,
    /// `offset`, as written; `None` also for an offset of zero.
    pub offset: Option<DurationExpr>,
    /// `@`.
    pub at: Option<At>,
    /// `anchored` / `smoothed`; on a range selector it stands here too.
    pub mode: Option<RangeMode>,
}

/// `selector[range]`; offset and `@` stand in the selector.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixSelector {
    /// The selector.
    pub selector: VectorSelector,
    /// Span of the selector alone, without the brackets.
    pub selector_span: Span,
    /// Width of the window.
    pub range: DurationExpr,
}

/// `expr[range:step] offset d @ t`.
#[derive(Clone, Debug, PartialEq)]
pub struct SubqueryExpr {
    /// The inner expression.
    pub expr: Expr,
    /// Width of the window.
    pub range: DurationExpr,
    /// Resolution; `None` = the default evaluation interval.
    pub step: Option<DurationExpr>,
    /// `offset`, as written.
    pub offset: Option<DurationExpr>,
    /// `@`.
    pub at: Option<At>,
}

/// A duration, possibly computed. Resolved once per query, in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationExpr {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: DurationKind,
}

impl DurationExpr {
    /// Where it stands without its parentheses: so Prometheus tells the place of computed durations.
    pub(crate) fn bare_span(&self) -> Span {
        match &self.kind {
            DurationKind::Paren(inner) => inner.bare_span(),
            _ => self.span,
        }
    }
}

/// The kinds of duration expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationKind {
    /// `5m`, or a bare number of seconds; `duration` in the literal tells which.
    Literal(NumberLiteral),
    /// `step()`.
    Step,
    /// `range()`.
    Range,
    /// `+d`, `-d`.
    Unary(UnaryOp, Box<DurationExpr>),
    /// `a op b` with `+ - * / % ^`.
    Binary(BinaryOp, Box<DurationExpr>, Box<DurationExpr>),
    /// `min_of(a, b)`.
    MinOf(Box<DurationExpr>, Box<DurationExpr>),
    /// `max_of(a, b)`.
    MaxOf(Box<DurationExpr>, Box<DurationExpr>),
    /// `(d)`.
    Paren(Box<DurationExpr>),
}
