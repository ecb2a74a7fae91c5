//! Nodes: text, actions, branches, loops, templates.

use super::{At, Run, Slot};
use crate::error::Error;
use crate::format::{TooLong, display};
use crate::parse::{Action, Branch, Call, Node};
use crate::value::Value;

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Through,
    Break,
    Continue,
}

impl<'t> Run<'t, '_, '_> {
    pub(super) fn list(&mut self, dot: &Slot, nodes: &'t [Node]) -> Result<Flow, Error> {
        for node in nodes {
            match self.node(dot, node)? {
                Flow::Through => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Through)
    }

    fn node(&mut self, dot: &Slot, node: &'t Node) -> Result<Flow, Error> {
        self.set_at(At::Node(node));
        self.step()?;
        match node {
            Node::Text(text) => self.write(&text.text)?,
            Node::Action(action) => self.action(dot, node, action)?,
            Node::If(branch) => return self.nested(|run| run.branch(dot, branch, false)),
            Node::With(branch) => return self.nested(|run| run.branch(dot, branch, true)),
            Node::Range(branch) => return self.nested(|run| run.range(dot, node, branch)),
            Node::Template(call) => self.nested(|run| run.template(dot, call))?,
            Node::Break { .. } => return Ok(Flow::Break),
            Node::Continue { .. } => return Ok(Flow::Continue),
        }
        Ok(Flow::Through)
    }

    /// One level deeper; variables declared inside end with it.
    fn nested<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let most = self.context.limits().nesting;
        if self.context.nesting >= most {
            let refused = self.context.exhaust(format!("more than {most} blocks open"));
            return refused.or_else(|message| self.fail(message));
        }
        self.context.nesting += 1;
        let result = run(self);
        self.context.nesting -= 1;
        result
    }

    fn action(&mut self, dot: &Slot, node: &'t Node, action: &'t Action) -> Result<(), Error> {
        let value = self.pipe(dot, &action.pipe)?;
        if !action.pipe.variables.is_empty() {
            return Ok(());
        }
        self.set_at(At::Node(node));
        let room = self.context.limits().output_bytes - self.out.len().min(self.context.limits().output_bytes);
        match display(&value, room) {
            Ok(text) => self.write(&text),
            Err(TooLong) => {
                let most = self.context.limits().output_bytes;
                let refused = self.context.exhaust(format!("result has more than {most} bytes"));
                refused.or_else(|message| self.fail(message))
            }
        }
    }

    fn branch(&mut self, dot: &Slot, branch: &'t Branch, with: bool) -> Result<Flow, Error> {
        let visible = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let flow = if value.truth() {
            let inner = if with { Slot::bare(value) } else { dot.clone() };
            self.list(&inner, &branch.list)
        } else {
            self.list(dot, branch.otherwise.as_deref().unwrap_or_default())
        };
        self.variables.truncate(visible);
        flow
    }

    fn range(&mut self, dot: &Slot, node: &'t Node, branch: &'t Branch) -> Result<Flow, Error> {
        self.set_at(At::Branch(node, branch));
        let visible = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let flow = self.elements(dot, branch, &value.plain());
        self.variables.truncate(visible);
        flow
    }

    /// Runs the body for each element, or the other branch if there is none.
    fn elements(&mut self, dot: &Slot, branch: &'t Branch, value: &Value) -> Result<Flow, Error> {
        let mut ran = false;
        match value {
            Value::Int(_) | Value::Uint(_) | Value::Duration(_) if branch.pipe.variables.len() > 1 => {
                let shown = display(value, 100).unwrap_or_default();
                return self.fail(format!("can't use {shown} to iterate over more than one variable"));
            }
            Value::Int(_) | Value::Uint(_) | Value::Duration(_) => {
                let mut count = 0;
                while let Some(element) = below(value, count) {
                    ran = true;
                    if self.element(branch, Value::Nil, Slot::bare(element))? == Flow::Break {
                        break;
                    }
                    count += 1;
                }
            }
            Value::List(list) => {
                for (i, item) in list.items().iter().enumerate() {
                    ran = true;
                    let slot = Slot { value: item.clone(), boxed: list.is_boxed() };
                    if self.element(branch, Value::Int(i as i64), slot)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (name, item) in map.entries() {
                    ran = true;
                    let slot = Slot { value: item.clone(), boxed: map.is_boxed() };
                    if self.element(branch, Value::Str(name.clone()), slot)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Nil => {}
            other => {
                let shown = display(other, 1000).unwrap_or_default();
                return self.fail(format!("range can't iterate over {shown}"));
            }
        }
        if ran { Ok(Flow::Through) } else { self.list(dot, branch.otherwise.as_deref().unwrap_or_default()) }
    }

    fn element(&mut self, branch: &'t Branch, index: Value, element: Slot) -> Result<Flow, Error> {
        self.step()?;
        let variables = &branch.pipe.variables;
        let targets = match variables.len() {
            0 => [None, None],
            1 => [Some(element.clone()), None],
            _ => [Some(Slot::bare(index)), Some(element.clone())],
        };
        let base = self.variables.len();
        for (i, (variable, value)) in variables.iter().zip(targets).enumerate() {
            let Some(value) = value else { continue };
            if branch.pipe.assigns {
                self.assign(&variable.name, value)?;
            } else {
                self.variables[base - variables.len() + i].1 = value;
            }
        }
        let flow = self.list(&element, &branch.list);
        self.variables.truncate(base);
        flow
    }

    fn template(&mut self, dot: &Slot, call: &'t Call) -> Result<(), Error> {
        let Some(tree) = self.program.tree(&call.name) else {
            return self.fail(format!("template {} not defined", crate::quote::quote(&call.name)));
        };
        let most = self.context.limits().depth;
        if self.context.depth >= most {
            let refused = self.context.exhaust(format!("exceeded maximum template depth ({most})"));
            return refused.or_else(|message| self.fail(message));
        }
        let data = match &call.pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Nil,
        };
        self.context.depth += 1;
        let done = super::execute(self.program, tree, &data, self.context, self.out);
        self.context.depth -= 1;
        done
    }
}

/// The element `count` of the numbers below `limit`.
fn below(limit: &Value, count: u64) -> Option<Value> {
    match limit {
        Value::Int(n) => i64::try_from(count).ok().filter(|c| c < n).map(Value::Int),
        Value::Uint(n) => (count < *n).then_some(Value::Uint(count)),
        Value::Duration(d) => {
            let count = i64::try_from(count).ok().filter(|c| *c < d.nanos())?;
            Some(Value::Duration(crate::time::Duration::from_nanos(count)))
        }
        _ => None,
    }
}
