//! The syntax tree of a template. Every part knows its byte offset in the text, for messages.

use std::sync::Arc;

use super::Number;

/// One template: the text outside all `define`s, or the body of one.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// The name it is called by.
    pub(crate) name: Arc<str>,
    /// The name of the text it came from.
    pub(crate) source: Arc<str>,
    /// The whole text it came from.
    pub(crate) text: Arc<str>,
    /// Offset of the first element.
    pub(crate) pos: usize,
    pub(crate) root: Vec<Node>,
}

impl Tree {
    /// `name:line:column` of an offset; columns count bytes from 0, as Go's do.
    pub(crate) fn location(&self, pos: usize) -> String {
        let before = &self.text.as_bytes()[..pos.min(self.text.len())];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let column = before.iter().rev().take_while(|b| **b != b'\n').count();
        format!("{}:{line}:{column}", self.source)
    }

    /// Nothing but white space: such a tree never replaces another one of its name.
    pub(crate) fn is_empty(&self) -> bool {
        self.root.iter().all(|node| matches!(node, Node::Text(text) if text.text.trim().is_empty()))
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Text(Text),
    Action(Action),
    If(Branch),
    Range(Branch),
    With(Branch),
    Template(Call),
    Break { pos: usize, line: usize },
    Continue { pos: usize, line: usize },
}

impl Node {
    pub(crate) fn pos(&self) -> usize {
        match self {
            Node::Text(text) => text.pos,
            Node::Action(action) => action.pos,
            Node::If(branch) | Node::Range(branch) | Node::With(branch) => branch.pos,
            Node::Template(call) => call.pos,
            Node::Break { pos, .. } | Node::Continue { pos, .. } => *pos,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) pos: usize,
    pub(crate) text: Arc<str>,
}

#[derive(Debug, Clone)]
pub(crate) struct Action {
    pub(crate) pos: usize,
    pub(crate) pipe: Pipe,
}

#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub(crate) pos: usize,
    pub(crate) line: usize,
    pub(crate) pipe: Pipe,
    pub(crate) list: Vec<Node>,
    pub(crate) otherwise: Option<Vec<Node>>,
}

/// `{{template "name" pipe}}`.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) pos: usize,
    pub(crate) name: Arc<str>,
    pub(crate) pipe: Option<Pipe>,
}

#[derive(Debug, Clone)]
pub(crate) struct Pipe {
    pub(crate) pos: usize,
    /// The variables are assigned (`=`), not declared (`:=`).
    pub(crate) assigns: bool,
    pub(crate) variables: Vec<Variable>,
    pub(crate) commands: Vec<Command>,
}

#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) name: Arc<str>,
}

/// A function, method or operand with its arguments; never empty.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) pos: usize,
    pub(crate) args: Vec<Expr>,
}

#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) pos: usize,
    pub(crate) kind: ExprKind,
}

#[derive(Debug, Clone)]
pub(crate) enum ExprKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    /// As written, and what it stands for.
    Str(Arc<str>, Arc<str>),
    /// `.a.b`
    Field(Vec<Arc<str>>),
    /// `$x.a.b`; the first part keeps its dollar.
    Variable(Vec<Arc<str>>),
    /// A function.
    Function(Arc<str>),
    /// `(pipe).a.b`
    Chain(Box<Expr>, Vec<Arc<str>>),
    Pipe(Box<Pipe>),
}
