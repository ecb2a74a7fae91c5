//! Lists and maps.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Value;

/// A sequence of values of one Go type.
#[derive(Debug)]
pub struct List {
    type_name: &'static str,
    items: Vec<Value>,
    depth: usize,
}

impl List {
    /// A list that calls itself `type_name`, such as `[]string`.
    #[must_use]
    pub fn new(type_name: &'static str, items: Vec<Value>) -> Self {
        let depth = 1 + items.iter().map(Value::depth).max().unwrap_or(0);
        Self { type_name, items, depth }
    }

    /// The elements, in order.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    pub(crate) fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Its elements are of type `interface {}`, which shows in messages.
    pub(crate) fn is_boxed(&self) -> bool {
        self.type_name == "[]interface {}"
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }
}

/// Values by name, in the order of the names' bytes.
#[derive(Debug)]
pub struct Map {
    type_name: &'static str,
    zero: Value,
    entries: BTreeMap<Arc<str>, Value>,
    depth: usize,
}

impl Map {
    /// A map that calls itself `type_name` and answers `zero` for names it does not have.
    #[must_use]
    pub fn new(type_name: &'static str, zero: Value, entries: BTreeMap<Arc<str>, Value>) -> Self {
        let depth = 1 + entries.values().map(Value::depth).max().unwrap_or(0);
        Self { type_name, zero, entries, depth }
    }

    /// The entries, sorted by name.
    #[must_use]
    pub fn entries(&self) -> &BTreeMap<Arc<str>, Value> {
        &self.entries
    }

    /// The value of a name, if it is there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries.get(name)
    }

    pub(crate) fn type_name(&self) -> &'static str {
        self.type_name
    }

    pub(crate) fn zero(&self) -> &Value {
        &self.zero
    }

    pub(crate) fn is_boxed(&self) -> bool {
        matches!(self.zero, Value::Nil)
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }
}
