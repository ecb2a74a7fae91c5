//! Calls: arguments of the right number and type.

use super::{At, Run, Slot};
use crate::error::Error;
use crate::function::Body;
use crate::parse::{Expr, ExprKind};
use crate::quote::quote;
use crate::value::{Signature, Type, Value};

impl<'t> Run<'t, '_, '_> {
    /// Calls a function. `args` begins with the function itself, or is empty.
    pub(super) fn function(
        &mut self,
        dot: &Slot,
        name: &str,
        at: At<'t>,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        let Some(function) = self.program.function(name) else {
            return self.fail(format!("{} is not a defined function", quote(name)));
        };
        let signature = function.signature;
        let result = match &function.body {
            Body::And => return self.short_circuit(dot, name, signature, args, last, false),
            Body::Or => return self.short_circuit(dot, name, signature, args, last, true),
            Body::Call(call) => {
                let mut values = self.arguments(dot, name, signature, args, last)?;
                if name == "call" {
                    self.show_callee(args, &mut values);
                }
                call(self.context, &values)
            }
            Body::Template => {
                let values = self.arguments(dot, name, signature, args, last)?;
                self.render(&values)
            }
        };
        self.finish_call(at, name, result)
    }

    /// `call` names what it was given, as it is written, in its messages; only failures are possible.
    fn show_callee(&self, args: &[Expr], values: &mut [Value]) {
        let Some(value) = values.first_mut().filter(|value| !matches!(value, Value::Nil)) else { return };
        let callee = match (args.get(1), value.as_str()) {
            (Some(callee), _) => callee.to_string(),
            (None, Some(text)) => text.to_owned(),
            (None, None) => format!("<{} Value>", value.type_name()),
        };
        *value = format!("non-function {callee} of type {}", value.type_name()).into();
    }

    fn render(&mut self, values: &[Value]) -> Result<Value, String> {
        let name = values.first().and_then(Value::as_str).unwrap_or_default();
        let most = self.context.limits().depth;
        if self.context.depth >= most {
            return self.context.exhaust(format!("exceeded maximum template depth ({most})"));
        }
        self.context.depth += 1;
        let data = values.get(1).cloned().unwrap_or(Value::Nil);
        let result = self.program.render(name, &data, self.context);
        self.context.depth -= 1;
        result.map_err(|e| e.to_string())
    }

    /// Charges for what a call made, or reports why it failed.
    pub(super) fn finish_call(
        &mut self,
        at: At<'t>,
        name: &str,
        result: Result<Value, String>,
    ) -> Result<Value, Error> {
        let result = result.and_then(|value| self.context.spend(value.weight()).map(|()| value));
        result.or_else(|message| {
            self.set_at(at);
            self.fail(format!("error calling {name}: {message}"))
        })
    }

    fn check_count(&self, name: &str, signature: Signature, given: usize, last: bool) -> Result<(), Error> {
        let (wanted, total) = (signature.params.len(), given + usize::from(last));
        if signature.variadic && total + 1 < wanted {
            return self.fail(format!("wrong number of args for {name}: want at least {} got {given}", wanted - 1));
        }
        if !signature.variadic && total != wanted {
            return self.fail(format!("wrong number of args for {name}: want {wanted} got {total}"));
        }
        Ok(())
    }

    /// The values of the arguments, each fit for its parameter.
    pub(super) fn arguments(
        &mut self,
        dot: &Slot,
        name: &str,
        signature: Signature,
        args: &'t [Expr],
        last: Option<Value>,
    ) -> Result<Vec<Value>, Error> {
        let args = args.get(1..).unwrap_or_default();
        self.check_count(name, signature, args.len(), last.is_some())?;
        let param = |i: usize| signature.params.get(i).or(signature.params.last()).copied().unwrap_or(Type::Any);
        let mut values = Vec::with_capacity(args.len() + 1);
        for (i, arg) in args.iter().enumerate() {
            values.push(self.argument(dot, param(i), arg)?);
        }
        if let Some(last) = last {
            values.push(self.fit(Slot::bare(last), param(args.len()))?);
        }
        Ok(values)
    }

    /// `and`, `or`: evaluates until one decides.
    fn short_circuit(
        &mut self,
        dot: &Slot,
        name: &str,
        signature: Signature,
        args: &'t [Expr],
        last: Option<Value>,
        decides: bool,
    ) -> Result<Value, Error> {
        let args = args.get(1..).unwrap_or_default();
        self.check_count(name, signature, args.len(), last.is_some())?;
        let mut value = Value::Nil;
        for arg in args {
            value = self.argument(dot, Type::Raw, arg)?;
            if value.truth() == decides {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn argument(&mut self, dot: &Slot, param: Type, arg: &'t Expr) -> Result<Value, Error> {
        self.set_at(At::Expr(arg));
        self.step()?;
        let slot = match &arg.kind {
            ExprKind::Dot => dot.clone(),
            ExprKind::Nil if param.can_be_nil() => return Ok(Value::Nil),
            ExprKind::Nil => return self.fail(format!("cannot assign nil to {}", param.name())),
            ExprKind::Field(names) => self.fields(dot, dot.clone(), arg, names, &[], None)?,
            ExprKind::Variable(_) => self.variable_fields(dot, arg, &[], None)?,
            ExprKind::Pipe(pipe) => Slot::bare(self.pipe(dot, pipe)?),
            ExprKind::Function(name) => Slot::bare(self.function(dot, name, At::Expr(arg), &[], None)?),
            ExprKind::Chain(..) => self.chain(dot, arg, &[], None)?,
            ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::Str(..) => return self.literal(param, arg),
        };
        self.fit(slot, param)
    }

    /// A literal takes the type of the parameter, if it can.
    fn literal(&mut self, param: Type, arg: &'t Expr) -> Result<Value, Error> {
        let Type::Is(type_name) = param else {
            return match &arg.kind {
                ExprKind::Bool(truth) => Ok((*truth).into()),
                ExprKind::Number(number) => self.constant(arg, number),
                ExprKind::Str(_, text) => Ok(Value::Str(text.clone())),
                _ => self.fail("not a literal"),
            };
        };
        let (value, kind) = match (type_name, &arg.kind) {
            ("bool", ExprKind::Bool(truth)) => (Some((*truth).into()), "bool"),
            ("bool", _) => (None, "bool"),
            ("string", ExprKind::Str(_, text)) => (Some(Value::Str(text.clone())), "string"),
            ("string", _) => (None, "string"),
            ("int", ExprKind::Number(number)) => (number.int.map(Value::Int), "integer"),
            ("time.Duration", ExprKind::Number(number)) => {
                (number.int.map(|n| Value::Duration(crate::time::Duration::from_nanos(n))), "integer")
            }
            ("int" | "time.Duration", _) => (None, "integer"),
            ("uint", ExprKind::Number(number)) => (number.uint.map(Value::Uint), "unsigned integer"),
            ("uint", _) => (None, "unsigned integer"),
            ("float64", ExprKind::Number(number)) => (number.float.map(Value::Float), "float"),
            ("float64", _) => (None, "float"),
            _ => return self.fail(format!("can't handle {arg} for arg of type {type_name}")),
        };
        match value {
            Some(value) => Ok(value),
            None => self.fail(format!("expected {kind}; found {arg}")),
        }
    }

    /// The value as a parameter of this type takes it.
    fn fit(&self, slot: Slot, param: Type) -> Result<Value, Error> {
        let value = slot.value;
        let Type::Is(type_name) = param else { return Ok(value) };
        match &value {
            Value::Nil if slot.boxed => {
                self.fail(format!("wrong type for value; expected {type_name}; got interface {{}}"))
            }
            Value::Nil if param.can_be_nil() => Ok(value),
            Value::Nil => self.fail(format!("invalid value; expected {type_name}")),
            _ if value.is(type_name) => Ok(value),
            Value::Pointer(to) if to.is(type_name) => Ok((**to).clone()),
            _ => self.fail(format!("wrong type for value; expected {type_name}; got {}", value.type_name())),
        }
    }
}
