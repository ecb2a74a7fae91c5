//! Pipelines, commands, operands: their values.

use std::sync::Arc;

use super::{At, MissingKey, Run, Slot};
use crate::error::Error;
use crate::methods;
use crate::parse::{Command, Expr, ExprKind, Number, Pipe};
use crate::quote::quote;
use crate::value::{Under, Value};

impl<'t> Run<'t, '_, '_> {
    /// The value of a pipeline; its variables are set.
    pub(super) fn pipe(&mut self, dot: &Slot, pipe: &'t Pipe) -> Result<Value, Error> {
        self.set_at(At::Pipe(pipe));
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(dot, command, value)?);
        }
        let value = value.unwrap_or(Value::Nil);
        for variable in &pipe.variables {
            if pipe.assigns {
                self.assign(&variable.name, Slot::bare(value.clone()))?;
            } else {
                self.variables.push((variable.name.clone(), Slot::bare(value.clone())));
            }
        }
        Ok(value)
    }

    pub(super) fn assign(&mut self, name: &str, value: Slot) -> Result<(), Error> {
        match self.variables.iter_mut().rev().find(|(known, _)| **known == *name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    fn variable(&self, name: &str) -> Result<Slot, Error> {
        match self.variables.iter().rev().find(|(known, _)| **known == *name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    /// The value of a command; `last` is the value of the one before it in the pipeline.
    fn command(&mut self, dot: &Slot, command: &'t Command, last: Option<Value>) -> Result<Value, Error> {
        self.step()?;
        let first = &command.args[0];
        let args = &command.args[..];
        match &first.kind {
            ExprKind::Field(names) => {
                self.set_at(At::Expr(first));
                self.fields(dot, dot.clone(), first, names, args, last).map(|slot| slot.value)
            }
            ExprKind::Chain(..) => self.chain(dot, first, args, last).map(|slot| slot.value),
            ExprKind::Variable(_) => self.variable_fields(dot, first, args, last).map(|slot| slot.value),
            ExprKind::Function(name) => {
                self.set_at(At::Expr(first));
                self.function(dot, name, At::Command(command), args, last)
            }
            ExprKind::Pipe(pipe) => {
                self.not_a_function(args, last.as_ref())?;
                self.pipe(dot, pipe)
            }
            _ => {
                self.set_at(At::Expr(first));
                self.not_a_function(args, last.as_ref())?;
                self.operand(dot, first)
            }
        }
    }

    fn operand(&mut self, dot: &Slot, expr: &'t Expr) -> Result<Value, Error> {
        match &expr.kind {
            ExprKind::Bool(truth) => Ok((*truth).into()),
            ExprKind::Dot => Ok(dot.value.clone()),
            ExprKind::Number(number) => self.constant(expr, number),
            ExprKind::Str(_, text) => Ok(Value::Str(text.clone())),
            ExprKind::Nil => self.fail("nil is not a command"),
            _ => self.fail(format!("can't evaluate command {}", quote(&expr.to_string()))),
        }
    }

    /// A number without further knowledge of its type: float if it looks like one, else int.
    pub(super) fn constant(&mut self, expr: &'t Expr, number: &Number) -> Result<Value, Error> {
        self.set_at(At::Expr(expr));
        match (number.float, number.int) {
            (Some(float), _) if number.looks_float() => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::Int(int)),
            _ => self.fail(format!("{} overflows int", number.text)),
        }
    }

    fn not_a_function(&self, args: &[Expr], last: Option<&Value>) -> Result<(), Error> {
        if args.len() > 1 || last.is_some() {
            return self.fail(format!("can't give argument to non-function {}", args[0]));
        }
        Ok(())
    }

    /// `(pipe).a.b`
    pub(super) fn chain(
        &mut self,
        dot: &Slot,
        expr: &'t Expr,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Result<Slot, Error> {
        self.set_at(At::Expr(expr));
        let ExprKind::Chain(inner, names) = &expr.kind else { return self.fail("not a chain") };
        let receiver = match &inner.kind {
            ExprKind::Pipe(pipe) => self.pipe(dot, pipe)?,
            ExprKind::Function(name) => {
                self.set_at(At::Expr(inner));
                self.function(dot, name, At::Expr(inner), &[], None)?
            }
            _ => self.operand(dot, inner)?,
        };
        self.fields(dot, Slot::bare(receiver), expr, names, args, last)
    }

    /// `$x.a.b`
    pub(super) fn variable_fields(
        &mut self,
        dot: &Slot,
        expr: &'t Expr,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Result<Slot, Error> {
        self.set_at(At::Expr(expr));
        let ExprKind::Variable(names) = &expr.kind else { return self.fail("not a variable") };
        let value = self.variable(&names[0])?;
        if names.len() == 1 {
            if args.len() > 1 || last.is_some() {
                self.not_a_function(args, last.as_ref())?;
            }
            return Ok(value);
        }
        self.fields(dot, value, expr, &names[1..], args, last)
    }

    /// Walks along fields; only the last one takes arguments.
    pub(super) fn fields(
        &mut self,
        dot: &Slot,
        receiver: Slot,
        expr: &'t Expr,
        names: &[Arc<str>],
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Result<Slot, Error> {
        let Some((final_name, names)) = names.split_last() else { return Ok(receiver) };
        let mut slot = receiver;
        for name in names {
            slot = self.field(dot, &slot, expr, name, &[], None)?;
        }
        self.field(dot, &slot, expr, final_name, args, last)
    }

    /// A method, a field of a struct, or an entry of a map.
    fn field(
        &mut self,
        dot: &Slot,
        receiver: &Slot,
        expr: &'t Expr,
        name: &str,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Result<Slot, Error> {
        if let Value::Nil = receiver.value {
            return self.field_of_nil(receiver, name);
        }
        let target = receiver.value.target();
        if let Some(signature) = methods::signature(target, name) {
            let args = self.arguments(dot, name, signature, args, last)?;
            let result = methods::call(target, name, &args);
            return self.finish_call(At::Expr(expr), name, result).map(Slot::bare);
        }
        let has_args = args.len() > 1 || last.is_some();
        if let Value::Object(object) = target
            && let Some(value) = object.field(name)
        {
            if has_args {
                return self.fail(format!("{name} has arguments but cannot be invoked as function"));
            }
            return Ok(Slot { value, boxed: object.is_boxed(name) });
        }
        let plain = match target {
            Value::Object(object) => match object.under() {
                Under::Plain(plain) => plain.plain(),
                Under::Struct(_) => Value::Nil,
            },
            other => other.clone(),
        };
        let Value::Map(map) = plain else {
            let type_name = if receiver.boxed { "interface {}".into() } else { receiver.value.type_name() };
            return self.fail(format!("can't evaluate field {name} in type {type_name}"));
        };
        if has_args {
            return self.fail(format!("{name} is not a method but has arguments"));
        }
        match (map.get(name), self.program.missing_key()) {
            (Some(value), _) => Ok(Slot { value: value.clone(), boxed: map.is_boxed() }),
            (None, MissingKey::Default) => Ok(Slot::bare(Value::Nil)),
            (None, MissingKey::Zero) => Ok(Slot { value: map.zero().clone(), boxed: map.is_boxed() }),
            (None, MissingKey::Error) => self.fail(format!("map has no entry for key {}", quote(name))),
        }
    }

    fn field_of_nil(&self, receiver: &Slot, name: &str) -> Result<Slot, Error> {
        if receiver.boxed {
            return self.fail(format!("nil pointer evaluating interface {{}}.{name}"));
        }
        if self.program.missing_key() == MissingKey::Error {
            return self.fail(format!("nil data; no entry for key {}", quote(name)));
        }
        Ok(Slot::bare(Value::Nil))
    }
}
