//! Values of the caller: named Go types with fields and methods.

use std::fmt::Debug;
use std::sync::Arc;

use super::{Signature, Value};

/// One field of a struct.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name in templates.
    pub name: &'static str,
    /// Its name in JSON.
    pub json: &'static str,
    /// What it holds.
    pub value: Value,
}

/// What a named type is made of.
#[derive(Debug, Clone)]
pub enum Under {
    /// A struct with these fields, in order.
    Struct(Vec<Field>),
    /// A type with another name, such as a map of labels with methods.
    Plain(Value),
}

/// A value whose type has a name, and fields or methods of its own.
pub trait Object: Debug + Send + Sync {
    /// The name of the type in Go, such as `template.KV`; it stands in messages.
    fn type_name(&self) -> &str;

    /// What it is made of: the base of printing, `len`, `index`, `range`, comparison and JSON.
    fn under(&self) -> Under;

    /// Whether a parameter of this Go type takes the object.
    fn is(&self, type_name: &str) -> bool {
        let composite = type_name.starts_with(['[', 'm']);
        self.type_name() == type_name
            || (composite && matches!(self.under(), Under::Plain(plain) if plain.type_name() == type_name))
    }

    /// The field of a struct.
    fn field(&self, name: &str) -> Option<Value> {
        match self.under() {
            Under::Struct(fields) => fields.into_iter().find(|field| field.name == name).map(|field| field.value),
            Under::Plain(_) => None,
        }
    }

    /// Whether Go declares the field as `interface {}`, which shows in messages.
    fn is_boxed(&self, field: &str) -> bool {
        let _ = field;
        false
    }

    /// The parameters of a method, if there is one of this name.
    fn method(&self, name: &str) -> Option<Signature> {
        let _ = name;
        None
    }

    /// Calls a method that [`Object::method`] knows, with arguments that fit its signature.
    ///
    /// # Errors
    /// What the method says went wrong.
    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let _ = args;
        Err(format!("no method {name}"))
    }

    /// A part of it in its own type, if it is a list with methods.
    fn part(&self, items: &[Value]) -> Option<Value> {
        let _ = items;
        None
    }

    /// How it prints, if its type has Go's `String` method.
    fn text(&self) -> Option<Arc<str>> {
        None
    }
}
