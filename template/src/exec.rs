//! Runs a syntax tree over data.

mod call;
mod eval;
mod walk;

use std::fmt::Display;
use std::sync::Arc;

use crate::error::{Error, Stage};
use crate::function::{Context, Function};
use crate::parse::{Branch, Command, Expr, Node, Pipe, Tree};
use crate::value::Value;

/// What a key that a map does not have stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingKey {
    /// Nothing at all, printed as `<no value>`.
    #[default]
    Default,
    /// The zero of the map's values: the empty text for labels. Both products use this.
    Zero,
    /// An error.
    Error,
}

/// The templates and functions around the one that runs.
pub(crate) trait Program {
    /// The template of a name.
    fn tree(&self, name: &str) -> Option<&Tree>;

    /// The function of a name.
    fn function(&self, name: &str) -> Option<&Function>;

    /// The text of another template, for `tmpl`: HTML if this program is.
    fn render(&self, name: &str, data: &Value, context: &mut Context<'_>) -> Result<Value, Error>;

    fn missing_key(&self) -> MissingKey;
}

/// A value, and whether Go would hold it in an `interface {}`, which shows in messages.
#[derive(Debug, Clone)]
struct Slot {
    value: Value,
    boxed: bool,
}

impl Slot {
    fn bare(value: Value) -> Self {
        Self { value, boxed: false }
    }
}

/// The part of the tree being worked on, for messages.
#[derive(Clone, Copy)]
enum At<'t> {
    Node(&'t Node),
    Branch(&'t Node, &'t Branch),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Expr(&'t Expr),
}

impl At<'_> {
    fn pos(&self) -> usize {
        match self {
            At::Node(node) => node.pos(),
            At::Branch(_, branch) => branch.pos,
            At::Pipe(pipe) => pipe.pos,
            At::Command(command) => command.pos,
            At::Expr(expr) => expr.pos,
        }
    }

    fn text(&self) -> &dyn Display {
        match self {
            At::Node(node) | At::Branch(node, _) => *node,
            At::Pipe(pipe) => *pipe,
            At::Command(command) => *command,
            At::Expr(expr) => *expr,
        }
    }
}

/// One template running.
struct Run<'t, 'c, 'h> {
    program: &'t dyn Program,
    tree: &'t Tree,
    at: Option<At<'t>>,
    variables: Vec<(Arc<str>, Slot)>,
    context: &'c mut Context<'h>,
    out: &'c mut String,
}

/// Appends what the template makes of `data`.
pub(crate) fn execute(
    program: &dyn Program,
    tree: &Tree,
    data: &Value,
    context: &mut Context<'_>,
    out: &mut String,
) -> Result<(), Error> {
    let dollar = (Arc::from("$"), Slot::bare(data.clone()));
    let mut run = Run { program, tree, at: None, variables: vec![dollar], context, out };
    run.list(&Slot::bare(data.clone()), &tree.root).map(|_| ())
}

impl<'t> Run<'t, '_, '_> {
    fn fail<T>(&self, message: impl AsRef<str>) -> Result<T, Error> {
        let stage = if self.context.is_exhausted() { Stage::Limit } else { Stage::Execute };
        let (name, message) = (&self.tree.name, message.as_ref());
        Err(Error::new(
            stage,
            match &self.at {
                None => format!("template: {name}: {message}"),
                Some(at) => {
                    let location = self.tree.location(at.pos());
                    let name = crate::quote::quote(name);
                    format!("template: {location}: executing {name} at <{}>: {message}", at.text())
                }
            },
        ))
    }

    fn step(&mut self) -> Result<(), Error> {
        self.context.step().or_else(|message| self.fail(message))
    }

    /// Appends to the result.
    fn write(&mut self, text: &str) -> Result<(), Error> {
        let most = self.context.limits().output_bytes;
        if self.out.len() + text.len() > most {
            let refused = self.context.exhaust(format!("result has more than {most} bytes"));
            return refused.or_else(|message| self.fail(message));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn set_at(&mut self, at: At<'t>) {
        self.at = Some(at);
    }
}
